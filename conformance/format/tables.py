"""The tables of the specification that are written from the data: each stands in its chapter under its own head."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from ..clauses import SPEC
from .data import load

Rows = Iterator[tuple[str, ...]]


class Table(NamedTuple):
    """A table: the version and chapter in which it stands, its head, and its rows."""

    version: str
    chapter: str
    head: tuple[str, ...]
    rows: Callable[[dict[str, Any]], Rows]

    def lines(self) -> list[str]:
        """The table in Markdown."""
        head = [_line(self.head), "|" + "---|" * len(self.head)]
        return head + [_line(row) for row in self.rows(load(self.version))]


def _line(cells: tuple[str, ...]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _code(*texts: str, between: str = " ") -> str:
    return between.join(f"`{text}`" for text in texts)


def _headers(data: dict[str, Any]) -> Rows:
    for row in data["headers"]:
        low, _, high = row["first"].partition("-")
        yield _code(low, high, between="-") if high else _code(*row["first"].split()), row["value"], row["then"]


def _dtypes(data: dict[str, Any]) -> Rows:
    for row in data["dtypes"]:
        yield _code(*row["tags"]), str(row["width"])


def _leaves(data: dict[str, Any]) -> Rows:
    for row in data["leaves"]:
        more = f" ({row['about']})" if "about" in row else f", {row['form']}" if "form" in row else ""
        yield f"`{row['kind']}`{more}", row["encoded"], row.get("clause", "")


def _prefixes(data: dict[str, Any]) -> Rows:
    for row in data["prefixes"]:
        names = _code(*(f"{name}::" for name in row["names"]), between=", ")
        yield names or "none", row["file"], row["tree"]


def _files(data: dict[str, Any]) -> Rows:
    for row in data["files"]:
        yield row["told"], row["kind"]


def _safetensors(data: dict[str, Any]) -> Rows:
    for row in data["safetensors"]:
        yield _code(*row["names"]), _code(*row["tags"])


def _manifest(data: dict[str, Any]) -> Rows:
    for row in data["manifest"]:
        yield f"`{row['field']}`", row["type"], row["equals"], ", ".join(row["clauses"])


def _metadata(data: dict[str, Any]) -> Rows:
    for row in data["metadata"]:
        yield row["kind"], row["encoded"]


def _index(data: dict[str, Any]) -> Rows:
    for row in data["index"]:
        yield f"`{row['key']}`", row["value"]


def _footer(data: dict[str, Any]) -> Rows:
    for row in data["footer"]:
        yield row["bytes"], row["about"]


TABLES: Final = (
    Table("1.0", "01-wire", ("first byte", "value", "then"), _headers),
    Table("1.0", "03-dtypes", ("tags", "width"), _dtypes),
    Table("1.0", "04-leaves", ("kind", "encoded as", "clause"), _leaves),
    Table("1.0", "09-conversion", ("prefix", "file", "tree"), _prefixes),
    Table("1.0", "09-conversion", ("first bytes", "kind"), _files),
    Table("1.0", "09-conversion", ("safetensors", "tag"), _safetensors),
    Table("1.0", "10-delta", ("field", "type", "must equal", "clause"), _manifest),
    Table("2.0", "14-metadata", ("kind", "encoded as"), _metadata),
    Table("2.0", "15-index", ("key", "value"), _index),
    Table("2.0", "16-seal", ("bytes", "what they are"), _footer),
)


def chapters() -> Iterator[tuple[str, str]]:
    """Each chapter with such tables, by its path below `spec`, with the tables that the data give in the place of those
    under the same heads. Raises ValueError where a head does not stand in its chapter, or stands there twice."""
    for version, chapter in dict.fromkeys((table.version, table.chapter) for table in TABLES):
        name = f"{version}/{chapter}.md"
        lines = (SPEC / name).read_text().split("\n")
        for table in TABLES:
            if (table.version, table.chapter) == (version, chapter):
                lines = _with(lines, table.lines(), name)
        yield name, "\n".join(lines)


def _with(lines: list[str], table: list[str], name: str) -> list[str]:
    if (found := lines.count(table[0])) != 1:
        raise ValueError(f"the head {table[0]} occurs {found} times in spec/{name}, and not once")
    begin = end = lines.index(table[0])
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return lines[:begin] + table + lines[end:]

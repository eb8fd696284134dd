"""The machine-readable source of each version, and what follows from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from ..clauses import SPEC

VERSIONS: Final = ("1.0", "2.0")


@cache
def load(version: str) -> dict[str, Any]:
    """The data of a version: 2.0 has what it adds. Raises OSError, ValueError."""
    return tomllib.loads((SPEC / version / "format.toml").read_text())


class Header(NamedTuple):
    """What a first byte says: the kind of the value (None for `c1`), and its number, which is a form such as `u2` or an
    int, or None where there is none."""

    first: int
    kind: str | None
    number: str | int | None


def firsts(row: dict[str, Any]) -> list[int]:
    """The first bytes of a row of `headers`."""
    low, _, high = row["first"].partition("-")
    return [*range(int(low, 16), int(high, 16) + 1)] if high else [int(one, 16) for one in row["first"].split()]


@cache
def headers() -> tuple[Header, ...]:
    """Chapter 01, of each first byte from 0 to 255. Raises ValueError where a byte stands in no row or in two."""
    found: dict[int, Header] = {}
    for row in load("1.0")["headers"]:
        for i, first in enumerate(firsts(row)):
            if first in found:
                raise ValueError(f"the first byte {first:02x} is in two rows")
            number = row["number"][i] if "number" in row else None
            if "low" in row:
                number = first & (1 << row["low"]) - 1
                if first >= 0xE0:  # the low bits of a negative number
                    number -= 1 << row["low"]
            found[first] = Header(first, row.get("kind"), number)
    if [*sorted(found)] != [*range(256)]:
        raise ValueError("there is a first byte that is in no row")
    return tuple(found[first] for first in range(256))


@cache
def widths() -> dict[str, int]:
    """DTYPE-1: the bytes of an element, by its tag."""
    return {tag: row["width"] for row in load("1.0")["dtypes"] for tag in row["tags"]}


@cache
def prefixes() -> dict[str, str]:
    """CONV-5: the kind of file, by the load prefix."""
    return {name: row["file"] for row in load("1.0")["prefixes"] for name in row["names"]}


def limits() -> Iterator[tuple[str, dict[str, Any]]]:
    """The limits of all versions, by name."""
    for version in VERSIONS:
        yield from load(version)["limits"].items()


def hexadecimal(text: str) -> bytes:
    """The bytes of `92 b0`."""
    return bytes.fromhex(text)

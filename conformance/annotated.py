"""The bytes of a case as a person reads them: offset, hexadecimal digits, and the comments of its author."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .model import STORED, Case

_ROW = 16  # bytes in a row
_BEFORE, _AFTER = 3, 6  # rows around a fault


def near(case: Case, ending: str = "bin") -> Iterator[str]:
    """The rows of a file around the place that is at fault, or the first where no place is marked."""
    table, offset = list(_table(case, ending)), case.offset if ending == "bin" else None
    at = next((i for i, row in enumerate(table) if _holds(row, offset)), 0)
    yield from _shown(table[max(0, at - _BEFORE) : at + _AFTER], offset)


def rows(case: Case, ending: str) -> Iterator[str]:
    """A row for each commented stretch, or for 16 bytes."""
    yield from _shown(_table(case, ending), case.offset if ending == "bin" else None)


_Row = tuple[int, int, str, str]  # from and to which offset, hexadecimal digits, comment


def _holds(row: _Row, offset: int | None) -> bool:
    start, end, _, _ = row
    return offset is not None and start <= offset < max(end, start + 1)


def _shown(table: Iterable[_Row], offset: int | None) -> Iterator[str]:
    for row in table:
        start, _, digits, note = row
        yield f"{'>' if _holds(row, offset) else ' '} {start:08x}  {digits:<47}  {note}".rstrip()


def _table(case: Case, ending: str) -> Iterator[_Row]:
    file = case.files[ending]
    if file["size"] > STORED:
        yield from _recipe(case, ending)
        return
    data = case.data(ending)
    notes = {(at, size): note.lstrip("! ") for at, size, note in file.get("notes", [])}
    fault = [case.offset] if ending == "bin" and case.offset is not None else []
    edges = sorted({0, len(data), *fault, *(at for at, _ in notes), *(at + size for at, size in notes)})
    for start, end in zip(edges, [*edges[1:], len(data)], strict=True):
        if note := notes.get((start, 0)):
            yield start, start, "", note
        for at in range(start, end, _ROW):
            piece = data[at : min(at + _ROW, end)]
            yield at, at + len(piece), piece.hex(" "), notes.get((start, end - start), "") if at == start else ""


def _recipe(case: Case, ending: str) -> Iterator[_Row]:
    at = 0
    for data, times in case.pieces(ending):
        shown = data[:_ROW].hex(" ") + (" ..." if len(data) > _ROW else "")
        yield at, at + len(data) * times, shown, f"{len(data)} bytes" + (f", {times} times" if times > 1 else "")
        at += len(data) * times

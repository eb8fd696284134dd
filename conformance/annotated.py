"""The bytes of a case as a person reads them: offset, hexadecimal digits, and the comments of its author."""

from __future__ import annotations

from collections.abc import Iterator

from .model import Case

_ROW = 16


def rows(case: Case, ending: str = "bin", around: int | None = None, before: int = 3, after: int = 4) -> Iterator[str]:
    """A row for each commented stretch, or for 16 bytes. With `around`, the rows near that offset, which is marked."""
    table = list(_table(case, ending))
    if around is not None:
        at = next((i for i, (start, end, *_) in enumerate(table) if start <= around < end), len(table) - 1)
        table = table[max(0, at - before) : at + after]
    for start, end, digits, note in table:
        mark = ">" if around is not None and start <= around < max(end, start + 1) else " "
        yield f"{mark} {start:08x}  {digits:<47}  {note}".rstrip()


def _table(case: Case, ending: str) -> Iterator[tuple[int, int, str, str]]:
    file = case.files[ending]
    if "recipe" in file:
        yield from _recipe(case, ending)
        return
    data = case.stored(ending).read_bytes()
    notes = {(at, size): note.lstrip("! ") for at, size, note in file["notes"]}
    edges = sorted({0, len(data), *(at for at, _ in notes), *(at + size for at, size in notes)})
    for start, end in zip(edges, [*edges[1:], len(data)], strict=True):
        if note := notes.get((start, 0)):
            yield start, start, "", note
        for at in range(start, end, _ROW):
            piece = data[at : min(at + _ROW, end)]
            yield at, at + len(piece), piece.hex(" "), notes.get((start, end - start), "") if at == start else ""


def _recipe(case: Case, ending: str) -> Iterator[tuple[int, int, str, str]]:
    at = 0
    for data, times in case.pieces(ending):
        shown = data[:_ROW].hex(" ") + (" ..." if len(data) > _ROW else "")
        yield at, at + len(data) * times, shown, f"{len(data)} bytes" + (f", {times} times" if times > 1 else "")
        at += len(data) * times

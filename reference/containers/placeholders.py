"""Files that hold placeholders for arrays stored elsewhere: what wrote them, and the folder to look in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from ..format.errors import FormatError
from ..format.keypaths import KeyPath, printable
from ..format.records import Record, value_of
from ..format.wire import Cursor, Source

_GDA: Final = "//GDAPlaceholder:"  # flax.training.checkpoints, of arrays that span processes
_ORBAX: Final = "PLACEHOLDER://"  # orbax, of all arrays
_MARKS: Final = (_GDA, _ORBAX)
_BYTES: Final = tuple(mark.encode() for mark in _MARKS)
_LENGTH: Final = max(map(len, _BYTES))
_LONGEST: Final = 1 << 12  # bytes of a text that is looked at
_ADVICE: Final = "load it with the program that has written it, and save the tree again"


def may_stand_elsewhere(path: tuple[str, ...], text: str) -> bool:
    """Whether a text may be part of a placeholder, so that the whole has to be looked at."""
    return text.startswith(_MARKS) or path[-1] == "driver"


def refuse_placeholders(source: Source, records: Sequence[Record], name: str) -> None:
    """Refuse a file whose arrays are stored elsewhere; `name` is that of the file. Raises FormatError (CONV-6)."""
    texts = [record for record in records if record.kind == "str" and 0 < record.nbytes <= _LONGEST]
    if not texts:
        return
    found = [(record, value_of(source, record)) for record in _marked(source, texts)]
    if found:
        record, value = found[0]
        if value.startswith(_GDA):
            _refuse(record, len(found), "flax", f"{name}_gda/{value.removeprefix(_GDA)}")
        folder = name.rpartition("/")[0]
        _refuse(record, len(found), "orbax", f"{folder or '.'}/{value.removeprefix(_ORBAX)}")
    by_path = {record.path: record for record in texts}
    specs = [
        path[:-1]
        for path in by_path
        if path[-1] == "driver" and {(*path[:-1], "kvstore", "driver"), (*path[:-1], "kvstore", "path")} <= set(by_path)
    ]
    if specs:
        where = by_path[(*specs[0], "kvstore", "path")]
        folder = name.rpartition("/")[0] or "."
        _refuse(where, len(specs), "t5x", f"{folder}/{value_of(source, where)}", specs[0])


def _marked(source: Source, texts: Sequence[Record]) -> list[Record]:
    """Those that begin with a mark. Texts that stand near one another are read together. Raises FormatError."""
    found, cursor = [], Cursor(source)
    for record in texts:
        extents = record.extents()
        if len(extents) > 1:  # of pieces that a dialect joins
            data = value_of(source, record).encode()
        else:
            ((offset, n),) = extents
            cursor.skip(offset - cursor.tell())
            data = cursor.take(min(n, _LENGTH))
        if data.startswith(_BYTES):
            found.append(record)
    return found


def _refuse(record: Record, count: int, who: str, folder: str, path: tuple[str, ...] | None = None) -> NoReturn:
    arrays = "an array" if count == 1 else f"{count} arrays"
    detail = (
        f"this holds placeholders in place of {arrays}, as {who} writes them; the first array is in {printable(folder)}"
    )
    raise FormatError("CONV-6", record.offset, KeyPath(path or record.path), detail, _ADVICE)

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
    folder = name.rpartition("/")[0] or "."
    if found:
        record, value = found[0]
        if value.startswith(_GDA):
            _refuse(record, len(found), "flax", f"{name}_gda/{value.removeprefix(_GDA)}", name)
        _refuse(record, len(found), "orbax", f"{folder}/{value.removeprefix(_ORBAX)}", name)
    by_path = {record.path: record for record in texts}
    specs = [
        path[:-1]
        for path in by_path
        if path[-1] == "driver" and {(*path[:-1], "kvstore", "driver"), (*path[:-1], "kvstore", "path")} <= set(by_path)
    ]
    if specs:
        where, bucket = (by_path.get((*specs[0], "kvstore", key)) for key in ("path", "bucket"))
        assert where is not None
        place = value_of(source, where)
        if bucket is not None:
            place = f"gs://{value_of(source, bucket)}/{place}"
        elif not place.startswith("/"):
            place = f"{folder}/{place}"
        _refuse(where, len(specs), "t5x", place, name, specs[0])


def refuse_placeholder(path: tuple[str, ...], text: str) -> None:
    """Refuse to save a text that stands for an array: no reader would take it. Raises FormatError (CONV-6)."""
    if text.startswith(_MARKS):
        who = "flax" if text.startswith(_GDA) else "orbax"
        detail = f"this text stands for an array that is stored elsewhere, as {who} writes it: {printable(text[:100])}"
        advice = "restore the tree with the program that has written it, and save what that gives"
        raise FormatError("CONV-6", None, KeyPath(path), detail, advice)


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


def _refuse(
    record: Record, count: int, who: str, folder: str, name: str, path: tuple[str, ...] | None = None
) -> NoReturn:
    arrays = "an array" if count == 1 else f"{count} arrays"
    detail = (
        f"this holds placeholders in place of {arrays}, as {who} writes them; the first array is in {printable(folder)}"
    )
    error = FormatError("CONV-6", record.offset, KeyPath(path or record.path), detail, _ADVICE)
    error.file = name
    raise error

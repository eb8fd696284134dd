"""Spec chapter 14 of version 2.0: what is to be known beside the leaves, as one map in canonical form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from .errors import FormatError, article
from .keypaths import KeyPath, brief
from .leaves import int_text
from .wire import Cursor, array_header, bin_header, encode_float, encode_int, encode_str, map_header

MAX_BYTES: Final = 1 << 24  # META-3: "The encoded metadata has at most 2^24 bytes"
MAX_VALUES: Final = 65_536  # META-3: "2^24 bytes and 65,536 values"
MAX_DEPTH: Final = 64  # META-3: "and its values are nested at most 64 deep"
_TOO_MANY: Final = f"this list or map brings the metadata to more than {MAX_VALUES} values"
_ELSEWHERE: Final = "keep large tables in an array of the tree, or in one string"
_ADVICE: Final = "metadata holds None, bool, int, float, str, bytes, and lists and maps of these, with strings as keys"

# Whose `item` gives a bare number, a tuple, or themselves.
_NOT_PLAIN: Final[tuple[type, ...]] = (np.datetime64, np.timedelta64, np.void, np.longdouble, np.clongdouble)

# META-4: "leaves that are the data of typed PRNG keys"
PRNG_KEYS: Final = "prng_keys"

Metadata = Mapping[str, Any]
NOTHING: Final[Metadata] = MappingProxyType({})


# META-2: "Metadata MUST be in the one form in which its content can be written: shortest headers (WIRE-1), and the
#          entries of each map in ascending order of the UTF-8 bytes of their keys, none twice."
def encode_metadata(metadata: Metadata) -> bytes:
    """The canonical bytes of metadata: None, bool, int, float, str, bytes, lists (or tuples) and maps of these.

    Raises FormatError (META-1, META-3, WIRE-5), which names the place in the metadata.
    """
    if not isinstance(metadata, Mapping):
        raise FormatError("META-1", None, None, f"metadata is a map, not {article(type(metadata).__name__)}")
    data = bytearray()
    for piece in _pieces(metadata, (), 1, _Count()):
        data += piece
        if len(data) > MAX_BYTES:
            detail = f"the metadata takes more than {MAX_BYTES} bytes"
            raise FormatError("META-3", None, None, detail, "keep large tables in a file of their own")
    return bytes(data)


class _Count:
    """Counts values by what their lists and maps say, of which the outermost map is one."""

    def __init__(self) -> None:
        self._n = 1

    def takes(self, more: int) -> bool:
        """Whether so many more are not too many (META-3)."""
        self._n += more
        return self._n <= MAX_VALUES


def _pieces(value: Any, where: tuple[str, ...], depth: int, count: _Count) -> Iterator[bytes]:
    if isinstance(value, np.generic) and not isinstance(value, _NOT_PLAIN):  # pyright: ignore[reportArgumentType]
        value = value.item()
    if isinstance(value, (Mapping, list, tuple)):
        if depth > MAX_DEPTH:
            raise _refusal("META-3", where, f"values are nested more than {MAX_DEPTH} deep")
        if not count.takes(len(value)):
            raise _refusal("META-3", where, _TOO_MANY)
        if isinstance(value, Mapping):
            yield map_header(len(value))
            for key in sorted(value, key=lambda key: _text(key, where)):
                yield encode_str(key)
                yield from _pieces(value[key], (*where, key), depth + 1, count)
        else:
            yield array_header(len(value))
            for i, child in enumerate(value):
                yield from _pieces(child, (*where, str(i)), depth + 1, count)
    elif isinstance(value, str):
        _text(value, where)
        yield encode_str(value)
    elif isinstance(value, bytes | bytearray | memoryview):
        yield bin_header(memoryview(value).nbytes)
        yield bytes(value)
    elif value is None:
        yield b"\xc0"
    elif isinstance(value, bool):
        yield b"\xc3" if value else b"\xc2"
    elif isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise _refusal("META-1", where, f"the int {int_text(value)} is outside -2^63 to 2^64 - 1")
        yield encode_int(value)
    elif isinstance(value, float):
        yield encode_float(value)
    else:
        raise _refusal("META-1", where, f"a value of type {type(value).__name__} cannot be stored in metadata")


def _text(text: Any, where: tuple[str, ...]) -> bytes:
    if not isinstance(text, str):
        raise _refusal("META-1", where, f"a key is of type {type(text).__name__}, not str")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise _refusal("WIRE-5", where, f"a text cannot be encoded: {error.reason}") from None


def _refusal(clause: str, where: tuple[str, ...], detail: str) -> FormatError:
    place = f"metadata {brief(where)}: " if where else ""
    advice = _ADVICE if clause == "META-1" else _ELSEWHERE if detail == _TOO_MANY else None
    return FormatError(clause, None, None, f"{place}{detail}", advice)


def read_metadata(cursor: Cursor) -> dict[str, Any]:
    """Read metadata in canonical form from a cursor that refuses longer headers. Raises META and WIRE clauses."""
    start = cursor.tell()
    if (kind := cursor.kind()) != "map":
        cursor.fail("META-1", f"metadata is of kind {kind}, not a map")
    metadata = _read_value(cursor, 1, start, _Count())
    _check_size(cursor, start)
    return metadata


def _check_size(cursor: Cursor, start: int) -> None:
    if cursor.tell() - start > MAX_BYTES:
        cursor.fail("META-3", f"the metadata takes more than {MAX_BYTES} bytes", at=start)


def _read_value(cursor: Cursor, depth: int, start: int, count: _Count) -> Any:
    at = cursor.tell()
    _check_size(cursor, start)
    kind, value = cursor.header()
    if kind in ("map", "array") and depth > MAX_DEPTH:
        cursor.fail("META-3", f"values are nested more than {MAX_DEPTH} deep", at=at)
    if kind in ("map", "array") and not count.takes(value):
        cursor.fail("META-3", _TOO_MANY, at=at)
    if kind == "map":
        return dict(_read_entries(cursor, value, depth, start, count))
    if kind == "array":
        return [_read_value(cursor, depth + 1, start, count) for _ in range(value)]
    if kind in ("str", "bin"):
        if value > MAX_BYTES:
            cursor.fail("META-3", f"the metadata takes more than {MAX_BYTES} bytes", at=start)
        return cursor.text(value, at) if kind == "str" else cursor.take(value)
    if kind == "ext" or (kind == "float" and cursor.tell() - at != 9):
        # META-1: "A reader MUST refuse an ext, a float 32 and a key that is not a str."
        what = "a float 32" if kind == "float" else "an ext"
        cursor.fail("META-1", f"the metadata contains {what}", at=at)
    return value


def _read_entries(cursor: Cursor, entries: int, depth: int, start: int, count: _Count) -> Iterator[tuple[str, Any]]:
    before: bytes | None = None
    for _ in range(entries):
        at = cursor.tell()
        if (kind := cursor.kind()) != "str":
            cursor.fail("META-1", f"a key in the metadata is of kind {kind}, not a str")
        key = cursor.text(cursor.header()[1], at)
        raw = key.encode()
        if before is not None and raw <= before:
            what = "occurs twice in" if raw == before else "is out of order in"
            cursor.fail("META-2", f"the key {brief(KeyPath((key,)))!r} {what} its map", at=at)
        before = raw
        yield key, _read_value(cursor, depth + 1, start, count)

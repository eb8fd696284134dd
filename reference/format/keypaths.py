"""Spec chapter 02: key paths, their bytes and their display form."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgpack

from .errors import FormatError
from .wire import Cursor

MAX_PARTS: Final = 512  # KEY-3: "A key path has at most 512 parts."
MAX_BYTES: Final = 65_535  # KEY-4: "The parts of a key path take at most 65,535 bytes together."

# KEY-5: "The display form of a key path joins its parts with `/`."
_STEERING: Final = "\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff"
_ESCAPED: Final = re.compile(rf"[\\/{_STEERING}]")
_CONTROL: Final = re.compile(f"[{_STEERING}]")
_MOST_SHOWN, _LONGEST_SHOWN = 16, 100  # parts, and characters of each: more than an error has room for
_TOKEN: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\([\\/])|(\\)|(/)|([^\\/]+)")


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return "\\" + char if char in "\\/" else f"\\u{ord(char):04x}"


def display(path: tuple[str, ...]) -> str:
    """The display form of a key path (KEY-5)."""
    return "/".join(_ESCAPED.sub(_escape, part) for part in path)


def brief(path: tuple[str, ...]) -> str:
    """The display form of a key path for an error, cut where it is longer than anybody reads."""
    return display((*(part[:_LONGEST_SHOWN] for part in path[:_MOST_SHOWN]), *(["..."] if path[_MOST_SHOWN:] else [])))


def printable(text: str) -> str:
    """A text from a file, with what could steer a terminal escaped as KEY-5 escapes it."""
    return _CONTROL.sub(_escape, text)


class KeyPath(tuple[str, ...]):
    """A key path whose `str()` is its display form; equal to the plain tuple of its parts.

    It is made of its parts, or of its display form: `KeyPath(("h", "0"))` is `KeyPath("h/0")`.
    """

    __slots__ = ()

    def __new__(cls, parts: str | Iterable[str] = ()) -> KeyPath:
        return super().__new__(cls, parse(parts) if isinstance(parts, str) else parts)

    def __str__(self) -> str:
        return display(self)

    def __repr__(self) -> str:
        return f"KeyPath({display(self)!r})"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(display(self))}</code>"


# KEY-6: "The display form parses back to the same key path."
def parse(text: str) -> KeyPath:
    """The key path that a display form stands for. Raises ValueError at a wrong escape."""
    parts, part = [], ""
    for token in _TOKEN.finditer(text):
        code, escaped, stray, separator, plain = token.groups()
        if stray or (code and 0xD800 <= int(code, 16) < 0xE000):
            raise ValueError(f"{text!r} is not a key path (KEY-6): wrong escape at character {token.start()}")
        if separator:
            parts.append(part)
            part = ""
        else:
            part += chr(int(code, 16)) if code else escaped or plain
    return KeyPath((*parts, part))


def read_keypath(cursor: Cursor, room: tuple[int, int] = (0, 0)) -> tuple[str, ...]:
    """Read one key path, which may have so many parts and bytes above the limits. Raises KEY and WIRE clauses."""
    at = cursor.tell()
    most_parts, most_bytes = MAX_PARTS + room[0], MAX_BYTES + room[1]
    # KEY-1: "A key path is an array of one or more str."
    if (kind := cursor.kind()) != "array":
        cursor.fail("KEY-1", f"a key path is of kind {kind}, not an array of str")
    _, count = cursor.header()
    if count == 0:
        cursor.fail("KEY-1", "a key path has one or more parts, and this one has none", at=at)
    if count > most_parts:
        cursor.fail("KEY-3", f"the key path has {count} parts; at most {MAX_PARTS} are allowed", at=at)
    parts, total = [], 0
    for index in range(count):
        start = cursor.tell()
        if (kind := cursor.kind()) != "str":
            cursor.fail("KEY-1", f"part {index} of the key path is of kind {kind}, not a str")
        _, length = cursor.header()
        total += length
        if total > most_bytes:
            cursor.fail("KEY-4", f"the parts of the key path take more than {MAX_BYTES} bytes", at=at)
        parts.append(cursor.text(length, at=start))
    return tuple(parts)


SEPARATOR: Final = "\ud800"  # a surrogate, which no part can hold (WIRE-5)


def sort_key(path: tuple[str, ...]) -> str:
    """A text that begins another path's exactly where this path begins that one. Raises TypeError."""
    return SEPARATOR.join(path) + SEPARATOR


_pack: Final[Callable[[Any], Any]] = msgpack.Packer().pack


def encode_keypath(path: tuple[str, ...]) -> bytes:
    """The canonical bytes of a key path. Raises KEY-1, KEY-3, KEY-4, WIRE-5."""
    if not path:
        raise FormatError("KEY-1", None, None, "a leaf at the root of the tree has no key path")
    if len(path) > MAX_PARTS:
        detail = f"a key path has {len(path)} parts; at most {MAX_PARTS} are allowed"
        raise FormatError("KEY-3", None, KeyPath(path[:8]), detail)
    try:
        raw: bytes = _pack(path)
    except UnicodeEncodeError as error:
        raise FormatError("WIRE-5", None, None, f"the key path {path!r} cannot be encoded: {error.reason}") from None
    if len(raw) > MAX_BYTES and sum(len(part.encode()) for part in path) > MAX_BYTES:
        detail = f"the key path {display(path)[:60]}... takes more than {MAX_BYTES} bytes"
        raise FormatError("KEY-4", None, None, detail)
    return raw

"""Values of MessagePack in bytes that are all there (chapter 01)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from .fault import Fault, require

# First byte -> kind, and the bytes of the length, count or number behind it.
_WIDTHS: Final = {
    0xC4: ("bin", 1),
    0xC5: ("bin", 2),
    0xC6: ("bin", 4),
    0xC7: ("ext", 1),
    0xC8: ("ext", 2),
    0xC9: ("ext", 4),
    0xD9: ("str", 1),
    0xDA: ("str", 2),
    0xDB: ("str", 4),
    0xDC: ("array", 2),
    0xDD: ("array", 4),
    0xDE: ("map", 2),
    0xDF: ("map", 4),
    **{0xCC + i: ("int", 1 << i) for i in range(4)},
    **{0xD0 + i: ("negative", 1 << i) for i in range(4)},
    0xCA: ("float", 4),
    0xCB: ("float", 8),
}
_ALONE: Final = {0xC0: "nil", 0xC2: "bool", 0xC3: "bool"}
_DEPTH: Final = 600  # of maps in maps, which is more than key paths have parts


class Value(NamedTuple):
    """A value at data[start:end], whose body begins at `body`."""

    data: bytes
    kind: str
    number: int  # of an int; a length; a count; the type of an ext
    start: int
    body: int
    end: int
    items: list[Value]  # of an array; of a map the keys and values in turns

    @property
    def bytes(self) -> bytes:
        """The body of a str, bin or ext."""
        return self.data[self.body : self.end]

    def text(self) -> str:
        """The text of a str. Raises Fault."""
        require(self.kind == "str", "CONF-1", f"expected a str at byte {self.start}; found {self.kind}")
        try:
            return self.bytes.decode()
        except UnicodeDecodeError:
            raise Fault("WIRE-5", f"the text at byte {self.start} is not UTF-8") from None


def value_at(data: bytes, at: int, limit: int, depth: int = 0) -> Value:
    """The value that begins there and ends before the limit. Raises Fault."""
    require(at < limit, "WIRE-6", f"a value is missing at byte {at}")
    require(depth < _DEPTH, "KEY-3", "maps are nested too deeply")
    first = data[at]
    kind, number, body = _header(data, at, limit, first)
    items: list[Value] = []
    end = body
    if kind in ("array", "map"):
        count = number * (2 if kind == "map" else 1)
        require(count <= limit - body, "WIRE-3", f"the {kind} at byte {at} reaches beyond the end")
        for _ in range(count):
            items.append(value_at(data, end, limit, depth + 1))
            end = items[-1].end
    elif kind in ("str", "bin", "ext"):
        end = body + number
        require(end <= limit, "WIRE-3", f"the {kind} at byte {at} reaches beyond the end")
        if kind == "ext":
            number = int.from_bytes(data[body - 1 : body], "big", signed=True)
    return Value(data, kind, number, at, body, end, items)


def _header(data: bytes, at: int, limit: int, first: int) -> tuple[str, int, int]:
    """The kind of a value, the number in its header, and where its body begins."""
    if first < 0x80 or first >= 0xE0:
        return "int", first if first < 0x80 else first - 256, at + 1
    if first < 0xC0:
        kind, mask = ("map", 15) if first < 0x90 else ("array", 15) if first < 0xA0 else ("str", 31)
        return kind, first & mask, at + 1
    if first in _ALONE:
        return _ALONE[first], first & 1, at + 1
    if 0xD4 <= first <= 0xD8:
        require(at + 2 <= limit, "WIRE-3", f"the ext at byte {at} reaches beyond the end")
        return "ext", 1 << (first - 0xD4), at + 2
    require(first in _WIDTHS, "WIRE-4", f"byte {at} does not begin a value")
    kind, width = _WIDTHS[first]
    body = at + 1 + width + (kind == "ext")
    require(body <= limit, "WIRE-3", f"the {kind} at byte {at} reaches beyond the end")
    number = int.from_bytes(data[at + 1 : at + 1 + width], "big", signed=kind == "negative")
    return "int" if kind == "negative" else kind, number, body


def values(data: bytes) -> Iterator[Value]:
    """All values, one after the other. Raises Fault."""
    at = 0
    while at < len(data):
        value = value_at(data, at, len(data))
        yield value
        at = value.end


def ensure_canonical(value: Value) -> None:
    """WIRE-1: each header is the shortest. Raises Fault. Those inside of a bin or ext are not looked at."""
    size = value.body - value.start
    n = len(value.items) // 2 if value.kind == "map" else len(value.items) or value.end - value.body
    shortest = size
    if value.kind == "int":
        shortest = _int_size(value.number)
    elif value.kind in ("array", "map"):
        shortest = 1 if n < 16 else 3 if n < 1 << 16 else 5
    elif value.kind == "str":
        shortest = 1 if n < 32 else 2 if n < 1 << 8 else 3 if n < 1 << 16 else 5
    elif value.kind == "bin":
        shortest = 2 if n < 1 << 8 else 3 if n < 1 << 16 else 5
    elif value.kind == "ext":
        shortest = 2 if n in (1, 2, 4, 8, 16) else 3 if n < 1 << 8 else 4 if n < 1 << 16 else 6
    told = f"the header at byte {value.start} has {size} bytes; the shortest has {shortest}"
    require(size == shortest, "WIRE-1", told)
    for item in value.items:
        ensure_canonical(item)


def _int_size(n: int) -> int:
    if -32 <= n < 128:
        return 1
    bits = next(bits for bits in (8, 16, 32, 64) if (-(1 << bits - 1) <= n < 0) or (0 <= n < 1 << bits))
    return 1 + bits // 8

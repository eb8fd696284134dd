"""MessagePack as a tree that may be changed, well-formed or not. It knows no specification, and refuses nothing.

`parse` takes any bytes: what is not a value stays as it is. `encode` gives back what was parsed, to the byte, until
something is changed; then the lengths and counts around the change follow, unless a node has a `claim` of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

# kind -> the codes of its headers and the bytes of the number that follows each, the shortest first
FORMS: Final = {
    "str": ((0xD9, 1), (0xDA, 2), (0xDB, 4)),
    "bin": ((0xC4, 1), (0xC5, 2), (0xC6, 4)),
    "ext": ((0xC7, 1), (0xC8, 2), (0xC9, 4)),
    "array": ((0xDC, 2), (0xDD, 4)),
    "map": ((0xDE, 2), (0xDF, 4)),
}
_FIXED: Final = {"array": (0x90, 16), "map": (0x80, 16), "str": (0xA0, 32)}  # first code, and how many there are
_BY_CODE: Final = {code: (kind, width) for kind, forms in FORMS.items() for code, width in forms}
_SCALARS: Final = {0xC0: 0, 0xC1: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8} | {0xCC + i: 1 << i % 4 for i in range(8)}
_DEEPEST: Final = 40  # levels that are taken apart; what lies deeper stays bytes


@dataclass
class Node:
    """One value. A `scalar` has its whole encoding in `data`, and so have bytes that are not a value (`raw`).

    Others have children or, where those are None, bytes. `width` is the number of bytes in which the header tells its
    length or count, 0 where the first byte does. `claim` is a length or count that the header tells in place of the
    true one.
    """

    kind: str
    data: bytes = b""
    children: list[Node] | None = None
    width: int = 0
    code: int = 0  # of an ext
    claim: int | None = None

    def copy(self) -> Node:
        children = None if self.children is None else [child.copy() for child in self.children]
        return replace(self, children=children)

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        stack: list[Node] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.children or ())


def parse(data: bytes) -> Node:
    """Any bytes as one node of kind `file`, whose children stand one after the other."""
    return Node("file", children=_values(data, 0))


def encode(node: Node) -> bytes:
    """The bytes of a node. A claim that does not fit the header is cut off."""
    if node.kind in ("scalar", "raw"):
        return node.data
    body = node.data if node.children is None else b"".join(map(encode, node.children))
    if node.kind == "file":
        return body
    return _header(node, len(body)) + body


def _header(node: Node, size: int) -> bytes:
    if node.kind in ("array", "map"):
        size = len(node.children or ()) // (2 if node.kind == "map" else 1)
    number = size if node.claim is None else node.claim
    code = bytes((node.code & 0xFF,)) if node.kind == "ext" else b""
    if node.width == 0 and node.kind == "ext" and number in (1, 2, 4, 8, 16):
        return bytes((0xD4 + number.bit_length() - 1,)) + code
    first, room = _FIXED.get(node.kind, (0, 0))
    if node.width == 0 and number < room:
        return bytes((first | number,))
    for header, width in FORMS[node.kind]:
        if width >= node.width and (number < 1 << 8 * width or width == 4):
            return bytes((header,)) + (number & (1 << 8 * width) - 1).to_bytes(width, "big") + code
    raise AssertionError


def _values(data: bytes, depth: int) -> list[Node]:
    """Values one after the other; bytes that are none end the list."""
    nodes, at = [], 0
    while at < len(data):
        found = _value(data, at, depth)
        if found is None:
            nodes.append(Node("raw", data[at:]))
            break
        node, at = found
        nodes.append(node)
    return nodes


def _value(data: bytes, at: int, depth: int) -> tuple[Node, int] | None:
    """The value at `at`, and where it ends."""
    first = data[at]
    if first < 0x80 or first >= 0xE0 or first in _SCALARS:
        end = at + 1 + _SCALARS.get(first, 0)
        return (Node("scalar", data[at:end]), end) if end <= len(data) else None
    if 0xD4 <= first <= 0xD8:
        kind, width, size, at = "ext", 0, 1 << first - 0xD4, at + 1
    elif first in _BY_CODE:
        kind, width = _BY_CODE[first]
        if at + 1 + width > len(data):
            return None
        size, at = int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width
    else:
        kind = "map" if first < 0x90 else "array" if first < 0xA0 else "str"
        width, size, at = 0, first & (0x1F if kind == "str" else 0x0F), at + 1
    node = Node(kind, width=width)
    if kind in ("array", "map"):
        node.children = []
        for _ in range(size * (2 if kind == "map" else 1)):
            found = _value(data, at, depth + 1) if at < len(data) and depth < _DEEPEST else None
            if found is None:
                return None
            node.children.append(found[0])
            at = found[1]
        return node, at
    if kind == "ext":
        node.code, at = data[at] if at < len(data) else 0, at + 1
    if at + size > len(data):
        return None
    node.data = data[at : at + size]
    if kind in ("bin", "ext") and 0 < size < 1 << 16 and depth < _DEEPEST:
        node.children = _inside(node.data, depth)
    return node, at + size


def _inside(data: bytes, depth: int) -> list[Node] | None:
    """The values in a body, None where it is more likely to be a payload: one value that takes it up, and no number."""
    if data[0] < 0x80 and len(data) > 1:
        return None
    nodes = _values(data, depth + 1)
    return nodes if len(nodes) == 1 and nodes[0].kind != "raw" else None


def of(value: object) -> Node:
    """A node of None, a bool, an int, a float, a text, bytes, a list or a dict."""
    if value is None or isinstance(value, bool):
        return Node("scalar", bytes((0xC0 if value is None else 0xC2 + value,)))
    if isinstance(value, int):
        return Node("scalar", _integer(value))
    if isinstance(value, float):
        return Node("scalar", struct.pack(">Bd", 0xCB, value))
    if isinstance(value, str):
        return Node("str", value.encode(errors="surrogatepass"))
    if isinstance(value, bytes):
        return Node("bin", value)
    if isinstance(value, dict):
        return Node("map", children=[of(part) for pair in value.items() for part in pair])
    if isinstance(value, Sequence):
        return Node("array", children=[of(part) for part in value])
    raise TypeError(f"no node is made of a {type(value).__name__}")


def _integer(value: int) -> bytes:
    if -32 <= value < 128:
        return struct.pack("b", value)
    codes = "BHIQ" if value >= 0 else "bhiq"
    start = 0xCC if value >= 0 else 0xD0
    for i, code in enumerate(codes):
        try:
            return struct.pack(f">B{code}", start + i, value)
        except struct.error:
            continue
    return struct.pack(">BQ", 0xCF, value & (1 << 64) - 1)

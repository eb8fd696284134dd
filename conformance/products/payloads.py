"""Contents of every length that a header or a buffer makes special, of a pattern in which no block is like another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ..assembly import LETTERS, PATTERN, Bytes, arr_, bin_, data, map_, ndarray_, patterned, str_, str_of, together
from ..declare import array
from ..digests import sha256
from .places import CONTAINERS, LAST, Container
from .product import product
from .sizes import BUFFERS, HEADERS, Size, sizes
from .values import Value, assembled, chunked


class Content(NamedTuple):
    """A leaf with so many bytes of content, and what is read of it at a key path; None where it cannot have so many."""

    name: str
    about: str
    leaf: Callable[[int], Bytes]
    read: Callable[[list[str], int], dict[str, Any]]
    width: int = 1  # bytes of which the content has a multiple


def _read_bytes(kind: str, pattern: Bytes, path: list[str]) -> dict[str, Any]:
    """Of a str or bin."""
    told = {"path": path, "kind": kind, "bytes": str(pattern.size), "sha256": sha256(pattern.pieces())}
    if pattern.size > len(LETTERS):
        return told | {"fill": pattern.parts[0].data.hex()}
    return told | {"value": pattern.data().decode() if kind == "str" else pattern.data().hex()}


def _array(tag: str, width: int, pattern: bytes = PATTERN) -> Content:
    def leaf(n: int) -> Bytes:
        return ndarray_(tag, (n // width,), patterned(n, pattern))

    return Content(
        f"array-of-{tag}",
        f"an array of {tag}",
        leaf,
        lambda path, n: array(path, tag, (n // width,), patterned(n, pattern)),
        width,
    )


def _chunks(n: int) -> Bytes:
    """Two chunks, the first of which has the odd byte."""
    first = n - n // 2
    held = (patterned(first), patterned(n - first, start=first))
    return assembled(chunked((n,), [("uint8", piece.size, piece) for piece in held]))


CONTENTS: Final = (
    Content(
        "text",
        "a text",
        lambda n: str_of(patterned(n, LETTERS)),
        lambda path, n: _read_bytes("str", patterned(n, LETTERS), path),
    ),
    Content("bin", "a bin", lambda n: bin_(patterned(n)), lambda path, n: _read_bytes("bin", patterned(n), path)),
    _array("uint8", 1),
    _array("float32", 4),
    _array("complex128", 16),
    _array("uint4", 1, bytes(byte & 15 for byte in PATTERN)),  # with bits of no meaning: some writers copy it
)
CHUNKED: Final = Content(
    "chunked", "a chunked array of two chunks", _chunks, lambda path, n: array(path, "uint8", (n,), patterned(n))
)


class Held(NamedTuple):
    """A content in a container."""

    container: Container
    content: Content

    @property
    def name(self) -> str:
        return f"{self.content.name}-in-{self.container.name}"

    @property
    def about(self) -> str:
        return f"{self.content.about} {self.container.about}"

    @property
    def part(self) -> str:
        return self.container.part

    def accepted(self, n: int) -> Any:
        if n % self.content.width:
            return None
        leaf = Value("plain", "", content=self.content.leaf(n))
        others, first = self.container.others, self.container.first
        wanted = [*others[:first], self.content.read(list(self.container.path), n), *others[first:]]
        return self.container.file(leaf), wanted


_HELD: Final = [Held(container, content) for container in CONTAINERS for content in CONTENTS]
_CHUNKED: Final = [Held(container, CHUNKED) for container in CONTAINERS]


@product("LEAF-5", "WIRE-1", "CONF-6", want="accept", places=_HELD, sizes=sizes("bytes", HEADERS), canonical=True)
def content_of_every_length(held: Held, size: Size):
    """A content of a length at the edge of a header or of a small buffer. A writer makes the same bytes of it."""
    return held.accepted(size.n)


@product("LEAF-12", "LEAF-5", want="accept", places=_CHUNKED, sizes=sizes("bytes", HEADERS))
def chunks_of_every_length(held: Held, size: Size):
    """Two chunks, each with half of a content of a length at the edge of a header or of a small buffer."""
    return held.accepted(size.n)


_FILLED: Final = [held for held in _HELD if held.container.name != "a-flax-file-4-deep" and held.content.width < 16]
_SECOND: Final = sizes("bytes", [16 * (n + n // 16) // 16 + 3 * (i % 2) for i, n in enumerate(BUFFERS)])


@product("LEAF-5", "STREAM-7", "CONF-6", want="accept", places=_FILLED, sizes=_SECOND, canonical=True)
def content_beyond_a_buffer(held: Held, size: Size):
    """A content that is somewhat longer than a common buffer, of 1 KiB to 4 MiB: what it is filled with a second time
    is not what it was filled with before. Of each kind it has a length that its elements divide."""
    return held.accepted(size.n // held.content.width * held.content.width)


_VERY_LONG: Final = sizes("bytes", ((1 << 24) + 5,))


@product("CONF-2", "WIRE-1", want="accept", places=_FILLED[:2], sizes=_VERY_LONG, canonical=True)
def content_that_is_very_long(held: Held, size: Size):
    """A text or a bin of 16 MiB: the specification sets no limit to the length of either but what its header holds."""
    return held.accepted(size.n)


@product("LEAF-12", "STREAM-7", want="accept", places=_CHUNKED[:2], sizes=_SECOND)
def chunks_beyond_a_buffer(held: Held, size: Size):
    """Two chunks, together somewhat longer than a common buffer, of 1 KiB to 4 MiB."""
    return held.accepted(size.n)


_ENDING: Final = [Held(container, content) for container in LAST for content in (*CONTENTS[:3], CHUNKED)]
_LATE: Final = sizes("bytes", (n + n // 16 for n in BUFFERS if 1 << 16 <= n <= 1 << 20))
_WHOLE: Final = sizes("bytes in the file", (n for n in BUFFERS if 1 << 12 <= n <= 1 << 20))


@product("LEAF-5", "STREAM-1", "FLAX-1", want="accept", places=_ENDING, sizes=_LATE)
def content_beyond_a_buffer_that_ends_the_file(held: Held, size: Size):
    """A content that is somewhat longer than a common buffer, and then the file ends: a reader of a pipe that has read
    the last byte does not know yet that it is the last."""
    return held.accepted(size.n)


@product("LEAF-5", "STREAM-1", "FLAX-1", want="accept", places=_ENDING, sizes=_WHOLE)
def files_of_whole_buffers(held: Held, size: Size):
    """The file ends just where a common buffer is full, with a content that takes up most of it."""
    n = size.n
    while (more := held.accepted(n)[0].size - size.n) != 0:
        n -= more
    return held.accepted(n)


# --- keys --------------------------------------------------------------------------------------------------------

_LONG: Final = (*(n for n in HEADERS if 0 < n < 4097), 511, 512, 513, 1023, 1024, 65_534)


@product("KEY-4", "KEY-2", "WIRE-1", want="accept", places=CONTAINERS, sizes=sizes("bytes", _LONG), canonical=True)
def keys_of_every_length(container: Container, size: Size):
    """The last part of a key path, or the last key of a flax file, has so many bytes of a pattern; in another record,
    or in the map beside it, stands a key that differs in the last byte alone. (With the parts above it a path has fewer
    than 65,536 bytes.)"""
    above = list(container.path[:-1])
    if sum(map(len, above)) + size.n > 65_535:
        return None
    keys = [patterned(size.n - 1, LETTERS).data().decode() + last for last in "kl"]
    wanted = [{"path": [*above, key], "kind": "nil"} for key in keys]
    if container.part == "stream":
        return together([_record([*above, key]) for key in keys]), wanted
    entries = together([str_(key) + data(b"\xc0") for key in keys])
    return together([map_(1) + str_(key) for key in above]) + map_(2) + entries, wanted


def _record(path: list[str]) -> Bytes:
    return arr_(2) + arr_(len(path)) + together([str_(key) for key in path]) + bin_(data(b"\xc0"))

"""Records around the ends of blocks of 4 MiB, and another bit in one (chapter 13); detached seals that are cut or
changed (chapter 17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ..assembly import Bytes, data, here, patterned
from ..cases.delta_assembly import Leaf
from ..cases.sealed_assembly import BLOCK, Sealed, detached, sealed
from ..cases.sealed_leaves import Item, item, number, tensor
from .payloads import CONTENTS
from .product import Plain, product
from .sealed_streams import ONE
from .sizes import Size, sizes


class Long(NamedTuple):
    """A leaf of so many bytes, which is written so."""

    name: str
    about: str
    leaf: Callable[[int], Item]
    part: str = "stream"


def _blob(kind: str, n: int) -> Item:
    content = next(one for one in CONTENTS if one.name == kind)
    encoded = content.leaf(n)
    return item(Leaf(("k",), content.read(["k"], n)["kind"], encoded, encoded), content.read(["k"], n))


_LONG: Final = (
    Long("bin", "a bin", lambda n: _blob("bin", n)),
    Long("text", "a text", lambda n: _blob("text", n)),
    Long("array", "a padded array", lambda n: tensor("k", "uint8", (n,), patterned(n))),
)
_SIZES: Final = sizes("bytes", [m * BLOCK + d for m in (1, 2) for d in (-1, 0, 1)] + [BLOCK // 2, 3 * BLOCK + 7])


def _of_size(long: Long, n: int) -> Sealed:
    """A stream whose second record has so many bytes."""
    size = n
    for _ in range(3):
        whole = sealed([number("a", 1), long.leaf(size), number("z", 2)])
        size -= whole.records[1].data.size - n
    return sealed([number("a", 1), long.leaf(size), number("z", 2)])


@product("SUM-2", "SUM-3", want="accept", places=_LONG, sizes=_SIZES, canonical=True)
def records_around_the_ends_of_blocks(long: Long, size: Size):
    """A record that has as many bytes as one block or two, or one more or less."""
    return _of_size(long, size.n).accepted()


_WHERE: Final = [
    Plain("first", "the first byte of its content", lambda at, size: at + 400),
    Plain("before-the-end-of-a-block", "the last byte of the first block", lambda at, size: at + BLOCK - 1),
    Plain("behind-the-end-of-a-block", "the first byte of the second block", lambda at, size: at + BLOCK),
    Plain("middle", "a byte in the middle", lambda at, size: at + BLOCK + BLOCK // 2),
    Plain("last", "the last byte", lambda at, size: at + size - 1),
]


@product("SUM-3", want="reject", places=_LONG, sizes=_WHERE, also=("INDEX-8", "WIRE-5"))
def a_bit_of_a_long_record(long: Long, where: Plain):
    """One bit of the content is another, in a record of two blocks: the first byte of the block is at fault."""
    whole = _of_size(long, 2 * BLOCK - 5)
    file, at = whole.data(), whole.records[0].data.size
    spot = where.value(at, whole.records[1].data.size)
    (byte,) = file.piece(spot, 1).data()
    block = at + (spot - at) // BLOCK * BLOCK
    changed = file.piece(block, spot - block) + data(bytes((byte ^ 1,))) + file.piece(spot + 1, file.size)
    return file.piece(0, block) + here("! the block") + changed


# --- detached seals ----------------------------------------------------------------------------------------------

_BESIDE: Final = detached(ONE.sealed.items, {"step": 3}, True)
_BYTES: Final = [Plain(f"byte-{at}", f"byte {at}", at) for at in range(_BESIDE.seal_file().size)]
_MAY_NAME: Final = ("DETACHED-1", "SEAL-4", "SEAL-5", "SEAL-6", "INDEX-5", "INDEX-1", "WIRE-6")


@product("DETACHED-2", want="reject", places=_BYTES, also=_MAY_NAME)
def every_cut_of_a_detached_seal(place: Plain, _: Plain):
    """The file of the seal ends before one of its bytes: the stream is not read as though there were no seal."""
    return _BESIDE.before(), _BESIDE.seal_file().piece(0, place.value)


@product("DETACHED-2", want="reject", places=_BYTES, also=_MAY_NAME)
def a_bit_of_a_detached_seal(place: Plain, _: Plain):
    """One bit of the seal is another."""
    whole = bytearray(_BESIDE.seal_file().data())
    whole[place.value] ^= 1 << place.value * 5 % 8
    return _BESIDE.before(), data(bytes(whole))


_RECORDS: Final = [Plain(f"byte-{at}", f"byte {at}", at) for at in range(_BESIDE.before().size)]


@product(
    "DETACHED-2",
    want="reject",
    places=_RECORDS,
    sizes=[Plain(f"bit-{i}", f"bit {i}", i) for i in range(8)],
    also=(
        "SUM-3",
        "INDEX-7",
        "INDEX-8",
        "REC-1",
        "SEAL-5",
        "WIRE-3",
        "STREAM-2",
        "KEY-1",
        "REC-2",
        "LEAF-1",
        "WIRE-4",
        "WIRE-5",
        "WIRE-6",
        "CONF-9",
    ),
)
def a_bit_of_a_stream_with_a_detached_seal(place: Plain, bit: Plain):
    """One bit of the stream is another, and the seal is that of the stream as it was."""
    whole = bytearray(_BESIDE.before().data())
    whole[place.value] ^= 1 << bit.value
    return Bytes(*data(bytes(whole)).parts), _BESIDE.seal_file()


# --- seals across the end of a buffer -----------------------------------------------------------------------------

_BEGINS: Final = [
    *(Plain(f"seal-{n}-before", f"the seal begins {n} bytes before it", (0, n)) for n in (0, 1, 2, 3, 4, 5, 6, 30)),
    *(Plain(f"footer-{n}-before", f"the footer begins {n} bytes before it", (40, n)) for n in (0, 1, 8, 20, 39)),
]
_BUFFERS: Final = sizes("bytes, where a buffer may end", (1 << k for k in range(12, 21)))


@product("SEAL-3", "SEAL-4", "INDEX-8", want="accept", places=_BEGINS, sizes=_BUFFERS)
def seals_across_the_end_of_a_buffer(place: Plain, size: Size):
    """The seal, or the footer in it, stands just where a common buffer is full: what is summed before it and in it ends
    where it does, and not where the buffer does."""
    behind, before = place.value
    n = size.n - 2000
    while True:  # a longer payload may have longer headers
        made = sealed([tensor("k", "uint8", (n,), patterned(n))])
        found = made.data()
        at = found.size - behind if behind else made.before().size
        if at == size.n - before:
            return found, made.read(), made.seal()
        n += size.n - before - at

"""Checksums of all records and digests in an index that are others, bit by bit and leaf by leaf, while all else fits
(INDEX-8, INDEX-9); and seals beside streams that need none (DETACHED-3)."""

from __future__ import annotations

from typing import Final

from ..cases.delta_assembly import tree_digest
from ..cases.sealed_assembly import detached, sealed
from ..cases.sealed_leaves import number
from .product import Plain, product
from .sealed_streams import KINDS, ONE, THREE, Shape

_BITS: Final = [Plain(f"bit-{k}", f"bit {k}", k) for k in (0, 1, 7, 8, 15, 16, 17, 24, 30, 31)]


@product("INDEX-8", want="reject", places=(ONE, THREE), sizes=_BITS)
def another_bit_in_the_checksum_of_all_records(shape: Shape, bit: Plain):
    """One bit of the checksum of all records is another, and the index has its checksum: a decoder reads them all."""
    whole = shape.sealed
    says = whole.says()
    says["checksum"] = (int.from_bytes(says["checksum"], "big") ^ 1 << bit.value).to_bytes(4, "big")
    return whole.data(says)


_DIGESTED: Final = sealed(KINDS.sealed.items, digests=True)
_LEAVES: Final = [
    *(Plain(f"leaf-{i}", f"the digest of leaf {i}, {one.leaf.kind}", i) for i, one in enumerate(_DIGESTED.items)),
    Plain("tree", "the digest of the tree", len(_DIGESTED.items)),
]
_PLACES: Final = [Plain(f"byte-{k}", f"byte {k}", k) for k in (0, 15, 16, 31)]


@product("INDEX-9", want="reject", places=_LEAVES, sizes=_PLACES)
def another_digest_in_the_index(leaf: Plain, byte: Plain):
    """One byte of the digest of a leaf is another, and that of the tree the one that follows from it; or that of the
    tree is another alone. A decoder verifies the file."""
    says = _DIGESTED.says()
    digests = bytearray(says["digests"])
    digests[32 * leaf.value + byte.value] ^= 1
    if leaf.name != "tree":
        each = [bytes(digests[at : at + 32]) for at in range(0, len(digests) - 32, 32)]
        digests[-32:] = bytes.fromhex(tree_digest(each))
    says["digests"] = bytes(digests)
    return _DIGESTED.data(says)


_OTHER: Final = detached([number("other", 1)])
_SEALS: Final = [
    Plain("of-another-stream", "that of another stream", _OTHER.seal_file()),
    Plain("cut-off", "that of another stream, cut off", _OTHER.seal_file().piece(0, 50)),
    Plain("of-its-records", "one that is made of its records", detached(THREE.sealed.items, {"step": 9}).seal_file()),
]


@product("DETACHED-3", want="accept", places=_SEALS)
def seals_beside_sealed_streams(place: Plain, _: Plain):
    """Beside a sealed stream a detached seal means nothing, whatever it says."""
    return (*THREE.sealed.accepted(), place.value)

"""Checksums of records and digests in an index that are others, bit by bit and leaf by leaf, while all else fits
(SUM-3, INDEX-8, INDEX-9); and seals beside streams that need none (DETACHED-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..assembly import Bytes, bin_, hexed, ndarray_, raw
from ..cases.delta_assembly import recovery, small, tree_digest
from ..cases.sealed_assembly import detached, sealed
from ..cases.sealed_leaves import in_chunks, item, number, of_specimen, tensor
from .headers import FORMS
from .product import Plain, product
from .sealed_metadata import ALIKE
from .sealed_streams import KINDS, ONE, THREE, Shape
from .specimens import SPECIMENS
from .values import Instead, Value, assembled, headed, slots

_BITS: Final = [Plain(f"bit-{k}", f"bit {k}", k) for k in (0, 1, 7, 8, 15, 16, 17, 24, 30, 31)]


@product("INDEX-8", want="reject", places=(ONE, THREE), sizes=_BITS)
def another_bit_in_the_checksum_of_all_records(shape: Shape, bit: Plain):
    """One bit of the checksum of all records is another, and the index has its checksum: a decoder reads them all."""
    whole = shape.sealed
    says = whole.says()
    says["checksum"] = (int.from_bytes(says["checksum"], "big") ^ 1 << bit.value).to_bytes(4, "big")
    return whole.data(says)


_ATTACHED: Final = [
    Plain("attached", "of a sealed stream", False),
    Plain("detached", "of a stream with a detached seal", True),
]


@product(
    "SUM-3",
    want="reject",
    places=_ATTACHED,
    sizes=_BITS,
)
def another_bit_in_the_checksum_of_a_record(seal: Plain, bit: Plain):
    """One bit of the checksum of the second record of three is another in the index, which has its own checksum; that
    of all records is right."""
    whole = detached(THREE.sealed.items) if seal.value else THREE.sealed
    says = whole.says()
    record = says["leaves"][1][4][0]
    record[2] = (int.from_bytes(record[2], "big") ^ 1 << bit.value).to_bytes(4, "big")
    return (whole.before(1), whole.seal_file(says)) if seal.value else whole.data(says, fault=1)


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


# Pairs of key paths under which the digest of the int 7 begins with so many bytes that are the same, the larger first.
_ALIKE: Final = [
    Plain(f"{n}-bytes", f"{n} bytes", names)
    for n, names in (
        (1, ("k22", "k6")),
        (2, ("k365", "k493")),
        (3, ("k8577", "k3124")),
        (4, ("k30429", "k16150")),
        (5, ("k1136915", "k1397044")),
    )
]


@product("INDEX-9", "DELTA-5", want="accept", places=_ALIKE, canonical=True)
def digests_that_begin_alike(place: Plain, _: Plain):
    """The digests of two leaves begin with so many bytes that are the same. The one that is larger in the next byte
    comes first in the file, and second in the digest of the tree."""
    return sealed([number(name, 7) for name in place.value], digests=True).accepted()


def _where_it_fits(form: Callable[[Value, Bytes], Bytes | None]) -> Instead:
    """A form, and for what it does not hold the shortest one."""
    return lambda value, body: form(value, body) or headed(value, body)


# Leaves of every kind, each with one header that is longer than needed, or in another form that a reader accepts.
_FORMED: Final = [
    Plain(f"{one.name}-{value.slot}-{name}", f"{one.about}, its {value.slot} as {name}", (one, made))
    for one in SPECIMENS
    for value in slots(one.value)
    for name, form in list(FORMS.get(value.kind, {}).items())[-1:]
    if (made := assembled(one.value, value.slot, _where_it_fits(form))).size > assembled(one.value).size
]


@product("INDEX-9", "WIRE-2", want="accept", places=_FORMED)
def digests_of_leaves_in_longer_forms(place: Plain, _: Plain):
    """A leaf has a header that is longer than needed: its digest is that of the canonical form all the same."""
    specimen, blob = place.value
    one = of_specimen(specimen)
    is_whole = specimen.value.kind == "ext" and one.leaf.dtype is not None
    record = bin_(blob)
    held = item(one.leaf, one.read, lambda _: (record, record.size - one.leaf.content.size if is_whole else None))
    return sealed([number("a", 1), held, number("z", 2)], digests=True).accepted()


_WIDENED: Final = [
    Plain("float", "a float of 32 bits", ("float", "ca c0 00 00 00")),
    Plain("complex", "a complex of two floats of 32 bits", ("complex", "c7 0b 02 92 ca 3f 80 00 00 ca c0 00 00 00")),
    Plain(
        "tag", "an array whose tag is a bin", ("array", "c7 11 01 93 92 02 01 c4 05 69 6e 74 31 36 c4 04 01 80 ff 7f")
    ),
]


@product("INDEX-9", "LEAF-8", want="accept", places=_WIDENED)
def digests_of_leaves_in_other_forms(place: Plain, _: Plain):
    """A leaf is in a form that no writer writes: its digest is that of the canonical form all the same."""
    name, digits = place.value
    one = of_specimen(next(specimen for specimen in SPECIMENS if specimen.name == name))
    record = bin_(raw(digits))
    payload = None if one.leaf.dtype is None else record.size - one.leaf.content.size
    return sealed([number("a", 1), item(one.leaf, one.read, lambda _: (record, payload))], digests=True).accepted()


_KEYS: Final = [
    *(Plain(one.name, f"keys that look alike: {one.about}", [(key,) for key in one.value]) for one in ALIKE),
    Plain(
        "lengths",
        "keys of several lengths",
        [("",), *((one * n,) for one in "x\u20ac" for n in (15, 16, 31, 32, 90, 300))],
    ),
    Plain("depths", "paths of several depths", [("p",) * n + ("q",) for n in (1, 14, 15, 16, 31, 32, 255, 511)]),
]


@product("INDEX-9", "INDEX-2", want="accept", places=_KEYS, canonical=True)
def digests_under_many_keys(place: Plain, _: Plain):
    """Leaves stand under keys which some programs would alter: they stand in the records, in the index and in the
    digests as they are."""
    return sealed([number(path, i) for i, path in enumerate(place.value)], digests=True).accepted()


_EMPTY: Final = [
    Plain("one-chunk", "one chunk", [""]),
    Plain("three-chunks", "three chunks", [""] * 3),
    Plain("an-empty-one-first", "an empty chunk and one of two elements", ["", "07 08"]),
    Plain("an-empty-one-last", "a chunk of two elements and an empty one", ["07 08", ""]),
]


@product("INDEX-9", "LEAF-12", want="accept", places=_EMPTY)
def digests_of_empty_chunks(place: Plain, _: Plain):
    """A chunked array has chunks of no element: what is digested is its shape and payload, in whatever chunks."""
    sizes = [hexed(one).size for one in place.value]
    shape, payload = (sum(sizes), 1), " ".join(place.value).strip()
    chunks = [ndarray_("int8", (n,), one) for n, one in zip(sizes, place.value, strict=True)]
    one = tensor("k", "int8", shape, payload, form=in_chunks(shape, chunks, sizes[-1]))
    return sealed([number("a", 1), one], digests=True).accepted()


@product("DELTA-5", want="accept", places=_ALIKE, part=lambda _: "recover")
def digests_that_begin_alike_in_a_delta(place: Plain, _: Plain):
    """The digests of two leaves of base and target begin with so many bytes that are the same. In the digests of both
    trees the one that is larger in the next byte comes second."""
    base = [small(name, "int", "07") for name in place.value]
    return recovery(base, [*base, small("new", "str", "a1 78")], "00 00 a1 78")


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

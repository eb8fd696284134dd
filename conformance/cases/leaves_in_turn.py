"""Chapter 04: leaves of every kind, each behind each of the others, so that what a program still holds of the one
before shows in the next."""

from typing import Any

from ..assembly import Bytes, map_, ndarray_, record_, scalar_, str_, together
from ..declare import accept, array, flax_accept, given, writes
from ..products.specimens import SPECIMENS, Specimen
from ..products.values import assembled, body, chunked

_NO_ELEMENT = Specimen(
    "no-element",
    "an array without elements",
    body("", 1, "float64", (3, 0, 2), ""),
    lambda path: array(path, "float64", (3, 0, 2), ""),
)
_NO_DIMENSION = Specimen(
    "no-dimension",
    "an array without dimensions",
    body("", 1, "int8", (), "07"),
    lambda path: array(path, "int8", (), "07"),
)
_BOOLS = Specimen(
    "bools", "an array of bools", body("", 1, "bool", (2,), "01 00"), lambda path: array(path, "bool", (2,), "01 00")
)
_EMPTY_CHUNKS = Specimen(
    "empty-chunks",
    "chunks without elements",
    chunked((0, 9), [("uint64", 0, ""), ("uint64", 0, "")]),
    lambda path: array(path, "uint64", (0, 9), ""),
)
_KINDS = (*SPECIMENS, _NO_ELEMENT, _NO_DIMENSION, _BOOLS, _EMPTY_CHUNKS)
_CANONICAL = tuple(kind for kind in _KINDS if "chunk" not in kind.name)


def _in_turn(kinds: tuple[Specimen, ...]) -> list[Specimen]:
    """Each of these behind each of them, itself too."""
    return [one for i, first in enumerate(kinds) for second in kinds[i:] for one in (first, second)]


def _keys(leaves: list[Specimen]) -> list[str]:
    return [f"{i}-{leaf.name}" for i, leaf in enumerate(leaves)]


def _records(leaves: list[Specimen]) -> list[dict[str, Any]]:
    return [leaf.read([key]) for key, leaf in zip(_keys(leaves), leaves, strict=True)]


def _stream(leaves: list[Specimen]) -> Bytes:
    return together([record_(key, assembled(leaf.value)) for key, leaf in zip(_keys(leaves), leaves, strict=True)])


def _flax(leaves: list[Specimen]) -> Bytes:
    entries = [str_(key) + assembled(leaf.value) for key, leaf in zip(_keys(leaves), leaves, strict=True)]
    return map_(len(leaves)) + together(entries)


@accept("LEAF-1", "CONF-2", longer=True)
def leaves_of_every_kind_behind_every_other():
    """Leaves of every kind in a stream, each behind each of the others: arrays without elements before others, chunks
    before scalars. Nothing of one leaf is left for the next."""
    leaves = _in_turn(_KINDS)
    return _stream(leaves), _records(leaves)


@flax_accept("LEAF-1", "CONF-2", longer=True)
def leaves_of_every_kind_behind_every_other_in_a_flax_file():
    """The same in a flax file."""
    leaves = _in_turn(_KINDS)
    return _flax(leaves), _records(leaves)


@accept("LEAF-1", "CONF-6")
def leaves_that_are_written_behind_every_other():
    """Leaves of every kind but chunked arrays, which a writer would not make of so few elements, each behind each of
    the others."""
    leaves = _in_turn(_CANONICAL)
    return _stream(leaves), _records(leaves)


@flax_accept("LEAF-1", "FLAX-7")
def leaves_that_are_written_behind_every_other_to_a_flax_file():
    """The same in a flax file."""
    leaves = _in_turn(_CANONICAL)
    return _flax(leaves), _records(leaves)


def _array(name: str, dtype: str, n: int, want: str, **members: str) -> tuple[str, dict[str, Any], str]:
    return name, {"kind": "ndarray", "dtype": dtype, "shape": [str(n)], **members}, want


# Arrays as an encoder gets them: a name, the members beside the path, and the payload that is written.
_BIG = {"byte_order": "big"}
_SCALAR = {"kind": "scalar", "dtype": "int16", "payload": "0102"}
_GIVEN = (
    _array("big", "int16", 2, "02 01 04 03", payload="01020304", **_BIG),
    _array("little", "int16", 2, "01 02 03 04", payload="01020304"),
    _array("big-fill", "int16", 2, "02 01 01 03", fill="010203", **_BIG),
    _array("little-fill", "int16", 2, "01 02 03 01", fill="010203"),
    _array("wide-fill", "float32", 1, "02 01 02 01", fill="0102", **_BIG),
    _array("wide", "float32", 1, "00 00 80 3f", payload="0000803f"),
    _array("none", "int16", 0, "", payload="", **_BIG),
    ("big-scalar", _SCALAR | _BIG, "02 01"),
    ("scalar", _SCALAR, "01 02"),
    ("scalar-with-shape", _SCALAR | {"shape": []}, "01 02"),
)


def _written(members: dict[str, Any], payload: str) -> Bytes:
    if members["kind"] == "scalar":
        return scalar_(members["dtype"], payload)
    return ndarray_(members["dtype"], tuple(map(int, members["shape"])), payload)


def _asked() -> tuple[list[dict[str, Any]], list[tuple[str, Bytes]]]:
    ways = [one for i, first in enumerate(_GIVEN) for second in _GIVEN[i:] for one in (first, second)]
    keys = [f"{i}-{name}" for i, (name, *_) in enumerate(ways)]
    asked = [given([key], **members) for key, (_, members, _) in zip(keys, ways, strict=True)]
    return asked, [(key, _written(members, payload)) for key, (_, members, payload) in zip(keys, ways, strict=True)]


@writes("DTYPE-3", "CONF-6", since="2.0")
def arrays_of_both_byte_orders_behind_each_other():
    """A writer is given big-endian and little-endian arrays and scalars in turn, in full and as patterns: the byte
    order of one is not that of the next."""
    asked, leaves = _asked()
    return asked, together([record_(key, leaf) for key, leaf in leaves])


@writes("DTYPE-3", "FLAX-7", container="flax", since="2.0")
def arrays_of_both_byte_orders_behind_each_other_to_a_flax_file():
    """The same for a flax file."""
    asked, leaves = _asked()
    return asked, map_(len(leaves)) + together([str_(key) + leaf for key, leaf in leaves])

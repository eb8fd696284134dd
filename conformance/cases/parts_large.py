"""Chapter 12: arrays of gigabytes in parts, made at run time, mostly of zeros."""

from __future__ import annotations

import math
from typing import Any

from ..assembly import PATTERN, Bytes, fill, patterned, together
from ..declare import accept, encode_sealed, given, refuse, writes
from .delta_assembly import Leaf
from .large import ZEROS
from .parts_assembly import GIB, MOST, in_parts, of_part, part
from .sealed_assembly import Sealed, checksum, sealed
from .sealed_leaves import Item, Piece, number, padded


def _zeros(path: tuple[str, ...], tag: str, shape: tuple[int, ...], nbytes: int) -> dict[str, Any]:
    dims = [str(n) for n in shape]
    return {"path": [*path], "kind": "ndarray", "dtype": tag, "shape": dims, "sha256": ZEROS[nbytes], "fill": "00"}


def _in_parts(
    path: tuple[str, ...], tag: str, width: int, shape: tuple[int, ...], nbytes: int, alignment: int = 64
) -> Item:
    return in_parts(path, tag, width, shape, fill(0, nbytes), _zeros(path, tag, shape, nbytes), alignment)


@accept("PART-1", "ALIGN-3")
def the_largest_array_that_is_not_in_parts():
    """2^31 - 2^17 bytes, in one record of less than 2^31 bytes, in one chunk."""
    leaf = Leaf(("k",), "ndarray", Bytes(), fill(0, MOST), "int8", (MOST,))
    form = padded("int8", (MOST,), fill(0, MOST), 64)
    return sealed(
        [number("a", 1), Item(leaf, _zeros(("k",), "int8", (MOST,), MOST), (Piece(("k",), form),))]
    ).accepted()


@accept("PART-1", "REC-3", longer=True)
def an_array_in_one_record_that_a_writer_puts_in_parts():
    """2^31 - 2^17 + 1 bytes in one record: a reader takes it as an array like any other."""
    n = MOST + 1
    leaf = Leaf(("k",), "ndarray", Bytes(), fill(0, n), "int8", (n,))
    piece = Piece(("k",), padded("int8", (n,), fill(0, n), 64))
    return sealed([number("a", 1), Item(leaf, _zeros(("k",), "int8", (n,), n), (piece,)), number("z", 2)]).accepted()


@accept("PART-1", "PART-2", "PART-4", "SUM-2")
def the_smallest_array_that_a_writer_puts_in_parts():
    """2^31 - 2^17 + 1 bytes: two boxes, the first of 2^30 bytes."""
    n = MOST + 1
    return sealed([number("a", 1), _in_parts(("k",), "int8", 1, (n,), n), number("z", 2)]).accepted()


@accept("PART-2", "PART-4", "PART-1")
def an_array_of_5_gib():
    """A shape of (5, 2^30): five boxes of one row each. No record of version 1.0 can hold it."""
    return sealed([_in_parts(("m", "k"), "uint8", 1, (5, GIB), 5 * GIB), number(("m", "n"), 7)]).accepted()


@accept("PART-2", "PART-3", "PART-1")
def boxes_of_a_later_dimension():
    """A float32 array of (2, 3, 2^27): a row of the first dimension has 1.5 GiB, and one of the second half a GiB. Four
    boxes, of two rows and one in turn, each with a 1 for the first dimension."""
    return sealed([_in_parts(("k",), "float32", 4, (2, 3, 1 << 27), 3 * GIB, 4096)], 4096, {"step": 1}).accepted()


@refuse("PART-1", also=("PART-2", "INDEX-7"))
def an_array_in_parts_that_a_writer_writes_whole():
    """2^30 + 1 bytes in two boxes, as a larger array would have them."""
    return sealed([_in_parts(("k",), "int8", 1, (GIB + 1,), GIB + 1)]).data()


@accept("PART-3", "PART-2", "KEY-3", "KEY-4")
def parts_of_a_leaf_with_the_longest_key_path():
    """512 keys of 65,535 bytes together: what is limited is the key path of the leaf, without the part's own. A row has
    2^29 + 1 bytes, and a box one row."""
    path = (*("p" * 127,) * 511, "q" * (65_535 - 127 * 511))
    return sealed([_in_parts(path, "int8", 1, (5, GIB // 2 + 1), 5 * (GIB // 2 + 1))]).accepted()


@writes("PART-1", "PART-2", "ALIGN-3")
def a_pattern_in_parts():
    """A payload that repeats itself every 251 bytes: what stands in the second part is not what stands at the beginning
    of the first."""
    n = MOST + 1000
    shape = (n // 8, 8)
    asked = [given(["k"], "ndarray", dtype="uint8", shape=[str(one) for one in shape], fill=PATTERN.hex())]
    return encode_sealed(asked), sealed([in_parts(("k",), "uint8", 1, shape, patterned(n), {})]).data()


# --- refused -------------------------------------------------------------------------------------------------------

_N = MOST + 1  # bytes of an array that is to be in parts: nothing but what a case says is wrong with it
_REST = _N - GIB


def _two(
    *shapes: tuple[int, ...], tags: tuple[str, str] = ("int8", "int8"), numbers: tuple[int, ...] = (0, 1, 2)
) -> Sealed:
    """An array of 2^31 - 2^17 + 1 bytes in parts of these shapes, or of dtypes or numbers that do not fit."""
    pieces = tuple(
        Piece(part(("k",), number_, numbers[-1]), of_part(tag, shape, fill(0, shape[0])))
        for number_, tag, shape in zip(numbers, tags, shapes, strict=False)
    )
    leaf = Leaf(("k",), "ndarray", Bytes(), fill(0, _N), "int8", (_N,))
    return sealed([number("a", 1), Item(leaf, {}, pieces), number("z", 2)])


_MAY_NAME = ("PART-3", "INDEX-7", "INDEX-2", "INDEX-3", "INDEX-4")


@refuse("PART-2", also=_MAY_NAME)
def parts_in_another_order():
    """The second part stands first."""
    return _two((_REST,), (GIB,), numbers=(1, 0, 2)).data()


@refuse("PART-2", also=_MAY_NAME)
def parts_whose_numbers_are_exchanged():
    """The first box has the number 1, and the second the number 0."""
    return _two((GIB,), (_REST,), numbers=(1, 0, 2)).data()


@refuse("PART-2", also=_MAY_NAME)
def parts_that_are_cut_elsewhere():
    """The first box has one byte less than 2^30, and the second one that much more."""
    return _two((GIB - 1,), (_REST + 1,)).data()


@refuse("PART-2", also=(*_MAY_NAME, "DTYPE-1"))
def parts_of_two_dtypes():
    """The second part is of `uint8`."""
    return _two((GIB,), (_REST,), tags=("int8", "uint8")).data()


@refuse("PART-2", also=_MAY_NAME)
def a_last_part_that_is_cut_elsewhere():
    """Three boxes of the first dimension are in four parts: the last of them is cut in two, and all sizes add up."""
    n = 2 * GIB + _REST
    shapes = ((GIB,), (GIB,), (1,), (_REST - 1,))
    pieces = tuple(
        Piece(part(("k",), i, 4), of_part("int8", shape, fill(0, shape[0]))) for i, shape in enumerate(shapes)
    )
    leaf = Leaf(("k",), "ndarray", Bytes(), fill(0, n), "int8", (n,))
    return sealed([number("a", 1), Item(leaf, {}, pieces)]).data()


@refuse("PART-2", also=_MAY_NAME)
def parts_of_another_number():
    """Two parts that say that they are of three."""
    return _two((GIB,), (_REST,), numbers=(0, 1, 3)).data()


def _pieces(*pieces: Piece) -> Bytes:
    """The same array in these records, while the index says nothing of what is wrong with them."""
    leaf = Leaf(("k",), "ndarray", Bytes(), fill(0, _N), "int8", (_N,))
    return sealed([number("a", 1), Item(leaf, {}, pieces), number("z", 2)]).data()


def _box(path: tuple[str, ...], *shape: int) -> Piece:
    return Piece(path, of_part("int8", shape, fill(0, math.prod(shape))))


@refuse("PART-2", also=_MAY_NAME)
def parts_of_two_numbers():
    """The first part says that it is one of three, the second and last that it is one of two."""
    return _pieces(_box(part(("k",), 0, 3), GIB), _box(part(("k",), 1, 2), _REST))


@refuse("PART-2", also=_MAY_NAME)
def parts_of_two_leaves():
    """The second part of two is that of another key path, which the index does not have."""
    return _pieces(_box(part(("k",), 0, 2), GIB), _box(part(("j",), 1, 2), _REST))


@refuse("PART-2", also=_MAY_NAME)
def a_part_of_other_dimensions():
    """The first box has two dimensions, and as many elements as it should have."""
    return _pieces(_box(part(("k",), 0, 2), 2, GIB // 2), _box(part(("k",), 1, 2), _REST))


@refuse("PART-2", also=_MAY_NAME)
def a_part_that_is_missing():
    """The last of two parts is in no record, and not in the index."""
    return _two((GIB,)).data()


@refuse("PART-2", "INDEX-7", also=_MAY_NAME)
def parts_of_a_larger_shape():
    """The index says one element more than the parts have."""
    whole = _two((GIB,), (_REST,))
    says = whole.says()
    says["leaves"][1][3] = [_N + 1]
    return whole.data(says)


@refuse("PART-1", "INDEX-7", also=(*_MAY_NAME, "PART-2", "SUM-3"))
def a_record_between_two_parts():
    """Between two parts stands another leaf, which the index lists behind them: the sizes add up."""
    whole = _two((GIB,), (_REST,))
    a, first, second, z = whole.records
    return whole._replace(records=[a, first, z, second]).data(whole.says())


@refuse("STREAM-5", "PART-3", also=("INDEX-6",))
def a_leaf_below_one_in_parts():
    """Another leaf stands below an array that has parts: what counts are the key paths of leaves. It stands before
    them, so that who reads in order need not read them first."""
    return sealed([number(("k", "x"), 1), _in_parts(("k",), "int8", 1, (MOST + 1,), MOST + 1)]).data()


@refuse("STREAM-4", "PART-3", also=("INDEX-6", "STREAM-5"))
def a_leaf_and_one_in_parts_of_one_key_path():
    """An int stands at the key path of an array that has parts, though no two records have one key path."""
    return sealed([number(("k",), 1), _in_parts(("k",), "int8", 1, (MOST + 1,), MOST + 1)]).data()


@refuse("KEY-3", "PART-3", also=("INDEX-6",))
def parts_of_a_leaf_with_too_many_keys():
    """The key path of the leaf has 513 keys, those of the parts 514."""
    return sealed([_in_parts(("k",) * 513, "int8", 1, (MOST + 1,), MOST + 1)]).data()


@refuse("KEY-4", "PART-3", also=("INDEX-6",))
def parts_of_a_leaf_with_too_long_a_key_path():
    """The keys of the leaf have 65,536 bytes together, without that of the part."""
    path = (*("p" * 128,) * 511, "q" * (65_536 - 128 * 511))
    return sealed([_in_parts(path, "int8", 1, (MOST + 1,), MOST + 1)]).data()


@refuse("INDEX-8", also=("SUM-3", "SUM-4"))
def a_checksum_of_all_records_that_leaves_the_last_part_out():
    """Each record has its checksum, and that of all of them together is made without the last part."""
    whole = _two((GIB,), (_REST,))
    says = whole.says()
    a, first, _, z = (one.data for one in whole.records)
    says["checksum"] = checksum(together([a, first, z]))
    return whole.data(says)


@refuse("SUM-3", "SUM-2", also=("INDEX-8",))
def a_bit_of_the_last_part():
    """The last byte of the last part is another."""
    whole = _two((GIB,), (_REST,))
    a, first, second, z = whole.records
    changed = second._replace(data=second.data.piece(0, second.data.size - 1) + fill(1, 1))
    lying = whole._replace(records=[a, first, changed, z])
    return lying.data(whole.says())

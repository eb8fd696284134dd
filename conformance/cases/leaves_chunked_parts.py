"""Chapter 04: what stands under `shape` (LEAF-11) and `chunks` (LEAF-12) in a chunked array."""

from ..assembly import (
    MARKER,
    arr_,
    bin_,
    chunked_,
    data,
    ext_,
    here,
    hexed,
    int_,
    map_,
    ndarray_,
    numbered,
    raw,
    record_,
    scalar_,
    str_,
    together,
)
from ..declare import refuse


def _int8(payload):
    return ndarray_("int8", (len(bytes.fromhex(payload)),), payload)


ONE_TWO, THREE = _int8("01 02"), _int8("03")


def _shaped(shape, chunks=(ONE_TWO, THREE)):
    """A chunked array, the value under `shape` given as bytes."""
    head = map_(3) + str_(MARKER) + raw("c3 # true") + str_("shape") + shape
    return record_("k", head + str_("chunks") + numbered(chunks))


def _chunked(chunks, size=3):
    """A chunked array of one dimension, the value under `chunks` given as bytes."""
    head = map_(3) + str_(MARKER) + raw("c3 # true") + str_("shape") + numbered([int_(size)])
    return record_("k", head + str_("chunks") + chunks)


def _wrong(tag, shape, payload, shape_note="", tag_note=""):
    """A chunk, with a comment on its shape or its tag."""
    dims = together([int_(n) for n in shape])
    return ext_(1, arr_(3) + arr_(len(shape), shape_note) + dims + str_(tag, tag_note) + bin_(hexed(payload)))


# --- the shape (LEAF-11) ----------------------------------------------------------------------------------------------


@refuse("LEAF-11", also=("LEAF-10",))
def chunked_shape_that_is_an_array():
    """The shape is the array [3], as in an array that is not chunked."""
    return _shaped(raw("91 03 # ! an array"))


@refuse("LEAF-11")
def dimensions_with_a_gap():
    """The dimensions of a chunked array are `0` and `2`."""
    return _shaped(map_(2) + str_("0") + int_(1) + str_("2", "! 1 is expected") + int_(3))


@refuse("LEAF-11")
def dimensions_in_descending_order():
    """The dimension `1` stands before `0`. A reader that looks each up by its key does not notice."""
    return _shaped(map_(2) + str_("1", "! 0 is expected") + int_(3) + str_("0") + int_(1))


@refuse("LEAF-11")
def dimension_given_twice():
    """The key `0` stands twice. In a dictionary the last one wins."""
    return _shaped(map_(2) + str_("0") + int_(1) + str_("0", "! 1 is expected") + int_(3))


@refuse("LEAF-11")
def dimensions_in_the_order_of_texts():
    """Eleven dimensions in the order of their texts: `0`, `1`, `10`, `2`. Writers that sort their keys do this."""
    names = sorted(map(str, range(11)))
    entries = [str_(name, "! 2 is expected" if name == "10" else "") + int_(3 if name == "0" else 1) for name in names]
    return _shaped(map_(11) + together(entries))


@refuse("LEAF-11")
def dimension_numbered_00():
    """The key is `00`, which `int()` takes for 0."""
    return _shaped(map_(1) + str_("00", "! 0 is expected") + int_(3))


@refuse("LEAF-11")
def dimension_numbered_in_arabic():
    """The key is U+0660, the digit zero in Arabic, which `int()` takes for 0."""
    return _shaped(map_(1) + str_("\u0660", "! 0 is expected") + int_(3))


@refuse("LEAF-11")
def dimension_numbered_by_an_int():
    """The key is the int 0."""
    return _shaped(map_(1) + raw("00 # ! an int") + int_(3))


@refuse("LEAF-3", "LEAF-11", also=("LEAF-11",))
def chunked_dimension_of_minus_1():
    """The shape of a chunked array is (-1,), which numpy's reshape works out."""
    return _shaped(map_(1) + str_("0") + raw("ff # ! -1"))


@refuse("LEAF-3", "LEAF-11", also=("LEAF-11",))
def chunked_dimension_that_is_a_float():
    """The dimension of a chunked array is the float 3.0."""
    return _shaped(map_(1) + str_("0") + raw("cb 40 08 00 00 00 00 00 00 # ! a float"))


@refuse("LEAF-3", "LEAF-11", also=("LEAF-11",))
def chunked_shape_of_65_dimensions():
    """The shape of a chunked array has 65 dimensions, one more than the most."""
    return _shaped(here("! 65 dimensions") + numbered([int_(3)] + [int_(1)] * 64))


@refuse("LEAF-4", "LEAF-11", also=("LEAF-11", "LEAF-12"))
def chunked_shape_that_wraps_to_0():
    """The shape is (2^32, 2^32): ints of 64 bits find no element, as many as the chunk has."""
    return _shaped(here("! too large") + numbered([int_(2**32), int_(2**32)]), [_int8("")])


@refuse("LEAF-4", "LEAF-11", also=("LEAF-11",))
def chunked_shape_too_large_for_its_width():
    """The shape is (0, 2^62) of int16: it has no elements, and the width counts, although it is known only later."""
    return _shaped(here("! too large") + numbered([int_(0), int_(2**62)]), [ndarray_("int16", (0,), "")])


# --- the chunks (LEAF-12) ---------------------------------------------------------------------------------------------


@refuse("LEAF-12")
def chunked_array_of_no_chunks():
    """There is no chunk, and so no dtype, under a shape without elements."""
    return _chunked(raw("80 # ! no chunk"), size=0)


@refuse("LEAF-12", also=("LEAF-10",))
def chunks_in_an_array():
    """The chunks stand in an array, in the right order."""
    return _chunked(here("! an array") + arr_(2) + ONE_TWO + THREE)


@refuse("LEAF-12")
def chunks_from_1():
    """The chunks are counted from `1`."""
    return _chunked(map_(2) + str_("1", "! 0 is expected") + ONE_TWO + str_("2") + THREE)


@refuse("LEAF-12")
def chunks_with_a_gap():
    """The chunks are `0` and `2`: one has been lost, and the shape fits what is there."""
    return _chunked(map_(2) + str_("0") + ONE_TWO + str_("2", "! 1 is expected") + THREE)


@refuse("LEAF-12")
def chunks_in_descending_order():
    """The chunk `1` stands before `0`. A reader joins them in the wrong order, or looks each up by its key."""
    return _chunked(map_(2) + str_("1", "! 0 is expected") + THREE + str_("0") + ONE_TWO)


@refuse("LEAF-12")
def chunk_given_twice():
    """The key `0` stands twice, over one chunk of three elements each time."""
    whole = _int8("01 02 03")
    return _chunked(map_(2) + str_("0") + whole + str_("0", "! 1 is expected") + whole)


@refuse("LEAF-12")
def chunks_in_the_order_of_texts():
    """Eleven chunks in the order of their texts: `0`, `1`, `10`, `2`."""
    names = sorted(map(str, range(11)))
    entries = [str_(name, "! 2 is expected" if name == "10" else "") + _int8(f"{int(name):02x}") for name in names]
    return _chunked(map_(11) + together(entries), size=11)


@refuse("LEAF-12")
def chunk_numbered_by_an_int():
    """The key of the second chunk is the int 1."""
    return _chunked(map_(2) + str_("0") + ONE_TWO + raw("01 # ! an int") + THREE)


@refuse("LEAF-12")
def chunks_of_too_many_elements():
    """The shape says 2, and the chunks have 3 elements, the first of them as many as are needed."""
    return _chunked(here("! 3 elements") + numbered([ONE_TWO, THREE]), size=2)


@refuse("LEAF-12")
def chunks_of_two_dtypes():
    """The second chunk is uint8, the first int8. numpy joins them as int16."""
    return _chunked(map_(2) + str_("0") + ONE_TWO + str_("1") + _wrong("uint8", (1,), "03", "", "! uint8"))


@refuse("LEAF-12")
def chunks_of_two_widths():
    """The second chunk is int16, the first int8; the bytes of both together are as many as three int8 take."""
    chunk = _wrong("int16", (1,), "03 04", "", "! int16")
    return _chunked(map_(2) + str_("0") + THREE + str_("1") + chunk)


@refuse("LEAF-12")
def empty_chunk_of_another_dtype():
    """The second chunk is int16 and has no elements: nothing needs converting, and it is refused."""
    chunks = map_(3) + str_("0") + ONE_TWO + str_("1") + _wrong("int16", (0,), "", "", "! int16")
    return _chunked(chunks + str_("2") + THREE)


@refuse("LEAF-12")
def last_chunk_that_is_empty_and_of_a_dtype_of_the_same_width():
    """The last chunk is uint8 and has no elements, the others are int8."""
    chunks = map_(3) + str_("0") + ONE_TWO + str_("1") + THREE
    return _chunked(chunks + str_("2") + _wrong("uint8", (0,), "", "", "! uint8"))


@refuse("LEAF-12")
def first_chunk_that_is_empty_and_of_a_dtype_of_the_same_width():
    """The first chunk is uint8 and has no elements, the others are int8: they differ from it."""
    chunks = map_(3) + str_("0") + ndarray_("uint8", (0,), "") + str_("1") + _wrong("int8", (2,), "01 02", "", "! int8")
    return _chunked(chunks + str_("2") + THREE)


@refuse("LEAF-12")
def chunk_of_two_dimensions():
    """The one chunk has the shape (1, 3)."""
    return _chunked(map_(1) + str_("0") + _wrong("int8", (1, 3), "01 02 03", "! 2 dimensions"))


@refuse("LEAF-12")
def chunk_of_0_dimensions():
    """The second chunk has the shape (), and one element."""
    return _chunked(map_(2) + str_("0") + ONE_TWO + str_("1") + _wrong("int8", (), "03", "! 0 dimensions"))


@refuse("LEAF-12")
def chunk_that_is_a_scalar():
    """The second chunk is an ext of type 3."""
    return _chunked(map_(2) + str_("0") + ONE_TWO + str_("1") + here("! ext 3") + scalar_("int8", "03"))


@refuse("LEAF-12")
def chunk_that_is_a_bin():
    """The one chunk is a bin of the payload, without shape and tag."""
    return _chunked(map_(1) + str_("0") + here("! a bin") + bin_(data(b"\1\2\3")))


@refuse("LEAF-12")
def chunk_that_is_chunked():
    """The one chunk is a chunked array itself."""
    return _chunked(map_(1) + str_("0") + here("! a map") + chunked_((3,), [ONE_TWO, THREE]))


@refuse("LEAF-5", "LEAF-12", also=("LEAF-12",))
def chunk_with_a_short_payload():
    """The shape of the second chunk is (2,), its payload has one byte, and the shape of the whole fits the bytes."""
    short = ext_(1, arr_(3) + arr_(1) + int_(2) + str_("int8") + raw("c4 01 03 # ! one byte"))
    return _chunked(map_(2) + str_("0") + ONE_TWO + str_("1") + short)

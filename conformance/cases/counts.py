"""Counts that are not those of what follows, and kinds that read alike: caught only by a reader that looks at headers.

A reader that takes "the next two values" whatever the header says reads most of these as though nothing were wrong.
"""

from ..assembly import (
    MARKER,
    Bytes,
    arr_,
    bin_,
    data,
    ext_,
    here,
    int_,
    map_,
    ndarray_,
    numbered,
    path_,
    raw,
    record_,
    str_,
)
from ..declare import refuse

BODY = arr_(1) + int_(2) + str_("int8") + raw("c4 02 01 02")  # shape, tag, payload
CHUNKED = str_(MARKER) + raw("c3") + str_("shape") + numbered([int_(2)]) + str_("chunks")


@refuse("REC-1", also=("STREAM-2", "WIRE-3"))
def record_that_says_three_and_has_two():
    """The header of the last record says three elements, and after path and blob the file ends."""
    return record_("a", int_(1)) + raw("93 # ! an array of 3") + path_("b") + bin_(int_(2))


@refuse("REC-1")
def record_that_says_one_and_has_two():
    """The header of a record says one element; path and blob stand behind it."""
    return raw("91 # ! an array of 1") + path_("a") + bin_(int_(1)) + record_("b", int_(2))


@refuse("REC-1", also=("STREAM-2", "WIRE-3"))
def record_header_that_is_that_of_a_map():
    """A map of two entries in place of an array of two elements, with path and blob as they should be."""
    return raw("82 # ! a map of 2") + path_("a") + bin_(int_(1))


@refuse("REC-1", also=("WIRE-3", "STREAM-2"))
def record_header_that_is_that_of_a_str():
    """A str of two bytes in place of an array of two elements."""
    return raw("a2 # ! a str of 2") + path_("a") + bin_(int_(1))


@refuse("KEY-1")
def key_path_that_is_a_map_of_one():
    """A map of one entry in place of an array of one part: its key is a text, as the part would be."""
    return raw("92") + raw("81 # ! a map of 1") + str_("a") + bin_(int_(1))


@refuse("KEY-1")
def key_path_that_is_an_ext_of_texts():
    """An ext whose body is a text, in place of an array of one part."""
    return raw("92") + here("! an ext") + ext_(1, str_("a")) + bin_(int_(1))


@refuse("LEAF-2", also=("WIRE-6",))
def body_that_says_four_and_has_three():
    """The array in ext 1 says four elements, and the body ends after the payload, the third."""
    return record_("k", ext_(1, raw("94 # ! an array of 4") + BODY))


@refuse("LEAF-2", also=("WIRE-6",))
def body_that_says_two_and_has_three():
    """The array in ext 1 says two elements, and shape, tag and payload stand in it."""
    return record_("k", ext_(1, raw("92 # ! an array of 2") + BODY))


@refuse("LEAF-2")
def body_that_is_a_map_of_three():
    """A map of three entries in place of the array; after shape, tag and payload the body ends."""
    return record_("k", ext_(1, raw("83 # ! a map of 3") + BODY))


@refuse("LEAF-3", also=("LEAF-5",))
def two_dimensions_of_minus_1():
    """The shape (-1, -1), whose product is that of the payload: multiplied first and looked at afterwards, it fits."""
    return record_(
        "k", ext_(1, arr_(3) + arr_(2) + raw("ff # ! the dimension -1") + int_(-1) + str_("int8") + raw("c4 01 07"))
    )


@refuse("LEAF-3", "LEAF-11", also=("LEAF-12",))
def two_dimensions_of_minus_1_in_a_chunked_array():
    """The shape (-1, -2) of a chunked array of two elements."""
    shape = map_(2) + str_("0") + raw("ff # ! the dimension -1") + str_("1") + int_(-2)
    chunks = numbered([ndarray_("int8", (2,), "01 02")])
    return record_("k", map_(3) + str_(MARKER) + raw("c3") + str_("shape") + shape + str_("chunks") + chunks)


@refuse("LEAF-7", also=("WIRE-6",))
def complex_that_says_three_and_has_two():
    """The array in ext 2 says three floats, and the body ends after two."""
    return record_("k", ext_(2, raw("93 # ! an array of 3") + raw("ca 00 00 00 00 ca 00 00 00 00")))


@refuse("LEAF-7", also=("WIRE-6",))
def complex_that_says_one_and_has_two():
    """The array in ext 2 says one float, and two stand in it."""
    return record_("k", ext_(2, raw("91 # ! an array of 1") + raw("ca 00 00 00 00 ca 00 00 00 00")))


@refuse("LEAF-10", also=("WIRE-6", "WIRE-3"))
def chunked_array_that_says_four_entries_and_has_three():
    """The map of a chunked array says four entries, and the leaf ends after `chunks`, the third."""
    chunks = numbered([ndarray_("int8", (2,), "01 02")])
    return record_("k", raw("84 # ! a map of 4") + CHUNKED + chunks)


@refuse("LEAF-10", also=("WIRE-6", "LEAF-1"))
def chunked_array_that_says_two_entries_and_has_three():
    """The map of a chunked array says two entries, and three stand in it."""
    chunks = numbered([ndarray_("int8", (2,), "01 02")])
    return record_("k", raw("82 # ! a map of 2") + CHUNKED + chunks)


@refuse("LEAF-10", also=("LEAF-12", "WIRE-6", "WIRE-3"))
def chunks_that_say_two_and_have_one():
    """The map of the chunks says two, the shape is that of the one chunk that stands in it."""
    chunks = map_(2) + str_("0") + ndarray_("int8", (2,), "01 02")
    return record_("k", map_(3) + CHUNKED + chunks)


def _chunk_of_type(code: int):
    def case() -> Bytes:
        chunk = ext_(code, arr_(3) + BODY)
        return record_("k", map_(3) + CHUNKED + map_(1) + str_("0") + here("! the chunk") + chunk)

    case.__name__ = f"chunk_of_ext_type_{code}"
    case.__doc__ = f"A chunk is an ext of type {code}, with the body that an ndarray has."
    refuse("LEAF-12", also=("LEAF-1",))(case)


for _code in (0, 5, 127):
    _chunk_of_type(_code)


@refuse("LEAF-1")
def leaf_of_ext_type_0():
    """An ext of type 0 with the body that an ndarray has."""
    return arr_(2) + path_("k") + data(b"\xc4\x0f") + here("! an ext of type 0") + ext_(0, arr_(3) + BODY)


@refuse("LEAF-1")
def leaf_of_ext_type_minus_127():
    """An ext whose type byte is 81: signed, it is -127. A reader that looks at its low bits alone takes it for type
    1."""
    return arr_(2) + path_("k") + data(b"\xc4\x0f") + here("! an ext of type -127") + ext_(0x81, arr_(3) + BODY)


@refuse("LEAF-2", "LEAF-6", also=("LEAF-6",))
def scalar_that_says_four_and_has_three():
    """The body of a scalar says that it has four elements, and has shape, tag and payload, which use it up."""
    return record_("k", ext_(3, raw("94 # ! four") + raw("90") + str_("int8") + raw("c4 01 07")))


@refuse("LEAF-2", "LEAF-12", also=("LEAF-12",))
def chunk_that_says_four_and_has_three():
    """The body of a chunk says that it has four elements, and has shape, tag and payload, which use it up."""
    chunk = ext_(1, raw("94 # ! four") + BODY)
    return record_("k", map_(3) + CHUNKED + numbered([chunk]))


@refuse("LEAF-12")
def chunk_of_ext_type_3_with_a_dimension():
    """A chunk is an ext of type 3, a scalar, but has the shape of one dimension that is expected."""
    chunk = here("! ext of type 3") + ext_(3, arr_(3) + BODY)
    return record_("k", map_(3) + CHUNKED + numbered([chunk]))

"""Chapter 04: chunked arrays (LEAF-10 to LEAF-13), small ones that no writer would chunk."""

from ..assembly import MARKER, chunked_, ext_, here, int_, map_, ndarray_, numbered, raw, record_, str_, together
from ..declare import accept, array, cleared, refuse


def _int8(payload):
    return ndarray_("int8", (len(bytes.fromhex(payload)),), payload)


ONE_TWO, THREE = _int8("01 02"), _int8("03")


def _entries(*entries, count=None):
    """The map of a chunked array from its entries."""
    return record_("k", map_(len(entries) if count is None else count) + together(entries))


MARKED = str_(MARKER) + raw("c3 # true")
SHAPE = str_("shape") + numbered([int_(3)])
CHUNKS = str_("chunks") + numbered([ONE_TWO, THREE])


# --- what is read -----------------------------------------------------------------------------------------------------


@accept("LEAF-10", "LEAF-13", longer=True)
def chunk_that_is_the_whole():
    """A chunked array of one chunk. It is an ndarray, and its kind does not tell that it was chunked."""
    return record_("k", chunked_((3,), [_int8("01 02 03")])), [array("k", "int8", (3,), "01 02 03")]


@accept("LEAF-12", longer=True)
def chunks_that_end_inside_a_row():
    """A matrix of 2 rows and 3 columns in chunks of 4 and 2 elements: chunks are joined first, and then shaped."""
    return record_("k", chunked_((2, 3), [_int8("01 02 03 04"), _int8("05 06")])), [
        array("k", "int8", (2, 3), "01 02 03 04 05 06")
    ]


@accept("LEAF-12", longer=True)
def chunks_of_no_elements():
    """Chunks of 0 elements stand before, between and after the others."""
    chunks = [_int8(""), ONE_TWO, _int8(""), THREE, _int8("")]
    return record_("k", chunked_((3,), chunks)), [array("k", "int8", (3,), "01 02 03")]


@accept("LEAF-12", longer=True)
def chunks_of_different_sizes():
    """Chunks of 1, 3 and 2 elements of two bytes: a reader must not count on equal chunks, or on a long first one."""
    chunks = [("01 00",), ("02 00", "03 00", "04 00"), ("05 00", "06 00")]
    return record_("k", chunked_((6,), [ndarray_("int16", (len(chunk),), "".join(chunk)) for chunk in chunks])), [
        array("k", "int16", (6,), "0100 0200 0300 0400 0500 0600")
    ]


@accept("LEAF-12", longer=True)
def more_than_ten_chunks():
    """Seventeen chunks: `10` comes after `9`, and not after `1`, where an order of texts would put it."""
    chunks = [_int8(f"{i:02x}") for i in range(17)]
    return record_("k", chunked_((17,), chunks)), [array("k", "int8", (17,), bytes(range(17)).hex())]


@accept("LEAF-11", longer=True)
def more_than_ten_dimensions_of_a_chunked_array():
    """Twelve dimensions, of which `1` is 2 and `11` is 3: `10` and `11` come after `9`, and not after `1`."""
    shape = (1, 2, *(1,) * 7, 1, 1, 3)
    return record_("k", chunked_(shape, [_int8("01 02 03 04 05 06")])), [array("k", "int8", shape, "01 02 03 04 05 06")]


@accept("LEAF-11", longer=True)
def chunked_array_whose_dimensions_are_digits():
    """The dimensions 57 and 48 are the bytes 39 and 30, "9" and "0" in ASCII. A reader that looks for digits beyond the
    end of a key takes `0` for `09` and `1` for `10`."""
    payload = bytes(range(48)).hex() * 57
    return record_("k", chunked_((57, 48), [_int8(payload)])), [array("k", "int8", (57, 48), payload)]


@accept("LEAF-11", "LEAF-3", longer=True)
def chunked_array_of_64_dimensions():
    """The shape of a chunked array has 64 dimensions, the most."""
    shape = (1,) * 63 + (3,)
    return record_("k", chunked_(shape, [ONE_TWO, THREE])), [array("k", "int8", shape, "01 02 03")]


@accept("LEAF-11", "LEAF-12", longer=True)
def chunked_array_of_0_dimensions():
    """The shape is the map of 0 entries, which is that of 0 dimensions: one element, in a chunk of one."""
    return record_("k", chunked_((), [_int8("07")])), [array("k", "int8", (), "07")]


@accept("LEAF-12", longer=True)
def chunked_array_without_elements():
    """The shape is (2, 0), and the one chunk has 0 elements."""
    return record_("k", chunked_((2, 0), [_int8("")])), [array("k", "int8", (2, 0), "")]


@accept("LEAF-11", "LEAF-4", longer=True)
def chunked_array_of_the_largest_shape():
    """The shape is (0, 2^62 - 1) of int16, the largest that may be, and has no elements."""
    shape = (0, 2**62 - 1)
    return record_("k", chunked_(shape, [ndarray_("int16", (0,), "")])), [array("k", "int16", shape, "")]


@accept("LEAF-12", "DTYPE-2", longer=True)
def chunks_whose_tags_are_str_and_bin():
    """The tag of the first chunk is a str and that of the second a bin of the same bytes: one dtype."""
    second = ext_(1, raw("93 91 01 c4 04 69 6e 74 38 c4 01 03"))
    return record_("k", chunked_((3,), [ONE_TWO, second])), [array("k", "int8", (3,), "01 02 03")]


@accept("LEAF-12", "DTYPE-5", longer=True)
def chunks_of_bools_with_other_bytes():
    """Bools in two chunks, whose bytes are 0, 1, 2 and 255: all but the first are true."""
    chunks = [ndarray_("bool", (2,), "00 01"), ndarray_("bool", (2,), "02 ff")]
    return record_("k", chunked_((4,), chunks)), [cleared(array("k", "bool", (4,), "00 01 02 ff"), "00 01 01 01")]


@accept("LEAF-12", "STREAM-6", longer=True)
def chunked_array_between_others():
    """A chunked array stands between two records; what comes after it must be read from the right place."""
    leaves = record_("a", int_(1)) + record_("b", chunked_((3,), [ONE_TWO, THREE])) + record_("c", _int8("04"))
    wanted = {"kind": "int", "path": ["a"], "value": "1"}
    return leaves, [wanted, array("b", "int8", (3,), "01 02 03"), array("c", "int8", (1,), "04")]


# --- the map (LEAF-10) ------------------------------------------------------------------------------------------------


@refuse("LEAF-10")
def marker_that_is_nil():
    """The value of the marker is nil."""
    return _entries(str_(MARKER) + raw("c0 # ! nil"), SHAPE, CHUNKS)


@refuse("LEAF-10")
def marker_that_is_1():
    """The value of the marker is the int 1, which equals `True` in Python."""
    return _entries(str_(MARKER) + raw("01 # ! an int"), SHAPE, CHUNKS)


@refuse("LEAF-10")
def chunks_before_the_shape():
    """The entries stand in another order, as a writer leaves them that sorts its keys."""
    return _entries(MARKED, here("! shape is expected") + CHUNKS, SHAPE)


@refuse("LEAF-10")
def chunked_array_without_its_chunks():
    """The map has two entries, the marker and the shape."""
    return record_("k", here("! two entries") + map_(2) + MARKED + SHAPE)


@refuse("LEAF-10")
def chunked_array_without_its_shape():
    """The map has two entries, the marker and the chunks."""
    return record_("k", here("! two entries") + map_(2) + MARKED + CHUNKS)


@refuse("LEAF-10")
def marker_alone():
    """The map has one entry, the marker."""
    return record_("k", here("! one entry") + map_(1) + MARKED)


@refuse("LEAF-10")
def chunked_array_with_a_fourth_entry():
    """After the three entries comes a fourth, `dtype`. flax leaves it unread."""
    return record_("k", here("! four entries") + map_(4) + MARKED + SHAPE + CHUNKS + str_("dtype") + str_("int8"))


@refuse("LEAF-10")
def chunked_array_with_its_shape_twice():
    """The map has three entries, of which `shape` stands twice and `chunks` is missing."""
    return _entries(MARKED, SHAPE, here("! chunks is expected") + SHAPE)


@refuse("LEAF-10")
def key_of_the_shape_as_a_bin():
    """The key `shape` is a bin."""
    return _entries(MARKED, raw("c4 05 73 68 61 70 65 # ! a bin") + numbered([int_(3)]), CHUNKS)


@refuse("WIRE-6", "LEAF-10")
def chunked_array_with_a_byte_left_over():
    """After the map of a chunked array, the leaf blob has one more byte."""
    return record_("k", chunked_((3,), [ONE_TWO, THREE]) + raw("c0 # ! left over"))

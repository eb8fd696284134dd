"""Chapter 04: types of ext that resemble those of leaves, keys of chunked arrays, lengths at the edges of headers."""

from ..assembly import (
    MARKER,
    Bytes,
    arr_,
    body_,
    data,
    ext_,
    fill,
    here,
    int_,
    map_,
    ndarray_,
    numbered,
    raw,
    record_,
    str_,
    together,
)
from ..declare import (
    accept,
    array,
    boolean,
    flax_accept,
    flax_refuse,
    given,
    integer,
    refuse,
    refuses_to_write,
    text,
    writes,
)

FLOATS = raw("92 cb 3f f0 00 00 00 00 00 00 cb 40 00 00 00 00 00 00 00")


@refuse("LEAF-1")
def ext_of_type_minus_1_with_the_body_of_an_array():
    """The type of the ext is -1, and its body is that of an array: a reader that drops the sign takes it for 1."""
    return record_("k", here("! ext of type -1") + ext_(-1, body_("int8", (2,), "00 01")))


@refuse("LEAF-1")
def ext_of_type_minus_2_with_the_body_of_a_complex():
    """The type of the ext is -2, and its body is that of a complex."""
    return record_("k", here("! ext of type -2") + ext_(-2, FLOATS))


@refuse("LEAF-1")
def ext_of_type_minus_3_with_the_body_of_a_scalar():
    """The type of the ext is -3, and its body is that of a scalar."""
    return record_("k", here("! ext of type -3") + ext_(-3, body_("int8", (), "07")))


@refuse("LEAF-1")
def ext_of_type_17():
    """The type of the ext is 17, hexadecimal 11: its lower four bits are those of type 1."""
    return record_("k", here("! ext of type 17") + ext_(17, body_("int8", (2,), "00 01")))


@refuse("LEAF-1")
def ext_of_type_127():
    """The type of the ext is 127, the largest there is."""
    return record_("k", here("! ext of type 127") + ext_(127, body_("int8", (2,), "00 01")))


@flax_refuse("LEAF-1")
def ext_of_type_minus_1_in_a_flax_file():
    """The type of the ext is -1, and its body is that of an array, in a flax file."""
    return map_(1) + str_("k") + here("! ext of type -1") + ext_(-1, body_("int8", (2,), "00 01"))


@refuse("LEAF-12")
def chunk_of_ext_type_minus_1():
    """A chunk is an ext of type -1 with the body of an array."""
    return _chunked(numbered([here("! ext of type -1") + ext_(-1, body_("int8", (3,), "01 02 03"))]))


@refuse("LEAF-12")
def chunk_of_ext_type_2():
    """A chunk is an ext of type 2 with the body of an array."""
    return _chunked(numbered([here("! ext of type 2") + ext_(2, body_("int8", (3,), "01 02 03"))]))


# --- keys of chunked arrays -------------------------------------------------------------------------------------------


CHUNK = ndarray_("int8", (3,), "01 02 03")


def _chunked(chunks: Bytes, key: Bytes | None = None, shape: Bytes | None = None) -> Bytes:
    """A chunked array of three int8, the value under `chunks` given as bytes, and its key and the shape if need be."""
    head = map_(3) + str_(MARKER) + raw("c3 # true") + str_("shape") + (shape or numbered([int_(3)]))
    return record_("k", head + (key or str_("chunks")) + chunks)


@refuse("LEAF-1")
def map_like_a_chunked_array_under_the_empty_key():
    """A map has the three entries of a chunked array, but its first key is the empty text."""
    entries = raw("a0 c3") + str_("shape") + numbered([int_(3)]) + str_("chunks") + numbered([CHUNK])
    return record_("k", here("! a map that does not begin with the marker") + map_(3) + entries)


@refuse("LEAF-1")
def map_like_a_chunked_array_under_nil():
    """A map has the three entries of a chunked array, but its first key is nil."""
    entries = raw("c0 c3") + str_("shape") + numbered([int_(3)]) + str_("chunks") + numbered([CHUNK])
    return record_("k", here("! a map that does not begin with the marker") + map_(3) + entries)


@flax_accept("FLAX-3", "FLAX-2")
def subtree_that_is_like_a_chunked_array():
    """A map of a flax file has the three entries of a chunked array, but its first key is not the marker: it is a
    subtree like any other, and what would be the shape and the chunks are leaves in it."""
    entries = str_("chunked") + raw("c3") + str_("shape") + numbered([int_(3)]) + str_("chunks") + numbered([CHUNK])
    return map_(1) + str_("k") + map_(3) + entries, [
        boolean(["k", "chunked"], True),
        integer(["k", "shape", "0"], 3),
        array(["k", "chunks", "0"], "int8", (3,), "01 02 03"),
    ]


@accept("LEAF-12", "STREAM-7", longer=True)
def forty_thousand_chunks():
    """Forty thousand chunks of one element: a reader that keeps some bytes at hand for the headers of a leaf has to
    fetch more of them on the way, and one whose work grows with the square of their number does not end in time."""
    payload = bytes(i % 251 for i in range(40_000))
    chunks = b"".join(
        str_(str(i)).data() + ndarray_("int8", (1,), f"{byte:02x}").data() for i, byte in enumerate(payload)
    )
    head = map_(3) + str_(MARKER) + raw("c3") + str_("shape") + numbered([int_(40_000)]) + str_("chunks")
    return record_("k", head + map_(40_000) + data(chunks)), [array("k", "int8", (40_000,), data(payload))]


@refuse("LEAF-10")
def key_of_the_chunks_as_a_bin():
    """The key `chunks` is a bin."""
    return _chunked(numbered([CHUNK]), key=raw("c4 06 63 68 75 6e 6b 73 # ! a bin"))


@refuse("LEAF-12")
def key_of_a_chunk_that_is_a_bin():
    """The key of the chunk is a bin of the digit 0."""
    return _chunked(map_(1) + raw("c4 01 30 # ! a bin") + CHUNK)


@refuse("LEAF-12")
def chunk_numbered_00():
    """The key of the chunk is `00`."""
    return _chunked(map_(1) + str_("00", "! 00") + CHUNK)


@refuse("LEAF-12")
def chunk_numbered_with_a_sign():
    """The key of the chunk is `-0`, which is 0 to most functions that read numbers."""
    return _chunked(map_(1) + str_("-0", "! -0") + CHUNK)


@refuse("LEAF-12")
def chunk_numbered_with_a_blank():
    """The key of the chunk is a blank and `0`, which is 0 to most functions that read numbers."""
    return _chunked(map_(1) + str_(" 0", "! a blank and 0") + CHUNK)


@refuse("LEAF-12")
def chunk_with_the_empty_key():
    """The key of the chunk is the empty text, which is 0 to JavaScript."""
    return _chunked(map_(1) + str_("", "! the empty text") + CHUNK)


@refuse("LEAF-12")
def chunk_numbered_in_arabic():
    """The key of the chunk is U+0660, the arabic digit 0."""
    return _chunked(map_(1) + str_("\u0660", "! the arabic digit 0") + CHUNK)


@refuse("LEAF-11")
def dimension_numbered_with_a_line_feed():
    """The key of the dimension is `0` and a line feed, which is 0 to most functions that read numbers."""
    return _chunked(numbered([CHUNK]), shape=map_(1) + str_("0\n", "! 0 and a line feed") + int_(3))


@refuse("LEAF-12")
def eleventh_chunk_numbered_in_hexadecimal():
    """Eleven chunks, of which the last has the key `a`."""
    chunks = [str_(str(i)) + ndarray_("int8", (0,), "") for i in range(9)]
    last = str_("9") + CHUNK + str_("a", "! 10 is expected") + ndarray_("int8", (0,), "")
    return _chunked(map_(11) + together(chunks) + last)


@refuse("LEAF-3")
def dimension_that_is_a_float_32():
    """The dimension 2 stands as a float 32."""
    body = arr_(3) + arr_(1) + raw("ca 40 00 00 00 # ! a float 32") + str_("int8") + raw("c4 02 00 01")
    return record_("k", ext_(1, body))


# --- lengths at the edges of headers ----------------------------------------------------------------------------------


@accept("LEAF-3", "WIRE-1")
def dimensions_at_each_width():
    """Dimensions on both sides of each width of an int, in arrays without elements."""
    edges = (127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32)
    stream = together([record_(str(n), ndarray_("int8", (n, 0), "")) for n in edges])
    return stream, [array(str(n), "int8", (n, 0), "") for n in edges]


@accept("LEAF-2", "WIRE-1")
def bodies_of_255_256_65535_and_65536_bytes():
    """Bodies of ext on both sides of each width of their length."""
    stream, records = Bytes(), []
    for size in (255, 256, 65_535, 65_536):
        n = next(n for n in range(size - 16, size) if body_("int8", (n,), fill(7, n)).size == size)
        stream += record_(str(size), ndarray_("int8", (n,), fill(7, n)))
        records.append(array(str(size), "int8", (n,), fill(7, n)))
    return stream, records


@accept("LEAF-1", "WIRE-1")
def texts_of_31_to_65536_bytes():
    """Texts on both sides of each width of their length."""
    sizes = (31, 32, 255, 256, 65_535, 65_536)
    return together([record_(str(n), str_("a" * n)) for n in sizes]), [text(str(n), "a" * n) for n in sizes]


@accept("REC-4", "WIRE-1")
def blobs_of_65535_and_65536_bytes():
    """Leaf blobs on both sides of the width of their length, with a text of three bytes less in each."""
    sizes = (65_535 - 3, 65_536 - 3)
    stream = together([record_(str(n), str_("b" * n)) for n in sizes])
    return stream, [text(str(n), "b" * n) for n in sizes]


@writes("TREE-3")
def integer_keys_of_64_bits():
    """Integer keys that float 64 does not hold: the text is the integer to its last digit."""
    keys = (2**53 + 1, 2**64 - 1, -(2**63), 0)
    asked = [given([key], "int", value=str(i)) for i, key in enumerate(keys)]
    return asked, together([record_(str(key), int_(i)) for i, key in enumerate(keys)])


@accept("WIRE-5", "KEY-2")
def replacement_characters_that_stand_in_the_file():
    """U+FFFD as a key and as a text, and the noncharacters U+FFFE, U+FFFF and U+FDD0: all of them are valid UTF-8. A
    reader that looks for U+FFFD to find out whether decoding failed refuses good texts."""
    names = ("\ufffd", "\ufffe", "\uffff", "\ufdd0", "\U0010ffff")
    return together([record_(name, str_(name)) for name in names]), [text(name, name) for name in names]


@refuses_to_write("REC-3", largest=1 << 32)
def a_bin_whose_blob_passes_the_limit_by_one():
    """A bin of 2^32 - 5 bytes: with its header of 5 bytes it is one byte too long for a leaf blob."""
    return [given(["a"], "int", value="1"), given(["k"], "bin", bytes=str(2**32 - 5), fill="00")]

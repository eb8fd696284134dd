"""Chapter 04: the three elements of an array (LEAF-2), and the edges of its lengths."""

from ..assembly import arr_, bin_, body_, data, ext_, fill, here, int_, ndarray_, raw, record_, str_, together
from ..declare import accept, array, refuse


@accept("LEAF-2", "LEAF-5")
def two_int8():
    """An array of two int8, the smallest thing of its kind."""
    return raw("""
        92 91 a1 6b         # record, key path ["k"]
        c4 0f               # leaf blob of 15 bytes
        c7 0c 01 93         # ext 1, body of 12 bytes: array of 3
        91 02               # shape (2,)
        a4 69 6e 74 38      # "int8"
        c4 02 00 01         # payload [0, 1]
    """), [array("k", "int8", (2,), "00 01")]


def _bytes_of_int8(*sizes):
    leaves = [(str(n), fill(n & 0x7F, n)) for n in sizes]
    return together([record_(path, ndarray_("int8", (payload.size,), payload)) for path, payload in leaves]), [
        array(path, "int8", (payload.size,), payload) for path, payload in leaves
    ]


@accept("LEAF-2", "LEAF-5", "WIRE-1")
def payloads_of_255_and_256_bytes():
    """The longest payload whose length takes one byte, and the shortest whose length takes two."""
    return _bytes_of_int8(255, 256)


@accept("LEAF-2", "LEAF-5", "LEAF-13", "WIRE-1")
def payloads_of_65535_and_65536_bytes():
    """The longest payload whose length takes two bytes, and the shortest whose length takes four. None is chunked."""
    return _bytes_of_int8(65535, 65536)


@refuse("LEAF-2", also=("WIRE-6",))
def body_of_four_elements():
    """The body of ext 1 has a fourth element after the payload. Code that unpacks the first three never sees it."""
    rest = arr_(1) + int_(2) + str_("int8") + bin_(data(b"\0\1")) + raw("c0")
    return record_("k", ext_(1, raw("94 # ! an array of four elements") + rest))


@refuse("LEAF-2")
def body_that_is_a_map():
    """The body of ext 1 is a map from `shape`, `dtype` and `data` to the right values."""
    entries = str_("shape") + arr_(1) + int_(2) + str_("dtype") + str_("int8") + str_("data") + bin_(data(b"\0\1"))
    return record_("k", ext_(1, raw("83 # ! a map") + entries))


@refuse("LEAF-2")
def body_that_is_nil():
    """The body of ext 1 is a nil."""
    return record_("k", ext_(1, raw("c0 # ! a nil")))


@refuse("LEAF-2")
def body_in_a_bin_of_its_own():
    """The body of ext 1 is a bin that holds the array of three: encoded once too often."""
    return record_("k", ext_(1, here("! a bin") + bin_(body_("int8", (2,), "00 01"))))


@refuse("WIRE-6", "LEAF-2")
def body_with_a_byte_left_over():
    """After the array of three, the body of ext 1 has one more byte."""
    return record_("k", ext_(1, body_("int8", (2,), "00 01") + raw("c0 # ! left over")))

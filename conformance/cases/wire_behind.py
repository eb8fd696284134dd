"""Chapter 01, WIRE-3 and WIRE-6: values that go on behind the bin or ext in which they stand.

The bytes are all there, and what follows is a whole record: a reader that compares with the end of the file alone, or
that looks for bytes left over but not for bytes too few, reads every one of these files to its end.
"""

from ..assembly import MARKER, Bytes, arr_, bin_, data, here, int_, map_, ndarray_, numbered, path_, raw, record_, str_
from ..declare import flax_refuse, refuse

NEXT = record_("next", int_(7))


def _blob(says: int, leaf: Bytes) -> Bytes:
    """A record whose blob says so many bytes, and a whole record after what stands there."""
    return data(b"\x92") + path_("k") + data(bytes((0xC4, says))) + leaf + NEXT


@refuse("WIRE-6", also=("WIRE-3", "REC-2"))
def nil_behind_an_empty_blob():
    """The blob says that it has no bytes, and the nil that was meant stands behind it."""
    return _blob(0, here("! a leaf is expected") + raw("c0"))


@refuse("WIRE-6", also=("WIRE-3", "REC-2"))
def int_behind_an_empty_blob():
    """The blob says that it has no bytes, and an int of nine bytes stands behind it."""
    return _blob(0, here("! a leaf is expected") + raw("cf 00 00 00 00 00 00 00 07"))


@refuse("WIRE-3")
def int_whose_only_byte_stands_behind_its_blob():
    """The blob has one byte, the header of an int of one byte, which stands behind the blob."""
    return _blob(1, raw("cc 80 # ! an int of two bytes"))


@refuse("WIRE-3")
def int_whose_last_byte_stands_behind_its_blob():
    """The blob has eight of the nine bytes of an int."""
    return _blob(8, raw("d3 ff ff ff ff 00 00 00 00 # ! an int of nine bytes"))


@refuse("WIRE-3")
def float_whose_last_byte_stands_behind_its_blob():
    """The blob has eight of the nine bytes of a float."""
    return _blob(8, raw("cb 3f f0 00 00 00 00 00 00 # ! a float of nine bytes"))


@refuse("WIRE-3")
def float_32_whose_last_byte_stands_behind_its_blob():
    """The blob has four of the five bytes of a float 32."""
    return _blob(4, raw("ca 3f 80 00 00 # ! a float of five bytes"))


@refuse("WIRE-3")
def text_whose_last_byte_stands_behind_its_blob():
    """The blob has three of the four bytes of a text."""
    return _blob(3, raw("a3 61 62 63 # ! a text of three bytes"))


@refuse("WIRE-3")
def bin_whose_length_stands_behind_its_blob():
    """The blob has the first byte of a bin. Its length and its bytes stand behind the blob."""
    return _blob(1, raw("c4 01 07 # ! a bin"))


@refuse("WIRE-3")
def array_whose_last_byte_stands_behind_its_blob():
    """The blob has one byte less than the ext of an array."""
    leaf = ndarray_("int8", (2,), "01 02")
    return _blob(leaf.size - 1, here("! an ext") + leaf)


def _in_an_ext(code: int, says: int, body: Bytes) -> Bytes:
    """A record whose blob ends with what stands in and behind an ext that says so many bytes."""
    return data(b"\x92") + path_("k") + bin_(data(bytes((0xC7, says, code))) + body) + NEXT


@refuse("WIRE-6", also=("WIRE-3", "LEAF-7"))
def complex_whose_second_part_stands_behind_its_ext():
    """The ext has the header of the array and the first float. The second one stands behind it, in the blob."""
    first, second = raw("92 cb 3f f0 00 00 00 00 00 00"), raw("cb 40 00 00 00 00 00 00 00")
    return _in_an_ext(2, first.size, first + here("! a float is expected") + second)


@refuse("WIRE-3")
def complex_whose_last_byte_stands_behind_its_ext():
    """The ext has all of the two floats but the last byte, which stands behind it, in the blob."""
    first, second = raw("92 cb 3f f0 00 00 00 00 00 00"), raw("cb 40 00 00 00 00 00 00 00 # ! a float of nine bytes")
    return _in_an_ext(2, first.size + second.size - 1, first + second)


@refuse("WIRE-3")
def payload_whose_last_byte_stands_behind_its_ext():
    """The ext has all of the payload but its last byte, which stands behind it, in the blob."""
    head, payload = arr_(3) + arr_(1) + int_(2) + str_("int8"), raw("c4 02 01 02 # ! a payload of two bytes")
    return _in_an_ext(1, head.size + payload.size - 1, head + payload)


@refuse("WIRE-6", also=("WIRE-3", "LEAF-5"))
def payload_that_stands_behind_its_ext():
    """The ext has shape and tag. The payload, which has no bytes, stands behind it, in the blob."""
    head = arr_(3) + arr_(1) + int_(0) + str_("int8")
    return _in_an_ext(1, head.size, head + here("! a payload is expected") + raw("c4 00"))


@refuse("WIRE-3")
def scalar_whose_payload_stands_behind_its_ext_in_part():
    """The ext has all of a scalar but its last byte, which stands behind it, in the blob."""
    body = arr_(3) + arr_(0) + str_("int8") + raw("c4 01 07 # ! a payload of one byte")
    return _in_an_ext(3, body.size - 1, body)


@flax_refuse("WIRE-3", also=("LEAF-5",))
def payload_whose_last_byte_stands_behind_its_ext_in_a_flax_file():
    """The ext has all of the payload but its last byte, which stands behind it, before the next key."""
    head, payload = arr_(3) + arr_(1) + int_(2) + str_("int8"), raw("c4 02 01 02 # ! a payload of two bytes")
    ext = data(bytes((0xC7, head.size + payload.size - 1, 1)))
    return map_(2) + str_("a") + ext + head + payload + str_("b") + int_(7)


@flax_refuse("WIRE-6", also=("WIRE-3", "LEAF-7"))
def complex_whose_second_part_stands_behind_its_ext_in_a_flax_file():
    """The ext has the header of the array and the first float. The second one stands behind it, before the next key."""
    first, second = raw("92 cb 3f f0 00 00 00 00 00 00"), raw("cb 40 00 00 00 00 00 00 00")
    ext = data(bytes((0xC7, first.size, 2)))
    return map_(2) + str_("a") + ext + first + here("! a float is expected") + second + str_("b") + int_(7)


def _chunked(chunks: Bytes) -> Bytes:
    return map_(3) + str_(MARKER) + raw("c3") + str_("shape") + numbered([int_(3)]) + str_("chunks") + chunks


@refuse("WIRE-3", also=("LEAF-5", "LEAF-12"))
def chunk_whose_last_byte_stands_behind_its_ext():
    """The ext of the first chunk has all of its payload but the last byte, which stands behind it, before the next."""
    head, payload = arr_(3) + arr_(1) + int_(2) + str_("int8"), raw("c4 02 01 02 # ! a payload of two bytes")
    first = data(bytes((0xC7, head.size + payload.size - 1, 1))) + head + payload
    return record_("k", _chunked(numbered([first, ndarray_("int8", (1,), "03")])))


@refuse("WIRE-3")
def chunked_array_whose_last_byte_stands_behind_its_blob():
    """The blob has one byte less than the chunked array in it."""
    last = here("! an ext") + ndarray_("int8", (3,), "01 02 03")
    leaf = _chunked(map_(1) + str_("0") + last)
    return _blob(leaf.size - 1, leaf)

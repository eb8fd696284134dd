"""Chapter 09: what a safetensors file may look like (CONV-10), where its readers differ."""

from ..assembly import Bytes, data, ndarray_, record_
from ..declare import Conversion, converts, refuses_to_convert
from .conversion_kinds import safetensors_
from .conversion_safetensors import DAMAGED, IN, entry_

ONE = entry_("w", "U8", "[1]", 0, 1)
W = record_("w", ndarray_("uint8", (1,), "07"))


def taken(header: str) -> tuple[Conversion, Bytes, Bytes]:
    """A file of this header and the payload 07, and the stream of its tensor `w`."""
    return IN, safetensors_(header, "07"), W


def damaged(header: str, payload: str = "07") -> tuple[Conversion, Bytes]:
    return IN, safetensors_(header, payload)


# --- the header around its members ---


@converts("CONV-10")
def white_space_within_and_behind_the_header():
    """Blanks, tabs, line feeds and carriage returns between the parts of the header and behind it."""
    header = "{" + ONE.replace(",", " ,\r\n").replace(":", "\t: ") + "\n}"
    return taken(header + "\t\r\n ")


@refuses_to_convert("CONV-10", also=DAMAGED)
def header_that_begins_with_a_line_feed():
    """A line feed before the `{`. The library takes it."""
    return damaged("\n{" + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def header_that_begins_with_a_byte_order_mark():
    """U+FEFF before the `{`."""
    return damaged("\ufeff{" + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def header_that_is_padded_with_nul():
    """Three NUL behind the header, as C fills a buffer. Blanks are what a header is filled up with."""
    return damaged("{" + ONE + "}\0\0\0")


@refuses_to_convert("CONV-10", also=DAMAGED)
def second_object_behind_the_header():
    """A second object within the length of the header."""
    return damaged("{" + ONE + "}{}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def length_of_one_byte_less_than_the_header():
    """The length leaves out the last `}`, which then is the payload."""
    header = "{" + ONE + "}"
    return IN, data((len(header) - 1).to_bytes(8, "little")) + data(header.encode())


@refuses_to_convert("CONV-10", also=DAMAGED)
def header_in_latin_1():
    """A name with a byte e9, which is a letter in Latin-1 and no UTF-8."""
    header = "{" + entry_("\xe9", "U8", "[1]", 0, 1) + "}"
    return IN, data(len(header).to_bytes(8, "little")) + data(header.encode("latin-1")) + data(b"\x07")


@refuses_to_convert("CONV-10", also=DAMAGED)
def safetensors_of_seven_bytes():
    """A file that ends within the length of its header."""
    return IN, data(bytes(7))


@refuses_to_convert("CONV-10", also=DAMAGED)
def length_of_2_to_the_63():
    """A length whose highest bit is set: below zero where it is taken for a signed number."""
    header = "{" + ONE + "}"
    return IN, data((1 << 63 | len(header)).to_bytes(8, "little")) + data(header.encode()) + data(b"\x07")


# --- the entry of a tensor ---


@converts("CONV-10")
def members_in_another_order():
    """The members of an entry have no order."""
    return taken('{"w":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}')


@converts("CONV-10")
def members_and_dtype_with_escapes():
    """The name `dtype` and the text `U8` are spelled with escapes."""
    return taken('{"w":{"\\u0064type":"\\u00558","shape":[1],"data_offsets":[0,1]}}')


@converts("CONV-10", "CONV-11")
def members_that_are_not_known():
    """An entry has more members: a number, a fraction, an object. They are ignored, wherever they stand."""
    more = '"a":-7,"DTYPE":"F32","b":{"dtype":["F32",null]},'
    return taken('{"w":{' + more + '"dtype":"U8","shape":[1],"data_offsets":[0,1],"c":1.5e3,"d":true}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def entry_that_is_a_list():
    """The dtype, shape and offsets of a tensor in a list. The library takes it; an entry is an object."""
    return damaged('{"w":["U8",[1],[0,1]]}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def entry_that_is_null():
    """The entry of a tensor without payload is null."""
    return damaged('{"v":null,' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def entry_without_its_dtype():
    """A tensor without `dtype`."""
    return damaged('{"w":{"shape":[1],"data_offsets":[0,1]}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def entry_without_its_shape():
    """A tensor without `shape`. One element would be all that fits."""
    return damaged('{"w":{"dtype":"U8","data_offsets":[0,1]}}')


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def member_of_an_entry_that_stands_twice():
    """`shape` stands twice in an entry, with one value."""
    return damaged('{"w":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}')


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def member_that_is_not_known_and_stands_twice():
    """A member that is ignored stands twice. The library takes it."""
    return damaged('{"w":{"x":1,"dtype":"U8","x":1,"shape":[1],"data_offsets":[0,1]}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def offsets_of_three_numbers():
    """`data_offsets` has three numbers."""
    return damaged('{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def offsets_that_are_an_object():
    """`data_offsets` is an object whose members are called 0 and 1."""
    return damaged('{"w":{"dtype":"U8","shape":[1],"data_offsets":{"0":0,"1":1}}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def offsets_that_run_backwards():
    """The end stands before the beginning, for a tensor without elements."""
    return damaged("{" + entry_("v", "U8", "[0]", 1, 0) + "," + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def offset_with_a_fraction():
    """An offset is 1.0."""
    return damaged('{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def offset_of_minus_0():
    """An offset is -0. Offsets and dimensions are digits alone."""
    return damaged('{"w":{"dtype":"U8","shape":[1],"data_offsets":[-0,1]}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def offset_of_2_to_the_64_and_1():
    """An offset is 2^64 + 1, which a reader of 64 bits takes for 1."""
    return damaged(f'{{"w":{{"dtype":"U8","shape":[1],"data_offsets":[0,{(1 << 64) + 1}]}}}}')


@refuses_to_convert("CONV-10", also=DAMAGED)
def dimension_with_an_exponent():
    """A dimension is 1e0."""
    return damaged("{" + entry_("w", "U8", "[1e0]", 0, 1) + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def dimension_that_is_true():
    """A dimension is true."""
    return damaged("{" + entry_("w", "U8", "[true]", 0, 1) + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def dimension_that_is_a_text():
    """A dimension is "1"."""
    return damaged("{" + entry_("w", "U8", '["1"]', 0, 1) + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def shape_that_is_null():
    """A shape is null, and not []."""
    return damaged("{" + entry_("w", "U8", "null", 0, 1) + "}")

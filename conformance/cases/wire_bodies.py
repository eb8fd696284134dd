"""Chapter 01, WIRE-4 and WIRE-6: the byte c1, and bodies that are not used up by what stands in them."""

from ..assembly import body_, ext8, here, raw, record_
from ..declare import accept, array, binary, refuse, text

# --- WIRE-4 -------------------------------------------------------------------------------------------------


@refuse("WIRE-4", also=("REC-1",))
def c1_where_a_record_begins():
    """After the first record stands c1, which begins no value. Some readers skip it as they would a nil."""
    return raw("""
        92 91 a1 61 c4 01 07
        c1                      # !
        92 91 a1 62 c4 01 07
    """)


@refuse("WIRE-4", also=("KEY-1",))
def c1_where_a_key_path_is_due():
    """In place of the key path stands c1."""
    return raw("""
        92
        c1                      # !
        c4 01 c0
    """)


@refuse("WIRE-4", also=("KEY-1",))
def c1_where_a_part_is_due():
    """In place of a part of the key path stands c1. In a reader that reads every byte from a0 on as a str this is a
    text of 33 bytes."""
    return raw("""
        92 91
        c1                      # !
        c4 01 c0
    """)


@refuse("WIRE-4", also=("REC-2",))
def c1_where_a_blob_is_due():
    """In place of the bin around the leaf stands c1."""
    return raw("""
        92 91 a1 61
        c1                      # !
    """)


@refuse("WIRE-4", also=("LEAF-1",))
def c1_as_a_leaf():
    """The leaf is the byte c1, where nil, c0, and false, c2, would be leaves."""
    return raw("""
        92 91 a1 61 c4 01
        c1                      # !
    """)


@refuse("WIRE-4", also=("DTYPE-1", "DTYPE-2", "LEAF-2"))
def c1_as_a_tag():
    """In place of the dtype tag stands c1."""
    return record_("a", ext8(1, raw("93 91 01") + raw("c1 # !") + raw("c4 01 07")))


@refuse("WIRE-4", also=("LEAF-5", "LEAF-2"))
def c1_where_a_payload_is_due():
    """In place of the payload of an empty array stands c1."""
    return record_("a", ext8(1, raw("93 91 00 a4 69 6e 74 38") + raw("c1 # !")))


@refuse("WIRE-4", also=("LEAF-1", "LEAF-10"))
def c1_as_the_key_of_a_map():
    """The first key of a map is c1."""
    return record_("a", raw("81") + raw("c1 # !") + raw("c0"))


@accept("WIRE-4")
def c1_inside_texts_and_payloads():
    """Where no value is to begin, c1 is a byte like any other: in a bin, in a payload, in a length, and within a
    character of a text."""
    bytes_ = raw("92 91 a2 c4 81 c4 03 c4 01 c1 # a bin under the key U+0101")
    bytes_ += raw("92 91 a1 62 c4 10 c7 0d 01 93 91 02 a5 75 69 6e 74 38 c4 02 c1 c1 # uint8 [193, 193]")
    bytes_ += raw("92 91 a1 63 c4 c3 d9 c1 # a str of 193 bytes, c1") + raw("78") * 193
    return bytes_, [binary("\u0101", b"\xc1"), array("b", "uint8", (2,), "c1 c1"), text("c", "x" * 193)]


# --- WIRE-6 -------------------------------------------------------------------------------------------------


@refuse("WIRE-6", also=("REC-2",))
def two_leaves_in_a_blob():
    """The blob holds two whole leaves. A reader that decodes one value and stops takes the file."""
    return record_("a", raw("07") + raw("08 # ! a second leaf"))


@refuse("WIRE-6", also=("REC-2",))
def record_inside_a_blob():
    """The blob says seven bytes more than its leaf has, and thereby swallows the next record, which would be lost
    without a word."""
    return raw("""
        92 91 a1 61 c4 08
        07
        92 91 a1 62 c4 01 08    # ! the next record, inside the blob
        92 91 a1 63 c4 01 09    # the one after it
    """)


@refuse("WIRE-6", also=("LEAF-2", "LEAF-5", "WIRE-3"))
def ext_that_ends_before_its_payload():
    """The body has shape and tag and ends where the payload is expected, which stands after the ext."""
    body = raw("93 90 a4 69 6e 74 38") + here("! a payload is expected")
    return record_("a", ext8(1, body) + raw("c4 01 07"))


@refuse("WIRE-6", also=("LEAF-6",))
def scalar_with_a_byte_left_over():
    """After the array of three, the body of ext 3 has one more byte."""
    return record_("a", ext8(3, body_("int8", (), "07") + raw("00 # ! left over")))


@refuse("WIRE-6", also=("REC-2", "LEAF-9"))
def empty_node_with_bytes_left_over():
    """After an empty map its blob has an entry, which the map's count of 0 leaves out."""
    return record_("a", raw("80") + raw("a1 # ! left over") + raw("78 01"))

"""Chapter 01, WIRE-3 and CONF-4: lengths and counts that reach beyond the bin or ext in which they stand."""

from ..assembly import MARKER, ext8, fill, map_, ndarray_, raw, record_, str_
from ..declare import refuse

NEXT = raw("92 91 a1 7a c4 01 c0    # the next record")


@refuse("WIRE-3", "CONF-4")
def text_leaf_of_4294967295_bytes():
    """A str in a blob of 7 bytes says 2^32 - 1 bytes."""
    return raw("""
        92 91 a1 61 c4 07
        db ff ff ff ff          # ! str of 2^32 - 1 bytes
        61 62
    """)


@refuse("WIRE-3", "CONF-4")
def bin_leaf_of_2147483648_bytes():
    """A bin in a blob of 7 bytes says 2^31 bytes, which is negative in signed 32 bits."""
    return raw("""
        92 91 a1 61 c4 07
        c6 80 00 00 00          # ! bin of 2^31 bytes
        61 62
    """)


@refuse("WIRE-3", "CONF-4")
def ext_of_4294967295_bytes():
    """An ext says 2^32 - 1 bytes. The C extension of msgpack-python adds the byte of the type in 32 bits and gets 0."""
    leaf = raw("c9 ff ff ff ff 01 # ! ext 1 of 2^32 - 1 bytes")
    return record_("a", leaf + raw("93 91 01 a4 69 6e 74 38 c4 01 07"))


@refuse("WIRE-3", "CONF-4", also=("LEAF-1",))
def map_leaf_of_2147483648_entries():
    """A map says 2^31 entries. Keys and values together are 2^32, which in 32 bits is 0: the map must not pass for an
    empty node."""
    return record_("a", raw("df 80 00 00 00 # ! map of 2^31"))


@refuse("WIRE-3", "CONF-4", also=("LEAF-1", "LEAF-10"))
def chunked_array_of_4294967295_entries():
    """The map of a chunked array says 2^32 - 1 entries, and the first three are those of a chunked array."""
    leaf = raw("df ff ff ff ff # ! map of 2^32 - 1") + str_(MARKER) + raw("c3") + str_("shape") + raw("81 a1 30 01")
    return record_("a", leaf + str_("chunks") + map_(1) + str_("0") + ndarray_("int8", (1,), "07"))


@refuse("WIRE-3", "CONF-4", also=("LEAF-12",))
def map_of_4294967295_chunks():
    """The chunks of a chunked array are a map that says 2^32 - 1 entries, of which the one that is needed is there."""
    leaf = raw("83") + str_(MARKER) + raw("c3") + str_("shape") + raw("81 a1 30 01") + str_("chunks")
    return record_("a", leaf + raw("df ff ff ff ff # ! map of 2^32 - 1") + str_("0") + ndarray_("int8", (1,), "07"))


@refuse("WIRE-3", "CONF-4", also=("LEAF-1",))
def array_leaf_of_2147483647_elements():
    """A leaf that is an array is refused anyway, but a reader that decodes first and looks afterwards allocates for
    2^31 - 1 elements: 16 GiB in msgpack-python 1.0.5 to 1.2.3."""
    return record_("a", raw("dd 7f ff ff ff # ! array of 2^31 - 1") + raw("c0 c0"))


@refuse("WIRE-3", "CONF-4", also=("LEAF-3",))
def shape_of_4294967295_dimensions():
    """A shape says 2^32 - 1 dimensions, and nine bytes are left in the ext."""
    return record_(
        "a", ext8(1, raw("93") + raw("dd ff ff ff ff # ! array of 2^32 - 1") + raw("01 a4 69 6e 74 38 c4 01 07"))
    )


@refuse("WIRE-3", "CONF-4", also=("LEAF-3",))
def shape_of_536870912_dimensions():
    """A shape says 2^29 dimensions: at 8 bytes for each they take 2^32 bytes, which in 32 bits is 0."""
    return record_(
        "a", ext8(1, raw("93") + raw("dd 20 00 00 00 # ! array of 2^29") + raw("01 a4 69 6e 74 38 c4 01 07"))
    )


@refuse("WIRE-3", "CONF-4", also=("DTYPE-1",))
def tag_of_4294967295_bytes():
    """A dtype tag says 2^32 - 1 bytes."""
    body = raw("93 91 01") + raw("db ff ff ff ff # ! str of 2^32 - 1 bytes") + raw("69 6e 74 38 c4 01 07")
    return record_("a", ext8(1, body))


@refuse("WIRE-3", "CONF-4")
def payload_of_4294967295_bytes_and_a_shape_that_agrees():
    """Shape and payload agree on 2^32 - 1 elements, and the ext has room for two: a reader that compares the payload
    with the shape alone allocates 4 GiB."""
    body = raw("93 91 ce ff ff ff ff a4 69 6e 74 38") + raw("c6 ff ff ff ff # ! bin of 2^32 - 1 bytes") + raw("00 01")
    return record_("a", ext8(1, body))


@refuse("WIRE-3", "CONF-4")
def payload_of_1073741824_bytes_and_a_shape_that_agrees():
    """Shape and payload agree on 2^28 float32, 1 GiB, and the ext has room for one of them."""
    body = raw("93 91 ce 10 00 00 00 a7 66 6c 6f 61 74 33 32") + raw("c6 40 00 00 00 # ! bin of 2^30 bytes")
    return record_("a", ext8(1, body + raw("00 00 80 3f")))


@refuse("WIRE-3")
def ext_reaches_beyond_its_blob():
    """The leaf is whole, but the bin around it says one byte less, and the last element of the payload belongs to
    nothing. A reader that reads on from where the leaf ends takes this."""
    return (
        raw("""
        92 91 a1 61
        c4 0e                   # blob of 14 bytes, where the leaf has 15
        c7 0c 01                # ! ext 1, body of 12 bytes
        93 91 02 a4 69 6e 74 38 c4 02 00 01
    """)
        + NEXT
    )


@refuse("WIRE-3")
def text_reaches_into_the_next_record():
    """A str says 5 bytes, its blob has room for 3, and the next record would make up the rest."""
    return (
        raw("""
        92 91 a1 61 c4 04
        a5                      # ! str of 5 bytes
        61 62 63
    """)
        + NEXT
    )


@refuse("WIRE-3")
def fixed_ext_with_15_bytes_left():
    """The header d8 means a body of 16 bytes, whatever is left: here 15."""
    leaf = raw("d8 01 # ! ext 1 with a body of 16 bytes") + raw("93 91 04 a5 75 69 6e 74 38 c4 04 01 02 03 04")
    return record_("a", leaf)


@refuse("WIRE-3")
def tag_longer_than_its_ext_by_one():
    """The dtype tag says 5 bytes, and the 4 of its text are the last ones of the ext."""
    return record_("a", ext8(1, raw("93 90") + raw("a5 # ! str of 5 bytes") + raw("69 6e 74 38")))


@refuse("WIRE-3")
def int_of_two_bytes_with_one_left():
    """A value can reach beyond its blob as well as a length: the int of two bytes has one in the blob, and the other
    would be the first byte of the next record."""
    return (
        raw("""
        92 91 a1 61 c4 02
        cd 01                   # ! an int of 2 bytes
    """)
        + NEXT
    )


@refuse("WIRE-3")
def ext_header_without_its_type():
    """The blob ends between the length of an ext and its type."""
    return (
        raw("""
        92 91 a1 61 c4 02
        c7 0c                   # ! an ext without the byte of its type
    """)
        + NEXT
    )


@refuse("KEY-1", "CONF-2", also=("STREAM-2",))
def key_path_of_arrays_nested_100000_deep():
    """The key path begins a hundred thousand arrays, one in the other, in place of a part. A reader that decodes all
    of it, level by level on its call stack, crashes."""
    return raw("92 91") + raw("91 # ! an array where a part is expected") + fill(0x91, 99_999) + raw("a1 61 c4 01 c0")

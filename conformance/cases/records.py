"""Chapter 05: one key path with one leaf."""

from ..assembly import arr_, bin_, data, here, int_, map_, ndarray_, path_, raw, record_, str_
from ..declare import accept, array, integer, refuse


@accept("REC-1", "REC-2")
def two_records():
    """An int and an array, each in a record of its own."""
    return record_("a", int_(7)) + record_("b", ndarray_("int8", (1,), "09")), [
        integer("a", 7),
        array("b", "int8", (1,), "09"),
    ]


@accept("REC-1", longer=True)
def record_header_in_three_bytes():
    """The array of a record has its count in 2 bytes: a reader that looks for the byte 92 loses it."""
    return raw("dc 00 02") + path_("a") + bin_(int_(7)), [integer("a", 7)]


@accept("REC-1", longer=True, until="1.0")
def record_header_in_five_bytes():
    """The array of a record has its count in 4 bytes; later versions mark their first record so."""
    return raw("dd 00 00 00 02") + path_("a") + bin_(int_(7)) + record_("b", int_(8)), [
        integer("a", 7),
        integer("b", 8),
    ]


@refuse("REC-1")
def record_of_one_element():
    """An array of one element, the path alone."""
    return data(b"\x91", "! an array of 1") + path_("a")


@refuse("REC-1")
def record_of_three_elements():
    """Path, leaf and a third element. A loop that unpacks `path, blob, *rest` reads over it."""
    return data(b"\x93", "! an array of 3") + path_("a") + bin_(int_(7)) + bin_(int_(8))


@refuse("REC-1")
def record_of_no_element():
    """An empty array in place of a record."""
    return record_("a", int_(7)) + raw("90 # ! an array of 0")


@refuse("REC-1", also=("WIRE-3", "STREAM-2"))
def record_header_of_514():
    """A count of 514 in 2 bytes, of which the lower byte is 2: a reader that looks at the last byte alone takes it. The
    file ends before 514 elements could, too."""
    return raw("dc 02 02 # ! an array of 514") + path_("a") + bin_(int_(7))


@refuse("REC-1")
def record_that_is_a_map():
    """A map of path to blob, as a program writes that packs a dict for each leaf."""
    return data(b"\x81", "! a map") + path_("a") + bin_(int_(7))


@refuse("REC-1")
def records_in_pairs_without_an_array():
    """Path and blob follow each other without an array around them."""
    return data(b"\x91", "! an array of 1, the path itself") + str_("a") + bin_(int_(7))


@refuse("REC-1")
def nil_between_records():
    """The byte c0 between two records."""
    return record_("a", int_(7)) + raw("c0 # ! nil") + record_("b", int_(8))


@refuse("REC-1")
def record_that_is_a_bin():
    """A bin that holds a whole record: the stream was packed once more."""
    return here("! a bin") + bin_(record_("a", int_(7)))


@refuse("REC-1", also=("REC-2", "KEY-1"))
def blob_before_path():
    """The two elements of the record stand the other way round."""
    return data(b"\x92") + here("! a bin where the path is expected") + bin_(int_(7)) + path_("a")


@refuse("REC-2")
def leaf_without_its_bin():
    """An array stands in the record directly, as a packer with flax's own hook for arrays writes it."""
    return arr_(2) + path_("a") + here("! an ext, not a bin") + ndarray_("int8", (1,), "09")


@refuse("REC-2")
def blob_that_is_a_str():
    """The leaf's bytes stand in a str, as msgpack wrote all bytes before 2013."""
    return arr_(2) + path_("a") + here("! a str, not a bin") + str_(b"\x07")


@refuse("REC-2")
def blob_that_is_nil():
    """Nothing was put in place of a leaf, not even a leaf that is nil."""
    return arr_(2) + path_("a") + raw("c0 # ! nil, not a bin")


@refuse("REC-2")
def blob_that_is_a_map():
    """An empty node stands in the record directly."""
    return arr_(2) + path_("a") + here("! a map, not a bin") + map_(0)


@refuse("REC-2", "WIRE-6")
def blob_of_two_leaves():
    """The blob holds two ints. A decoder that stops after the first value does not see the second."""
    return arr_(2) + path_("a") + raw("c4 02 07") + raw("08 # ! left over")


@refuse("REC-2", "WIRE-6")
def blob_of_no_byte():
    """The blob is empty."""
    return arr_(2) + path_("a") + raw("c4 00") + here("! a leaf is expected")


@refuse("REC-2", "WIRE-6")
def blob_with_padding():
    """The blob is filled up with zeros to a multiple of 8 bytes."""
    return arr_(2) + path_("a") + raw("c4 08 07") + raw("00 00 00 00 00 00 00 # ! left over")


@accept("REC-2", longer=True)
def blob_in_long_bins():
    """The blob stands in a bin whose length takes 2 or 4 bytes."""
    return arr_(2) + path_("a") + raw("c5 00 01 07") + arr_(2) + path_("b") + raw("c6 00 00 00 01 08"), [
        integer("a", 7),
        integer("b", 8),
    ]

"""Chapter 06: whole streams, their end, and that each key path stands in them once."""

from ..assembly import Bytes, Part, bin_, data, int_, ndarray_, path_, raw, record_
from ..declare import (
    Conversion,
    accept,
    converts,
    empty,
    encode,
    given,
    integer,
    nil,
    refuse,
    refuses_to_convert,
    refuses_to_write,
)
from ..repetition import Counted

TWO = record_("a", int_(1)) + record_("b", ndarray_("int16", (2,), "0100 0200"))


@accept("STREAM-1", "STREAM-2", "STREAM-3")
def one_record():
    """The smallest stream: one record, and then the end."""
    return record_("a", int_(1)), [integer("a", 1)]


@refuse("STREAM-1", also=("REC-1",))
def a_line_end_after_the_last_record():
    """An editor or a shell has added a line feed, which is the MessagePack integer 10."""
    return TWO + raw("0a # ! the int 10")


@refuse("STREAM-1", also=("REC-1",))
def a_zero_after_the_last_record():
    """One zero byte at the end."""
    return TWO + raw("00 # ! the int 0")


@refuse("STREAM-1", also=("REC-1",))
def padding_after_the_last_record():
    """The file is filled up to 512 bytes with zeros, as some block devices and archives do."""
    return data(TWO.data()) + Bytes(*raw("00 # ! the int 0").parts) + data(bytes(512 - TWO.size - 1))


@refuse("STREAM-1", also=("REC-1",))
def a_byte_order_mark_at_the_start():
    """The three bytes of a UTF-8 byte order mark stand before the first record."""
    return raw("ef bb bf # ! the ints -17, -69, -65") + TWO


@refuse("STREAM-1", also=("REC-1",))
def a_count_at_the_start():
    """The number of records stands before them, as some streams of other formats have it."""
    return raw("02 # ! the int 2") + TWO


@refuse("STREAM-1", also=("REC-1", "WIRE-4"))
def the_byte_c1_after_the_last_record():
    """c1, which is never used, after the last record. Some unpackers take it for the end."""
    return TWO + raw("c1 # ! never used")


@refuse("STREAM-1", also=("REC-1",))
def an_empty_map_after_the_last_record():
    """An empty map after the last record."""
    return TWO + raw("80 # ! a map")


def _cut_within(what: str, size: int):
    def case() -> Bytes:
        return TWO.cut(size)

    case.__name__ = f"cut_{what}"
    case.__doc__ = f"The file ends {what.replace('_', ' ')}: {size} of its {TWO.size} bytes are there."
    refuse("STREAM-2", also=("WIRE-3", "WIRE-6", "REC-1"))(case)


# The second record, from offset 7: 92 | 91 a1 62 | c4 14 | c7 11 01 | 93 | 91 02 | a5 "int16" | c4 04 | payload
_cut_within("after_the_header_of_a_record", 8)
_cut_within("within_a_key_path", 9)
_cut_within("within_a_key", 10)
_cut_within("after_a_key_path", 11)
_cut_within("within_the_length_of_a_blob", 12)
_cut_within("after_the_length_of_a_blob", 13)
_cut_within("within_the_header_of_an_ext", 14)
_cut_within("within_a_shape", 18)
_cut_within("within_a_dtype_tag", 21)
_cut_within("before_a_payload", TWO.size - 4)
_cut_within("one_byte_before_the_end", TWO.size - 1)


@refuse("STREAM-2", also=("WIRE-3",))
def cut_within_the_first_record():
    """The only record is cut off: a loop that stops quietly gives an empty tree."""
    return record_("a", ndarray_("int8", (4,), "01 02 03 04")).cut(20)


@refuse("STREAM-2", also=("WIRE-3",))
def cut_within_a_long_header():
    """The file ends in the middle of a length of 4 bytes."""
    return record_("a", int_(1)) + raw("92 91 a1 62 c6 00 00")


@refuse("STREAM-3")
def a_file_of_no_byte():
    """0 bytes: what a full disk, a failed save or a failed copy leaves behind."""
    return data(b"", "! the first record")


@refuses_to_write("STREAM-3")
def a_tree_without_a_leaf():
    """The tree has no leaf at all."""
    return []


@refuses_to_write("STREAM-3", "TREE-4")
def a_tree_of_empty_nodes_left_out():
    """The tree has empty nodes alone, and they are to be left out: nothing would be written."""
    return encode([given(["a"], "empty"), given(["b", "c"], "empty")], "leave out")


@accept("STREAM-4", "STREAM-5")
def paths_that_share_their_beginnings():
    """Many paths share beginnings, and none begins another: ["a", "b"], ["a", "bc"], ["ab"], ["a", "c", "b"]."""
    paths = (("a", "b"), ("a", "bc"), ("a", "c", "b"), ("ab",), ("b",), ("", "a"))
    return Bytes(*(part for i, path in enumerate(paths) for part in record_(path, int_(i)).parts)), [
        integer(path, i) for i, path in enumerate(paths)
    ]


@refuse("STREAM-4")
def the_same_path_in_a_row():
    """One path twice, one record after the other. Most loops keep the second without a word."""
    return record_("a", int_(1)) + raw("92 # ! the second a") + path_("a") + bin_(int_(2))


@refuse("STREAM-4")
def the_same_path_and_the_same_leaf():
    """One path twice, with the same leaf both times: it is refused all the same."""
    return record_(("a", "b"), int_(1)) + raw("92 # ! the second a/b") + path_("a", "b") + bin_(int_(1))


@refuse("STREAM-4")
def the_same_path_far_apart():
    """Two files were joined: the path of the first record comes again after a hundred others."""
    between = b"".join(record_(("x", str(i)), int_(i)).data() for i in range(100))
    first = record_("a", int_(1)) + data(between, "100 others")
    return first + raw("92 # ! the second a") + path_("a") + bin_(int_(2))


@refuse("STREAM-4")
def the_same_path_with_a_longer_header():
    """The path comes again with longer headers: paths are compared by their parts, not by their bytes in the file."""
    return record_("a", int_(1)) + raw("92 # ! the second a") + raw("dc 00 01 d9 01 61") + bin_(int_(2))


@accept("STREAM-4", "KEY-2")
def paths_equal_but_for_normalisation():
    """Two spellings of the letter e with an acute accent are two keys."""
    return record_("\u00e9", int_(1)) + record_("e\u0301", int_(2)), [integer("\u00e9", 1), integer("e\u0301", 2)]


@accept("STREAM-4", "KEY-2")
def paths_equal_but_for_case():
    """Keys that differ in the case of a letter are two keys."""
    return record_("Kernel", int_(1)) + record_("kernel", int_(2)), [integer("Kernel", 1), integer("kernel", 2)]


@accept("STREAM-4", "KEY-2")
def paths_that_join_to_one_text():
    """["a/b"] and ["a", "b"], ["a.b"], and keys with NUL: different paths that give one text when joined carelessly."""
    paths = (("a/b",), ("a", "b"), ("a.b",), ("a\0b",), ("c", "d\0e"), ("c\0d", "e"))
    return Bytes(*(part for i, path in enumerate(paths) for part in record_(path, int_(i)).parts)), [
        integer(path, i) for i, path in enumerate(paths)
    ]


@refuse("STREAM-5")
def a_leaf_and_then_a_subtree():
    """["a"] is a leaf, and then something stands under it."""
    return record_("a", int_(1)) + raw("92 # ! stands under a leaf") + path_("a", "b") + bin_(int_(2))


@refuse("STREAM-5")
def a_subtree_and_then_a_leaf():
    """Something stands under ["a"], and then it is to be a leaf."""
    return record_(("a", "b"), int_(1)) + raw("92 # ! a subtree stands here") + path_("a") + bin_(int_(2))


@refuse("STREAM-5")
def a_subtree_and_then_an_empty_node():
    """Something stands under ["a"], and then it is an empty node, which counts as a leaf."""
    return record_(("a", "b"), int_(1)) + raw("92 # ! a subtree stands here") + path_("a") + bin_(raw("80"))


@refuse("STREAM-5")
def an_empty_node_and_then_a_subtree():
    """["a"] is an empty node, and then something stands under it."""
    return record_("a", raw("80")) + raw("92 # ! stands under an empty node") + path_("a", "b") + bin_(int_(2))


@refuse("STREAM-5")
def a_leaf_far_above_another():
    """A leaf, many others, and then a leaf four levels under the first."""
    between = b"".join(record_(("x", str(i)), int_(i)).data() for i in range(50))
    first = record_(("p", "q"), int_(1)) + data(between, "50 others")
    return first + raw("92 # ! stands under a leaf") + path_("p", "q", "r", "s", "t", "u") + bin_(int_(2))


@refuse("STREAM-5")
def a_clash_that_sorting_as_text_does_not_show():
    """["a"] and ["a", "b"] with ["a!"] between them: sorted as joined texts, a and a/b are not neighbours."""
    first = record_("a", int_(1)) + record_("a!", int_(2))
    return first + raw("92 # ! stands under a leaf") + path_("a", "b") + bin_(int_(3))


@refuse("STREAM-5")
def a_clash_under_an_empty_part():
    """[""] is a leaf and ["", ""] stands under it."""
    return record_("", int_(1)) + raw("92 # ! stands under a leaf") + path_("", "") + bin_(int_(2))


@refuses_to_write("STREAM-4")
def writing_a_path_twice():
    """Two leaves of one path."""
    return [given(["a"], "int", value="1"), given(["a"], "int", value="2")]


@refuses_to_write("STREAM-5")
def writing_a_leaf_under_a_leaf():
    """A leaf, and another under it."""
    return [given(["a"], "int", value="1"), given(["a", "b"], "int", value="2")]


@refuses_to_write("STREAM-5")
def writing_a_leaf_over_a_subtree():
    """A subtree, and a leaf in its place."""
    return [given(["a", "b"], "int", value="1"), given(["a"], "int", value="2")]


@accept("STREAM-6", longer=True)
def records_in_no_order():
    """The subtrees are torn apart and stand in no order; what is read is the same tree."""
    paths = (("b", "x"), ("a", "y"), ("c",), ("b", "w"), ("a", "x"))
    return Bytes(*(part for i, path in enumerate(paths) for part in record_(path, int_(i)).parts)), [
        integer(path, i) for i, path in enumerate(paths)
    ]


@accept("STREAM-6")
def records_in_reverse_alphabetical_order():
    """A writer keeps the order of the maps that it is given, and does not sort."""
    return record_("z", int_(1)) + record_("m", raw("c0")) + record_("a", raw("80")), [
        integer("z", 1),
        nil("m"),
        empty("a"),
    ]


@accept("STREAM-7")
def twenty_thousand_records():
    """Twenty thousand records: a reader whose work grows with the square of their number does not end in time."""
    record = record_("000000", int_(7)).data()
    stream = Bytes(Part(record, "20,000 records", 20_000, counted=Counted(record.index(b"000000"))))
    return stream, [integer("%06x", 7) | {"series": 20_000}]


@refuse("STREAM-4")
def the_last_of_many_records_twice():
    """Sixty thousand records, the last of which has the path of the one before: found without comparing all pairs."""
    stream = b"".join(record_(f"{i:05x}", int_(i % 100)).data() for i in range(60_000))
    return data(stream, "60,000 records") + raw("92 # ! the last path again") + path_("0ea5f") + bin_(int_(0))


@converts("STREAM-8")
def a_conversion_replaces_the_old_file():
    """A converter puts its output in place of an older file of that name."""
    return Conversion(), TWO, TWO


@refuses_to_convert("STREAM-8", "CONF-7", also=("STREAM-2",))
def a_failed_conversion_leaves_the_old_file():
    """The input is cut off in its last record. The older file at the output's name stays as it was."""
    return Conversion(), TWO.cut(TWO.size - 1)

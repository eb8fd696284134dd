"""Chapter 02, KEY-1 and KEY-2: what a key path is, and that a part is any text."""

from ..assembly import int_, ndarray_, raw, record_, together
from ..declare import accept, array, boolean, given, integer, refuse, refuses_to_write


@refuse("KEY-1")
def key_path_that_is_a_str():
    """A bare str in place of the array. In Python it can be taken apart like a list: the usual loop loads "ab" as the
    path ["a", "b"]."""
    return raw("""
        92
        a2 61 62                # ! "ab"
        c4 01 c0
    """)


@refuse("KEY-1")
def key_path_that_is_a_bin():
    """A bin in place of the array, which the usual loop loads as a path of numbers."""
    return raw("""
        92
        c4 02 61 62             # !
        c4 01 c0
    """)


@refuse("KEY-1")
def key_path_that_is_a_map():
    """A map in place of the array: in Python and in JavaScript a loop over it gives its keys."""
    return raw("""
        92
        81 a1 61 01             # ! {"a": 1}
        c4 01 c0
    """)


@refuse("KEY-1")
def key_path_of_no_parts():
    """An empty array: a leaf at the root of the tree has no key path."""
    return raw("""
        92
        90                      # !
        c4 01 c0
    """)


@refuse("KEY-1")
def part_that_is_an_int():
    """The second part is the int 0 and not the text "0", as it stands in trees that hold lists."""
    return raw("""
        92 92 a1 61
        00                      # !
        c4 01 c0
    """)


@refuse("KEY-1")
def part_that_is_a_bin():
    """A part is a bin of the letters "a". Of all str of the format it is the dtype tag alone that may be a bin."""
    return raw("""
        92 91
        c4 01 61                # !
        c4 01 c0
    """)


@refuse("KEY-1")
def part_that_is_an_array():
    """A part is itself an array of a text, as a key path is that was packed once too often."""
    return raw("""
        92 91
        91 a1 61                # !
        c4 01 c0
    """)


@refuse("KEY-1")
def last_of_many_parts_is_an_int():
    """Nine parts are texts and the tenth is an int: every part is looked at."""
    return raw("92 9a") + raw("a1 61") * 9 + raw("07 # !") + raw("c4 01 c0")


@refuse("KEY-1")
def count_of_parts_one_too_many():
    """The key path says two parts and has one: the bin of the leaf comes to stand where the second part is expected."""
    return raw("""
        92 92 a1 61
        c4 01 c0                # ! the leaf
    """)


@refuses_to_write("KEY-1")
def leaf_without_a_key_path():
    """A leaf at the root of the tree has an empty key path, and no stream can hold it."""
    return [given([], "ndarray", dtype="int8", shape=["1"], payload="07")]


@accept("KEY-2")
def empty_parts():
    """The empty text is a key: twice, first, last and in the middle. All of these are different paths, and none is the
    beginning of another."""
    return raw("""
        92 92 a0 a0 c4 01 01            # ["", ""]
        92 92 a0 a1 61 c4 01 02         # ["", "a"]
        92 92 a1 61 a0 c4 01 03         # ["a", ""]
        92 93 a1 62 a0 a1 63 c4 01 04   # ["b", "", "c"]
    """), [integer(["", ""], 1), integer(["", "a"], 2), integer(["a", ""], 3), integer(["b", "", "c"], 4)]


@accept("KEY-2")
def slashes_in_parts():
    """["a/b"] and ["a", "b"] are different paths, and so are ["a/"], ["/a"] and ["/"]: a reader that joins the parts
    with "/" mixes them up."""
    return raw("""
        92 91 a3 61 2f 62 c4 01 01      # ["a/b"]
        92 92 a1 61 a1 62 c4 01 02      # ["a", "b"]
        92 91 a2 61 2f c4 01 03         # ["a/"]
        92 91 a2 2f 61 c4 01 04         # ["/a"]
        92 91 a1 2f c4 01 05            # ["/"]
        92 91 a5 61 2f 2f 62 2f c4 01 06 # ["a//b/"]
    """), [integer(["a/b"], 1), integer(["a", "b"], 2)] + [
        integer(part, n) for n, part in ((3, "a/"), (4, "/a"), (5, "/"), (6, "a//b/"))
    ]


@accept("KEY-2")
def dots_in_parts():
    """The texts ".", ".." and "a.b" are ordinary: no path leads upwards, and a dot separates nothing, as it does in the
    names of PyTorch."""
    return raw("""
        92 92 a1 2e a1 61 c4 01 01      # [".", "a"]
        92 92 a2 2e 2e a1 61 c4 01 02   # ["..", "a"]
        92 91 a3 61 2e 62 c4 01 03      # ["a.b"]
        92 92 a1 61 a1 62 c4 01 04      # ["a", "b"]
    """), [integer([".", "a"], 1), integer(["..", "a"], 2), integer("a.b", 3), integer(["a", "b"], 4)]


@accept("KEY-2")
def nul_in_parts():
    """Three keys that differ after a NUL, and NUL alone: a reader that holds texts as strings of C has one of them, and
    the empty text."""
    return raw("""
        92 91 a1 61 c4 01 01            # "a"
        92 91 a2 61 00 c4 01 02         # "a" NUL
        92 91 a3 61 00 62 c4 01 03      # "a" NUL "b"
        92 91 a1 00 c4 01 04            # NUL
    """), [integer("a", 1), integer("a\0", 2), integer("a\0b", 3), integer("\0", 4)]


@accept("KEY-2")
def line_ends_and_blanks_in_parts():
    """LF, CR LF, a tab and blanks at either end of a part stay where they are."""
    return raw("""
        92 91 a3 61 0a 62 c4 01 01      # "a" LF "b"
        92 91 a3 61 0d 0a c4 01 02      # "a" CR LF
        92 91 a2 61 0d c4 01 03         # "a" CR
        92 91 a2 20 61 c4 01 04         # blank "a"
        92 91 a2 61 20 c4 01 05         # "a" blank
        92 91 a1 09 c4 01 06            # tab
    """), [integer(part, n) for n, part in enumerate(("a\nb", "a\r\n", "a\r", " a", "a ", "\t"), 1)]


@accept("KEY-2")
def spellings_of_one_text():
    """U+00E9 and "e" U+0301 look the same and are two keys, and so are U+212B, U+00C5 and "A" U+030A, and the ligature
    U+FB01 and "fi". A reader or file system that normalises texts makes one of each."""
    return raw("""
        92 91 a2 c3 a9 c4 01 01         # U+00E9
        92 91 a3 65 cc 81 c4 01 02      # "e" U+0301
        92 91 a3 e2 84 ab c4 01 03      # U+212B
        92 91 a2 c3 85 c4 01 04         # U+00C5
        92 91 a3 41 cc 8a c4 01 05      # "A" U+030A
        92 91 a3 ef ac 81 c4 01 06      # U+FB01
        92 91 a2 66 69 c4 01 07         # "fi"
    """), [
        integer(part, n)
        for n, part in enumerate(("\u00e9", "e\u0301", "\u212b", "\u00c5", "A\u030a", "\ufb01", "fi"), 1)
    ]


@accept("KEY-2")
def byte_order_marks_and_invisible_characters():
    """U+FEFF at the start of a part, at its end and alone, and a joiner of zero width: with and without them are
    different keys. Decoders of text drop the first where they are not told otherwise."""
    return raw("""
        92 91 a4 ef bb bf 61 c4 01 01       # U+FEFF "a"
        92 91 a1 61 c4 01 02                # "a"
        92 91 a4 61 ef bb bf c4 01 03       # "a" U+FEFF
        92 91 a3 ef bb bf c4 01 04          # U+FEFF
        92 91 a4 61 e2 80 8d c4 01 05       # "a" U+200D
    """), [integer(part, n) for n, part in enumerate(("\ufeffa", "a", "a\ufeff", "\ufeff", "a\u200d"), 1)]


@accept("KEY-2")
def names_that_languages_know():
    """Keys that mean something to JavaScript or Python where a map is built from plain objects. `__proto__` is a branch
    here, and vanishes where it is assigned."""
    parts = ["constructor", "toString", "hasOwnProperty", "length", "__class__", "__dict__", "None", "true"]
    bytes_ = record_(["__proto__", "__proto__"], raw("01")) + record_(["__proto__", "a"], raw("02"))
    bytes_ += together([record_(part, raw("03")) for part in parts])
    records = [integer(["__proto__", "__proto__"], 1), integer(["__proto__", "a"], 2)]
    return bytes_, records + [integer(part, 3) for part in parts]


@accept("KEY-2", "TREE-5")
def parts_that_look_like_numbers():
    """Texts that a lenient parser takes for numbers, two of them for the same. They stay in the order in which the tree
    holds them, where objects of JavaScript bring whole numbers to the front."""
    parts = ["b", "10", "9", "09", "-0", "1e3", "0x9", " 9", "\uff11", "1"]
    return together([record_(["l", part], raw("07")) for part in parts]), [integer(["l", part], 7) for part in parts]


@accept("KEY-2")
def key_paths_that_spell_a_chunked_array():
    """Three leaves whose paths have the keys of a chunked array. In a stream these are keys like any others; a reader
    that builds the tree first and looks for chunked arrays in it afterwards makes one leaf of them."""
    marker = "__msgpack_chunked_array__"
    bytes_ = record_(["k", marker], raw("c3")) + record_(["k", "shape", "0"], raw("01"))
    bytes_ += record_(["k", "chunks", "0"], ndarray_("int8", (1,), "07"))
    records = [boolean(["k", marker], True), integer(["k", "shape", "0"], 1)]
    return bytes_, [*records, array(["k", "chunks", "0"], "int8", (1,), "07")]


@accept("KEY-2")
def parts_called_chunk():
    """Two whole arrays under "chunk_0" and "chunk_1", the names that a dialect gives to pieces of a leaf: here they are
    keys like any others, and nothing is to be joined."""
    bytes_ = record_(["w", "chunk_0"], ndarray_("int8", (1,), "01")) + record_(
        ["w", "chunk_1"], ndarray_("int8", (1,), "02")
    )
    return bytes_, [array(["w", "chunk_0"], "int8", (1,), "01"), array(["w", "chunk_1"], "int8", (1,), "02")]


@accept("KEY-2", "KEY-5")
def key_of_all_characters_from_u_0080_to_u_0fff():
    """Every character of two bytes, and those of three whose first byte is e0. Whoever takes that byte for the first of
    two finds quotes and slashes behind it."""
    key = "".join(map(chr, range(0x80, 0x1000)))
    return record_(key, int_(1)), [integer([key], 1)]

"""Chapter 08: how deep a tree may be (KEY-3), how long its key paths (KEY-4), and how much of both (FLAX-8)."""

from ..assembly import MARKER, Bytes, Part, chunked_, data, int_, map_, ndarray_, raw, str_, together
from ..declare import array, empty, encode, flax_accept, flax_refuse, given, integer, nil, refuses_to_write, writes
from ..repetition import Counted

# A key of 65,534 bytes and 65,434 letters.
LONG = "\u00e9" * 100 + "x" * 65_334


def _nested(depth, leaf):
    """Maps of one entry, `depth` of them, each under the key `a`, around a leaf."""
    return data(b"\x81\xa1a" * depth) + leaf


@flax_accept("KEY-3", "FLAX-2", "LEAF-9")
def flax_file_of_512_levels_around_an_empty_node():
    """An empty node under 512 keys: it is a leaf, and opens no level of its own."""
    return _nested(512, raw("80")), [empty(["a"] * 512)]


@flax_accept("KEY-3", "FLAX-2", "FLAX-3", longer=True)
def flax_file_of_512_levels_around_a_chunked_array():
    """A chunked array under 512 keys: the maps inside it do not count."""
    leaf = chunked_((2,), [ndarray_("int8", (1,), "01"), ndarray_("int8", (1,), "02")])
    return _nested(512, leaf), [array(["a"] * 512, "int8", (2,), "01 02")]


@flax_accept("KEY-3", "FLAX-2")
def flax_file_of_520_maps_side_by_side():
    """The root map holds 520 maps of one entry each: a reader that counts maps and not levels takes it for too deep."""
    names = [str(i) for i in range(520)]
    return map_(520) + together([str_(name) + data(b"\x81\xa1x\xc0") for name in names]), [
        nil([name, "x"]) for name in names
    ]


@flax_refuse("KEY-3", "FLAX-2")
def flax_file_of_513_levels_around_an_empty_node():
    """An empty node under 513 keys."""
    return _nested(512, raw("81") + raw("a1 61 # ! key 513") + raw("80"))


@flax_refuse("KEY-3", "FLAX-2")
def flax_file_of_100000_levels():
    """A leaf under 100,000 keys: readers that recurse without a limit of their own run out of stack."""
    return _nested(512, raw("81") + raw("a1 61 # ! key 513")) + _nested(99_487, raw("c0"))


@refuses_to_write("KEY-3", "FLAX-2", container="flax")
def flax_file_of_513_levels_to_write():
    """A leaf under 513 keys."""
    return [given(["a"], "int", value="1"), given(["b"] * 513, "int", value="2")]


@flax_accept("KEY-4", "FLAX-2")
def flax_path_of_65535_bytes():
    """The keys over a leaf take 65,535 bytes together, the most; some of their letters take two bytes."""
    return map_(1) + str_(LONG) + map_(1) + str_("x") + int_(1), [integer([LONG, "x"], 1)]


@flax_accept("KEY-4", "FLAX-2")
def flax_keys_of_66000_bytes_side_by_side():
    """Two keys of 33,000 bytes stand in one map: no path has both. A reader that goes back a level must subtract."""
    names = ["x" * 33_000, "y" * 33_000]
    return map_(2) + together([str_(name) + raw("81 a1 7a 01") for name in names]), [
        integer([name, "z"], 1) for name in names
    ]


@refuses_to_write("KEY-4", "FLAX-2", container="flax")
def flax_path_of_65536_bytes_to_write():
    """The keys over a leaf take 65,536 bytes together, in 65,436 letters: bytes are counted."""
    return [given([LONG, "xx"], "int", value="1")]


# --- key paths in proportion to the file (FLAX-8) ---------------------------------------------------------------------
#
# Trees of `leaves` leaves under the same `depth` keys, of which the first has `first` letters and the others none, and
# one more leaf at the root under a key of `beside` letters. The leaves have keys of 3 letters.


def _shared(depth, first, beside, leaves, leaf, root):
    """The file of such a tree; `root` is the header of its root map. The comments are left out."""
    chain = str_("x" * first) + data(b"\x81\xa0" * (depth - 1))
    under = map_(leaves) + together([str_(f"{i:03}") + leaf for i in range(leaves)])
    return data((root + chain + under + str_("y" * beside) + leaf).data())


def _counted(depth, first, beside, leaves):
    """What FLAX-8 counts in such a tree."""
    return leaves * (first + 3 + 8 * (depth + 1)) + beside + 8


def _limit(size):
    return (1 << 20) + 64 * size


@flax_accept("FLAX-8", "WIRE-2", longer=True)
def key_paths_of_just_the_limit():
    """298 leaves under the same 505 keys: their key paths take 64 times the size of the file and 2^20, to the byte.

    Each part counts 8 and its bytes. The size is that of the file as it stands, with a longer header.
    """
    file = _shared(505, 11, 12, 298, raw("c0"), raw("de 00 02"))
    assert _counted(505, 11, 12, 298) == _limit(file.size)
    shared = ["x" * 11] + [""] * 504
    return file, [nil([*shared, f"{i:03}"]) for i in range(298)] + [nil("y" * 12)]


@flax_refuse("FLAX-8")
def key_paths_of_one_byte_too_many():
    """294 leaves under the same 510 keys: their key paths take one byte more than 64 times the size and 2^20."""
    file = _shared(510, 28, 15, 294, raw("c0"), raw("82"))
    assert _counted(510, 28, 15, 294) == _limit(file.size) + 1
    return file


@flax_refuse("FLAX-8", "LEAF-9")
def key_paths_of_empty_nodes():
    """294 empty nodes under the same 510 keys, one byte over the limit: the key paths of empty nodes count too."""
    return _shared(510, 28, 15, 294, raw("80"), raw("82"))


@flax_refuse("FLAX-8", "LEAF-10")
def key_paths_of_chunked_arrays():
    """100 chunked arrays under one key of 60,000 bytes: the key paths of these leaves count too."""
    chunk = str_("0") + ndarray_("int8", (0,), "")
    leaf = map_(3) + str_(MARKER) + raw("c3") + str_("shape") + map_(1) + str_("0") + int_(0)
    leaf += str_("chunks") + map_(1) + chunk
    file = _shared(1, 60_000, 15, 100, leaf, raw("82"))
    assert _counted(1, 60_000, 15, 100) > _limit(file.size)
    return file


@flax_refuse("FLAX-8", "CONF-4")
def key_paths_of_2_to_the_32():
    """65,536 leaves under one key of 65,514 bytes: what is counted is 2^32, which is 0 to a program that adds in 32
    bits."""
    leaves = 65_536
    assert leaves * (65_514 + 6 + 8 * 2) == 1 << 32
    entry = (str_("000000") + raw("c0")).data()
    return map_(1) + str_("x" * 65_514) + map_(leaves) + Bytes(Part(entry, "", leaves, counted=Counted(1)))


@flax_refuse("FLAX-8", "CONF-4")
def key_paths_of_60000_leaves():
    """60,000 leaves of one byte under the same 511 keys: written out, the key paths would take 245 MB."""
    leaves = b"".join(b"\xa4%04x\xc0" % i for i in range(60_000))
    return _nested(511, data(b"\xde\xea\x60" + leaves))


@flax_refuse("FLAX-8", "CONF-4")
def key_paths_under_a_long_key():
    """16,384 leaves of one byte under one key of 65,520 bytes: written out, the key paths would take 1 GB."""
    leaves = b"".join(b"\xa4%04x\xc0" % i for i in range(16_384))
    return map_(1) + str_("x" * 65_520) + map_(16_384) + data(leaves)


@writes("FLAX-8", container="flax")
def writes_key_paths_of_just_the_limit():
    """297 leaves under the same 508 empty keys: their key paths take 64 times the size and 2^20, to the byte."""
    file = _shared(508, 0, 21, 297, raw("c0"), raw("82"))
    assert _counted(508, 0, 21, 297) == _limit(file.size)
    return [given("/" * 508 + f"{i:03}", "nil") for i in range(297)] + [given("y" * 21, "nil")], file


@refuses_to_write("FLAX-8", container="flax")
def key_paths_of_one_byte_too_many_to_write():
    """294 leaves under the same 510 keys: their key paths take one byte more than a file may."""
    return [given("x" * 28 + "/" * 510 + f"{i:03}", "nil") for i in range(294)] + [given("y" * 15, "nil")]


@writes("FLAX-8", "TREE-4", container="flax")
def key_paths_of_empty_nodes_that_are_left_out():
    """400 empty nodes under the same 510 keys are left out, and a leaf is written: the key paths of what is not in the
    file are not counted."""
    asked = [given("/" * 510 + f"{i:03}", "empty") for i in range(400)] + [given("y", "nil")]
    return encode(asked, "leave out"), map_(1) + str_("y") + raw("c0")

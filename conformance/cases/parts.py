"""Chapter 12: key paths of parts, and parts that are too small to be ones."""

from typing import Any

from ..assembly import Bytes, bin_, ndarray_, raw, str_
from ..declare import accept, encode_sealed, given, refuse, refuses_to_write, writes
from ..products.specimens import SPECIMENS
from .delta_assembly import Leaf
from .parts_assembly import part
from .sealed_assembly import sealed
from .sealed_leaves import Item, Piece, as_in_1_0, number, of_specimen, tensor, words

# Keys that look like that of a part, and are keys like any other: another word, another number of it, numbers that are
# not written as they have to be, or that name no part.
LOOKALIKES = (
    "__part_0_of_2",
    "_part_0_of_2__",
    "__part_0__of_2__",
    "__part__0_of_2__",
    "__part_00_of_2__",
    "__part_0_of_02__",
    "__part_+0_of_2__",
    "__part_-1_of_2__",
    "__part_ 0_of_2__",
    "__part_0x0_of_2__",
    "__part_0.0_of_2__",
    "__part__of_2__",
    "__part_0_of___",
    "__part_a_of_b__",
    "__PART_0_OF_2__",
    "__Part_0_of_2__",
    "__parts_0_of_2__",
    "__part_0_of_2__ ",
    " __part_0_of_2__",
    "__part_0_of_2__\n",
    "x__part_0_of_2__",
    "__part_0_of_2__x",
    "__part_\u0660_of_\u0662__",
    "__part_\uff10_of_\uff12__",
)
# Numbers of which the first is not less than the second.
NO_PARTS = ("__part_2_of_2__", "__part_1_of_1__", "__part_0_of_0__", "__part_3_of_2__", "__part_10_of_9__")


@accept("PART-3", "KEY-2")
def keys_that_look_like_those_of_parts():
    """Keys that are almost of the form, in the last place and before it: they are keys like any other."""
    items = [number((key,), i) for i, key in enumerate(LOOKALIKES)]
    return sealed([*items, *(number((f"below {key}", key, "k"), 1) for key in LOOKALIKES)]).accepted()


@accept("PART-3")
def keys_of_numbers_that_name_no_part():
    """*I* is not less than *N*: the key is not of the form."""
    return sealed([number((key,), i) for i, key in enumerate(NO_PARTS)]).accepted()


@accept("CONF-9", "KEY-2")
def keys_of_parts_in_a_plain_stream():
    """Without a seal a key path that looks like a part is one like any other."""
    whole = sealed([number(("a", "__part_0_of_2__"), 1), number(("__part_0_of_1__", "b"), 2)], marked=False)
    return whole.before(), [one.read for one in whole.items]


@writes("CONF-10", "PART-3", "CONF-9")
def keys_of_parts_that_are_written_to_a_plain_stream():
    """A writer that knows of sealed streams writes plain ones as before."""
    items = [number(("a", "__part_0_of_2__"), 1), number(("__part_0_of_1__", "b"), 2)]
    return [one.read for one in items], sealed(items, marked=False).before()


@writes("CONF-10", "ALIGN-3")
def an_array_of_4096_bytes_that_is_written_to_a_plain_stream():
    """A plain stream has neither mark nor padding nor seal."""
    leaf = ndarray_("uint8", (4096,), "07" * 4096)
    asked = [given(["k"], "ndarray", dtype="uint8", shape=["4096"], fill="07")]
    return asked, raw("92 91 a1 6b") + bin_(leaf)


# --- refused: where the key stands ---------------------------------------------------------------------------------


def _one(item: Item) -> Bytes:
    return sealed([number("a", 1), item, number("z", 2)]).data()


_KINDS = {one.name: one for one in SPECIMENS}


@refuse("PART-3", also=("PART-1", "PART-2", "INDEX-6", "INDEX-7"))
def a_key_of_a_part_that_is_an_int():
    """The last part of the key path of an int; the index has it, too."""
    return _one(number(("k", "__part_0_of_2__"), 7))


@refuse("PART-3", also=("PART-2", "INDEX-6", "INDEX-7"))
def a_key_of_a_part_that_is_an_array_by_itself():
    """The index has the array under the key path of a part, as a leaf."""
    return _one(tensor(("k", "__part_0_of_2__"), "uint8", (4,), "01 02 03 04"))


@refuse("PART-3", also=("KEY-1", "PART-2", "INDEX-6", "INDEX-7"))
def a_key_of_a_part_alone():
    """The key path has that one part."""
    return _one(number(("__part_0_of_2__",), 7))


@refuse("PART-3", also=("INDEX-6",))
def a_key_of_a_part_before_the_last():
    """A leaf below such a key."""
    return _one(number(("__part_0_of_2__", "k"), 7))


@refuse("PART-3", also=("INDEX-6",))
def a_key_of_a_part_in_the_middle():
    """Between two other keys, of numbers with more digits than words have."""
    return _one(number(("k", "__part_99999999999999999999_of_100000000000000000000__", "l"), 7))


@refuse("PART-3", also=("INDEX-6", "INDEX-7"))
def a_key_of_a_part_in_the_index_alone():
    """The record has another key path of as many bytes."""
    whole = sealed([number("a", 1), number(("k", "__part_0_of_0__"), 7)])
    says = whole.says()
    says["leaves"][1][0] = ["k", "__part_0_of_2__"]
    return whole.data(says)


@refuse("INDEX-7", "PART-3", also=("INDEX-6", "PART-1"))
def a_key_of_a_part_in_the_record_alone():
    """The index has another key path of as many bytes."""
    whole = sealed([number("a", 1), number(("k", "__part_0_of_2__"), 7)])
    says = whole.says()
    says["leaves"][1][0] = ["k", "__part_0_of_0__"]
    return whole.data(says)


# --- refused: parts of what has none -------------------------------------------------------------------------------


def _in_two(leaf: Leaf, read: dict[str, Any], first: Bytes, second: Bytes) -> Bytes:
    forms = (lambda _: (bin_(first), None)), (lambda _: (bin_(second), None))
    pieces = tuple(Piece(part(leaf.path, i, 2), form) for i, form in enumerate(forms))
    return sealed([number("a", 1), Item(leaf, read, pieces), number("z", 2)]).data()


@refuse("PART-2", also=("PART-1",))
def parts_of_an_array_that_is_too_small():
    """Four bytes in two parts: by the rule there is one box, which holds all of them."""
    one = tensor("k", "uint8", (4,), "01 02 03 04")
    leaf = one.leaf
    pieces = []
    for i, payload in enumerate(("01 02", "03 04")):
        half = tensor(part(leaf.path, i, 2), "uint8", (2,), payload)
        pieces.append(Piece(half.leaf.path, as_in_1_0(half.leaf)))
    return sealed([number("a", 1), Item(leaf, one.read, tuple(pieces)), number("z", 2)]).data()


@refuse("PART-2", also=("PART-3", "INDEX-7", "INDEX-3", "PART-1"))
def an_array_of_no_element_in_two_parts():
    """A shape of (4, 0): a row has no byte, and 2^30 cannot be divided by that."""
    one = tensor("k", "uint8", (4, 0), "")
    pieces = []
    for i in range(2):
        half = tensor(part(("k",), i, 2), "uint8", (2, 0), "")
        pieces.append(Piece(half.leaf.path, as_in_1_0(half.leaf)))
    return sealed([number("a", 1), Item(one.leaf, one.read, tuple(pieces)), number("z", 2)]).data()


@refuse("PART-2", also=("PART-3", "INDEX-7", "PART-1"))
def an_array_without_dimensions_in_two_parts():
    """A shape of () has no dimension that could be cut."""
    one = tensor("k", "float32", (), "00 00 80 3f")
    return _in_two(one.leaf, one.read, one.leaf.encoded, one.leaf.encoded)


@refuse("PART-1", "PART-2", "INDEX-2", also=("PART-3", "INDEX-7"))
def a_text_in_two_parts():
    """Leaves of other kinds than arrays have no parts."""
    one = words("k", "ab")
    return _in_two(one.leaf, one.read, str_("a"), str_("b"))


@refuse("PART-1", "PART-2", "INDEX-2", also=("PART-3", "INDEX-7"))
def a_scalar_in_two_parts():
    """A numpy scalar has no parts."""
    one = of_specimen(_KINDS["scalar"])
    return _in_two(one.leaf, one.read, one.leaf.encoded, one.leaf.encoded)


@refuse("INDEX-2", "PART-2", also=("INDEX-4", "INDEX-7", "INDEX-5"))
def a_leaf_of_no_record():
    """The list of records of a leaf is empty."""
    whole = sealed([number("a", 1), number("z", 2)])
    says = whole.says()
    says["leaves"].append([["n"], "ndarray", "int8", [0], []])
    return whole.data(says)


@refuse("PART-4", "INDEX-7", also=("PART-2", "PART-3", "STREAM-4", "PART-1"))
def two_records_of_one_key_path():
    """A leaf of two records, both of which have its own key path."""
    one = tensor("k", "uint8", (4,), "01 02 03 04")
    halves = [tensor("k", "uint8", (2,), payload) for payload in ("01 02", "03 04")]
    pieces = tuple(Piece(("k",), as_in_1_0(half.leaf)) for half in halves)
    return sealed([number("a", 1), Item(one.leaf, one.read, pieces), number("z", 2)]).data()


# --- what no writer writes -----------------------------------------------------------------------------------------


def _asked(*path: str) -> dict[str, Any]:
    return encode_sealed([given(["good"], "ndarray", dtype="uint8", shape=["5000"], fill="07"), number(path, 7).read])


@refuses_to_write("PART-3", "CONF-7")
def a_tree_with_the_key_of_a_part():
    """In the last place."""
    return _asked("k", "__part_0_of_2__")


@refuses_to_write("PART-3", "CONF-7")
def a_tree_with_the_key_of_a_part_before_the_last():
    """In the first place."""
    return _asked("__part_1_of_2__", "k")


@refuses_to_write("PART-3", "CONF-7")
def a_tree_with_the_key_of_a_part_of_large_numbers():
    """Numbers of more than 64 bits."""
    return _asked("k", "__part_99999999999999999999_of_100000000000000000000__")


@refuses_to_write("PART-3", "CONF-7")
def a_tree_with_an_array_under_the_key_of_a_part():
    """An array that its user has cut up alone."""
    return encode_sealed([given(["k", "__part_0_of_2__"], "ndarray", dtype="uint8", shape=["5000"], fill="07")])

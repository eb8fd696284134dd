"""Chapter 07: empty nodes that are left out (TREE-4), and are part of the tree all the same."""

from typing import Any

from ..assembly import MARKER, int_, map_, record_, str_
from ..declare import encode, given, refuses_to_write, writes

GOOD = given(["good"], "int", value="7")


def left_out(*records: dict[str, Any]) -> dict[str, Any]:
    return encode(records, "leave out")


def empty(*path: Any) -> dict[str, Any]:
    return given(list(path), "empty")


def leaf(*path: Any) -> dict[str, Any]:
    return given(list(path), "int", value="1")


@refuses_to_write("TREE-4", "STREAM-5", also=("STREAM-4",))
def leaf_below_an_empty_node_that_is_left_out():
    """An empty node at `a`, which is to be left out, and then a leaf at `a/b`. The tree cannot be so, whatever is
    written of it."""
    return left_out(empty("a"), leaf("a", "b"))


@refuses_to_write("TREE-4", "STREAM-5", also=("STREAM-4",))
def empty_node_that_is_left_out_above_a_leaf():
    """The other order: first the leaf at `a/b`, then an empty node at `a`."""
    return left_out(leaf("a", "b"), empty("a"))


@refuses_to_write("TREE-4", "STREAM-5", also=("STREAM-4",))
def empty_node_that_is_left_out_below_a_leaf():
    """An empty node at `a/b`, and `a` is a leaf."""
    return left_out(leaf("a"), empty("a", "b"))


@refuses_to_write("TREE-4", "STREAM-5", also=("STREAM-4",))
def empty_node_that_is_left_out_below_another():
    """An empty node at `a` and one at `a/b`: what has something under it is not empty."""
    return left_out(empty("a"), empty("a", "b"), GOOD)


@refuses_to_write("TREE-4", "STREAM-4", also=("STREAM-5",))
def empty_node_that_is_left_out_at_the_place_of_a_leaf():
    """A leaf and an empty node at one key path."""
    return left_out(leaf("a"), empty("a"))


@refuses_to_write("TREE-4", "STREAM-4", also=("STREAM-5",))
def empty_node_that_is_left_out_twice():
    """Two empty nodes at one key path."""
    return left_out(empty("a"), empty("a"), GOOD)


@refuses_to_write("TREE-4", "TREE-3", also=("STREAM-4", "STREAM-5"))
def empty_node_that_is_left_out_at_a_key_of_one_text():
    """An empty node at the integer key 1, and a leaf at the text 1: two keys of one map give one text."""
    return left_out(empty(1), leaf("1"))


@refuses_to_write("TREE-4", "WIRE-5")
def empty_node_that_is_left_out_at_a_key_that_is_not_text():
    """The key of an empty node is half of a surrogate pair, beside a good leaf."""
    return left_out(empty("\ud800"), GOOD)


@refuses_to_write("TREE-4", "WIRE-5", container="flax")
def empty_node_that_a_flax_file_leaves_out_at_a_key_that_is_not_text():
    """The same for a flax file, two levels down."""
    return left_out(GOOD, empty("a", "\udfff", "b"))


@refuses_to_write("TREE-4", "KEY-3")
def empty_node_that_is_left_out_513_levels_deep():
    """The key path of an empty node has 513 parts."""
    return left_out(GOOD, empty(*["x"] * 513))


@refuses_to_write("TREE-4", "KEY-4")
def empty_node_that_is_left_out_at_a_key_of_65536_bytes():
    """The key of an empty node has one byte too many."""
    return left_out(GOOD, empty("x" * 65_536))


@writes("TREE-4", "KEY-3", "KEY-4")
def empty_nodes_that_are_left_out_at_the_limits():
    """The other side: empty nodes at a path of 512 parts and at one of 65,535 bytes are left out, and all else is
    written."""
    return left_out(empty(*["x"] * 512), GOOD, empty("y" * 65_535)), record_("good", int_(7))


@writes("TREE-4", container="flax")
def marker_at_an_empty_node_that_is_left_out():
    """The key `__msgpack_chunked_array__` has no place in a flax file (FLAX-3). That of an empty node which is left out
    is not in it."""
    return left_out(GOOD, empty(MARKER)), map_(1) + str_("good") + int_(7)

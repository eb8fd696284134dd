"""Chapter 07: a nested map as records."""

from ..assembly import Bytes, int_, raw, record_
from ..declare import (
    Conversion,
    accept,
    converts,
    empty,
    encode,
    given,
    integer,
    nil,
    refuses_to_convert,
    refuses_to_write,
    writes,
)


def _ints(*paths: tuple[str, ...]) -> Bytes:
    return Bytes(*(part for i, path in enumerate(paths) for part in record_(path, int_(i)).parts))


@accept("TREE-1")
def three_levels():
    """Maps in maps: each part of a path is a key."""
    paths = (("params", "a", "kernel"), ("params", "a", "bias"), ("params", "b", "kernel"), ("step",))
    return _ints(*paths), [integer(path, i) for i, path in enumerate(paths)]


@accept("TREE-1", "TREE-2")
def keys_that_are_numbers():
    """Keys 0, 1, 10 and 2 under one node: texts like any other, not places in a list."""
    paths = (("layers", "0"), ("layers", "1"), ("layers", "10"), ("layers", "2"), ("layers", "00"))
    return _ints(*paths), [integer(path, i) for i, path in enumerate(paths)]


@writes("TREE-2")
def a_list_of_three():
    """The places of a list become the keys 0, 1 and 2."""
    asked = [given(["a", i], "int", value=str(i)) for i in range(3)]
    return asked, _ints(("a", "0"), ("a", "1"), ("a", "2"))


@writes("TREE-2")
def a_list_of_eleven():
    """The key of place 10 comes after that of place 9: the keys are not sorted as texts."""
    asked = [given([i, "x"], "int", value=str(i)) for i in range(11)]
    return asked, _ints(*((str(i), "x") for i in range(11)))


@writes("TREE-3")
def integer_keys():
    """Integer keys, among them a negative and a large one, are written in decimal."""
    asked = [given([key], "int", value=str(i)) for i, key in enumerate((7, -1, 1_000_000))]
    return asked, _ints(("7",), ("-1",), ("1000000",))


@refuses_to_write("TREE-3", "STREAM-4")
def an_integer_and_a_text_that_are_one_key():
    """The integer 1 and the text 1 in one map: one of the two would be lost."""
    return [given([1], "int", value="1"), given(["1"], "int", value="2")]


@refuses_to_write("TREE-3", "STREAM-5")
def an_integer_and_a_text_that_are_one_subtree():
    """Subtrees under the integer 1 and the text 1 of one map. They are two keys of the map that give one text."""
    return [given(["a", 1, "x"], "int", value="1"), given(["a", "1", "y"], "int", value="2")]


@accept("TREE-4", "LEAF-9")
def empty_nodes():
    """Empty nodes as JAXSeq writes them, beside other leaves; a reader gives them, a writer is asked to keep them."""
    stream = record_("a", raw("80")) + record_(("b", "c"), raw("80")) + record_(("b", "d"), int_(1))
    return stream, [empty("a"), empty(("b", "c")), integer(("b", "d"), 1)]


@writes("TREE-4")
def empty_nodes_left_out():
    """Empty nodes as EasyLM treats them: they are left out, and nothing else is."""
    asked = [
        given(["a"], "empty"),
        given(["b"], "nil"),
        given(["c", "d"], "empty"),
        given(["c", "e"], "int", value="1"),
    ]
    return encode(asked, "leave out"), record_("b", raw("c0")) + record_(("c", "e"), int_(1))


@converts("TREE-4", "CONV-1")
def empty_nodes_are_converted():
    """A conversion keeps the empty nodes that it reads."""
    stream = record_("a", raw("80")) + record_("b", int_(1))
    return Conversion(), stream, stream


@writes("TREE-5")
def leaves_put_in_by_turns():
    """Leaves of two subtrees are put in by turns; each subtree is written whole, in the order of its first leaf."""
    paths = (("b", "x"), ("a", "x"), ("b", "w"), ("c",), ("a", "w"))
    asked = [given(list(path), "int", value=str(i)) for i, path in enumerate(paths)]
    order = (0, 2, 1, 4, 3)
    return asked, Bytes(*(part for i in order for part in record_(paths[i], int_(i)).parts))


@writes("TREE-5")
def a_deep_subtree_comes_back_late():
    """A leaf three levels down is put in last, and is written beside its neighbours."""
    paths = (("a", "b", "c"), ("z",), ("a", "d"), ("a", "b", "e"))
    asked = [given(list(path), "int", value=str(i)) for i, path in enumerate(paths)]
    order = (0, 3, 2, 1)
    return asked, Bytes(*(part for i in order for part in record_(paths[i], int_(i)).parts))


@writes("TREE-5")
def the_order_is_not_alphabetical():
    """Keys are kept in the order in which they are put in: z before a, B before a, and 10 before 9."""
    paths = (("z",), ("a",), ("B",), ("10",), ("9",))
    asked = [given(list(path), "int", value=str(i)) for i, path in enumerate(paths)]
    return asked, _ints(*paths)


STATE = _ints(("step",), ("params", "params", "w"), ("params", "params", "b"), ("opt_state", "0", "mu"))


@converts("TREE-6", "CONV-5")
def the_weights_of_a_train_state():
    """`trainstate_params::` gives the subtree at params/params, with these two parts taken off."""
    return Conversion("trainstate_params"), STATE, record_("w", int_(1)) + record_("b", int_(2))


@refuses_to_convert("TREE-6", "CONV-5")
def a_step_that_is_a_subtree_of_weights():
    """A tree with `params` and without `step` is not a train state."""
    return Conversion("trainstate_params"), _ints(("params", "params", "w"))


@converts("TREE-6", "CONV-5")
def weights_that_have_a_step_alone():
    """A tree with `step`, and with `params` that is a leaf, is not a train state: `params::` takes it."""
    stream = _ints(("step",), ("params",))
    return Conversion("params"), stream, stream


@accept("TREE-4")
def a_nil_beside_an_empty_node():
    """nil and the empty node are two different leaves."""
    return record_("a", raw("c0")) + record_("b", raw("80")), [nil("a"), empty("b")]

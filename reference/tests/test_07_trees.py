"""Trees: flattened as flax flattens them, and nested again."""

import collections
from pathlib import Path

import numpy as np
import pytest
from flax.serialization import to_state_dict
from flax.traverse_util import flatten_dict
from hypothesis import given

from fuzz.strategies import small_values, trees
from reference.format.errors import FormatError
from reference.format.trees import depth_first, flatten, is_train_state, unflatten

Pair = collections.namedtuple("Pair", "first second")


@given(trees(small_values))
def test_a_tree_is_flattened_as_flax_flattens_its_state_dict(tree):
    flat = flatten_dict(to_state_dict(tree))
    assert repr(list(flatten(tree))) == repr(list(flat.items()))


@given(trees(small_values))
def test_flattening_is_undone_where_empty_nodes_are_kept(tree):
    state = to_state_dict(tree)
    assert repr(unflatten(flatten(state, keep_empty_nodes=True))) == repr(state)


def test_keys_become_texts():
    tree = {1: 0, None: {("a", "b"): 1}, "t": Pair([2], (3,))}
    assert dict(flatten(tree)) == {
        ("1",): 0,
        ("None", "('a', 'b')"): 1,
        ("t", "first", "0"): 2,
        ("t", "second", "0"): 3,
    }


def test_two_keys_of_one_text_are_refused():
    with pytest.raises(FormatError) as caught:
        list(flatten({"a": {1: 0, "1": 1}}))
    assert (caught.value.clause, caught.value.path) == ("TREE-3", ("a",))


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (None, r"not a NoneType \(TREE-1\)$"),
        (1, r"not an int \(TREE-1\); give it a name, as in {'w': ...}$"),
        (np.zeros(3), r"not an ndarray \(TREE-1\); give it a name, as in {'w': ...}$"),
        ("text", r"not a str \(TREE-1\); the path comes first: save\(path, tree\)$"),
        (Path("x"), r"the path comes first: save\(path, tree\)$"),
    ],
)
def test_a_bare_leaf_is_no_tree(tree, told):
    with pytest.raises(FormatError, match=told):
        list(flatten(tree))


def test_a_tree_that_holds_itself_is_refused():
    tree = {}
    tree["a"] = tree
    with pytest.raises(FormatError, match="KEY-3"):
        list(flatten(tree))


def test_a_tree_of_512_levels_is_flattened():
    tree = 1
    for _ in range(512):
        tree = {"a": tree}
    assert [len(path) for path, _ in flatten(tree)] == [512]
    with pytest.raises(FormatError, match="KEY-3"):
        list(flatten({"a": tree}))


def test_children_of_one_node_are_brought_together():
    Thing = collections.namedtuple("Thing", "path")
    things = [Thing(tuple(path)) for path in ("ax", "b", "ay", "cx", "az")]
    assert ["".join(thing.path) for thing in depth_first(things)] == ["ax", "ay", "az", "b", "cx"]


def test_a_train_state_is_recognised():
    assert is_train_state([("step",), ("params", "params", "w"), ("opt_state", "0")])
    assert not is_train_state([("params", "w")])
    assert not is_train_state([("step",), ("params",)])

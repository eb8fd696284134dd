"""MessagePack as a tree: any bytes come back as they were, and what is changed is encoded as it should be."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.nodes import Node, encode, of, parse
from fuzz.seeds import ANY, seeds

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(max_size=70),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_come_back(data):
    assert encode(parse(data)) == data


def test_every_file_of_the_corpus_comes_back():
    files = seeds(ANY)
    assert len(files) > 1000
    for data in files:
        assert encode(parse(data)) == data


@settings(deadline=None)
@given(VALUES)
def test_nodes_are_encoded_as_msgpack_encodes(value):
    assert encode(of(value)) == msgpack.packb(value)


def test_lengths_follow_what_is_changed():
    file = parse(msgpack.packb([["a"], msgpack.packb(7)]))
    (record,) = file.children
    record.children[0].children[0].data = b"x" * 40
    record.children.append(of(None))
    assert msgpack.unpackb(encode(file)) == [["x" * 40], b"\x07", None]


@pytest.mark.parametrize(("claim", "encoded"), [(3, "c40361"), (300, "c5012c61"), (2**32 + 1, "c60000000161")])
def test_a_claim_stands_in_place_of_the_true_length(claim, encoded):
    assert encode(Node("bin", b"a", claim=claim)).hex() == encoded


def test_a_width_makes_a_longer_header():
    assert encode(Node("str", b"a", width=4)).hex() == "db0000000161"
    assert encode(Node("map", children=[], width=1)).hex() == "de0000"

"""A stream that is loaded in one pass, compared with a scan and the reads of its leaves."""

import sys

import numpy as np
import pytest

import reference
from fuzz.equality import same
from fuzz.peers.loop import written
from fuzz.seeds import STREAM, seeds
from reference.format.errors import FormatError
from reference.format.trees import flatten, unflatten


@pytest.fixture(params=[0, 1 << 12], autouse=True)
def near(request, monkeypatch):
    """With and without the short cut for small records."""
    monkeypatch.setattr(sys.modules["reference.format.records"], "NEAR", request.param)


STATES = (
    {"step": 1, "params": {"params": {"w": np.zeros(3)}}},
    {"step": 1, "params": {"params": {}}},
    {"step": 1, "params": {}},
    {"step": {}, "params": {"w": np.zeros(5000)}},
    {"step": 1, "params": np.zeros(5000)},
    {"params": {"w": np.int8(1)}},
)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("prefix", ["", "params::", "trainstate::"])
def test_a_load_in_one_pass_gives_what_a_scan_and_its_reads_give(tmp_path, prefix):
    """Of every stream of the corpus, valid or not, and of trees that are nearly train states."""
    path = f"{prefix}{tmp_path}/x"
    for data in [*seeds(STREAM), *(written(state, True) for state in STATES)]:
        (tmp_path / "x").write_bytes(data)
        try:
            with reference.open(path) as checkpoint:  # each leaf by itself
                wanted = unflatten((key, checkpoint[key]) for key in checkpoint)
        except FormatError as error:
            with pytest.raises(FormatError) as caught:
                reference.load(path)
            assert str(caught.value) == str(error)
        else:
            found, wanted = (list(flatten(tree, keep_empty_nodes=True)) for tree in (reference.load(path), wanted))
            assert [key for key, _ in found] == [key for key, _ in wanted]
            assert all(same(a, b) for (_, a), (_, b) in zip(found, wanted, strict=True))


def test_clashes_of_every_kind_are_refused_in_one_pass(tmp_path):
    path = tmp_path / "x"
    large, small = np.zeros(5000, np.float32), np.zeros(3, np.float32)
    for value in (small, small[0], large, np.int8(1), {}, 5, "text", None):
        parts = [written({"a": value}, True), written({"a": {"b": small}}), written({"c": {"d": value}}, True)]
        path.write_bytes(b"".join(parts))
        for loaded in (reference.load, reference.scan):
            with pytest.raises(FormatError, match="a is a leaf, and a/b is under it"):
                loaded(path)
        path.write_bytes(b"".join(parts[::-1]))
        with pytest.raises(FormatError, match="a is a leaf, and a/b is under it"):
            reference.load(path)
        path.write_bytes(parts[2] + parts[0] + parts[2])
        with pytest.raises(FormatError, match="twice"):
            reference.load(path)

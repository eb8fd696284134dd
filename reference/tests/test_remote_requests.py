"""How many requests it takes to read files that are far away, and which bytes of them are fetched."""

import math

import numpy as np
import pytest

import reference
from reference.checkpoints.conversion import convert
from reference.checkpoints.verification import verify
from reference.delta import compare
from reference.format.leaves import describe
from reference.format.payloads import Step
from reference.format.records import Item
from reference.format.sealing import sealed_steps
from reference.format.streams import stream_steps

from .far_files import alike, content, put
from .servers.files import Sparse


def sparse(items, metadata=None):
    """A file of leaves whose payloads are zeros, with headers alone in memory."""
    steps = stream_steps(items) if metadata is None else sealed_steps(items, metadata)
    at, stretches = 0, {}
    for step in steps:
        assert isinstance(step, Step)
        for head, n in step.parts:
            stretches[at] = head
            at += len(head) + n
    return Sparse(at, stretches)


def test_a_scan_takes_a_request_for_each_large_tensor(web):
    """300 tensors of 100 MB, each with two small ones beside it."""
    large, small = describe(np.empty((5000, 5000), np.float32)), describe(np.empty(1024, np.float32))
    items = [
        Item(("layers", str(i), name), leaf)
        for i in range(300)
        for name, leaf in (("a", small), ("b", large), ("c", small))
    ]
    web.objects["/x"] = sparse(items)
    assert len(web.objects["/x"]) > 30_000_000_000
    with reference.open(f"{web.address}/x") as checkpoint:
        assert len(checkpoint) == 900
        assert checkpoint.requests <= 302
        assert len(web.ranges("/x")) == checkpoint.requests
        assert not checkpoint["layers/299/b"][4999].any()
        assert checkpoint.requests <= 302 + math.ceil(100_000_000 / (1 << 23))
    assert sum(stop - start for start, stop in web.ranges("/x")) < 100_000_000 + 302 * (1 << 17)


def test_small_leaves_are_scanned_and_read_by_large_windows(web):
    tree = {str(i): np.full(250 + i % 7, i, np.float32) for i in range(5_000)}  # 5 MB
    url = put(web, "x", tree)
    with reference.open(url) as checkpoint:
        scanned = checkpoint.requests
        assert scanned <= 8
        assert alike(checkpoint.tree(), tree)
        assert checkpoint.requests - scanned <= 2
    web.begin()
    assert alike(reference.load(url), tree)
    assert len(web.asked) <= 9
    convert(url, "out")
    web.begin()
    verify(url)
    assert len(web.asked) <= 20


@pytest.mark.sampled(2)
@pytest.mark.parametrize("mib", [0.02, 0.2, 2])
def test_leaves_of_any_size_are_read_together(web, mib):
    n = int(48 / mib) if mib > 0.1 else 600
    tree = {f"{i:04}": np.full(int(mib * (1 << 18)), i, np.float32) for i in range(n)}
    url = put(web, "x", tree)
    pieces = math.ceil(len(web.objects["/x"]) / (1 << 23))
    with reference.open(url) as checkpoint:
        scanned = checkpoint.requests
        assert scanned <= n + 2
        assert alike(checkpoint.tree(), tree)
        assert checkpoint.requests - scanned <= pieces + 2
    web.begin()
    for path, leaf in reference.records(url):
        assert leaf[0] == int(path[0])
    convert(url, "out")
    assert content("out") == content("x")
    compare(url, "x")
    assert len(web.asked) <= 3 * (scanned + 2) + (n if mib > 1 else pieces) + 2 * pieces + 12


def test_a_sealed_stream_is_opened_by_its_index(web):
    tree = {"x": {str(i): np.full((300, 300), i, np.float32) for i in range(200)}}
    url = put(web, "x", tree, format="2.0")
    with reference.open(url) as checkpoint:
        assert checkpoint.requests <= 3
        assert alike(checkpoint.tree(), tree)
        assert checkpoint.requests <= 3 + math.ceil(len(web.objects["/x"]) / (1 << 23)) + 1
    with reference.open(url) as checkpoint:
        checkpoint["x/77"]
        assert checkpoint.requests <= 5


def test_a_safetensors_file_is_opened_by_its_header(web):
    url = put(web, "safetensors::x", {str(i): np.zeros(3000, np.float32) for i in range(8000)})
    with reference.open(f"safetensors::{url}") as checkpoint:
        assert len(checkpoint) == 8000
        assert checkpoint.requests <= 3


def test_one_leaf_takes_no_other_bytes(web):
    url = put(web, "x", {str(i): np.full((1 << 20), i, np.float32) for i in range(8)})
    with reference.open(url) as checkpoint:
        web.begin()
        assert checkpoint["5"][0] == 5
        assert sum(stop - start for start, stop in web.ranges("/x")) == 1 << 22

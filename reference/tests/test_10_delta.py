"""Exact deltas: what is recovered is the target to the bit, and nothing else is recovered."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.peers.loop import read
from fuzz.strategies import arrays, scalars, small_values, trees
from reference.delta import diff
from reference.differences.exact_recovery import recover
from reference.format import blocks, manifests
from reference.format.blocks import BLOCK, EQUAL
from reference.format.digests import LeafDigest, tree_digest
from reference.format.dtypes import dtype_of
from reference.format.errors import FormatError, UsageError, WrongKind
from reference.format.leaves import Leaf
from reference.format.manifests import MARK, read_delta
from reference.format.payloads import MemoryPayload, write_steps
from reference.format.records import Item, record_step
from reference.format.wire import BytesSource
from reference.tests.delta_files import Files, pair
from reference.tests.handmade import BytesSink


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


# --- digests ----------------------------------------------------------------------------------------


def chapter(root):
    return (root / "spec/1.0/10-delta.md").read_text()


def test_the_digest_of_the_specification(root):
    digest = LeafDigest(("w",), Leaf("ndarray", np.dtype(np.float32), (2,), 8))
    digest.update(np.array([1, 2], np.float32).tobytes())
    assert f"`{digest.digest().hex()}`" in chapter(root)
    assert f"`{tree_digest([digest.digest()]).hex()}`" in chapter(root)
    assert tree_digest([b"b" * 32, b"a" * 32]) == hashlib.sha256(b"a" * 32 + b"b" * 32).digest()


def test_digests_do_not_depend_on_container_or_order(files, tmp_path):
    tree = {"b": {"x": np.arange(5.0), "s": "text"}, "a": [1, None, 2.5]}
    files.diff(tree, tree)
    reference.save(files.target, {"a": tree["a"], "b": {"s": "text", "x": tree["b"]["x"]}})
    from reference.convert import convert

    convert(files.target, str(tmp_path / "flax"), streaming=False)
    report = diff(files.base, f"flax::{tmp_path}/flax", files.delta)
    assert len(report.same) == 5
    manifest, found, _ = files.manifest()
    assert manifest.base == manifest.target
    assert not found


# --- files ------------------------------------------------------------------------------------------

anything = trees(arrays() | scalars | small_values)


@given(anything, anything, st.randoms())
def test_the_target_is_recovered_to_the_bit(tmp_path_factory, base, target, random):
    files = Files(tmp_path_factory.mktemp("pair"))
    target = {**target, **{key: value for key, value in base.items() if random.random() < 0.5}}
    try:
        report = files.diff(base, target)
    except FormatError as error:
        assert error.clause in ("TREE-3", "STREAM-3")
        return
    files.recover()
    assert files.is_recovered()
    assert len(report.same) + len(report.changed) + len(report.added) == len(reference.scan(files.target))
    flax = f"{files.recovered}.flax"
    try:
        recover(files.base, files.delta, flax, streaming=False)
    except FormatError as error:
        assert error.clause == "FLAX-3"
        return
    assert same(dict(reference.records(f"flax::{flax}")), dict(reference.records(files.target)))


def test_a_leaf_of_many_blocks_and_the_blocks_that_did_not_change(files):
    base = {"w": np.zeros((5, 1 << 20), np.float32), "tail": np.zeros(3 * BLOCK + 5, np.uint8)}
    target = {"w": base["w"].copy(), "tail": base["tail"].copy()}
    target["w"][2, 7] = 1
    target["tail"][-1] = 1
    report = files.diff(base, target, jobs=2)
    assert report.delta_bytes < 5000
    _, found, tail = files.manifest()
    methods = [tail.read_at(record.extents()[0][0], 1)[0] for record in found.values()]
    assert methods[:2] == methods[3:5] == [EQUAL, EQUAL]
    assert methods[5:8] == [EQUAL] * 3
    assert methods[2] != EQUAL != methods[8]
    files.recover(jobs=2)
    assert files.is_recovered()


def test_special_values_come_back(files):
    specials = np.array([0x0000, 0x8000, 0x7F80, 0xFF80, 0x7FC0, 0x7F81, 0xFFFF, 0x0001], np.uint16)
    left, right = (x.reshape(-1).copy().view(dtype_of("bfloat16")) for x in np.meshgrid(specials, specials))
    files.diff({"w": left}, {"w": right})
    files.recover()
    assert files.is_recovered()


def test_a_cast_of_the_target_comes_first(files):
    base, target = pair()
    report = files.diff(base, {**target, "w": target["w"] * np.float32(1e6)}, float_dtype="fp16")
    assert report.overflowed > 0
    files.recover()
    found = reference.load(files.recovered)
    with np.errstate(over="ignore"):
        assert same(found["w"], (target["w"] * np.float32(1e6)).astype(np.float16))
    files.recover(float_dtype="fp32")
    assert reference.load(files.recovered)["w"].dtype == np.float32


def test_existing_loaders_fail_on_a_delta_at_once(files):
    files.diff(*pair())
    with open(files.delta, "rb") as file, pytest.raises(TypeError, match="bytes-like object is required"):
        read(file)


def test_a_wrong_base_is_refused_before_anything_is_written(files):
    base, target = pair()
    files.diff(base, target)
    other = {**base, "w": base["w"] + 1, "more": 1}
    reference.save(files.base, other)
    with pytest.raises(FormatError, match="is not the base of this delta: 2 leaves differ: w, more") as caught:
        files.recover()
    assert caught.value.clause == "DELTA-11"
    assert not os.path.exists(files.recovered)
    with pytest.raises(FormatError, match="is the target of this delta, not its base"):
        recover(files.target, files.delta, files.recovered)


def test_a_delta_applied_twice_or_to_a_delta_is_refused(files):
    files.diff(*pair())
    files.recover()
    with pytest.raises(FormatError, match="is the target of this delta"):
        recover(files.recovered, files.delta, f"{files.recovered}2")
    for arguments in ((files.delta, files.target), (files.base, files.delta)):
        with pytest.raises(WrongKind, match="this is a delta"):
            diff(*arguments, f"{files.recovered}2")
    with pytest.raises(WrongKind, match="this is a stream, not a delta"):
        recover(files.base, files.target, f"{files.recovered}2")


def test_every_cut_of_a_delta_is_refused(files):
    files.diff({"w": np.arange(20.0), "s": "a"}, {"w": np.arange(20.0) + 1, "s": "b", "n": None})
    with open(files.delta, "rb") as file:
        whole = file.read()
    for cut in range(len(whole)):
        with pytest.raises(FormatError) as caught:
            read_delta(BytesSource(whole[:cut]))
        assert caught.value.clause.split("-")[0] in ("DELTA", "STREAM", "WIRE", "CONV"), caught.value


@pytest.mark.slow
def test_every_changed_byte_is_refused_or_without_effect(files):
    """A byte of the text in the mark, or of the name of a field that is ignored, may change and mean the same."""
    files.diff({"w": np.arange(20.0), "s": "a"}, {"w": np.arange(20.0) + 1, "s": "b", "n": None})
    with open(files.delta, "rb") as file:
        whole = file.read()
    harmless = 0
    for at in range(len(whole)):
        for mask in (0x01, 0x80):
            data = bytearray(whole)
            data[at] ^= mask
            with open(files.delta, "wb") as file:
                file.write(data)
            try:
                files.recover()
            except FormatError:
                continue
            assert files.is_recovered(), at
            harmless += 1
    assert harmless < 2 * len(MARK)


def test_long_texts_are_recovered_block_by_block(files, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 64)
    monkeypatch.setattr("reference.differences.leaf_contents.BLOCK", 64)
    monkeypatch.setattr("reference.differences.exact_recovery.BLOCK", 64)
    for n in (0, 1, 31, 32, 63, 64, 65, 255, 256, 1000, 70_000):
        target = {"text": "é" * (n // 2) + "x" * (n % 2), "raw": bytes(n), "same": "y" * n}
        files.diff({"text": "no", "raw": "other", "same": "y" * n}, target)
        files.recover()
        assert files.is_recovered()


def delta_that_adds_a_text(content):
    """A delta by hand of {"n": 1} whose target is one str with this content, in blocks that are stored whole."""
    digest = LeafDigest(("text",), Leaf("str"))
    digest.update(content)
    known = LeafDigest(("n",), Leaf("int", value=1))
    known.update(b"\1")
    blocks_ = [content[i : i + BLOCK] for i in range(0, len(content), BLOCK)]
    entry = manifests.Entry(("text",), "str", None, (), len(content), digest.digest(), None, False, len(blocks_))
    manifest = manifests.Manifest(
        tree_digest([known.digest()]), tree_digest([digest.digest()]), [entry], [(("n",), known.digest())]
    )
    sink = BytesSink()
    sink.write(MARK)
    data = [(manifests.block_path(0, k), "bin", b"\0\0" + block) for k, block in enumerate(blocks_)]
    data.append((manifests.MANIFEST, "str", manifests.encode_manifest(manifest).encode()))
    write_steps(
        sink,
        [record_step(Item(path, Leaf(kind, nbytes=len(d)), lambda d=d: MemoryPayload(d))) for path, kind, d in data],
    )
    return bytes(sink.data)


@pytest.mark.parametrize("kind", ["params", "flax"])
@pytest.mark.parametrize(
    "content",
    [b"\xa1\xe2", b"\xa2a\xc3", b"\xa3\xf0\x9f\x92", b"\xdb\x00\x40\x00\x01" + b"a" * (1 << 22) + b"\xc3"],
    ids=["alone", "after another", "of four bytes", "in a block of its own"],
)
def test_a_text_that_ends_within_a_character_is_refused(files, content, kind):
    """The digest is right, and so is every byte until the last: it is the end that has to be looked at."""
    reference.save(files.base, {"n": 1})
    with open(files.delta, "wb") as file:
        file.write(delta_that_adds_a_text(content))
    with pytest.raises(FormatError) as caught:
        recover(files.base, files.delta, f"{kind}::{files.recovered}")
    assert (caught.value.clause, caught.value.path) == ("DELTA-6", ("text",))
    assert not os.path.exists(files.recovered)


def test_a_target_without_leaves_and_an_output_with_a_prefix_are_refused(files):
    with pytest.raises(FormatError, match="STREAM-3"):
        diff({"a": 1}, {}, files.delta)
    with pytest.raises(UsageError, match="name the output without params::"):
        diff({"a": 1}, {"a": 2}, f"params::{files.delta}")
    with pytest.raises(UsageError, match="jobs must be 1 or more"):
        diff({"a": 1}, {"a": 2}, files.delta, jobs=0)
    assert not os.path.exists(files.delta)


def test_a_damaged_block_leaves_the_old_file(files):
    files.diff(*pair())
    with open(files.recovered, "wb") as file:
        file.write(b"old")
    with open(files.delta, "r+b") as file:
        file.seek(200_000)
        file.write(b"damage")
    with pytest.raises(FormatError) as caught:
        files.recover()
    assert caught.value.clause in ("DELTA-7", "DELTA-12")
    assert "leaf w" in str(caught.value)
    with open(files.recovered, "rb") as file:
        assert file.read() == b"old"


MEASURE = """
import sys
from reference.tests.memory import Meter
from reference.delta import diff
from reference.differences.exact_recovery import recover
base, target, delta, recovered = sys.argv[1:]
meter = Meter()
diff(base, target, delta, jobs=2)
recover(base, delta, recovered, jobs=2)
print(meter.peak() // 1024)
"""


@pytest.mark.slow
def test_memory_is_some_blocks_whatever_the_size(files):
    tree = {str(i): np.full(1 << 24, i, np.float32) for i in range(4)}
    reference.save(files.base, tree)
    reference.save(files.target, {key: leaf + 1 for key, leaf in tree.items()})
    arguments = [sys.executable, "-c", MEASURE, files.base, files.target, files.delta, files.recovered]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(run.stdout) < 200
    assert files.is_recovered()

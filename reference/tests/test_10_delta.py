"""Exact deltas: what is recovered is the target to the bit, and nothing else is recovered."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference import blocks, manifests
from reference.blocks import BLOCK, EQUAL, ORDERED, WHOLE, XOR, decode_block, encode_block
from reference.delta import diff
from reference.digests import LeafDigest, tree_digest
from reference.dtypes import WIDTHS, dtype_of
from reference.errors import FormatError, UsageError, WrongKind
from reference.leaves import Leaf
from reference.manifests import MARK, encode_manifest, read_delta
from reference.recovery import recover
from reference.tests.equality import same
from reference.tests.published_loop import read
from reference.tests.strategies import arrays, scalars, small_values, trees
from reference.wire import BytesSource


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


class Files:
    """A base, a target, their delta and what is recovered, in one folder."""

    def __init__(self, folder):
        self.base, self.target, self.delta, self.recovered = (
            str(folder / name) for name in ("base", "target", "delta", "recovered")
        )

    def diff(self, base, target, **options):
        reference.save(self.base, base, keep_empty_nodes=True)
        reference.save(self.target, target, keep_empty_nodes=True)
        return diff(self.base, self.target, self.delta, **options)

    def recover(self, **options):
        return recover(self.base, self.delta, self.recovered, **options)

    def is_recovered(self):
        with open(self.target, "rb") as wanted, open(self.recovered, "rb") as found:
            return wanted.read() == found.read()

    def manifest(self):
        with open(self.delta, "rb") as file:
            return read_delta(BytesSource(file.read()))


# --- blocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", sorted(WIDTHS))
@pytest.mark.parametrize("method", [WHOLE, XOR, ORDERED])
def test_every_method_is_exact_for_any_bits(tag, method):
    dtype = dtype_of(tag)
    random = np.random.default_rng(0)
    for count in (1, 7, 1000):
        target, base = random.integers(0, 256, (2, count * dtype.itemsize), np.uint8)
        packed = bytes((method,)) + blocks._packed(blocks._planes(target, base, dtype, method))
        assert np.array_equal(decode_block(packed, len(target), base, dtype), target)
        assert np.array_equal(decode_block(encode_block(target, base, dtype), len(target), base, dtype), target)


def words(dtype, base, target, method):
    """The one word that stands for a pair of words, in hex, highest byte first."""
    raw = [np.frombuffer(bytes.fromhex(text)[::-1], np.uint8) for text in (target, base)]
    return blocks._planes(*raw, dtype_of(dtype), method).tobytes()[::-1].hex()


@pytest.mark.parametrize(
    ("dtype", "base", "target", "word"),
    [
        ("bfloat16", "3f80", "3f81", "0002"),
        ("bfloat16", "3f80", "3f7f", "0001"),
        ("bfloat16", "0000", "8000", "0001"),
        ("complex64", "bf800000", "bf7fffff", "00000002"),
        ("float8_e4m3fn", "38", "39", "02"),
        ("float8_e8m0fnu", "7f", "80", "02"),
        ("int8", "7f", "80", "02"),
        ("int8", "00", "80", "ff"),
    ],
)
def test_the_words_of_the_specification(dtype, base, target, word, root):
    assert words(dtype, base, target, ORDERED) == word
    row = f"| `{dtype}` | `{base}`"
    assert any(row in line and f"`{target}`" in line and f"`{word}`" in line for line in chapter(root).splitlines())


def chapter(root):
    return (root / "spec/1.0/10-delta.md").read_text()


def test_a_step_to_a_neighbour_is_a_small_word_in_every_float():
    for tag in sorted(WIDTHS):
        if "float" in tag and tag not in ("float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"):
            n = 2 * WIDTHS[tag]
            assert int(words(tag, "00" * (n // 2), "80" + "00" * (n // 2 - 1), ORDERED), 16) == 1  # +0 to -0
            assert int(words(tag, "80" + "00" * (n // 2 - 1), "00" * (n // 2), ORDERED), 16) == 2


def test_the_smallest_method_is_taken():
    random = np.random.default_rng(0)
    weights = (random.standard_normal(1 << 18) * 0.02).astype(dtype_of("bfloat16"))
    tuned = (weights.astype(np.float32) + random.standard_normal(1 << 18).astype(np.float32) * 1e-4).astype(
        weights.dtype
    )
    encoded = encode_block(tuned.view(np.uint8), weights.view(np.uint8), weights.dtype)
    assert encoded[0] == ORDERED
    assert len(encoded) < 0.28 * tuned.nbytes
    other = random.integers(0, 256, 1 << 16, np.uint8)
    assert encode_block(other, random.integers(0, 256, 1 << 16, np.uint8), np.dtype(np.uint8))[1:2] == b"\0"  # stored
    assert encode_block(other, other.copy(), np.dtype(np.uint8)) == bytes((EQUAL,))


@pytest.mark.parametrize(
    "data",
    [b"", b"\4\0", b"\3\0", b"\0", b"\0\2abcd", b"\0\0abc", b"\0\0abcde", b"\0\1junk", b"\1"],
)
def test_a_block_that_is_none_is_refused(data):
    with pytest.raises(FormatError) as caught:
        decode_block(data, 4, np.zeros(4, np.uint8), np.dtype(np.uint8))
    assert caught.value.clause == "DELTA-7"


@pytest.mark.parametrize("method", [XOR, ORDERED, EQUAL])
def test_a_method_that_needs_a_base_is_refused_without_one(method):
    with pytest.raises(FormatError, match="DELTA-7"):
        decode_block(bytes((method,)) + b"\0abcd", 4, None, None)


def test_a_frame_that_says_too_much_of_itself_makes_no_more_than_is_due():
    frame = zstandard.ZstdCompressor().compress(bytes(1 << 28))
    with pytest.raises(FormatError, match="a frame of 268435456 bytes of planes, and 1000 are due"):
        decode_block(b"\0\1" + frame, 1000, None, None)


# --- digests ----------------------------------------------------------------------------------------


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


def pair(dtype=np.float32, shape=(3000, 1000)):
    random = np.random.default_rng(0)
    weights = random.standard_normal(shape).astype(np.float32).astype(dtype)
    tuned = (weights.astype(np.float32) * np.float32(1.001)).astype(dtype)
    return {"w": weights, "b": np.arange(7)}, {"w": tuned, "b": np.arange(7)}


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
    report = files.diff(base, {**target, "w": target["w"] * np.float32(1e6)}, float_type="fp16")
    assert report.overflowed > 0
    files.recover()
    found = reference.load(files.recovered)
    with np.errstate(over="ignore"):
        assert same(found["w"], (target["w"] * np.float32(1e6)).astype(np.float16))
    files.recover(float_type="fp32")
    assert reference.load(files.recovered)["w"].dtype == np.float32


def test_existing_loaders_fail_on_a_delta_at_once(files):
    files.diff(*pair())
    with open(files.delta, "rb") as file, pytest.raises(TypeError, match="bytes-like object is required"):
        read(file)


@pytest.mark.parametrize("prefix", ["", "params::", "trainstate::", "flax::"])
def test_a_delta_is_no_checkpoint(prefix, files):
    files.diff(*pair())
    with pytest.raises(WrongKind, match=r"this is a delta, .*recover its target first"):
        reference.load(prefix + files.delta)


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


def edited(files, change):
    """The delta with its manifest changed."""
    with open(files.delta, "rb") as file:
        whole = file.read()
    manifest, _, _ = read_delta(BytesSource(whole))
    text = encode_manifest(manifest)
    value = json.loads(text)
    change(value)
    new = json.dumps(value).encode()
    start = whole.index(b"\x92\x91\xa8manifest")
    head = b"\xdb" + len(new).to_bytes(4, "big") + new
    data = whole[:start] + b"\x92\x91\xa8manifest\xc6" + len(head).to_bytes(4, "big") + head
    with open(files.delta, "wb") as file:
        file.write(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("base"),
        lambda m: m.update(base="00"),
        lambda m: m.update(leaves={}),
        lambda m: m["leaves"][0].update(kind="tensor"),
        lambda m: m["leaves"][0].update(dtype="float33"),
        lambda m: m["leaves"][0].update(shape=[1 << 62, 1 << 62]),
        lambda m: m["leaves"][0].update(bytes=1 << 60, blocks=1 << 38, shape=[1 << 58]),
        lambda m: m["leaves"][0].update(blocks=7),
        lambda m: m["leaves"][0].update(like_base=1),
        lambda m: m["leaves"][0].update(path=["a", 1]),
        lambda m: m["leaves"][0].update(path=[]),
        lambda m: m["leaves"].append(m["leaves"][0]),
        lambda m: m["leaves"].reverse(),
        lambda m: m.update(leaves=m["leaves"][::-1], order=m["order"]),
        lambda m: m["leaves"].pop(),
        lambda m: m["leaves"][0].update(like_base=False),
        lambda m: m["leaves"][0].update(blocks=1.0),
        lambda m: m["leaves"][0].update(bytes=float("nan")),
        lambda m: m["leaves"][0].update(kind="scalar"),
        lambda m: m.pop("order"),
        lambda m: m["leaves"][0].update(target="0" * 64),
        lambda m: m["leaves"][1].update(base=None, like_base=False),
        lambda m: m["removed"].append({"path": ["x"], "base": 3}),
        lambda m: m.update(removed={}),
        lambda m: m["removed"].append({"path": m["leaves"][0]["path"], "base": m["leaves"][0]["base"]}),
        lambda m: m["leaves"][0].update(base="00" * 32),
    ],
)
def test_a_manifest_that_lies_is_refused(change, files):
    files.diff(*pair(shape=(30, 10)))
    edited(files, change)
    with pytest.raises(FormatError):
        files.recover()
    assert not os.path.exists(files.recovered)


def test_what_an_unchanged_leaf_says_of_itself_is_held_against_the_base(files):
    """It has no blocks, so that nothing in the delta ties its size to anything."""
    files.diff({"a": np.ones(3), "s": "x", "n": None}, {"a": np.ones(3), "s": "x", "n": 1})
    kept = content(files.delta)

    def huge(manifest):
        manifest["leaves"][0].update(shape=[1 << 56], bytes=1 << 59, like_base=False)

    def long(manifest):
        manifest["leaves"][1].update(bytes=1 << 62)

    def longer(manifest):
        manifest["leaves"][2].update(bytes=10**400)

    for change in (huge, long, longer):
        with open(files.delta, "wb") as file:
            file.write(kept)
        edited(files, change)
        with pytest.raises(FormatError, match="DELTA-3"):
            files.recover()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_long_texts_are_recovered_block_by_block(files, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 64)
    monkeypatch.setattr("reference.contents.BLOCK", 64)
    monkeypatch.setattr("reference.recovery.BLOCK", 64)
    for n in (0, 1, 31, 32, 63, 64, 65, 255, 256, 1000, 70_000):
        target = {"text": "é" * (n // 2) + "x" * (n % 2), "raw": bytes(n), "same": "y" * n}
        files.diff({"text": "no", "raw": "other", "same": "y" * n}, target)
        files.recover()
        assert files.is_recovered()


def test_frames_that_are_not_one_whole_frame_are_refused():
    planes = bytes(1000)
    good = zstandard.ZstdCompressor(write_checksum=True).compress(planes)
    assert decode_block(b"\0\1" + good, 1000, None, None).tobytes() == planes
    skippable = b"\x50\x2a\x4d\x18\x01\0\0\0x"
    sizeless = zstandard.ZstdCompressor(write_content_size=False).compress(planes)
    for frame in (good[:-1], good[:-4], good + b"x", good + good, skippable + good, good + skippable, sizeless, b""):
        with pytest.raises(FormatError, match="DELTA-7"):
            decode_block(b"\0\1" + frame, 1000, None, None)


def test_a_target_without_leaves_and_an_output_with_a_prefix_are_refused(files):
    with pytest.raises(FormatError, match="STREAM-3"):
        diff({"a": 1}, {}, files.delta)
    with pytest.raises(UsageError, match="name the output without params::"):
        diff({"a": 1}, {"a": 2}, f"params::{files.delta}")
    with pytest.raises(UsageError, match="jobs is a number of 1 or more"):
        diff({"a": 1}, {"a": 2}, files.delta, jobs=0)
    assert not os.path.exists(files.delta)


def test_json_that_is_deep_is_refused(files, monkeypatch):
    with pytest.raises(FormatError, match="DELTA-3"):
        manifests.decode_manifest("[" * 100_000)


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
from reference.recovery import recover
base, target, delta, recovered = sys.argv[1:]
meter = Meter()
diff(base, target, delta, jobs=2)
recover(base, delta, recovered, jobs=2)
print(meter.peak() // 1024)
"""


def test_memory_is_some_blocks_whatever_the_size(files):
    tree = {str(i): np.full(1 << 24, i, np.float32) for i in range(4)}
    reference.save(files.base, tree)
    reference.save(files.target, {key: leaf + 1 for key, leaf in tree.items()})
    arguments = [sys.executable, "-c", MEASURE, files.base, files.target, files.delta, files.recovered]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(run.stdout) < 200
    assert files.is_recovered()

"""Files with a seal: a damaged leaf is named, the others are read; shardings, changes, closing, memory maps."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from reference.convert import convert
from reference.delta import compare, diff, subtract
from reference.format.errors import FormatError
from reference.tests.sealed import sealed, taken_apart, with_index
from reference.verify import verify

P = PartitionSpec

LARGE = 9 << 20  # bytes; with it reads are shared by threads


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    tree = {
        "a": np.random.default_rng(0).integers(0, 255, LARGE, np.uint8).view(np.uint32).reshape(8, -1),
        "b": np.arange(1 << 20, dtype=np.int32).reshape(1024, 1024),
        "c": 7,
        "d": np.arange(9, dtype=np.int8),
    }
    sealed(folder, tree, name="x")
    return folder / "x", tree


def spoiled_copy(path, folder, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    (folder / "spoiled").write_bytes(data)
    return folder / "spoiled"


def test_a_damaged_leaf_is_named_and_the_others_are_still_read(large, tmp_path):
    path, tree = large
    record = reference.scan(path)[0]
    for at in (record.offset + 20, record.extents()[0][0] + 5, record.end - 1):
        spoiled = spoiled_copy(path, tmp_path, at)
        with reference.open(spoiled) as checkpoint:
            for _ in range(2):
                with pytest.raises(FormatError) as caught:
                    checkpoint["a"]
                assert (caught.value.clause, caught.value.path) == ("SUM-3", ("a",))
                assert same({key: checkpoint[key] for key in "bcd"}, {key: tree[key] for key in "bcd"})
        for like in (None, jax.tree.map(jnp.asarray, tree)):
            with pytest.raises(FormatError, match="spoiled") as caught:
                reference.load(spoiled, like=like)
            assert caught.value.path == ("a",)
        with pytest.raises(FormatError) as caught:
            list(reference.records(spoiled))
        assert caught.value.path == ("a",)
        assert same(reference.load(spoiled, exclude="a"), {key: tree[key] for key in "bcd"})


def test_check_false_hands_over_what_stands_there(large, tmp_path):
    path, tree = large
    record = reference.scan(path)[0]
    spoiled = spoiled_copy(path, tmp_path, record.extents()[0][0] + 5)
    with reference.open(spoiled, check=False) as checkpoint:
        assert (checkpoint["a"] != tree["a"]).sum() == 1
    assert (reference.load(spoiled, check=False)["a"] != tree["a"]).sum() == 1
    found = reference.load(spoiled, check=False, like=jax.tree.map(jnp.asarray, tree))
    assert int((found["a"] != tree["a"]).sum()) == 1


def test_check_false_spares_small_leaves_too(large, tmp_path):
    path, _ = large
    record = reference.scan(path)[2]
    spoiled = spoiled_copy(path, tmp_path, record.end - 1)
    with pytest.raises(FormatError, match="SUM-3") as caught:
        reference.load(spoiled)
    assert caught.value.path == ("c",)
    assert reference.load(spoiled, check=False)["c"] == 6
    with reference.open(spoiled, check=False) as checkpoint:
        assert checkpoint["c"] == 6


SPECS = [P(), P("x"), P(None, "x"), P("y", "x"), P(("x", "y")), P(None, ("y", "x"))]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_sharding_finds_a_flipped_bit_anywhere(large, tmp_path, spec):
    """Each device reads its part, and what they read together is all of the leaf."""
    path, tree = large
    mesh = Mesh(np.array(jax.devices()).reshape(2, 4), ("x", "y"))
    like = jax.ShapeDtypeStruct(tree["b"].shape, tree["b"].dtype, sharding=NamedSharding(mesh, spec))
    found = reference.load(path, like={"b": like}, include="b")
    assert np.asarray(found["b"]).tobytes() == tree["b"].tobytes()
    record = reference.scan(path)[1]
    for at in (record.offset + 3, record.extents()[0][0], record.end - 1, record.end - 1_000_000):
        spoiled = spoiled_copy(path, tmp_path, at)
        with pytest.raises(FormatError) as caught:
            reference.load(spoiled, like={"b": like}, include="b")
        assert caught.value.path == ("b",)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "x"
    sealed(tmp_path, {"a": np.zeros(5 << 20, np.uint8), "b": np.zeros(5000, np.uint8)}, name="x")
    with reference.open(path) as checkpoint:
        with path.open("r+b") as file:
            file.seek(1 << 20)
            file.write(b"\1")
        with pytest.raises(FormatError, match="SUM-3"):
            checkpoint["a"]
        assert not checkpoint["b"].any()
        with pytest.raises(OSError, match="the file changed"):
            checkpoint.source.refuse_changes()
        os.truncate(path, 1 << 20)
        with pytest.raises(FormatError, match="shorter") as caught:
            checkpoint["b"]
        assert caught.value.path == ("b",)


def test_a_closed_file_says_so(large):
    path, _ = large
    checkpoint = reference.open(path)
    checkpoint.close()
    for read in (
        lambda: checkpoint["a"],
        lambda: checkpoint.tree(),
        lambda: next(checkpoint.leaves()),
        lambda: checkpoint.source.read_at(0, 5),
        lambda: checkpoint.source.read_into(0, memoryview(bytearray(5))),
        lambda: checkpoint.source.map(),
    ):
        with pytest.raises(ValueError, match="closed"):
            read()
    assert checkpoint.metadata == {}


SOME = {
    "first": np.arange(7, dtype=np.int32),
    "int": 7,
    "large": np.arange(70_000, dtype=np.float32),
    "small": {str(i): np.arange(5 + i, dtype=np.int32) for i in range(4)},
    "text": "word" * 9,
    "long": "word" * 30_000,
    "padded": np.arange(3000, dtype=np.int16).reshape(3, -1),
    "scalar": np.float32(3),
    "last": b"raw",
}


def _converted(path, folder):
    convert(str(path), f"flax::{folder}/out")


def _one_by_one(path):
    with reference.open(path) as checkpoint:
        return [checkpoint[key] for key in checkpoint]


WAYS = {
    "load": lambda path, folder: reference.load(path),
    "load below": lambda path, folder: [reference.load(path, "small"), reference.load(path, exclude="small/*")],
    "load like numpy": lambda path, folder: reference.load(path, like=SOME),
    "load like jax": lambda path, folder: reference.load(path, like=jax.tree.map(_on_device, SOME)),
    "records": lambda path, folder: list(reference.records(path)),
    "one by one": lambda path, folder: _one_by_one(path),
    "convert": _converted,
    "cast": lambda path, folder: convert(str(path), f"{folder}/out", float_dtype="bf16"),
    "verify": lambda path, folder: verify(path),
    "compare": lambda path, folder: compare(str(path), SOME),
    "diff": lambda path, folder: diff(str(path), SOME, f"{folder}/out"),
    "subtract": lambda path, folder: subtract(SOME, str(path), f"{folder}/out"),
}


def _on_device(leaf):
    return jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf


# SUM-3: "before it hands over the leaf or ends without an error"
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_read_finds_a_flipped_bit_in_every_leaf(tmp_path, way):
    path = tmp_path / "x"
    data = sealed(tmp_path, SOME, name="x")
    WAYS[way](path, tmp_path)
    for record in reference.scan(path):
        for at in (record.offset + 6, record.end - 1):
            spoiled = bytearray(data)
            spoiled[at] ^= 1
            path.write_bytes(spoiled)
            with pytest.raises(FormatError) as caught:
                WAYS[way](path, tmp_path)
            assert caught.value.clause in ("SUM-3", "INDEX-7", "SEAL-1"), (at, str(caught.value))
            assert caught.value.path in (record.path, None)
        path.write_bytes(data)


# --- memory maps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("alignment", [64, 4096])
def test_a_map_gives_aligned_views(tmp_path, alignment):
    tree = {"a": np.arange(5000, dtype=np.float32), "x" * 33: np.arange(9000, dtype=np.int16), "c": 7}
    sealed(tmp_path, tree, name="x", alignment=alignment)
    found = reference.load(tmp_path / "x", mmap=True)
    assert same(found, tree)
    for key in ("a", "x" * 33):
        assert found[key].ctypes.data % alignment == 0
        assert found[key].flags.aligned
        assert not found[key].flags.writeable
        assert not found[key].flags.owndata


def test_jax_takes_a_mapped_view_over_without_a_copy(tmp_path):
    tree = {"a": np.arange(50_000, dtype=np.float32).reshape(5, -1), "small": np.arange(3, dtype=np.int32)}
    sealed(tmp_path, tree, name="x")
    for like in (
        jax.tree.map(jnp.zeros_like, tree),
        jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), tree),
    ):
        found = reference.load(tmp_path / "x", like=like, mmap=True)
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found))
        assert np.asarray(found["a"]).tobytes() == tree["a"].tobytes()
        address = found["a"].unsafe_buffer_pointer()
        with open("/proc/self/maps") as maps:
            mapped = [line.split() for line in maps if line.rstrip().endswith(str(tmp_path / "x"))]
        ranges = [tuple(int(each, 16) for each in line[0].split("-")) for line in mapped]
        assert any(start <= address < end for start, end in ranges), "the array is a copy"
        del found


def test_an_array_that_jax_has_taken_over_outlives_the_file(tmp_path):
    tree = {"a": np.arange(50_000, dtype=np.float32)}
    sealed(tmp_path, tree, name="x")
    found = reference.load(tmp_path / "x", like={"a": jnp.zeros(50_000)}, mmap=True)
    (tmp_path / "x").unlink()
    doubled = jax.jit(lambda x: 2 * x)(found["a"])
    assert np.asarray(doubled).tolist() == (2 * tree["a"]).tolist()


def test_a_map_refuses_headers_that_lie_and_no_payload(tmp_path):
    tree = {"a": np.arange(5000, dtype=np.float32), "b": np.arange(9000, dtype=np.int16)}
    data = sealed(tmp_path, tree, name="x")
    record = reference.scan(tmp_path / "x")[1]
    spoiled = bytearray(data)
    spoiled[record.extents()[0][0]] ^= 1
    (tmp_path / "x").write_bytes(spoiled)
    assert reference.load(tmp_path / "x", mmap=True)["b"][0] == 1
    spoiled = bytearray(data)
    spoiled[record.offset + 40] ^= 1
    (tmp_path / "x").write_bytes(spoiled)
    with pytest.raises(FormatError, match="SUM-3") as caught:
        reference.load(tmp_path / "x", mmap=True)
    assert caught.value.path == ("b",)
    records, index = taken_apart(data)
    index["leaves"][1][3] = [90, 100]
    (tmp_path / "x").write_bytes(with_index(records, index))
    with pytest.raises(FormatError, match="INDEX-7"):
        reference.load(tmp_path / "x", mmap=True)


def test_what_is_copied_from_a_map_is_compared(tmp_path, monkeypatch):
    """Scalars, texts, and arrays in parts, of which there is no view."""
    monkeypatch.setattr("reference.format.parts._ROWS", 4096)
    monkeypatch.setattr("reference.format.parts.LARGEST_WHOLE", 9000)
    monkeypatch.setattr("reference.format.sealing._SMALL", 100)
    tree = {"w": np.arange(5000, dtype=np.int16), "scalar": np.float32(3), "text": "word" * 30_000, "a": np.arange(9)}
    data = sealed(tmp_path, tree, name="x")
    assert same(reference.load(tmp_path / "x", mmap=True), tree)
    for record in reference.scan(tmp_path / "x")[:3]:
        spoiled = bytearray(data)
        spoiled[record.end - 1 if record.kind != "ndarray" else record.extents()[0][0]] ^= 1
        (tmp_path / "x").write_bytes(spoiled)
        for like in (None, tree):
            with pytest.raises(FormatError, match="SUM-3") as caught:
                reference.load(tmp_path / "x", mmap=True, like=like)
            assert caught.value.path == record.path
        (tmp_path / "x").write_bytes(data)

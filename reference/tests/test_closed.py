"""What is closed gives nothing more: one error, and never the bytes of another file that was opened since."""

import os
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.checkpoints.conversion import convert
from reference.delta import diff, recover, subtract
from reference.storage.atomic_files import replace
from reference.storage.local_files import FileSource

OLD = {"a": np.arange(5, dtype=np.float32), "b": {"large": np.ones(40_000, np.int32), "s": "old"}}
NEW = {"a": np.zeros(5, np.float32), "b": {"large": np.zeros(40_000, np.int32), "s": "new"}}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reference.save("old", OLD)
    reference.save("new", NEW)


def reopened(number):
    """Another file under the descriptor that an old one had."""
    opened = []
    while not opened or opened[-1] < number:
        opened.append(os.open("new", os.O_RDONLY))
    assert number in opened
    return opened


@pytest.mark.parametrize("mmap", [False, True])
def test_no_way_to_read_a_closed_checkpoint_gives_anything(files, mmap):
    checkpoint = reference.open("old", mmap=mmap)
    iterator, many = checkpoint.leaves(), checkpoint.items()
    first = next(iterator)
    items = iter(many)
    next(items)
    record = checkpoint.record("a")
    with checkpoint.source.descriptor as number:
        pass
    checkpoint.close()
    others = reopened(number)
    ways = {
        "key": lambda: checkpoint["a"],
        "large": lambda: checkpoint["b/large"],
        "get": lambda: checkpoint.get("a"),
        "values": lambda: list(checkpoint.values()),
        "leaves": lambda: list(checkpoint.leaves()),
        "kept leaves": lambda: next(iterator),
        "kept items": lambda: next(items),
        "tree": checkpoint.tree,
        "read_at": lambda: checkpoint.source.read_at(record.leaf_offset, 4),
        "read_into": lambda: checkpoint.source.read_into(0, memoryview(bytearray(9))),
        "read much": lambda: checkpoint.source.read_into(0, memoryview(bytearray(1 << 24))),
        "map": checkpoint.source.map,
        "changes": checkpoint.source.refuse_changes,
    }
    for name, way in ways.items():
        with pytest.raises(ValueError, match="old is closed; open it again to read from it"):
            way()
        assert name
    checkpoint.close()
    assert same(first[1], OLD["a"])  # what has been read stays
    assert checkpoint.keys() == {("a",), ("b", "large"), ("b", "s")}  # and so do the headers
    for other in others:
        os.close(other)


def test_a_closed_source_is_not_copied_from(files, tmp_path):
    source = FileSource("old")
    with source.descriptor as number:
        pass
    source.close()
    others = reopened(number)
    for behind in (False, True):
        with pytest.raises(ValueError, match="is closed"), replace(tmp_path / "x", behind=behind) as sink:
            sink.copy_from(source, 0, 1 << 18)
    assert not (tmp_path / "x").exists()
    for other in others:
        os.close(other)


def test_what_convert_and_its_like_return_reads_nothing(files):
    items = list(convert("old", "out", streaming=True).items)
    diff("old", "new", "delta")
    items += recover("old", "delta", "again").items
    reference.save("numbers", {"a": OLD["a"]})
    items += subtract("numbers", "numbers", "difference").items
    assert len(items) == 7
    for item in items:
        if item.payload is not None:
            with pytest.raises(ValueError, match="is closed; read"):
                item.payload()


def test_a_file_stays_open_while_a_thread_reads_it(files, monkeypatch):
    source = FileSource("old")
    with source.descriptor as number:
        pass
    reading, closed = threading.Event(), threading.Event()
    pread = os.pread

    def slow(fd, n, offset):
        reading.set()
        assert closed.wait(600)
        return pread(fd, n, offset)

    monkeypatch.setattr(os, "pread", slow)
    found = []
    thread = threading.Thread(target=lambda: found.append(source.read_at(0, 9)))
    thread.start()
    assert reading.wait(600)
    source.close()
    other = os.open("new", os.O_RDONLY)
    assert other != number, "the number was free while it was read from"
    closed.set()
    thread.join()
    os.close(other)
    assert found[0].startswith(b"\x92")


# --- keys of other types -----------------------------------------------------------------------------------


def test_a_key_of_another_type_is_not_there_and_raises_nothing_else(files):
    with reference.open("old") as checkpoint:
        for key in (5, None, b"a", 1.5, ("a", 1), ("a", None), (("a",),), ["a", []], {}, object(), "\\", ()):
            assert checkpoint.get(key) is None
            assert key not in checkpoint
            with pytest.raises(KeyError):
                checkpoint[key]
        assert same(checkpoint.get(["a"]), OLD["a"])


def test_a_whole_number_stands_for_the_item_of_a_list(tmp_path):
    reference.save(tmp_path / "x", {"layers": [{"w": np.float32(0)}, {"w": np.float32(1)}], 7: {"v": 1}})
    with reference.open(tmp_path / "x") as checkpoint:
        assert checkpoint["layers", 1, "w"] == 1
        assert ("layers", np.int64(0), "w") in checkpoint
        assert checkpoint[7, "v"] == 1
        assert ("layers", True, "w") not in checkpoint
    assert reference.load(tmp_path / "x", ("layers", 1)) == {"w": 1}
    with pytest.raises(reference.UsageError, match="None is neither"):
        reference.open(tmp_path / "x", ("layers", None))


# --- views -------------------------------------------------------------------------------------------------


def test_a_target_of_numpy_gets_views_of_a_map(files):
    found = reference.load("old", like=OLD, mmap=True)
    assert same(found, OLD)
    assert not found["a"].flags.writeable
    assert not found["b"]["large"].flags.owndata
    assert reference.load("old", like=OLD)["a"].flags.writeable


def test_a_target_of_another_dtype_is_converted(files):
    like = {**OLD, "a": np.zeros(5, np.float64)}
    found = reference.load("old", like=like, mmap=True)
    assert found["a"].dtype == np.float64
    assert found["a"].tolist() == OLD["a"].tolist()


def test_device_targets_are_filled_from_a_map(files):
    like = jax.tree.map(jnp.asarray, {"a": OLD["a"], "b": {"large": OLD["b"]["large"]}})
    mesh = jax.make_mesh((8,), ("x",))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    like["b"]["large"] = jax.device_put(like["b"]["large"], spread)
    found = reference.load("old", like=like, mmap=True, include=["a", "b/large"])
    assert same(np.asarray(found["a"]), OLD["a"])
    assert same(np.asarray(found["b"]["large"]), OLD["b"]["large"])
    assert found["b"]["large"].sharding == spread

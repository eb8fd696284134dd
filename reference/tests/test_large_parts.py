"""A leaf of 5 GiB for real, in parts: written, opened by its index, loaded in slices, refused when it is damaged."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
import reference.storage.sinks
from reference.convert import convert
from reference.format.errors import FormatError
from reference.tests.memory import Meter

pytestmark = [pytest.mark.large, pytest.mark.slow]
GIB = 1 << 30
SHAPE = (5, 1 << 14, 1 << 14)  # of float32: five parts, each a plane
MARKED = {(0, 0, 0): 1.0, (0, 9, 7): 2.0, (2, 5000, 3): 3.0, (3, 0, 0): 4.0, (4, -1, -1): 5.0}


def write_sparsely(fd, views, real=os.writev):
    """`os.writev`, but zeros leave a hole."""
    if any(np.frombuffer(view, np.uint8).any() for view in views):
        return real(fd, views)
    n = sum(map(len, views))
    os.lseek(fd, n, os.SEEK_CUR)
    return n


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The sealed stream, saved from a memory map; what the save has held is measured in a process of its own."""
    folder = tmp_path_factory.mktemp("parts")
    with open(folder / "raw", "wb") as file:
        file.truncate(5 * GIB)
    raw = np.memmap(folder / "raw", np.float32, "r+", shape=SHAPE)
    for place, value in MARKED.items():
        raw[place] = value
    del raw
    code = """
import sys, numpy as np, reference
from reference.tests.memory import Meter
from reference.tests.test_large_parts import write_sparsely
reference.storage.sinks.os.writev = write_sparsely
raw = np.memmap(sys.argv[1] + "/raw", np.float32, "r", shape=(5, 1 << 14, 1 << 14))
tree = {"a": 7, "w": np.asarray(raw), "z": np.arange(9)}
meter = Meter()
reference.save(sys.argv[1] + "/x", tree, format="2.0", metadata={"step": 3})
print(meter.held())
"""
    run = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert int(run.stdout.split()[-1]) < 6 * GIB >> 10  # kB: the pages of the map count, and nothing beside them
    os.unlink(folder / "raw")
    yield folder / "x"
    (folder / "x").unlink()


def test_it_is_opened_by_its_index_and_is_one_leaf(path):
    meter = Meter()
    a, w, z = reference.scan(path)
    assert (a.path, w.path, z.path) == (("a",), ("w",), ("z",))
    assert (w.shape, w.nbytes) == (SHAPE, 5 * GIB)
    extents = w.extents()
    assert [n for _, n in extents] == [GIB] * 5
    assert all(at % 64 == 0 for at, _ in extents)
    assert meter.peak() < 20_000  # kB
    with reference.open(path) as checkpoint:
        assert (checkpoint["z"].tolist(), checkpoint.metadata) == (list(range(9)), {"step": 3})


def test_the_published_loop_would_see_five_pieces_in_order(path):
    import msgpack

    with path.open("rb") as file:
        data = file.read(300)
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        unpacker.feed(data)
        assert next(unpacker)[0] == ["a"]
    assert data.count(b"__part_0_of_5__") == 1
    places = [at for at, _ in reference.scan(path)[1].extents()]
    with path.open("rb") as file:
        for i, at in enumerate(places):
            begin = max(0, at - 400)
            file.seek(begin)
            assert b"__part_%d_of_5__" % i in file.read(at - begin)


@pytest.mark.parametrize("spec", [(None, "x")], ids=str)
def test_slices_are_loaded_onto_eight_devices(path, spec):
    """Each device reads its own part: here an array of half precision that keeps one element of each, of all planes."""
    mesh = Mesh(np.array(jax.devices()), ("x",))
    if spec[0] is not None:
        mesh = Mesh(np.array(jax.devices()[:5]), ("x",))  # the first dimension is five
    sharding = NamedSharding(mesh, PartitionSpec(*spec))
    like = {"w": jax.ShapeDtypeStruct(SHAPE, jax.numpy.float16, sharding=sharding)}
    meter = Meter()
    found = reference.load(path, like=like, include="w")["w"]
    assert meter.peak() < 4 * GIB >> 10  # kB: half of it, as float16, and pieces
    for place, value in MARKED.items():
        assert float(found[place]) == value
    assert int((found != 0).sum()) == len(MARKED)


def test_a_slice_of_a_part_is_read_alone(path):
    from reference.devices.slices import read_boxes

    with path.open("rb"), reference.open(path) as checkpoint:
        record = checkpoint.record("w")
        meter = Meter()
        box = ((2, 3), (5000, 5001), (0, 1 << 14))
        (row,) = read_boxes(checkpoint.source, record.leaf_offset, record.leaf, [box], np.dtype(np.float32))
        assert (row.shape, row[0, 0, 3], np.count_nonzero(row)) == ((1, 1, 1 << 14), 3.0, 1)
        box = ((1, 4), (0, 1), (0, 2))
        (rows,) = read_boxes(checkpoint.source, record.leaf_offset, record.leaf, [box], np.dtype(np.float32))
        assert rows[:, 0, 0].tolist() == [0, 0, 4.0]
        assert meter.peak() < 20_000  # kB


def test_a_map_gives_no_view_of_parts_but_of_what_is_whole(path):
    mapped = reference.load(path, include="z", mmap=True)
    assert mapped["z"].tolist() == list(range(9))


@pytest.mark.thorough
def test_it_is_converted_to_a_flax_file_and_back(path, tmp_path, monkeypatch):
    monkeypatch.setattr("reference.storage.sinks.os.writev", write_sparsely)
    meter = Meter()
    report = convert(f"{path}", f"flax::{tmp_path}/f")
    assert report.nbytes > 5 * GIB
    assert meter.peak() < 300_000  # kB
    convert(f"flax::{tmp_path}/f", f"params::{tmp_path}/back", format="2.0", metadata={"step": 3})
    (tmp_path / "f").unlink()
    with path.open("rb") as a, (tmp_path / "back").open("rb") as b:
        while True:
            one, other = a.read(1 << 26), b.read(1 << 26)
            assert one == other
            if not one:
                break


def test_a_plain_stream_cannot_hold_it(path, tmp_path):
    with pytest.raises(FormatError, match="REC-3"):
        convert(f"{path}", f"params::{tmp_path}/y", format="1.0")
    assert not (tmp_path / "y").exists()


def test_a_cut_and_a_flip_are_refused(path):
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(size - 100)
        end = file.read()
    try:
        for cut in (size - 1, size - 100):
            os.truncate(path, cut)
            with pytest.raises(FormatError, match="SEAL-5"):
                reference.open(path)
            with path.open("r+b") as file:
                file.seek(size - 100)
                file.write(end)
    finally:
        assert path.stat().st_size == size
    record = reference.scan(path)[1]
    at = record.extents()[3][0] + 700_000_000
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\1")
    try:
        with reference.open(path) as checkpoint, pytest.raises(FormatError, match="SUM-3") as caught:
            out = np.empty(1 << 23, np.uint8)
            start = record.extents()[3][0] + 700_000_000 - (1 << 22)
            checkpoint.source.read_into(start, out.data)
        assert caught.value.path == ("w",)
        assert at - (1 << 22) < caught.value.offset <= at
    finally:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"\0")


def test_a_header_of_a_part_that_was_changed_is_refused(path):
    record = reference.scan(path)[1]
    at = record.extents()[4][0] - 30
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes((old[0] ^ 1,)))
    try:
        with reference.open(path) as checkpoint, pytest.raises(FormatError) as caught:
            checkpoint.source.read_at(record.extents()[4][0], 10)
        assert caught.value.path == ("w",)
        with pytest.raises(FormatError):
            reference.load(path, mmap=True, include="z")
    finally:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(old)

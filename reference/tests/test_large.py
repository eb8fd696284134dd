"""Leaves around 1, 2 and 4 GiB, as sparse files: what other loaders cannot read, and where the limit lies."""

import hashlib
import os
import subprocess
import sys

import flax.serialization
import numpy as np
import pytest

import reference
from fuzz.peers.loop import written
from reference.format.errors import FormatError

pytestmark = pytest.mark.large
GIB = 1 << 30


def sparse(path, nbytes, tail=b"\x92\x91\xa1z\xc4\x01\x07"):
    """A stream with a uint8 leaf "a" of so many zeros, in one piece, and an int "z" after it."""
    body = b"\x93\x91" + (b"\xce" + nbytes.to_bytes(4, "big")) + b"\xa5uint8\xc6" + nbytes.to_bytes(4, "big")
    ext = b"\xc9" + (len(body) + nbytes).to_bytes(4, "big") + b"\x01" + body
    head = b"\x92\x91\xa1a\xc6" + (len(ext) + nbytes).to_bytes(4, "big") + ext
    with open(path, "wb") as file:
        file.write(head)
        file.seek(nbytes, os.SEEK_CUR)
        file.write(tail)
    return len(ext)


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(2 * GIB - 1, marks=pytest.mark.thorough),
        2 * GIB,
        pytest.param(4 * GIB - 1, marks=pytest.mark.thorough),
    ],
)
def test_a_leaf_of_2_to_4_gib_reads(tmp_path, blob):
    path = tmp_path / "x"
    head = sparse(path, 1000)
    sparse(path, blob - head)
    first, last = reference.scan(path)
    assert first.end - first.leaf_offset == blob
    assert (last.path, last.leaf.value) == (("z",), 7)
    mapped = reference.load(path, mmap=True)["a"]
    assert mapped.shape == (blob - head,)
    assert mapped[-1] == 0
    with pytest.raises(FormatError) as caught:
        os.truncate(path, path.stat().st_size - 8)
        reference.scan(path)
    assert caught.value.clause == "STREAM-2"


def test_a_leaf_of_over_2_gib_is_read_into_memory(tmp_path):
    path = tmp_path / "x"
    sparse(path, 2 * GIB + 5)
    with open(path, "r+b") as file:
        file.seek(2 * GIB)
        file.write(b"\x05")
    tree = reference.load(path)
    assert tree["a"].shape == (2 * GIB + 5,)
    assert np.flatnonzero(tree["a"][2 * GIB - 100 : 2 * GIB + 5]).size == 1
    assert tree["z"] == 7


def test_one_leaf_behind_a_huge_one_is_read_by_seeking(tmp_path):
    path = tmp_path / "x"
    sparse(path, 4 * GIB - 1000)
    code = """
import sys, reference
from reference.tests.memory import Meter
meter = Meter()
with reference.open(sys.argv[1]) as checkpoint:
    assert checkpoint["z"] == 7
print(meter.peak())
"""
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 5_000  # kB


@pytest.mark.parametrize("extra", [pytest.param(0, marks=pytest.mark.thorough), 1])
def test_an_array_of_1_gib_is_chunked_exactly_as_flax_chunks_it(tmp_path, extra):
    path = tmp_path / "x"
    tree = {"w": np.zeros(GIB // 2 + extra, np.uint16)}
    tree["w"][-1] = 0x0102
    reference.save(path, tree)
    loop = written(tree)
    assert path.stat().st_size == len(loop)
    wanted = hashlib.blake2b(loop).digest()
    del loop
    with open(path, "rb") as file:
        assert hashlib.file_digest(file, "blake2b").digest() == wanted
    assert len(reference.scan(path)[0].extents()) == 1 + extra
    assert reference.load(path)["w"].tobytes() == tree["w"].tobytes()


def test_a_large_array_is_chunked_in_a_flax_file_that_flax_reads(tmp_path):
    from reference.convert import convert

    sparse(tmp_path / "x", GIB + 3)
    convert(f"{tmp_path}/x", f"{tmp_path}/y", streaming=False)
    os.unlink(tmp_path / "x")
    restored = flax.serialization.msgpack_restore((tmp_path / "y").read_bytes())
    assert restored["a"].shape == (GIB + 3,)
    assert not restored["a"].any()
    assert restored["z"] == 7


def test_a_leaf_over_2_gib_is_written_with_a_warning(tmp_path):
    zeros = np.broadcast_to(np.uint8(0), (2 * GIB + 1,))
    with pytest.warns(UserWarning, match="2 GiB: w"):
        reference.save(tmp_path / "x", {"w": zeros})
    assert len(reference.scan(tmp_path / "x")[0].extents()) == 3


def test_a_leaf_of_4_gib_goes_into_a_flax_file_but_not_into_a_stream(tmp_path):
    from reference.convert import convert

    header = b'{"w":{"dtype":"U8","shape":[4294967296],"data_offsets":[0,4294967296]}}'
    with open(tmp_path / "x", "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 4 * GIB)
    with pytest.raises(FormatError, match="streaming=False") as caught:
        convert(f"{tmp_path}/x", f"{tmp_path}/y", streaming=True)
    assert caught.value.clause == "REC-3"
    report = convert(f"{tmp_path}/x", f"{tmp_path}/y", streaming=False, dry_run=True)
    assert report.nbytes > 4 * GIB

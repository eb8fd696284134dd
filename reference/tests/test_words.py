"""Words of blocks on jax's devices: the planes and contents are those of numpy, for every dtype and any bits."""

import itertools
import subprocess
import sys

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.strategies import arrays, trees
from reference import delta
from reference.computing import device_planes
from reference.computing.device_planes import DEVICES
from reference.format.blocks import BLOCK, NUMPY, ORDERED, WHOLE, XOR, encode_block
from reference.format.dtypes import INSTALLED, dtype_of
from reference.format.errors import UsageError
from reference.tests.delta_files import Files
from reference.tests.examples import at_most
from reference.tests.versions import enable_x64

METHODS = (WHOLE, XOR, ORDERED)
rng = np.random.default_rng(0)


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few words for each of the devices, so that small leaves are cut into some and something is left."""
    monkeypatch.setattr(device_planes, "SIZES", (512, 128))
    monkeypatch.setattr("reference.computing.accelerators.LEAST", 1)


def assert_agree(dtype, target, base):
    for method in METHODS:
        wanted = NUMPY.planes(target, base, dtype, method)
        assert np.array_equal(DEVICES.planes(target, base, dtype, method), wanted)
        assert np.array_equal(DEVICES.content(wanted, base, dtype, method), target)
        assert np.array_equal(NUMPY.content(wanted, base, dtype, method), target)


def special(dtype):
    """Words at the ends of what there is, in all pairs."""
    word = np.dtype(f"u{min(dtype.itemsize, 8)}")
    top = 1 << (8 * word.itemsize - 1)
    middle = 1 << (4 * word.itemsize)  # for pairs of 32 bits, where something is carried
    ends = [0, 1, 2, middle - 1, middle, middle + 1, top - 1, top, top + 1, 2 * top - 2, 2 * top - 1]
    pairs = np.array(list(itertools.product(ends, ends)), word)
    return [np.tile(side, 16).view(np.uint8) for side in pairs.T.copy()]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("tag", sorted(INSTALLED))
def test_every_dtype_has_the_planes_of_numpy(tag, small_pieces):
    dtype = dtype_of(tag)
    assert_agree(dtype, *special(dtype))
    for count in (1, 7, 1000):
        target, base = rng.integers(0, 256, (2, count * dtype.itemsize), np.uint8)
        assert_agree(dtype, target, base)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.float16, np.int8])
def test_a_whole_block_and_what_is_left_of_one(dtype):
    """In pieces of their true sizes: of the second there is one of each, and some words for numpy."""
    dtype = np.dtype(dtype)
    for nbytes in (BLOCK, (BLOCK >> 2) + device_planes.LEAST + 48):
        target, base = rng.integers(0, 256, (2, nbytes), np.uint8)
        assert_agree(dtype, target, base)
        for known in (base, None):
            assert encode_block(target, known, dtype, DEVICES) == encode_block(target, known, dtype)


@at_most(60)
@given(st.data())
def test_any_bits_of_any_dtype(data):
    array = data.draw(arrays(shapes=st.integers(1, 500).map(lambda n: (n,))))
    target = array.view(np.uint8)
    base = np.frombuffer(data.draw(st.binary(min_size=len(target), max_size=len(target))), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_planes, "SIZES", (512, 128))
        assert_agree(array.dtype, target, base)


def test_any_number_of_devices_is_dealt_the_same_words(monkeypatch):
    monkeypatch.setattr(jax, "local_device_count", lambda: 3)
    found = [piece.stop - piece.start for piece in device_planes._pieces(BLOCK, 8)]
    assert all(n % 24 == 0 for n in found)
    assert BLOCK - sum(found) < device_planes.LEAST


def test_devices_need_not_speak_with_one_another():
    for width, method in itertools.product((1, 2, 4, 8), METHODS):
        content = device_planes._sent(np.zeros(1024, np.uint8), width)
        planes = jax.device_put(np.zeros((width, 8, 128 // width), np.uint8), device_planes._spread(1))
        for work, first in ((device_planes._split, content), (device_planes._join, planes)):
            program = device_planes._program(width, True, method, work)
            text = program.lower(first, *[content] * (method != WHOLE)).compile().as_text()
            assert not any(name in text for name in ("all-", "collective", "partition-id"))


def test_settings_of_jax_do_not_show(small_pieces):
    target, base = special(np.dtype(np.float64))
    with enable_x64(), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        assert_agree(np.dtype(np.float64), target, base)


# --- whole deltas ---------------------------------------------------------------------------------------


def content(path):
    with open(path, "rb") as file:
        return file.read()


def deltas(files, **options):
    """The bytes of a delta, and of what is recovered, with each backend."""
    found = {}
    for backend in ("numpy", "jax"):
        delta.diff(files.base, files.target, files.delta, backend=backend, **options)
        delta.recover(files.base, files.delta, files.recovered, backend=backend)
        found[backend] = content(files.delta), content(files.recovered)
    return found


def test_the_bytes_of_a_delta_are_the_same_with_either_backend(tmp_path, small_pieces):
    files = Files(tmp_path)
    base, target = {}, {}
    for tag in sorted(INSTALLED):
        dtype = dtype_of(tag)
        base[tag] = rng.integers(0, 256, 3000 * dtype.itemsize, np.uint8)
        target[tag] = base[tag].copy()
        target[tag][:: 3 * dtype.itemsize] += 1
        base[tag], target[tag] = (reference.format.leaves.settle(side[tag].view(dtype)) for side in (base, target))
    target["new"] = np.arange(2000.0)
    reference.save(files.base, base)
    reference.save(files.target, target)
    found = deltas(files)
    assert found["jax"] == found["numpy"]
    assert files.is_recovered()
    for name in ("bf16", "fp64"):
        found = deltas(files, float_dtype=name)
        assert found["jax"] == found["numpy"]


@at_most(25)
@given(trees(), trees())
def test_any_pair_of_trees_gives_the_same_delta(tmp_path_factory, base, target):
    files = Files(tmp_path_factory.mktemp("pair"))
    try:
        reference.save(files.base, base)
        reference.save(files.target, {**target, **base})
    except ValueError:  # two keys that give one text
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_planes, "SIZES", (512, 128))
        patch.setattr("reference.computing.accelerators.LEAST", 1)
        found = deltas(files)
    assert found["jax"] == found["numpy"]
    assert files.is_recovered()


def test_a_backend_that_does_not_exist_is_refused_before_anything_is_written(tmp_path):
    files = Files(tmp_path)
    files.diff({"a": 1}, {"a": 2})
    with pytest.raises(UsageError, match="'cuda' is not a backend; choose one of jax, numpy"):
        delta.diff(files.base, files.target, tmp_path / "out", backend="cuda")
    with pytest.raises(UsageError, match="'cuda' is not a backend; choose one of jax, numpy"):
        delta.recover(files.base, files.delta, tmp_path / "out", backend="cuda")
    assert not (tmp_path / "out").exists()


MEASURE = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"
from reference import delta
from reference.computing import device_planes
from reference.tests.memory import Meter
base, target, made, recovered, small = sys.argv[1:]
delta.diff(small, target, made, jobs=2, backend="jax")  # compile, and load what is loaded late
delta.recover(small, made, recovered, jobs=2, backend="jax")
for work in (lambda: delta.diff(base, target, made, jobs=2, backend="jax"),
             lambda: delta.recover(base, made, recovered, jobs=2, backend="jax")):
    meter = Meter()
    work()
    print(meter.peak() // 1024)
print(device_planes._program.cache_info().currsize)
"""


@pytest.mark.slow
def test_memory_is_some_blocks_whatever_the_size(tmp_path):
    files = Files(tmp_path)
    tree = {str(i): np.full(1 << 24, i, np.float32) for i in range(4)}
    reference.save(files.base, tree)
    reference.save(files.target, {key: leaf + 1 for key, leaf in tree.items()})
    reference.save(tmp_path / "small", {"0": tree["0"]})
    arguments = [files.base, files.target, files.delta, files.recovered, str(tmp_path / "small")]
    run = subprocess.run([sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    diff, recover, programs = map(int, run.stdout.split())
    assert programs > 0
    assert max(diff, recover) < 120  # MiB; the trees have 256 each
    assert files.is_recovered()

"""Arrays of 0 to 64 dimensions, of no elements too, go through every reader and writer."""

import contextlib
import io

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_dtypes import bfloat16, int4

import reference
from fuzz.equality import same
from reference.commands import inspect
from reference.containers.registry import read_contents
from reference.convert import convert
from reference.delta import add, compare, diff, recover, subtract
from reference.format.arrays import MAX_DIMS
from reference.format.errors import FormatError
from reference.format.wire import BytesSource
from reference.salvage import salvage
from reference.storage.progress import silent
from reference.tests.examples import at_most
from reference.tests.handmade import array, record
from reference.verify import verify

DIMS = (0, 1, 2, 31, 32, 33, 63, 64)
DTYPES = [np.dtype(name) for name in ("bool", "int8", "uint16", "float32", "complex64", ">i4", bfloat16, int4)]


@st.composite
def many_dimensions(draw):
    """An array of mostly ones in its shape, with a few elements, or with none and one dimension of any size."""
    dtype, ndim = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(DIMS))
    shape = [1] * ndim
    for _ in range(draw(st.integers(0, min(ndim, 3)))):
        shape[draw(st.integers(0, ndim - 1))] = draw(st.integers(0, 3))
    if 0 in shape and shape.count(0) < ndim and draw(st.booleans()):
        shape[draw(st.sampled_from([i for i, n in enumerate(shape) if n]))] = 1 << 55
    values = np.arange(np.prod(shape, dtype=object)).astype(np.uint8) & 1
    return values.astype(dtype).reshape(shape)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dimensions")


def native(array):
    return array.astype(array.dtype.newbyteorder("="))


def holds(found, tree):
    """Whether these are the leaves, in any order: that of safetensors is another."""
    return set(found) == set(tree) and all(same(found[key], leaf) for key, leaf in tree.items())


@at_most(60)
@given(many_dimensions(), st.booleans())
def test_every_reader_gives_the_array_back(folder, made, alike):
    """Two arrays of one header are read together, another way than one alone."""
    tree = {"s": {"x": made, "y": made.copy() if alike else np.arange(3)}}
    path = str(folder / "x")
    reference.save(path, tree)
    convert(path, f"flax::{path}.flax", progress=silent)
    files = [f"params::{path}", f"flax::{path}.flax"]
    if made.dtype != int4:  # which safetensors lacks
        convert(path, f"safetensors::{path}.safetensors", progress=silent)
        files.append(f"safetensors::{path}.safetensors")
    wanted = {"s": {name: native(leaf) for name, leaf in tree["s"].items()}}
    for file in files:
        for options in ({}, {"include": "*"}, {"exclude": "nothing"}, {"mmap": True}):
            assert holds(reference.load(file, **options)["s"], wanted["s"])
        assert holds(reference.load(file, "s"), wanted["s"])
        assert same(reference.load(file, like=wanted), wanted)
        assert holds({path[1]: leaf for path, leaf in reference.records(file)}, wanted["s"])
        with reference.open(file) as checkpoint:
            verify(checkpoint)
            assert same(checkpoint["s/x"], wanted["s"]["x"])
        with contextlib.redirect_stdout(io.StringIO()):
            assert inspect.main([file]) == 0
        assert compare(file, tree).count("equal") == 2
    for file in files[:2]:
        assert salvage(file, f"{path}.left", progress=silent).losses == []


@pytest.mark.slow
@at_most(40)
@given(many_dimensions())
def test_every_writer_of_differences_takes_it(folder, made):
    base, target, delta, found = (str(folder / name) for name in ("base", "target", "delta", "found"))
    reference.save(target, {"x": made, "n": 1})
    for before in (np.zeros_like(made), made, made.reshape(-1)):
        reference.save(base, {"x": before, "n": 2})
        diff(base, target, delta, progress=silent)
        recover(base, delta, found, progress=silent)
        assert (folder / "found").read_bytes() == (folder / "target").read_bytes()
        assert len(compare(base, target).pairs) == 2
    if made.dtype not in (np.bool_, int4):
        reference.save(base, {"x": np.zeros_like(made), "n": 1})
        subtract(base, target, delta, progress=silent)
        add(base, delta, found, progress=silent)
        assert (folder / "found").read_bytes() == (folder / "target").read_bytes()


@pytest.mark.parametrize("container", ["params", "flax", "safetensors"])
def test_the_same_array_of_64_dimensions_many_times(folder, container):
    """So many small records that they are read as one run."""
    tree = {f"{i:04}": np.full((1,) * 63 + (2,), i, np.float32) for i in range(2000)}
    reference.save(folder / "many", tree)
    convert(str(folder / "many"), f"{container}::{folder}/out", progress=silent)
    assert same(reference.load(f"{container}::{folder}/out"), tree)
    assert same(
        reference.load(f"{container}::{folder}/out", include="*0*7"),
        {k: tree[k] for k in tree if "0" in k[:-1] and k[-1] == "7"},
    )


@pytest.mark.parametrize("ndim", DIMS)
def test_a_jax_target_of_as_many_dimensions(folder, ndim):
    tree = {"x": np.full((1,) * ndim, 3, np.float32), "y": np.zeros((0,) * ndim, np.float32)}
    reference.save(folder / "x", tree)
    loaded = reference.load(folder / "x", like=jax.tree.map(jax.numpy.zeros_like, tree))
    assert same(jax.tree.map(np.asarray, loaded), tree)
    reference.save(folder / "y", loaded)
    assert (folder / "y").read_bytes() == (folder / "x").read_bytes()


@pytest.mark.parametrize("size", [1 << 62, (1 << 63) - 1])
@pytest.mark.parametrize("shape", ["\x92{}\x00", "\x92\x00{}", "\x93\x01{}\x00"], ids=["before", "behind", "between"])
def test_a_shape_of_no_elements_and_of_the_greatest_size(folder, size, shape):
    before, _, after = shape.partition("{}")
    dims = before.encode("latin-1") + b"\xcf" + size.to_bytes(8, "big") + after.encode("latin-1")
    (folder / "x").write_bytes(record(("x",), array(dims, "int8", b"")) + record(("y",), array(dims, "int8", b"")))
    for found in (reference.load(folder / "x"), reference.load(folder / "x", include="*")):
        assert found["x"].size == 0
        assert size in found["x"].shape
        assert same(reference.load(folder / "x", like=found), found)
        assert compare(str(folder / "x"), found).count("equal") == 2


def test_65_dimensions_are_refused_by_their_clause(folder):
    dims = b"\xdc\x00\x41" + b"\x01" * (MAX_DIMS + 1)
    data = record(("x",), array(dims, "int8", b"a"))
    with pytest.raises(FormatError) as caught:
        read_contents(BytesSource(data), "stream")
    assert (caught.value.clause, caught.value.path) == ("LEAF-3", ("x",))

"""Arithmetic differences: as the published script makes them, recovered, counted, refused by name, and in pieces."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.peers.loop import read, written
from reference.convert import convert
from reference.differences.arithmetic_difference import add, subtract
from reference.format.casts import FLOAT_TAGS, cast, float_dtype
from reference.format.dtypes import dtype_of
from reference.format.errors import FormatError
from reference.format.leaves import Leaf
from reference.format.records import Item, record_step
from reference.tests.examples import at_most
from reference.tests.test_arithmetic import any_bits, bits_of, settled, total

BF16 = ml_dtypes.bfloat16
F16, B16, F32, F64 = map(dtype_of, FLOAT_TAGS)
INTEGERS = [np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)]
rng = np.random.default_rng(0)


def test_what_computes_does_not_show(tmp_path, monkeypatch):
    monkeypatch.setattr("reference.computing.device_casts.SIZES", (640,))
    dtypes = {"a": (B16, B16), "b": (F16, B16), "c": (F32, F32), "d": (F64, F32)}
    for i, name in enumerate(("base", "target")):
        tree = {key: any_bits(pair[i], 3000) for key, pair in dtypes.items()}
        tree["e"], tree["f"] = any_bits(F32, 3000).view(np.complex64), rng.integers(-9, 9, 2000)
        reference.save(tmp_path / name, tree)
    found = {}
    for backend in ("numpy", "jax"):
        where = [f"{tmp_path}/{name}" for name in ("base", "target", backend, f"{backend}_sum")]
        difference = subtract(*where[:3], float_dtype="bf16", backend=backend)
        recovered = add(where[0], where[2], where[3], backend=backend)
        with open(where[2], "rb") as d, open(where[3], "rb") as s:
            found[backend] = d.read(), s.read(), difference[1:], recovered[1:]
    assert found["jax"] == found["numpy"]
    assert found["jax"][2][1] == 5 * 3000  # values


numbers = st.sampled_from([F16, B16, F32, F64, *INTEGERS, np.dtype(np.complex64), np.dtype(np.complex128)])
paths = st.sampled_from([("a",), ("b", "x"), ("b", "y"), ("c", "d", "e")])


@st.composite
def number_trees(draw):
    """Key path -> base and target, arrays or scalars that can be subtracted."""
    found = {}
    for path in draw(st.lists(paths, min_size=1, unique=True)):
        dtype, shape = draw(numbers), draw(st.sampled_from([(), (0, 2), (3,), (5, 7)]))
        dtypes = dtype, draw(st.sampled_from([F16, B16, F32, F64])) if dtype in (F16, B16, F32, F64) else dtype
        sizes = [int(np.prod(shape)) * dtype.itemsize for dtype in dtypes]
        raw = [draw(st.binary(min_size=size, max_size=size)) for size in sizes]
        pair = [np.frombuffer(*side).reshape(shape) for side in zip(raw, dtypes, strict=True)]
        found[path] = [values[()] for values in pair] if draw(st.booleans()) and shape == () else pair
    return found


def parts(values):
    """A copy of the elements, 1-d, and those of a complex as its parts."""
    values = np.array(values).reshape(-1)
    return values.view(f"f{values.itemsize // 2}") if values.dtype.kind == "c" else values


@at_most(40)
@given(number_trees(), st.sampled_from([None, "bf16", "fp16", "fp32", "fp64"]), st.booleans())
def test_what_is_written_is_what_numpy_says(folder, leaves, name, streaming):
    where = [f"{folder}/{name}" for name in ("base", "target", "difference", "sum")]
    for i in (0, 1):
        tree = reference.format.trees.unflatten((path, pair[i]) for path, pair in leaves.items())
        reference.save(where[i], tree)
    report = subtract(*where[:3], streaming=streaming, float_dtype=name)
    add(where[0], where[2], where[3], streaming=not streaming)
    inexact = values = 0
    with reference.open(where[2]) as d, reference.open(where[3]) as s:
        assert sorted(d) == sorted(s) == sorted(leaves)
        for path, pair in leaves.items():
            base, target = map(parts, pair)
            assert d[path].shape == s[path].shape == pair[0].shape
            assert isinstance(d[path], np.ndarray) == isinstance(pair[1], np.ndarray)
            if base.dtype.kind in "iu":
                assert same(parts(d[path]), target - base)
                assert same(s[path], pair[1])
                continue
            difference = total(target, base, True)
            if pair[0].dtype.kind != "c" and name:
                difference = settled(cast(difference, float_dtype(name)))
            assert same(parts(d[path]), difference)
            assert same(parts(s[path]), settled(cast(total(base, difference, False), base.dtype)))
            back = settled(cast(total(base, difference, False), target.dtype))
            inexact += np.count_nonzero(bits_of(back) != bits_of(target))
            values += len(target)
    assert (report.inexact, report.values) == (inexact, values)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trees")


def model(dtype):
    make = lambda *shape: (0.02 * rng.standard_normal(shape)).astype(dtype)
    return {"layers": {"0": {"kernel": make(40, 30), "bias": make(30)}, "1": {"kernel": make(30, 50)}}, "norm": make(7)}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [BF16, np.float32, np.float16])
def test_a_difference_that_was_made_with_jax_is_recovered_as_with_jax(tmp_path, dtype):
    """The published script: a tree_map over whole trees in memory, saved in bf16."""
    base = model(dtype)
    target = jax.tree_util.tree_map(
        lambda b: jnp.asarray(b) + jnp.asarray(1e-3 * rng.standard_normal(b.shape), b.dtype), base
    )
    difference = jax.tree_util.tree_map(lambda b, t: t - b, base, target)
    reference.save(tmp_path / "base", base)
    reference.save(tmp_path / "target", target)
    reference.save(tmp_path / "difference", difference, "bf16")
    subtract(f"{tmp_path}/base", f"{tmp_path}/target", f"{tmp_path}/ours", float_dtype="bf16")
    assert same(reference.load(tmp_path / "ours"), reference.load(tmp_path / "difference"))
    loaded = reference.load(tmp_path / "difference")
    wanted = jax.tree_util.tree_map(lambda b, d: jnp.asarray(b) + jnp.asarray(d), base, loaded)
    for name in ("", "bf16", "fp32"):
        add(f"params::{tmp_path}/base", f"params::{tmp_path}/difference", f"{tmp_path}/sum", float_dtype=name)
        reference.save(tmp_path / "wanted", wanted, name or dtype)
        assert same(reference.load(tmp_path / "sum"), reference.load(tmp_path / "wanted"))


def test_the_published_loop_reads_what_is_written(tmp_path):
    base, target = model(BF16), model(BF16)
    for name, tree in (("base", base), ("target", target)):
        (tmp_path / name).write_bytes(written(tree))
    subtract(f"{tmp_path}/base", f"{tmp_path}/target", f"{tmp_path}/difference")
    with open(tmp_path / "difference", "rb") as file:
        found = read(file)
    assert all(map(same, *map(jax.tree.leaves, (found, jax.tree.map(lambda b, t: t - b, base, target)))))


KEPT = {
    "flag": np.array([True, False, True]),
    "fp8": rng.standard_normal(6).astype(ml_dtypes.float8_e4m3fn),
    "int4": np.arange(5, dtype=np.uint8).view(ml_dtypes.int4),
    "step": 12,
    "rate": float("nan"),
    "name": "llama",
    "raw": b"\0\1",
    "phase": 1 + 2j,
    "none": None,
    "nothing": {},
}


def saved(path, tree):
    reference.save(path, tree, keep_empty_nodes=True)
    return str(path)


def test_leaves_that_are_equal_and_no_numbers_are_kept(tmp_path):
    base = saved(tmp_path / "base", {**KEPT, "w": np.arange(4.0)})
    target = saved(tmp_path / "target", {"w": np.arange(4.0) + 1, **KEPT})
    report = subtract(base, target, f"{tmp_path}/difference")
    assert same(reference.load(tmp_path / "difference"), {"w": np.ones(4), **KEPT})
    assert (report.values, report.inexact, report.worst) == (4, 0, [])
    add(base, f"{tmp_path}/difference", f"{tmp_path}/sum")
    assert (tmp_path / "sum").read_bytes() == (tmp_path / "target").read_bytes()


OTHERS = {
    "flag": np.array([True, True, True]),
    "fp8": np.zeros(6, ml_dtypes.float8_e4m3fn),
    "int4": np.zeros(5, ml_dtypes.int4),
    "step": 13,
    "rate": 0.5,
    "name": "Llama",
    "raw": b"\0\1\2",
    "phase": None,
    "none": 0,
    "nothing": None,
    "w": np.arange(4, dtype=np.int32),
}


@pytest.mark.parametrize("key", OTHERS)
def test_leaves_that_differ_and_cannot_be_subtracted_are_refused_by_name(tmp_path, key):
    tree = {**KEPT, "w": np.arange(4.0)}
    base = saved(tmp_path / "base", {"a": tree})
    other = saved(tmp_path / "other", {"a": {**tree, key: OTHERS[key]}})
    (tmp_path / "out").write_bytes(b"old")
    for work, advice in ((subtract, "--method=exact"), (add, "base")):
        with pytest.raises(FormatError) as caught:
            work(base, other, f"{tmp_path}/out")
        assert (caught.value.clause, caught.value.path) == ("DELTA-14", ("a", key))
        assert advice in caught.value.advice
    assert (tmp_path / "out").read_bytes() == b"old"


def test_trees_that_differ_are_refused_with_the_leaves_that_do(tmp_path):
    zeros = np.zeros(2, np.float32)
    base = saved(tmp_path / "base", {"w": zeros, "row": np.zeros((1, 4)), **{f"m{i}": zeros for i in range(5)}})
    target = saved(tmp_path / "target", {"w": zeros, "row": np.zeros((8, 4)), "lora": {"a": zeros}})
    with pytest.raises(FormatError) as caught:
        subtract(base, target, f"{tmp_path}/out")
    assert caught.value.clause == "DELTA-14"
    assert caught.value.detail == (
        "the target has a different tree from its base; missing: m0, m1, m2 and 2 more; not in the base: lora/a; "
        "of another shape: row (float64[8,4], in the base float64[1,4])"
    )
    with pytest.raises(FormatError, match="the difference has a different tree from its base; missing: lora/a; not in"):
        add(target, base, f"{tmp_path}/out")
    assert not (tmp_path / "out").exists()


def test_what_is_lost_is_counted_where_it_is_lost(tmp_path):
    inf, nan = np.inf, np.nan
    base = {"a": np.array([65504, 1, inf, 1, 2], np.float16), "b": np.zeros(9, np.float16), "c": np.ones(5, np.float32)}
    target = {"a": np.array([-65504, -0.0, 1, nan, 2], np.float16), "b": base["b"], "c": np.full(5, 1e-9, np.float32)}
    report = subtract(saved(tmp_path / "base", base), saved(tmp_path / "target", target), f"{tmp_path}/difference")
    found = reference.load(tmp_path / "difference")
    assert same(found["a"], np.array([-inf, -1, -inf, nan, 0], np.float16))
    assert (report.values, report.inexact, report.overflowed) == (19, 8, 1)  # all of c, and of a the first three
    assert report.worst == [("c",), ("a",)]
    assert add(f"{tmp_path}/base", f"{tmp_path}/difference", f"{tmp_path}/sum").overflowed == 0
    assert [str(x) for x in reference.load(tmp_path / "sum")["a"]] == ["-inf", "0.0", "nan", "nan", "2.0"]


def leaves_of(path):
    with reference.open(path) as checkpoint:
        return dict(checkpoint.leaves())


def test_containers_and_prefixes_are_those_of_convert(tmp_path):
    saved(tmp_path / "base", model(BF16))
    saved(tmp_path / "state", {"step": 1, "params": {"params": model(BF16)}})
    convert(f"{tmp_path}/base", f"safetensors::{tmp_path}/base.safetensors")
    inputs = f"safetensors::{tmp_path}/base.safetensors", f"trainstate_params::{tmp_path}/state"
    subtract(f"{tmp_path}/base", inputs[1], f"{tmp_path}/stream")
    for prefix, name, streaming in (("", "out.flax", False), ("flax::", "out", True), ("safetensors::", "out", True)):
        subtract(*inputs, f"{prefix}{tmp_path}/{name}", streaming=streaming)
        found, wanted = map(leaves_of, (f"{prefix or 'flax::'}{tmp_path}/{name}", f"{tmp_path}/stream"))
        assert found.keys() == wanted.keys()
        assert all(same(found[path], wanted[path]) for path in wanted)


def test_the_order_is_depth_first_whatever_that_of_the_records(tmp_path):
    base, target = (saved(tmp_path / name, model(BF16)) for name in ("base", "target"))
    subtract(base, target, f"{tmp_path}/wanted")
    data, records = (tmp_path / "target").read_bytes(), reference.scan(target)
    (tmp_path / "target").write_bytes(b"".join(data[r.offset : r.end] for r in records[::2] + records[1::2]))
    subtract(base, target, f"{tmp_path}/found")
    assert (tmp_path / "found").read_bytes() == (tmp_path / "wanted").read_bytes()


def test_pieces_do_not_show(tmp_path, monkeypatch):
    base, target = (saved(tmp_path / name, {**model(BF16), **KEPT}) for name in ("base", "target"))
    report = subtract(base, target, f"{tmp_path}/whole")
    monkeypatch.setattr("reference.computing.arithmetic.PIECE", 64)
    monkeypatch.setattr("reference.computing.arithmetic._COMPUTED_AT_ONCE", 3)
    assert subtract(base, target, f"{tmp_path}/pieces")[1:] == report[1:]
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


MEASURE = """
import sys
from reference.tests.memory import Meter
from reference.differences.arithmetic_difference import add, subtract
base, target, output = sys.argv[1:]
meter = Meter()
report = subtract(base, target, output, float_dtype="bf16", jobs=2)
add(base, output, output + " added", jobs=2)
print(report.inexact, meter.peak() // 1024, "jax" in sys.modules)
"""


def sparse(path, *leaves):
    """A stream of zeros that takes no room on the disk."""
    with open(path, "wb") as file:
        for name, dtype in leaves:
            leaf = Leaf("ndarray", dtype, (1 << 10, 25_000), 25_000 * dtype.itemsize << 10)
            for head, n in record_step(Item((name,), leaf)).parts:
                file.write(head)
                file.truncate(file.tell() + n)
                file.seek(0, 2)
    return str(path)


@pytest.mark.slow
def test_memory_is_some_pieces_whatever_the_size_and_the_order(tmp_path):
    base = sparse(tmp_path / "base", ("a", B16), ("b", F32))
    target = sparse(tmp_path / "target", ("b", F32), ("a", F32))
    arguments = [sys.executable, "-c", MEASURE, base, target, str(tmp_path / "out")]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
    inexact, memory, jax_is_there = run.stdout.split()
    assert (inexact, jax_is_there) == ("0", "False")
    # MiB: some pieces, and what each of two threads keeps to compute in again (recycling); the inputs have 150 and 200.
    assert int(memory) < 96

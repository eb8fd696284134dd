"""Every cast says how many values it has made infinite or zero, and in which leaf the most, wherever it is done."""

import subprocess
import sys
import warnings

import jax
import ml_dtypes
import numpy as np
import pytest

import streamckpt as sc
from reference.checkpointer import StreamingCheckpointer
from reference.commands.verbs import main

# In float16: one value of `a` and three of `b/w` become infinite, two of `c` zero; what is infinite, zero or NaN stays.
TREE = {
    "a": np.array([70000.0, 1.0, np.inf], np.float32),
    "b": {"w": np.array([[1e30, -1e30], [65520.0, np.nan]], np.float32)},
    "c": np.array([1e-9, -1e-9, 0.0, -0.0], np.float32),
    "n": np.arange(3),
}
TOLD = "4 finite values became infinite and 2 nonzero values became zero in {}, the most of them in b/w [(]3[)]"


def halved(kind):
    return jax.tree.map(lambda a: kind(a.shape, np.float16 if a.dtype == np.float32 else np.int32), TREE)


@pytest.fixture
def path(tmp_path):
    sc.save(tmp_path / "x", TREE)
    return tmp_path / "x"


@pytest.mark.parametrize("kind", [np.empty, jax.ShapeDtypeStruct, lambda *a: jax.numpy.zeros(*a)])
@pytest.mark.parametrize("source", ["params", "safetensors", "sealed"])
def test_a_load_into_a_target_tells(path, kind, source):
    if source == "safetensors":
        sc.convert(path, f"safetensors::{path}.s")
        name = f"safetensors::{path}.s"
    else:
        sc.convert(path, f"params::{path}.t", format="2.0" if source == "sealed" else "1.0")
        name = f"params::{path}.t"
    with pytest.warns(UserWarning, match=TOLD.format("what was asked for")) as caught:
        loaded = sc.load(name, like=halved(kind))
    assert [each.filename for each in caught] == [__file__]
    assert np.isinf(np.asarray(loaded["a"])).sum() == 2


def test_a_number_of_python_is_told_of_too(tmp_path):
    sc.save(tmp_path / "x", {"f": 70000.0, "g": 1e-9})
    like = {"f": np.zeros((), np.float16), "g": jax.numpy.zeros((), "float16")}
    with pytest.warns(UserWarning, match="1 finite value became infinite and 1 nonzero value became zero .* in f"):
        assert np.isinf(sc.load(tmp_path / "x", like=like)["f"])


def test_what_is_kept_or_fits_is_not_told_of(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        like = {**TREE, "n": np.zeros(3, np.int32)}
        sc.load(path, like=like)
        sc.load(
            path, like=jax.tree.map(lambda a: np.empty(a.shape, np.float64 if a.dtype == np.float32 else int), TREE)
        )
        sc.load(path, like=halved(np.empty), include="n")


@pytest.mark.parametrize("spec", [("a",), ("b",), ("a", "b"), (None, "a"), ()])
def test_each_value_is_counted_once_however_an_array_is_sharded(tmp_path, spec):
    values = np.ones((64, 96), np.float32)
    values[::8, ::5], values[3::8, 1::7] = 1e30, 1e-30
    sc.save(tmp_path / "x", {"w": values})
    mesh = jax.sharding.Mesh(np.array(jax.devices()).reshape(4, 2), ("a", "b"))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*spec))
    like = {"w": jax.ShapeDtypeStruct(values.shape, np.float16, sharding=sharding)}
    infinite, zero = (values == np.float32(1e30)).sum(), (values == np.float32(1e-30)).sum()
    with pytest.warns(UserWarning, match=f"{infinite} finite values .* {zero} nonzero values .* in w [(]{infinite}[)]"):
        sc.load(tmp_path / "x", like=like)


@pytest.mark.parametrize("arrays", [lambda tree: tree, lambda tree: jax.tree.map(jax.numpy.asarray, tree)])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_save_tells(path, arrays, blocking):
    tree = arrays({**TREE, "n": np.arange(3, dtype=np.int32)})
    with pytest.warns(UserWarning, match=TOLD.format("float16")):
        sc.save(path, tree, "fp16") if blocking else sc.save(path, tree, "fp16", blocking=False).wait()


def test_the_trainers_class_tells(tmp_path, path):
    checkpointer = StreamingCheckpointer({"float_dtype": "fp16"}, tmp_path / "run")
    functions = jax.tree.map(lambda a: lambda x: x, TREE)
    for gather in (None, functions):
        with pytest.warns(UserWarning, match=TOLD.format("float16")):
            checkpointer.save_checkpoint(TREE, "x", gather)
    for target, shard in ((None, None), (TREE, None), (None, functions)):
        with pytest.warns(UserWarning, match=TOLD.format("float16")) as caught:
            StreamingCheckpointer.load_checkpoint(path, target, shard, dtype="fp16")
        assert [each.filename for each in caught] == [__file__]


def test_the_commands_tell(tmp_path, path):
    def said(*arguments):
        return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)

    pytest.importorskip("zstandard")
    cast = "--float_dtype=fp16"
    told = "4 finite values became infinite, and 2 nonzero values became zero"
    done = said("reference.convert", f"--load_checkpoint={path}", f"--output_file=params::{path}.1", cast)
    assert told in done.stdout
    assert done.stderr == "note: b/w has lost the most values to the cast\n"
    sides = f"--load_base_checkpoint={path}.1", f"--load_target_checkpoint={path}", f"--output_file={path}.d"
    done = said("reference.diff", *sides, cast)
    assert told in done.stdout
    assert "b/w" in done.stderr
    report = sc.convert(path, f"params::{path}.2", float_dtype="fp16")
    assert (report.overflowed, report.became_zero, report.worst) == (4, 2, ("b", "w"))
    done = said("reference.diff", *sides, "--method=subtract")
    assert "added to the base, 3 leaves come back in float16, where the target has float32\n" in done.stdout
    assert "added to the base, 1 leaf comes back in int64\n" in done.stdout


def test_bfloat16_loses_what_is_below_its_least_number(tmp_path):
    least = np.float32(ml_dtypes.finfo(ml_dtypes.bfloat16).smallest_subnormal)
    sc.save(tmp_path / "x", {"w": np.array([least, least / 4, 3.39e38, 3.4e38], np.float32)})
    with pytest.warns(UserWarning, match="1 finite value became infinite and 1 nonzero value became zero"):
        sc.load(tmp_path / "x", like={"w": np.empty(4, ml_dtypes.bfloat16)})


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_sums_and_differences_count_what_a_cast_makes_zero(tmp_path, monkeypatch, backend):
    monkeypatch.chdir(tmp_path)
    n = 1 << 19  # as many as a device is given
    tiny = {"a": np.tile(np.float32([1e-9, 7e4, 0, 1]), n // 4), "b": np.float32([1e-9, 1])}
    sc.save("tiny", tiny)
    sc.save("zero", {name: np.zeros_like(value) for name, value in tiny.items()})
    summed = sc.add("tiny", "zero", "sum", float_dtype="fp16", backend=backend)
    assert (summed.overflowed, summed.became_zero, summed.worst) == (n // 4, n // 4 + 1, ("a",))
    taken = sc.subtract("zero", "tiny", "difference", float_dtype="fp16", backend=backend)
    assert (taken.overflowed, taken.became_zero) == (n // 4, n // 4 + 1)
    kept = sc.add("tiny", "zero", "sum", backend=backend)
    assert (kept.overflowed, kept.became_zero, kept.worst) == (0, 0, None)


def test_recover_says_what_a_cast_of_a_sum_has_cost(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    sc.save("tiny", {"a": np.float32([1e-9, 7e4, 1]), "b": np.float32([1e-9])})
    sc.save("zero", {"a": np.zeros(3, np.float32), "b": np.zeros(1, np.float32)})
    assert main(["recover", "tiny", "zero", "sum", "--float_dtype=fp16"]) == 0
    out, err = capfd.readouterr()
    assert "1 finite value became infinite, and 2 nonzero values became zero" in out
    assert "note: a has lost the most values to the cast" in err
    assert main(["diff", "zero", "tiny", "difference", "--method=subtract", "--float_dtype=fp16"]) == 0
    assert "2 nonzero differences became zero" in capfd.readouterr().out

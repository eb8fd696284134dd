"""Conversions keep everything, out of core; prefixes choose and refuse."""

import re
import subprocess
import sys

import flax.serialization
import ml_dtypes
import numpy as np
import pytest

import reference
from fuzz.equality import same
from fuzz.peers.loop import read, written
from reference import convert as command
from reference.computing import accelerators
from reference.containers.safetensors_file import TAGS
from reference.convert import convert
from reference.format.casts import FLOAT_TAGS, cast
from reference.format.dtypes import dtype_of
from reference.format.errors import FormatError, UsageError
from reference.format.extras import how_to_install

safetensors = pytest.importorskip("safetensors")
pytest.importorskip("safetensors.flax")
BF16 = ml_dtypes.bfloat16

rng = np.random.default_rng(0)
PARAMS = {
    "layers": {
        "0": {"kernel": rng.standard_normal((64, 48)).astype(np.float32), "bias": np.zeros(48, np.float16)},
        "1": {"kernel": rng.standard_normal((5, 7)).astype(BF16), "ids": np.arange(9, dtype=np.int32)},
    },
    "half": rng.standard_normal(10).astype(np.float64),
    "fp8": rng.standard_normal(6).astype(ml_dtypes.float8_e4m3fn),
    "flag": np.array([True, False, True]),
    "empty": np.zeros((0, 3), np.float32),
    "zero_d": np.array(2.5, np.float32),
}
STATE = {
    "step": 12,
    "params": {"params": PARAMS},
    "opt_state": {"0": {"count": np.int32(12), "mu": PARAMS, "none": None, "nothing": {}}},
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "params").write_bytes(written(PARAMS))
    (tmp_path / "state").write_bytes(written(STATE, keep_empty_nodes=True))
    (tmp_path / "flax").write_bytes(flax.serialization.msgpack_serialize(_copy(PARAMS), in_place=True))
    flat = {".".join(path): value for path, value in reference.format.trees.flatten(PARAMS)}
    (tmp_path / "safetensors").write_bytes(safetensors.flax.save(flat))
    return tmp_path


def _copy(tree):
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in tree.items()}


def test_stream_to_flax_and_back_is_the_identity(files):
    for name in ("params", "state"):
        convert(f"{files}/{name}", f"{files}/out.flax", streaming=False)
        convert(f"flax::{files}/out.flax", f"{files}/out.stream", streaming=True)
        assert (files / "out.stream").read_bytes() == (files / name).read_bytes()


def test_a_flax_file_is_the_one_that_flax_writes(files):
    convert(f"params::{files}/params", f"{files}/out", streaming=False)
    assert (files / "out").read_bytes() == (files / "flax").read_bytes()
    data = (files / "out").read_bytes()
    assert same(flax.serialization.msgpack_restore(data), PARAMS)
    assert same(flax.serialization.from_bytes(PARAMS, data), PARAMS)


def test_a_stream_is_the_one_that_the_loop_writes(files):
    for prefix in ("flax", "flax_params"):
        convert(f"{prefix}::{files}/flax", f"{files}/out", streaming=True)
        assert (files / "out").read_bytes() == (files / "params").read_bytes()
    with open(files / "out", "rb") as file:
        assert same(read(file), PARAMS)


def test_the_weights_of_a_train_state(files):
    convert(f"trainstate_params::{files}/state", f"{files}/out", streaming=True)
    assert (files / "out").read_bytes() == (files / "params").read_bytes()
    convert(f"trainstate::{files}/state", f"{files}/whole", streaming=True)
    assert (files / "whole").read_bytes() == (files / "state").read_bytes()


def test_safetensors_both_ways(files):
    convert(f"safetensors::{files}/safetensors", f"{files}/out", streaming=True)
    assert same(_sorted(reference.load(files / "out")), _sorted(PARAMS))
    convert(f"params::{files}/params", f"safetensors::{files}/back")
    # the library's numpy side has no fp8, so its tensors are taken as bytes
    loaded = dict(safetensors.deserialize((files / "back").read_bytes()))
    for path, value in reference.format.trees.flatten(PARAMS):
        tensor = loaded.pop(".".join(path))
        assert (TAGS[tensor["dtype"]], tuple(tensor["shape"])) == (value.dtype.name, value.shape)
        assert bytes(tensor["data"]) == value.tobytes()
    assert not loaded
    convert(f"{files}/back", f"{files}/again", streaming=True)
    assert same(_sorted(reference.load(files / "again")), _sorted(PARAMS))


def _sorted(tree):
    return {key: _sorted(tree[key]) for key in sorted(tree)} if isinstance(tree, dict) else tree


def test_a_cast_changes_floats_alone(files):
    report = convert(f"{files}/state", f"{files}/out", streaming=True, float_dtype="bf16")
    found, before = reference.load(files / "out"), reference.load(files / "state")
    for (path, new), (_, old) in zip(
        reference.format.trees.flatten(found), reference.format.trees.flatten(before), strict=True
    ):
        if isinstance(old, np.ndarray) and str(old.dtype) in FLOAT_TAGS:
            assert same(new, cast(old.reshape(-1), dtype_of("bfloat16")).reshape(old.shape)), path
        else:
            assert same(new, old), path
    assert len(report.cast) == 10
    assert report.overflowed == 0


def test_save_casts_as_convert_does(files):
    reference.save(files / "saved", PARAMS, float_dtype="fp16")
    convert(f"{files}/params", f"{files}/converted", streaming=True, float_dtype="fp16")
    assert (files / "saved").read_bytes() == (files / "converted").read_bytes()


def test_pieces_of_a_cast_do_not_show(files, monkeypatch):
    convert(f"{files}/params", f"{files}/whole", streaming=True, float_dtype="fp16")
    monkeypatch.setattr("reference.format.casts.PIECE", 64)
    convert(f"{files}/params", f"{files}/pieces", streaming=True, float_dtype="fp16")
    assert (files / "whole").read_bytes() == (files / "pieces").read_bytes()


def test_leaves_out_of_order_are_brought_together(files):
    data = (files / "params").read_bytes()
    records = reference.scan(files / "params")
    (files / "mixed").write_bytes(b"".join(data[r.offset : r.end] for r in records[::2] + records[1::2]))
    convert(f"{files}/mixed", f"{files}/out", streaming=False)
    assert same(_sorted(flax.serialization.msgpack_restore((files / "out").read_bytes())), _sorted(PARAMS))


@pytest.mark.parametrize(
    ("prefix", "name", "advice"),
    [
        ("params::", "state", "trainstate_params::"),
        ("trainstate::", "params", "params::"),
        ("trainstate_params::", "params", "params::"),
        ("params::", "flax", "flax::"),
        ("flax::", "params", "params::"),
        ("params::", "safetensors", "safetensors::"),
        ("safetensors::", "flax", "flax::"),
        ("flax::", "safetensors", "safetensors::"),
    ],
)
def test_a_wrong_prefix_is_answered_with_the_right_one(files, prefix, name, advice):
    with pytest.raises(FormatError) as caught:
        convert(f"{prefix}{files}/{name}", f"{files}/out", streaming=True)
    assert advice in caught.value.advice
    assert name in str(caught.value)
    assert not (files / "out").exists()


@pytest.mark.parametrize(
    ("clause", "tree"),
    [
        ("CONV-9", {"a": 1}),
        ("CONV-9", {"a": np.float32(1)}),
        ("CONV-8", {"a": np.zeros(2, ml_dtypes.int4)}),
        ("CONV-7", {"a.b": np.zeros(2)}),
        ("CONV-7", {"__metadata__": np.zeros(2)}),
    ],
)
def test_what_safetensors_cannot_hold_is_refused_by_name(tmp_path, clause, tree):
    reference.save(tmp_path / "in", tree)
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(FormatError) as caught:
        convert(f"{tmp_path}/in", f"safetensors::{tmp_path}/out")
    assert (caught.value.clause, caught.value.path) == (clause, tuple(tree))
    assert (tmp_path / "out").read_bytes() == b"old"


def test_a_dry_run_writes_nothing(files):
    report = convert(f"{files}/params", f"{files}/out", streaming=True, dry_run=True)
    assert report.nbytes == (files / "params").stat().st_size
    assert not (files / "out").exists()


def test_a_part_of_a_checkpoint_is_converted(files):
    report = convert(f"{files}/params", f"flax::{files}/out", include="layers/*", exclude=["*/kernel", "*/0/*"])
    assert [item.path for item in report.items] == [("layers", "1", "ids")]
    left = flax.serialization.msgpack_restore((files / "out").read_bytes())
    assert same(left, {"layers": {"1": {"ids": PARAMS["layers"]["1"]["ids"]}}})
    with pytest.raises(UsageError, match="select no leaf"):
        convert(f"{files}/params", f"{files}/out", include="nothing*")


def test_in_place(files):
    before = (files / "params").read_bytes()
    convert(f"{files}/params", f"{files}/params", streaming=True, float_dtype="bf16")
    assert len((files / "params").read_bytes()) < len(before)
    assert reference.load(files / "params")["half"].dtype == BF16


@pytest.mark.slow
def test_memory_stays_flat_over_a_large_file(tmp_path):
    """A leaf of 300 MB with and without a cast: far less than it is held."""
    big = np.zeros((75_000, 1000), np.float32)
    big[::1000] = 1.5
    reference.save(tmp_path / "big", {"a": big.T, "b": big[:10]})
    del big
    code = """
import sys
from reference.tests.memory import Meter
from reference import convert as command
from reference.convert import convert
meter = Meter()
convert(sys.argv[1], sys.argv[2], streaming=sys.argv[3] == "1", float_dtype=sys.argv[4])
print(meter.peak())
"""
    for streaming, dtype in (("0", ""), ("1", "bf16"), ("0", "fp64")):
        arguments = [sys.executable, "-c", code, str(tmp_path / "big"), str(tmp_path / "out"), streaming, dtype]
        run = subprocess.run(arguments, capture_output=True, text=True, check=True)
        assert int(run.stdout) < 60_000  # kB


@pytest.mark.parametrize("name", ["bf16", "fp16", "fp32", "fp64"])
def test_what_casts_does_not_show(tmp_path, monkeypatch, name):
    monkeypatch.setattr("reference.computing.device_casts.SIZES", (600, 70))
    values = 1e6 * rng.standard_normal(3000)
    tree = {tag: cast(values, dtype_of(tag)) for tag in FLOAT_TAGS}
    reference.save(tmp_path / "in", {**tree, "params": PARAMS})
    reports = [
        convert(f"{tmp_path}/in", f"{tmp_path}/{backend}", streaming=True, float_dtype=name, backend=backend)
        for backend in accelerators.BACKENDS
    ]
    assert (tmp_path / "jax").read_bytes() == (tmp_path / "numpy").read_bytes()
    assert reports[0].overflowed == reports[1].overflowed
    assert (reports[0].overflowed > 0) == (name == "fp16")
    assert [new.leaf for _, new in reports[0].cast] == [new.leaf for _, new in reports[1].cast]


def test_jax_is_not_imported_for_nothing(files):
    code = """
import sys
from reference import convert as command
from reference.convert import convert
convert(sys.argv[1], sys.argv[2], backend="jax")
convert(sys.argv[1], sys.argv[2], float_dtype="bf16", backend="numpy")
convert(sys.argv[1], sys.argv[2], float_dtype="bf16")  # JAX_PLATFORMS is cpu
convert(sys.argv[1], sys.argv[2], float_dtype="bf16", dry_run=True, backend="jax")
print("jax" in sys.modules)
convert(sys.argv[1], sys.argv[2], float_dtype="bf16", backend="jax")
print("jax" in sys.modules)
"""
    run = [sys.executable, "-c", code, str(files / "params"), str(files / "out")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("platforms", "files", "plugin", "default", "wanted"),
    [
        ("", "/dev/null", "jax", "gpu", True),
        ("", "/dev/null", "jax", "cpu", False),
        ("", "/dev/null", "jax", None, False),
        ("", "/dev/null", "no_such_plugin", "never asked", False),
        ("", "/dev/no_such_file*", "jax", "never asked", False),
        ("cpu,cuda", "/dev/null", "jax", "never asked", False),
        ("tpu,cpu", "/dev/no_such_file*", "jax", "tpu", True),
    ],
)
def test_jax_casts_where_there_is_an_accelerator(monkeypatch, platforms, files, plugin, default, wanted):
    monkeypatch.setenv("JAX_PLATFORMS", platforms)
    monkeypatch.setattr(accelerators, "_FILES", (files,))
    monkeypatch.setattr(accelerators, "_PLUGINS", (plugin,))
    monkeypatch.setattr(accelerators, "_default_backend", lambda: default)
    assert accelerators.wants_jax(None, True) == wanted


def test_a_backend_that_cannot_be_had_is_wrong_usage(files, monkeypatch):
    def with_backend(backend):
        convert(f"{files}/params", f"{files}/out", float_dtype="bf16", backend=backend)

    with pytest.raises(UsageError, match="'torch' is not a backend"):
        with_backend("torch")
    monkeypatch.setattr(accelerators, "_default_backend", lambda: None)
    with pytest.raises(UsageError, match="JAX_PLATFORMS"):
        with_backend("jax")
    monkeypatch.setattr(accelerators, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=re.escape(how_to_install("jax"))):
        with_backend("jax")
    with_backend(None)
    assert (files / "out").exists()


def test_a_subtree_is_converted_from_under_its_key_path(tmp_path, capsys):
    """JAXSeq's train states hold their weights at `params`, where `trainstate_params::` does not look."""
    tree = {"step": np.int64(3), "params": {"wte": {"kernel": np.arange(4.0)}, "a/b": np.ones(2)}}
    reference.save(tmp_path / "train_state.msgpack", tree)
    given = f"--load_checkpoint=trainstate::{tmp_path}/train_state.msgpack"
    assert command.main([given, "--prefix=params", f"--output_file={tmp_path}/weights", "--streaming"]) == 0
    reference.save(tmp_path / "expected", tree["params"])
    assert (tmp_path / "weights").read_bytes() == (tmp_path / "expected").read_bytes()
    given = f"--load_checkpoint=trainstate_params::{tmp_path}/train_state.msgpack"
    assert command.main([given, f"--output_file={tmp_path}/weights"]) == 1
    error = capsys.readouterr().err
    assert "there is no leaf under params/params" in error
    assert "use trainstate:: with the prefix params" in error
    assert command.main([given, "--prefix=no", f"--output_file={tmp_path}/weights"]) == 1

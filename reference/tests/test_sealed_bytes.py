"""Every byte of a sealed stream follows from the tree, its metadata and three settings (SEAL-7)."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from reference.checkpointer import StreamingCheckpointer
from reference.convert import convert
from reference.tests.sealed import sealed

P = PartitionSpec
METADATA = {"step": 3, "config": {"b": [1, 2.5], "a": None}, "name": "é"}
OPTIONS = {"format": "2.0", "metadata": METADATA, "digests": True, "alignment": 256}


def tree():
    random = np.random.default_rng(0)
    return {
        "w": random.standard_normal((64, 48)).astype(np.float32),
        "large": random.standard_normal((512, 4096)).astype(np.float32),
        "b": np.arange(16, dtype=np.float16),
        "ids": np.arange(5000, dtype=np.int32),
        "flags": np.resize(np.array([True, False, True]), 4104),
        "n": 7,
        "name": "text",
    }


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    return sealed(
        tmp_path_factory.mktemp("wanted"), tree(), **{key: OPTIONS[key] for key in OPTIONS if key != "format"}
    )


def sealed_now(path, value, **more):
    saving = reference.save(path, value, **{**OPTIONS, **more})
    if saving is not None:
        saving.wait()
    return path.read_bytes()


def on_devices(spec):
    mesh = Mesh(np.array(jax.devices()).reshape(2, 4), ("x", "y"))

    def placed(leaf):
        if not isinstance(leaf, np.ndarray):
            return leaf
        fits = spec if leaf.ndim >= len(spec) else P(*spec[: leaf.ndim])
        sizes = [n for n, axis in zip(leaf.shape, fits, strict=False) if axis is not None and n % 8]
        return jax.device_put(leaf, NamedSharding(mesh, P() if sizes else fits))

    return jax.tree.map(placed, tree())


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("spec", [P(), P("x"), P(None, "y"), P("y", "x"), P(("x", "y")), None], ids=str)
def test_no_sharding_shows(tmp_path, wanted, spec, blocking):
    value = jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, tree())
    value = value if spec is None else on_devices(spec)
    assert sealed_now(tmp_path / "x", {key: value[key] for key in tree()}, blocking=blocking) == wanted


def test_no_layout_of_memory_shows(tmp_path, wanted):
    value = tree()
    value["w"] = np.asfortranarray(value["w"])
    value["large"] = np.repeat(value["large"], 2, axis=1)[:, ::2]
    value["ids"] = value["ids"].astype(">i4")
    value["b"] = value["b"][::-1].copy()[::-1]
    for blocking in (True, False):
        assert sealed_now(tmp_path / "x", value, blocking=blocking) == wanted


def test_no_order_of_metadata_and_no_other_file_shows(tmp_path, wanted):
    turned = {"name": "é", "config": {"a": None, "b": (1, np.float64(2.5))}, "step": np.int64(3)}
    (tmp_path / "x").write_bytes(b"an old file")
    os.utime(tmp_path / "x", (1, 1))
    assert sealed_now(tmp_path / "x", tree(), metadata=turned) == wanted


def test_the_way_of_convert_shows_nothing(tmp_path, wanted):
    reference.save(tmp_path / "plain", tree())
    reference.save(f"flax::{tmp_path}/flax", tree())
    options = {"metadata": METADATA, "digests": True, "alignment": 256, "format": "2.0"}
    for source in ("params::{}/plain", "flax::{}/flax"):
        convert(source.format(tmp_path), f"params::{tmp_path}/out", **options)
        assert (tmp_path / "out").read_bytes() == wanted


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_a_cast_on_devices_gives_the_same_bytes(tmp_path, dtype):
    here = sealed_now(tmp_path / "x", tree(), float_dtype=dtype)
    for spec in (P("x"), P(("x", "y"))):
        for blocking in (True, False):
            value = on_devices(spec)
            ordered = {key: value[key] for key in tree()}
            assert sealed_now(tmp_path / "x", ordered, float_dtype=dtype, blocking=blocking) == here


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("functions", [True, False])
def test_the_trainers_class_writes_the_same_bytes(tmp_path, functions, blocking):
    value = on_devices(P("x"))
    state = {key: value[key] for key in tree()}
    config = StreamingCheckpointer.get_default_config(
        {"float_dtype": "", "save_optimizer_state": True, "format": "2.0"}
    )
    gather = jax.tree.map(lambda _: jax.device_get, state) if functions else None
    saving = StreamingCheckpointer(config, tmp_path).save_checkpoint(state, "x", gather, blocking=blocking)
    if saving is not None:
        saving.wait()
    reference.save(tmp_path / "y", tree(), format="2.0")
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


@pytest.mark.slow
def test_another_process_with_other_hashes_writes_the_same_bytes(tmp_path, wanted, root):
    code = f"""
import sys, numpy as np, reference
from reference.tests.test_sealed_bytes import OPTIONS, tree
reference.save({str(tmp_path / "x")!r}, tree(), **OPTIONS)
"""
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        assert (tmp_path / "x").read_bytes() == wanted


def test_each_setting_shows(tmp_path, wanted):
    for change in ({"metadata": {}}, {"digests": False}, {"alignment": 512}):
        assert sealed_now(tmp_path / "x", tree(), **change) != wanted


def test_a_difference_or_a_sum_is_written_with_the_same_seal(tmp_path):
    """What threads compute in pieces, in whatever order they end."""
    from reference.delta import add, subtract

    a, b = tree(), {key: value + 1 if key in ("w", "large", "ids") else value for key, value in tree().items()}
    reference.save(tmp_path / "a", a, format="2.0")
    reference.save(tmp_path / "b", b)
    seen = set()
    for jobs in (1, 3):
        subtract(f"{tmp_path}/a", f"{tmp_path}/b", f"{tmp_path}/d", jobs=jobs, format="2.0")
        add(f"{tmp_path}/a", f"{tmp_path}/d", f"{tmp_path}/sum", jobs=jobs, format="2.0")
        seen.add((tmp_path / "d").read_bytes() + (tmp_path / "sum").read_bytes())
        reference.save(tmp_path / "again", reference.load(tmp_path / "sum"), format="2.0")
        assert (tmp_path / "again").read_bytes() == (tmp_path / "sum").read_bytes()
    assert len(seen) == 1

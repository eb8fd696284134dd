"""Invariant: arrays on devices, in any sharding, are saved as those in host memory are, and load into any other."""

from __future__ import annotations

import contextlib
import os
import warnings

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from typing import Any, Final

import jax
import numpy as np
from hypothesis import strategies as st
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from fuzz.findings import Broken
from fuzz.scales import SMALL, at_scale
from fuzz.scratch import folder
from fuzz.strategies import arrays, device_dtypes

WEIGHT = 1.5
_AXES: Final = ((), ("a",), ("b",), ("a", "b"), (None, "a"), (("b", "a"),), ("b", "a"))
SPECS: Final = [PartitionSpec(*axes) for axes in _AXES]
_FOLDER: Final = folder()
_shapes = st.lists(st.sampled_from((0, 1, 2, 4, 8, 16)), max_size=3).map(tuple)
_leaves = st.tuples(arrays(device_dtypes, _shapes), st.sampled_from(SPECS), st.sampled_from(SPECS))
_SEALED: Final = {"format": "2.0", "metadata": {"step": 7}}
_options = st.sampled_from(({}, _SEALED, {**_SEALED, "alignment": 4096, "digests": True}))
VALUES = st.tuples(
    st.dictionaries(st.sampled_from("abcde"), _leaves, min_size=1),
    st.sampled_from((None, "bf16", "fp16", "fp32")),
    _options,
)


def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()).reshape(2, 4), ("a", "b"))


def check(value: tuple[dict[str, Any], str | None, dict[str, Any]]) -> None:
    with at_scale(SMALL):  # that of sealed streams, so that some arrays stand in parts and have several checksums
        _check(*value)


def _check(leaves: dict[str, Any], float_dtype: str | None, options: dict[str, Any]) -> None:
    host = {key: array for key, (array, _, _) in leaves.items()}
    placed = {key: _placed(array, spec) for key, (array, spec, _) in leaves.items()}
    files = {name: _FOLDER / name for name in ("host", "devices")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that values have become infinite
        reference.save(files["host"], host, float_dtype, **options)
        reference.save(files["devices"], placed, float_dtype, **options)
    wanted, found = (file.read_bytes() for file in files.values())
    if found != wanted:
        raise Broken(f"{found.hex()} from devices, {wanted.hex()} from the host")
    there = reference.load(files["host"])
    like = {key: _placed(np.zeros_like(there[key]), spec) for key, (_, _, spec) in leaves.items()}
    loaded = reference.load(files["host"], like=like)
    for key in leaves:
        if loaded[key].sharding != like[key].sharding or not same(np.asarray(loaded[key]), there[key]):
            raise Broken(f"{key} loads as {loaded[key]!r:.300}")


def _placed(array: np.ndarray, spec: PartitionSpec) -> jax.Array:
    return jax.device_put(array, sharding_for(array.shape, spec))


def sharding_for(shape: tuple[int, ...], spec: PartitionSpec) -> NamedSharding:
    """The sharding that a spec asks for, if these dimensions can be divided so, else one on all devices."""
    sharding = NamedSharding(_mesh(), spec)
    with contextlib.suppress(ValueError):
        if len(spec) <= len(shape) and sharding.shard_shape(shape):
            return sharding
    return NamedSharding(_mesh(), PartitionSpec())

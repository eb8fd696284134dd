"""Folders that older releases of orbax have written, kept as they are, are read.

Of 0.8.0 with jax 0.4.34 and tensorstore 0.1.69, and of 0.9.1 and 0.10.3 with jax 0.4.35 and tensorstore 0.1.86.
"""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import streamckpt as sc
from fuzz.equality import same

pytest.importorskip("tensorstore", reason="the extra `orbax` is not installed")
FOLDERS = [Path(__file__).parent / f"orbax_0_{minor}" for minor in (8, 9, 10)]
TREE = {
    "params": {"w": np.arange(6, dtype=np.float32).reshape(3, 2), "b": np.arange(2, dtype=ml_dtypes.bfloat16)},
    "l": {"0": np.arange(3, dtype=np.int8)},
    "step": 7,
    "rate": 0.5,
    "none": None,
    "name": "run",
}


@pytest.mark.parametrize("layout", ["ocdbt", "zarr"])
@pytest.mark.parametrize("folders", FOLDERS, ids=lambda folders: folders.name)
def test_a_folder_of_an_older_orbax_is_read(folders, layout, tmp_path):
    found = sc.load(f"orbax::{folders / layout}")
    assert sorted(found) == sorted(TREE)
    assert all(same(found[key], TREE[key]) for key in ("step", "rate", "none", "name", "l"))
    assert all(same(found["params"][key], value) for key, value in TREE["params"].items())
    with sc.open(f"orbax::{folders / layout}") as checkpoint:
        assert list(checkpoint.metadata["orbax"]["sequences"]) == ["l"]
    assert not sc.verify(f"orbax::{folders / layout}")
    sc.convert(f"orbax::{folders / layout}", f"params::{tmp_path}/x", prefix="params")
    assert sorted(sc.load(tmp_path / "x")) == ["b", "w"]

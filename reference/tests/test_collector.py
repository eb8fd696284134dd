"""The garbage collector runs while bytes are moved: it is held back where objects are made, and nowhere else."""

import gc
import os

import jax
import numpy as np
import pytest

import reference
from reference.convert import convert
from reference.delta import add, diff, recover, subtract
from reference.differences.comparison import compare
from reference.storage.progress import silent

CALLS = ("pread", "preadv", "writev", "copy_file_range", "open", "stat", "fstat", "fsync")
TREE = {
    "small": {str(i): np.full(3, i, np.float32) for i in range(2000)},
    "numbers": {str(i): i for i in range(2000)},
    "large": np.arange(1 << 20, dtype=np.float32),
    "text": "some words",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    quiet = {"backend": "numpy", "progress": silent}
    reference.save(folder / "a", TREE)
    changed = {**TREE, "large": TREE["large"] + 1, "small": {name: x + 1 for name, x in TREE["small"].items()}}
    reference.save(folder / "b", changed)
    convert(f"params::{folder / 'a'}", f"flax::{folder / 'flax'}", **quiet)
    convert(f"params::{folder / 'a'}", f"safetensors::{folder / 'safe'}", exclude="[nt]*", **quiet)
    diff(folder / "a", folder / "b", folder / "delta", **quiet)
    subtract(folder / "a", folder / "b", folder / "difference", **quiet)
    return folder


@pytest.fixture
def watched(monkeypatch):
    """The system calls that are made, each with the collector on."""
    made = []

    def watch(module, name):
        call = getattr(module, name)

        def watching(*arguments, **more):
            assert gc.isenabled(), name
            made.append(name)
            return call(*arguments, **more)

        monkeypatch.setattr(module, name, watching)

    for name in CALLS:
        watch(os, name)
    for name in ("make_array_from_callback", "device_put", "block_until_ready"):
        watch(jax, name)
    return made


def like():
    return {**TREE, "large": jax.ShapeDtypeStruct(TREE["large"].shape, np.float32)}


OPERATIONS = {
    "load": lambda f: reference.load(f / "a"),
    "load a part": lambda f: reference.load(f / "a", exclude="text"),
    "load under a prefix": lambda f: reference.load(f / "a", "small"),
    "load a map": lambda f: reference.load(f / "a", mmap=True),
    "load flax": lambda f: reference.load(f"flax::{f / 'flax'}"),
    "load safetensors": lambda f: reference.load(f"safetensors::{f / 'safe'}"),
    "load like": lambda f: reference.load(f / "a", like=like()),
    "scan": lambda f: reference.scan(f / "a"),
    "records": lambda f: [gc.isenabled() or pytest.fail("held back") for _ in reference.records(f / "a")],
    "save": lambda f: reference.save(f / "out", TREE),
    "save with a cast": lambda f: reference.save(f / "out", TREE, "bf16"),
    "save device arrays": lambda f: reference.save(f / "out", {"x": jax.numpy.ones(1 << 20), **TREE}),
    "save in the background": lambda f: reference.save(f / "out", TREE, blocking=False).wait(),
    "convert": lambda f: convert(f"params::{f / 'a'}", f"flax::{f / 'out'}", float_dtype="bf16", progress=silent),
    "convert flax": lambda f: convert(f"flax::{f / 'flax'}", f"params::{f / 'out'}", progress=silent),
    "diff": lambda f: diff(f / "a", f / "b", f / "out", progress=silent),
    "recover": lambda f: recover(f / "a", f / "delta", f / "out", progress=silent),
    "subtract": lambda f: subtract(f / "a", f / "a", f / "out", progress=silent),
    "add": lambda f: add(f / "a", f / "difference", f / "out", progress=silent),
    "compare": lambda f: compare(f / "a", f / "b", progress=silent),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", OPERATIONS)
def test_bytes_are_moved_while_the_collector_runs(files, watched, name):
    OPERATIONS[name](files)
    assert watched
    assert gc.isenabled()


def test_what_is_copied_for_a_save_in_the_background_is_copied_while_the_collector_runs(tmp_path, monkeypatch):
    copied, copy = [], np.array

    def watching(value, *arguments, **more):
        if isinstance(value, np.ndarray):
            copied.append(gc.isenabled())
        return copy(value, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(np, "array", watching)
        saving = reference.save(tmp_path / "x", TREE, blocking=False)
    saving.wait()
    assert len(copied) >= 2001
    assert all(copied)

"""A run saves every so often, and its last checkpoints are kept."""

import os
import sys
import threading

import numpy as np
import pytest

import streamckpt as sc
from reference.format.errors import UsageError


def tree(step):
    return {"w": np.full(5, step, np.float32), "step": step}


def names(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("blocking", [True, False])
def test_the_last_are_kept_and_the_newest_is_found(tmp_path, blocking):
    folder = tmp_path / "a run" / "of mine"
    kept = sc.Checkpoints(folder, keep=2)
    assert (kept.latest(), kept.steps()) == (None, [])
    for step in (0, 9, 10, 100):
        saving = kept.save(step, tree(step), format="2.0", blocking=blocking)
        if saving is not None:
            saving.wait()
        assert kept.latest() == kept.path(step) == str(folder / f"step_{step}")
    assert kept.steps() == [10, 100]
    assert names(folder) == ["step_10", "step_100"]
    assert sc.load(kept.latest())["step"] == 100
    assert sc.Checkpoints(str(folder)).latest() == kept.latest()
    assert repr(kept) == f"<Checkpoints {folder}: steps 10, 100; keep=2>"


def test_the_oldest_is_removed_when_the_new_one_is_on_the_disk(tmp_path, monkeypatch):
    outputs, gate = sys.modules["reference.checkpoints.outputs"], threading.Event()
    write_steps = outputs.write_steps
    kept = sc.Checkpoints(tmp_path, keep=1)
    kept.save(1, tree(1))

    def write_when_open(sink, steps):
        gate.wait()
        write_steps(sink, steps)

    monkeypatch.setattr(outputs, "write_steps", write_when_open)
    saving = kept.save(2, tree(2), blocking=False)
    assert kept.steps() == [1]
    gate.set()
    saving.wait()
    assert kept.steps() == [2]


@pytest.mark.parametrize("blocking", [True, False])
def test_a_save_that_fails_removes_nothing(tmp_path, monkeypatch, blocking):
    kept = sc.Checkpoints(tmp_path, keep=1)
    kept.save(1, tree(1))

    def fails(sink, steps):
        raise OSError(28, "no space left")

    monkeypatch.setattr(sys.modules["reference.checkpoints.outputs"], "write_steps", fails)

    def save():
        if (saving := kept.save(2, tree(2), blocking=blocking)) is not None:
            saving.wait()

    with pytest.raises(OSError, match="no space left"):
        save()
    assert names(tmp_path) == ["step_1"]


def test_the_seal_of_an_old_one_goes_with_it_and_nothing_else_does(tmp_path):
    others = ["step_01", "step_", "step_1.txt", "a_step_1", "metadata.json"]
    for name in others:
        (tmp_path / name).write_text("mine")
    (tmp_path / "step_0").mkdir()
    kept = sc.Checkpoints(tmp_path, keep=1)
    kept.save(1, tree(1))
    sc.seal(kept.path(1))
    assert names(tmp_path) == sorted([*others, "step_0", "step_1", "step_1.seal"])
    kept.save(2, tree(2))
    assert names(tmp_path) == sorted([*others, "step_0", "step_2"])


def test_all_are_kept_where_no_number_is_given(tmp_path):
    kept = sc.Checkpoints(tmp_path)
    for step in range(12):
        kept.save(np.int32(step), tree(step), "bf16")
    assert kept.steps() == [*range(12)]
    assert kept.latest() == str(tmp_path / "step_11")


def test_a_step_may_be_saved_again_and_none_before_a_later_one(tmp_path):
    kept = sc.Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 2, 3):
        kept.save(step, tree(step))
    assert kept.steps() == [2, 3]
    with pytest.raises(UsageError, match=r"has a checkpoint of step 3, which is later than 1; move step_2 "):
        kept.save(1, tree(1))
    assert kept.steps() == [2, 3]


def test_the_folder_stays_where_it_was_when_the_program_goes_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = sc.Checkpoints("run", keep=1)
    (tmp_path / "other").mkdir()
    os.chdir("other")
    for step in (1, 2):
        kept.save(step, tree(step))
    assert names(tmp_path / "run") == ["step_2"]


@pytest.mark.parametrize("folder", ["run", "a/run", "run/"])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_folder_of_a_bucket_keeps_the_last_too(folder, blocking):
    obstore = pytest.importorskip("obstore")
    store = pytest.importorskip("obstore.store").MemoryStore()
    url = sc.in_store(store, folder)
    kept = sc.Checkpoints(url, keep=2)
    assert (kept.latest(), kept.steps()) == (None, [])
    obstore.put(store, f"{folder.rstrip('/')}/below/step_7", b"mine")
    obstore.put(store, "step_9", b"mine")
    for step in (1, 2, 10):
        saving = kept.save(step, tree(step), format="2.0", blocking=blocking)
        if saving is not None:
            saving.wait()
    assert kept.steps() == [2, 10]
    assert kept.latest() == f"{url.rstrip('/')}/step_10"
    assert sc.load(kept.latest())["step"] == 10
    names = sorted(each["path"].removeprefix(folder.rstrip("/")) for each in obstore.list(store).collect())
    assert names == ["/below/step_7", "/step_10", "/step_2", "step_9"]
    with pytest.raises(UsageError, match="has a checkpoint of step 10"):
        kept.save(3, tree(3))


@pytest.mark.parametrize("folder", ["https://host/run", "flax::run", "hf://me/run", "file:///run"])
def test_a_folder_elsewhere_is_refused_at_once(folder):
    with pytest.raises(UsageError, match="does not name a folder of a file system or a bucket"):
        sc.Checkpoints(folder)


@pytest.mark.parametrize("keep", [0, -1, True, 2.0, "3"])
def test_what_is_not_a_number_to_keep_is_refused(keep, tmp_path):
    with pytest.raises(UsageError, match="keep is how many checkpoints stay"):
        sc.Checkpoints(tmp_path, keep=keep)


def test_what_is_not_a_step_is_refused(tmp_path):
    kept = sc.Checkpoints(tmp_path)
    with pytest.raises(UsageError, match="a step is a number from 0 on, not -1"):
        kept.save(-1, tree(1))
    with pytest.raises(TypeError):
        kept.save("1", tree(1))
    assert names(tmp_path) == []

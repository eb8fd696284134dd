"""The JSON beside a checkpoint, given back, and what is not JSON."""

import json
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import reference
from reference.checkpointer import StreamingCheckpointer
from reference.checkpoints.sidecar_marks import mark_of
from reference.convert import convert
from reference.format.errors import UsageError
from reference.storage.local_files import FileSource
from reference.tests.states import train_state

KEPT = {"float_dtype": "", "save_optimizer_state": True}


def test_a_loss_that_has_diverged_does_not_end_the_run(tmp_path):
    checkpointer = StreamingCheckpointer(KEPT, tmp_path)
    metadata = {"loss": float("nan"), "norms": [jnp.float32(np.inf), -np.inf, 1.0]}
    with pytest.warns(UserWarning, match=r"metadata\['loss'\] is nan and 2 more: JSON has no such number"):
        checkpointer.save_all(train_state(), None, metadata)
    found = StreamingCheckpointer.load_json(tmp_path / "metadata.json")
    assert found == {"loss": "NaN", "norms": ["Infinity", "-Infinity", 1.0]}
    assert np.isnan(float(found["loss"]))
    assert float(found["norms"][1]) == -np.inf


def test_a_pickle_is_never_opened_and_its_json_is_named(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("exploded").touch, ())

    load = StreamingCheckpointer.load_dataset_state
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UsageError, match=r"old.pkl is a pickle.*open it once where you trust it"):
        load(tmp_path / "old.pkl")
    checkpointer = StreamingCheckpointer(KEPT, tmp_path)
    checkpointer.save_json({"index": 3}, "dataset.json")
    with pytest.raises(FileNotFoundError, match=r"there is .*dataset.json"):
        load(tmp_path / "dataset.pkl")
    (tmp_path / "dataset.pkl").write_bytes(pickle.dumps({"index": 2}))
    with pytest.raises(UsageError, match=r"dataset.pkl is a pickle.*read .*dataset.json instead"):
        load(tmp_path / "dataset.pkl")
    assert load(tmp_path / "dataset.json") == {"index": 3}
    for text in ("{", "[" * 100_000, "\udcff"):
        (tmp_path / "x.json").write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(UsageError, match=r"x.json is not JSON"):
            load(tmp_path / "x.json")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")
    assert not (tmp_path / "exploded").exists()


def saved(folder, step, metadata, dataset, **config):
    checkpointer = StreamingCheckpointer({**KEPT, **config}, folder)
    state = train_state(seed=step).replace(step=jnp.int32(step))
    checkpointer.save_all(state, None, metadata, dataset)


def killed_before_its_sidecars(monkeypatch, folder, step, **config):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("reference.checkpoints.run_folder.write_sidecar", killed)
        saved(folder, step, {"step": step}, {"index": step}, **config)


@pytest.mark.parametrize("format", ["1.0", "2.0"])
def test_what_is_of_another_step_than_the_checkpoint_is_told(tmp_path, monkeypatch, format):
    saved(tmp_path, 1, {"step": 1}, {"index": 1}, format=format)
    assert StreamingCheckpointer.load_json(tmp_path / "metadata.json") == {"step": 1}
    killed_before_its_sidecars(monkeypatch, tmp_path, 2, format=format)
    text = r"metadata.json was written with a different streaming_train_state .*was of step 1, and this .* of step 2"
    with pytest.warns(UserWarning, match=text):
        assert StreamingCheckpointer.load_json(tmp_path / "metadata.json") == {"step": 1}
    with pytest.warns(UserWarning, match=r"dataset.json was written with a different .* of step 1"):
        assert StreamingCheckpointer.load_dataset_state(tmp_path / "dataset.json") == {"index": 1}
    saved(tmp_path, 3, {"step": 3}, {"index": 3}, format=format)
    assert StreamingCheckpointer.load_json(tmp_path / "metadata.json") == {"step": 3}


def test_weights_alone_say_it_by_their_digest(tmp_path, monkeypatch):
    saved(tmp_path, 1, {"step": 1}, None, save_optimizer_state=False)
    killed_before_its_sidecars(monkeypatch, tmp_path, 2, save_optimizer_state=False)
    with pytest.warns(UserWarning, match=r"with a different streaming_params than the one beside it: "):
        StreamingCheckpointer.load_json(tmp_path / "metadata.json")


def test_a_checkpoint_that_was_cast_since_is_the_same_step(tmp_path):
    saved(tmp_path, 1, {"step": 1}, None)
    convert(tmp_path / "streaming_train_state", tmp_path / "streaming_train_state", float_dtype="bf16")
    assert StreamingCheckpointer.load_json(tmp_path / "metadata.json") == {"step": 1}


def test_milestones_belong_to_their_own_sidecars(tmp_path):
    checkpointer = StreamingCheckpointer(KEPT, tmp_path)
    for step in (1, 2):
        state = train_state(seed=step).replace(step=jnp.int32(step))
        checkpointer.save_all(state, None, {"step": step}, milestone=True)
    for name, step in (("metadata_1.json", 1), ("metadata_2.json", 2), ("metadata.json", 2)):
        assert StreamingCheckpointer.load_json(tmp_path / name) == {"step": step}
        assert json.loads((tmp_path / name).read_text())["step"] == step  # as others read it
    (tmp_path / "streaming_train_state_1").rename(tmp_path / "streaming_train_state")
    with pytest.warns(UserWarning, match=r"that one was of step 2, and this one is of step 1"):
        StreamingCheckpointer.load_json(tmp_path / "metadata.json")


@pytest.mark.parametrize("value", [None, [1, 2], "text", {"value": 1}, {}, 7])
def test_any_value_comes_back_without_its_mark(tmp_path, value):
    saved(tmp_path, 1, value, value)
    assert StreamingCheckpointer.load_json(tmp_path / "metadata.json") == value
    (tmp_path / "streaming_train_state").unlink()  # moved elsewhere, as metadata alone may be
    assert StreamingCheckpointer.load_json(tmp_path / "metadata.json") == value


def test_a_key_that_the_mark_takes_is_refused_when_the_weights_are_saved(tmp_path):
    with pytest.raises(UsageError, match=r"metadata has the key 'streamckpt'.*rename it"):
        saved(tmp_path, 1, {"streamckpt": 1}, {"index": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json", "streaming_train_state"]


def test_samples_are_read_together_where_each_request_takes_long(tmp_path, monkeypatch):
    """And are the same, however they are read."""
    saved(tmp_path, 1, {"step": 1}, None, save_optimizer_state=False)
    asked = []

    def read_ranges(self, ranges):
        asked.append(len(ranges))
        for offset, view in ranges:
            self.read_into(offset, view)

    monkeypatch.setattr(FileSource, "read_ranges", read_ranges, raising=False)
    assert StreamingCheckpointer.load_json(tmp_path / "metadata.json") == {"step": 1}
    assert len(asked) == 1


def test_of_very_many_leaves_some_are_compared_the_same_ones_each_time(tmp_path):
    tree = {f"{i:04}": np.full(3, i, np.float32) for i in range(2000)}
    for name in ("a", "b"):
        reference.save(tmp_path / name, tree)
    changed = {name: array + 1 for name, array in tree.items()}
    reference.save(tmp_path / "c", changed)
    a, b, c = (mark_of(tmp_path / name)["digest"] for name in "abc")
    assert a == b != c

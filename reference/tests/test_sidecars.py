"""The JSON beside a checkpoint, given back, and what is not JSON."""

import pickle

import jax.numpy as jnp
import numpy as np
import pytest

from reference.checkpointer import StreamingCheckpointer
from reference.format.errors import UsageError
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

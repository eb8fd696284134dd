"""The checkpointer class that trainers of the EasyLM family use."""

import json
import re
import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import reference
from fuzz.equality import same
from fuzz.peers.loop import written
from reference.checkpointer import StreamingCheckpointer
from reference.format.errors import FormatError, UsageError
from reference.tests.states import OPTIMIZERS, equal, train_state, trainer_functions


def kept(**updates):
    return StreamingCheckpointer.get_default_config({"float_dtype": "", "save_optimizer_state": True, **updates})


@pytest.mark.parametrize("installed", [True, False])
def test_the_config_works_with_and_without_ml_collections(installed, monkeypatch):
    if installed:
        pytest.importorskip("ml_collections")
    else:
        monkeypatch.setitem(sys.modules, "ml_collections", None)
    config = StreamingCheckpointer.get_default_config()
    assert (config.float_dtype, config.save_optimizer_state) == ("bf16", False)
    assert (type(config).__name__ == "ConfigDict") == installed
    updated = StreamingCheckpointer.get_default_config({"save_optimizer_state": True})
    assert (updated.float_dtype, updated.save_optimizer_state) == ("bf16", True)
    updated.float_dtype = "fp32"
    checkpointer = StreamingCheckpointer(updated, "somewhere")
    assert (checkpointer.config["float_dtype"], checkpointer.config.save_optimizer_state) == ("fp32", True)
    with pytest.raises(AttributeError):
        _ = updated.no_such_thing
    with pytest.raises(UsageError, match="'bf15' is not a float dtype"):
        StreamingCheckpointer({"float_dtype": "bf15"}, "somewhere")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("functions", [True, False])
@pytest.mark.slow
def test_a_train_state_is_saved_as_the_published_loop_does_and_resumed(optimizer, functions, tmp_path):
    state = train_state(optimizer)
    gather_fns, shard_fns = trainer_functions(state) if functions else (None, None)
    StreamingCheckpointer(kept(), tmp_path).save_all(state, gather_fns, {"step": 1}, {"index": 3})
    path = tmp_path / "streaming_train_state"
    assert path.read_bytes() == written(state)
    target = jax.eval_shape(lambda: state)
    loaded, weights = StreamingCheckpointer.load_trainstate_checkpoint(f"trainstate::{path}", target, shard_fns)
    assert weights is None
    assert equal(loaded, state)


def test_weights_come_alone_by_default_in_bfloat16(tmp_path):
    state = train_state()
    StreamingCheckpointer({}, tmp_path).save_all(state, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json", "metadata.json", "streaming_params"]
    half = jax.tree.map(lambda x: x.astype(jnp.bfloat16), state.params["params"])
    assert (tmp_path / "streaming_params").read_bytes() == written(half)


@pytest.mark.parametrize("functions", [True, False])
@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.sampled(4)
def test_milestones_carry_their_step_and_are_the_newest_state_too(functions, blocking, tmp_path):
    """A run that resumes itself opens the plain names: an older state there would cost the steps between."""
    checkpointer = StreamingCheckpointer(kept(), tmp_path / "made" / "here")
    checkpointer.save_all(train_state(), None, {"a": 0}, None)
    state = jax.tree.map(lambda x: x + 1, train_state()).replace(step=jnp.asarray(40))
    gather_fns = trainer_functions(state)[0] if functions else None
    saving = checkpointer.save_all(state, gather_fns, {"a": 1}, None, milestone=True, blocking=blocking)
    assert (saving is None) == blocking
    if saving is not None:
        saving.wait()
    for name in ("streaming_train_state", "streaming_train_state_40"):
        assert (tmp_path / "made" / "here" / name).read_bytes() == written(state)
    names = sorted(path.name for path in (tmp_path / "made" / "here").iterdir())
    kinds = ("dataset", "metadata", "streaming_train_state")
    assert names == [
        "dataset.json",
        "dataset_40.json",
        "metadata.json",
        "metadata_40.json",
        *kinds[2:],
        f"{kinds[2]}_40",
    ]
    for name in names[:4]:
        assert StreamingCheckpointer.load_json(tmp_path / "made" / "here" / name) == (
            {"a": 1} if "meta" in name else None
        )


@pytest.mark.parametrize("functions", [True, False])
def test_a_disabled_checkpointer_writes_nothing(functions, tmp_path):
    state = train_state()
    checkpointer = StreamingCheckpointer(kept(), tmp_path / "none", enable=False)
    checkpointer.save_all(state, trainer_functions(state)[0] if functions else None, {"a": 1})
    checkpointer.save_json({"a": 1}, "x.json")
    assert list(tmp_path.iterdir()) == []


def test_functions_are_called_leaf_by_leaf_in_the_order_of_the_file(tmp_path):
    tree = {"b": np.ones(3, np.float32), "a": {"c": np.zeros(2, np.int32)}}
    called = []
    functions = {
        "a": {"c": lambda x: called.append("a/c") or np.asarray(x)},
        "b": lambda x: called.append("b") or x * 2,
    }
    path = tmp_path / "x"
    StreamingCheckpointer.save_train_state_to_file(tree, path, functions, "fp16")
    assert called == ["b", "a/c"]
    expected = {"b": np.full(3, 2, np.float16), "a": {"c": np.zeros(2, np.int32)}}
    assert same(reference.load(path), expected)
    called.clear()
    loaded = StreamingCheckpointer.load_checkpoint(path, shard_fns=functions)
    assert called == ["b", "a/c"]
    assert same(loaded["b"], np.full(3, 4, np.float16))


def test_a_leaf_without_its_function_is_named(tmp_path):
    path = tmp_path / "x"
    tree = {"a": {"b": np.ones(3)}, "c": np.ones(2)}
    with pytest.raises(ValueError, match="no gather function is given for a/b"):
        StreamingCheckpointer.save_train_state_to_file(tree, path, {"c": np.asarray})
    reference.save(path, tree)
    with pytest.raises(UsageError, match="no shard function is given for a/b"):
        StreamingCheckpointer.load_checkpoint(path, shard_fns={"c": np.asarray})


def test_a_gather_function_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    tree = {"a": np.ones(1 << 20), "b": np.ones(2)}
    reference.save(path, tree)
    old = path.read_bytes()

    def fail(leaf):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        StreamingCheckpointer.save_train_state_to_file(tree, path, {"a": np.asarray, "b": fail})
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_casts_leave_counters_alone_and_warn_of_the_optimizer(tmp_path):
    state = train_state()
    checkpointer = StreamingCheckpointer(kept(float_dtype="bf16"), tmp_path)
    with pytest.warns(UserWarning, match="the optimizer's state is saved as bfloat16"):
        checkpointer.save_all(state, None)
    loaded = reference.load(tmp_path / "streaming_train_state")
    assert loaded["opt_state"]["0"]["count"].dtype == np.int32
    assert loaded["opt_state"]["0"]["mu"]["params"]["Dense_0"]["kernel"].dtype.name == "bfloat16"
    with warnings.catch_warnings():
        StreamingCheckpointer(kept(float_dtype="fp32"), tmp_path).save_all(state, None)
        StreamingCheckpointer({}, tmp_path).save_all(state, None)


class Odd:
    pass


class Dataset:
    def get_state_dict(self):
        return {"index": 3}


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"config": {"model": Odd()}}, "metadata['config']['model'] is of type Odd, which JSON cannot hold"),
        ({"rng": np.zeros(2)}, "metadata['rng'] is of type ndarray, which JSON cannot hold"),
        ([1, {(2,): 3}], "metadata[1] has the key (2,)"),
        ({1: 0, "1": 1}, "metadata has the keys '1' and 1, which are the same key in JSON"),
        ({"raw": b"x"}, "metadata['raw'] is of type bytes"),
        ({"set": {1}}, "metadata['set'] is of type set"),
        ({"seed": 10**5000}, "metadata['seed'] is an int of 16610 bits"),
        ({"note": "\ud800"}, "metadata holds half of a surrogate pair"),
    ],
)
def test_sidecars_are_json_and_what_it_cannot_hold_is_refused_by_name(metadata, name, tmp_path):
    checkpointer = StreamingCheckpointer(kept(), tmp_path)
    with pytest.raises(UsageError, match=re.escape(name)):
        checkpointer.save_all(train_state(), None, metadata)
    # The weights are safe, and so is all else.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json", "streaming_train_state"]
    with pytest.raises(UsageError, match="save_json"):
        checkpointer.save_pickle({}, "x.pkl")


def test_sidecars_hold_configs_and_numbers_of_numpy(tmp_path):
    config = StreamingCheckpointer.get_default_config({"nested": {"a": (1, 2)}})
    checkpointer = StreamingCheckpointer(kept(), tmp_path)
    names = {0: "LABEL_0", 1: "LABEL_1"}  # as the configs of the transformers library have them
    value = {"config": config, "step": np.int64(3), "loss": jnp.float32(2), "names": names, "data": Dataset()}
    checkpointer.save_json({**value, "é": [None, True, np.float32(0.5)]}, "x.json")
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (found["loss"], found["names"], found["data"]) == (2.0, {"0": "LABEL_0", "1": "LABEL_1"}, {"index": 3})
    assert found["config"]["nested"] == {"a": [1, 2]}
    assert (found["step"], found["é"]) == (3, [None, True, 0.5])


@pytest.mark.parametrize("functions", [True, False])
def test_a_save_waits_for_one_in_the_background(functions, tmp_path):
    state = train_state()
    reference.save(tmp_path / "x", {"large": np.zeros(1 << 24)}, blocking=False)
    gather_fns = trainer_functions(state)[0] if functions else None
    StreamingCheckpointer(kept(), tmp_path).save_checkpoint(state, "x", gather_fns)
    assert (tmp_path / "x").read_bytes() == written(state)


def test_the_float_dtype_may_be_a_type(tmp_path):
    StreamingCheckpointer.save_train_state_to_file({"w": np.ones(3)}, tmp_path / "x", None, jnp.bfloat16)
    assert reference.load(tmp_path / "x")["w"].dtype.name == "bfloat16"


def test_typed_keys_are_stored_as_their_data_where_that_is_asked_for(tmp_path):
    state = {"w": np.ones(2), "key": jax.random.key(3)}
    checkpointer = StreamingCheckpointer({"float_dtype": ""}, tmp_path)
    with pytest.raises(FormatError, match=r"pass .* keys='data' "):
        checkpointer.save_checkpoint(state, "refused")
    checkpointer.save_checkpoint(state, "x", keys="data")
    StreamingCheckpointer.save_train_state_to_file(state, tmp_path / "y", keys="data")
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    found = reference.load(tmp_path / "x", like=state)
    assert np.array_equal(jax.random.key_data(found["key"]), jax.random.key_data(state["key"]))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x", "y"]

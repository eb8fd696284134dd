"""The checkpointer class that trainers of the EasyLM family use."""

import json
import re
import sys
import warnings

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.core import FrozenDict
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from fuzz.peers.loop import read, written
from reference.checkpointer import StreamingCheckpointer
from reference.format.errors import FormatError, UsageError
from reference.tests.states import OPTIMIZERS, equal, train_state

MESH = Mesh(np.array(jax.devices()), ("x",))
REPLICATED = NamedSharding(MESH, PartitionSpec())


def kept(**updates):
    return StreamingCheckpointer.get_default_config({"float_dtype": "", "save_optimizer_state": True, **updates})


def trainer_functions(state):
    """What trainers pass: for each leaf a function that gathers it to the host, and one that spreads it."""
    gather = jax.jit(lambda x: x, out_shardings=REPLICATED)
    spread = jax.jit(lambda x: x, out_shardings=REPLICATED)
    return jax.tree.map(lambda _: lambda x: jax.device_get(gather(x)), state), jax.tree.map(lambda _: spread, state)


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


@pytest.mark.sampled(4)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_files_of_the_published_loop_load(optimizer, tmp_path):
    state = train_state(optimizer)
    (tmp_path / "old").write_bytes(written(state))
    loaded, _ = StreamingCheckpointer.load_trainstate_checkpoint(f"trainstate::{tmp_path}/old", train_state(optimizer))
    assert equal(loaded, state)
    with open(tmp_path / "old", "rb") as file:
        assert same(StreamingCheckpointer.load_checkpoint(tmp_path / "old"), read(file))


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


def load_from(prefix, state, tmp_path):
    path = tmp_path / "x"
    if prefix in ("trainstate", "trainstate_params"):
        path.write_bytes(written(state))
    elif prefix == "params":
        path.write_bytes(written(state.params["params"]))
    else:
        path.write_bytes(flax.serialization.to_bytes(state.params["params"]))
    return f"{prefix}::{path}"


@pytest.mark.parametrize("prefix", ["params", "trainstate_params", "flax", "flax_params"])
@pytest.mark.parametrize("way", ["plain", "target", "functions"])
def test_every_prefix_of_weights_gives_the_same_nesting(prefix, way, tmp_path):
    state = train_state()
    target = None if way == "plain" else jax.eval_shape(lambda: state)
    functions = trainer_functions(state)[1] if way == "functions" else None
    nothing, weights = StreamingCheckpointer.load_trainstate_checkpoint(
        load_from(prefix, state, tmp_path), target, functions, disallow_trainstate=True
    )
    assert nothing is None
    assert (type(weights), type(weights["params"])) == (dict, dict)
    assert equal(weights, state.params)
    leaf = weights["params"]["Dense_0"]["kernel"]
    assert isinstance(leaf, jax.Array if way == "functions" else np.ndarray)


@pytest.mark.parametrize("functions", [True, False])
def test_weights_are_frozen_where_the_params_of_the_target_are(functions, tmp_path):
    """As trainers on an older flax have them, whose jitted functions take no other tree."""
    state = train_state()
    frozen = state.replace(params=FrozenDict(state.params))
    shard_fns = trainer_functions(frozen)[1] if functions else None
    load = StreamingCheckpointer.load_trainstate_checkpoint
    _, weights = load(load_from("trainstate_params", state, tmp_path), jax.eval_shape(lambda: frozen), shard_fns)
    assert jax.tree.structure(weights) == jax.tree.structure(frozen.params)
    assert equal(weights.unfreeze(), state.params)


def test_what_a_trainer_does_with_its_weights_takes_a_plain_dict(tmp_path):
    """flax's msgpack_serialize(in_place=True) and a jitted function whose argument has the target's structure."""
    state = train_state()
    _, weights = StreamingCheckpointer.load_trainstate_checkpoint(
        load_from("params", state, tmp_path), jax.eval_shape(lambda: state)
    )
    shardings = jax.tree.map(lambda _: REPLICATED, jax.eval_shape(lambda: state).params)
    placed = jax.jit(lambda params: params, in_shardings=(shardings,), out_shardings=shardings)(weights)
    assert equal(placed, state.params)
    host = StreamingCheckpointer.load_trainstate_checkpoint(load_from("params", state, tmp_path))[1]
    assert flax.serialization.msgpack_serialize(host["params"], in_place=True) == flax.serialization.to_bytes(
        state.params["params"]
    )


def test_prefixes_that_are_wrong_or_not_wanted_are_refused(tmp_path):
    load = StreamingCheckpointer.load_trainstate_checkpoint
    whole = load_from("trainstate", train_state(), tmp_path)
    with pytest.raises(UsageError, match="trainstate_params:: loads its weights"):
        load(whole, disallow_trainstate=True)
    with pytest.raises(UsageError, match="param:: is not a load prefix"):
        load("param::x")
    with pytest.raises(UsageError, match="does not begin with a load prefix; put one of these before it: params::"):
        load("streaming_params")
    with pytest.raises(FormatError, match="use trainstate_params::"):
        load(whole.replace("trainstate::", "params::"))


def test_a_subtree_is_loaded_from_under_its_prefix(tmp_path):
    state = train_state()
    path = load_from("trainstate", state, tmp_path).split("::")[1]
    loaded = StreamingCheckpointer.load_checkpoint(path, remove_dict_prefix=["params", "params", "Dense_1"])
    assert equal(loaded, state.params["params"]["Dense_1"])
    with pytest.raises(FormatError, match="the subtree params/no was asked for"):
        StreamingCheckpointer.load_checkpoint(path, remove_dict_prefix=("params", "no"))


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


@pytest.mark.parametrize("functions", [True, False])
def test_what_does_not_fit_a_target_is_one_report(functions, tmp_path):
    state = train_state()
    path = tmp_path / "x"
    other = jax.tree.map(lambda x: x, state.params["params"])
    other["Dense_0"]["kernel"] = np.zeros((5, 4), np.float32)
    other["Dense_9"] = other.pop("Dense_1")
    reference.save(path, other)
    shard_fns = jax.tree.map(lambda _: np.asarray, other) if functions else None
    with pytest.raises(reference.TargetMismatch) as caught:
        StreamingCheckpointer.load_checkpoint(path, state.params["params"], shard_fns)
    assert [found[0] for found in caught.value.shapes] == [("Dense_0", "kernel")]
    assert caught.value.missing == [("Dense_1", "bias"), ("Dense_1", "kernel")]
    assert caught.value.unexpected == [("Dense_9", "bias"), ("Dense_9", "kernel")]


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


@pytest.mark.slow
def test_a_target_with_shardings_needs_no_functions(tmp_path):
    state = train_state()
    StreamingCheckpointer(kept(), tmp_path).save_all(state)
    spread = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=REPLICATED)
    target = jax.tree.map(spread, jax.eval_shape(lambda: state))
    load_from = f"trainstate::{tmp_path}/streaming_train_state"
    loaded, _ = StreamingCheckpointer.load_trainstate_checkpoint(load_from, target)
    assert equal(loaded, state)
    assert all(leaf.sharding == REPLICATED for leaf in jax.tree.leaves(loaded))


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

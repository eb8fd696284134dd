"""What the checkpointer class of trainers loads: every prefix, targets of every form, and what does not fit."""

import flax.serialization
import jax
import numpy as np
import pytest
from flax.core import FrozenDict

import reference
from fuzz.equality import same
from fuzz.peers.loop import read, written
from reference.checkpointer import StreamingCheckpointer
from reference.format.errors import FormatError, UsageError
from reference.tests.states import OPTIMIZERS, REPLICATED, equal, train_state, trainer_functions


@pytest.mark.sampled(4)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_files_of_the_published_loop_load(optimizer, tmp_path):
    state = train_state(optimizer)
    (tmp_path / "old").write_bytes(written(state))
    loaded, _ = StreamingCheckpointer.load_trainstate_checkpoint(f"trainstate::{tmp_path}/old", train_state(optimizer))
    assert equal(loaded, state)
    with open(tmp_path / "old", "rb") as file:
        assert same(StreamingCheckpointer.load_checkpoint(tmp_path / "old"), read(file))


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


@pytest.mark.slow
def test_a_target_with_shardings_needs_no_functions(tmp_path):
    state = train_state()
    StreamingCheckpointer({"float_dtype": "", "save_optimizer_state": True}, tmp_path).save_all(state)
    spread = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=REPLICATED)
    target = jax.tree.map(spread, jax.eval_shape(lambda: state))
    load_from = f"trainstate::{tmp_path}/streaming_train_state"
    loaded, _ = StreamingCheckpointer.load_trainstate_checkpoint(load_from, target)
    assert equal(loaded, state)
    assert all(leaf.sharding == REPLICATED for leaf in jax.tree.leaves(loaded))

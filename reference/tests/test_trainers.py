"""Small trainers that make every call which real ones make of their checkpointer, with the same types and arguments."""

import importlib
import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from fuzz.peers.loop import read, written
from reference.checkpointer import StreamingCheckpointer
from reference.format.errors import FormatError, UsageError
from reference.tests.states import equal, train_state

MESH = Mesh(np.array(jax.devices()), ("x",))
REPLICATED = NamedSharding(MESH, PartitionSpec())
KEPT = {"float_dtype": "", "save_optimizer_state": True}

# The signatures of the classes in use, by code base: method, and its arguments in order.
SIGNATURES = {
    "EasyLM": {
        "__init__": "config checkpoint_dir enable",
        "save_checkpoint": "train_state filename gather_fns",
        "save_train_state_to_file": "train_state path gather_fns float_dtype",
        "save_pickle": "obj filename",
        "save_all": "train_state gather_fns metadata dataset milestone",
        "load_checkpoint": "path target shard_fns remove_dict_prefix",
        "load_flax_checkpoint": "path target shard_fns",
        "load_trainstate_checkpoint": "load_from trainstate_target trainstate_shard_fns disallow_trainstate",
    },
    "tux": {
        "load_checkpoint": "path target shard_fns remove_dict_prefix max_buffer_size",
        "load_trainstate_checkpoint": (
            "load_from trainstate_target trainstate_shard_fns disallow_trainstate max_buffer_size"
        ),
    },
}
# What AI2's fork adds, which its trainers give by name.
KEYWORDS = {
    "save_all": {"step", "is_value"},
    "load_checkpoint": {"keys_to_ignore"},
    "load_trainstate_checkpoint": {"keys_to_ignore"},
}


@pytest.mark.parametrize("code_base", SIGNATURES)
def test_every_method_has_the_arguments_that_are_in_use(code_base):
    for name, arguments in SIGNATURES[code_base].items():
        method = inspect.signature(getattr(StreamingCheckpointer, name))
        found = [argument for argument in method.parameters if argument != "self"]
        assert found[: len(arguments.split())] == arguments.split()
        assert KEYWORDS.get(name, set()) <= set(found)


class Dataset:
    """A dataset as EasyLM's: its state is a config and numbers."""

    def __init__(self):
        self.config = StreamingCheckpointer.get_default_config({"seq_length": 8})
        self.index = 0

    def get_state_dict(self):
        return {"config": self.config, "index": self.index, "total_tokens": np.int64(self.index * 8)}

    def load_state_dict(self, state):
        self.config.update(state["config"])
        self.index = state["index"]

    def __next__(self):
        self.index += 1
        return jnp.asarray(np.random.default_rng(self.index).standard_normal((2, 3)), jnp.float32)


@jax.jit
def train_step(state, batch):
    loss = lambda params: sum(jnp.square(leaf).mean() for leaf in jax.tree.leaves(params)) * batch.mean()
    value, gradients = jax.value_and_grad(loss)(state.params)
    return state.apply_gradients(grads=gradients), value


def functions(state, casts=False):
    """For each leaf a function that gathers it, and one that spreads it: jitted, as tux has them, which lowers them."""
    spread = jax.jit(lambda x: x.astype(jnp.float32) if casts else x, out_shardings=REPLICATED)
    return jax.tree.map(lambda _: spread, state), jax.tree.map(lambda _: spread, state)


def train(folder, steps, load_checkpoint="", autoresume=False, milestones=(), **keywords):
    """The heart of EasyLM's and LWM's trainers: restore by prefix or by itself, train, save. Returns state, losses."""
    dataset = Dataset()
    shapes = jax.eval_shape(train_state)
    gather_fns, shard_fns = functions(shapes)
    checkpointer = StreamingCheckpointer(StreamingCheckpointer.get_default_config(KEPT), folder, enable=True)
    state, params = None, None
    if autoresume:
        dataset.load_state_dict(StreamingCheckpointer.load_dataset_state(f"{folder}/dataset.json"))
        load_checkpoint = f"trainstate::{folder}/streaming_train_state"
    if load_checkpoint:
        state, params = checkpointer.load_trainstate_checkpoint(load_checkpoint, shapes, shard_fns, **keywords)
    if state is None and params is None:
        state = train_state()
    elif state is None:
        specs = jax.tree.map(lambda _: REPLICATED, shapes.params)
        create = lambda params: train_state().replace(params=params)
        state = jax.jit(create, in_shardings=(specs,), donate_argnums=0)(params)
    losses = []
    for step in range(int(jax.device_get(state.step)), steps):
        state, loss = train_step(state, next(dataset))
        losses.append(float(loss))
        checkpointer.save_all(
            train_state=state,
            gather_fns=gather_fns,
            metadata={"step": step + 1, "variant": {"a": 1}, "loss": loss},
            dataset=dataset.get_state_dict(),
            milestone=step + 1 in milestones,
        )
    return state, losses


def test_a_run_that_resumes_itself_after_a_milestone_goes_on_as_if_nothing_had_happened(tmp_path):
    whole, losses = train(tmp_path / "whole", 5)
    _, first = train(tmp_path / "cut", 3, milestones=[3])
    state, rest = train(tmp_path / "cut", 5, autoresume=True, max_buffer_size=32 * 2**30)
    assert first + rest == losses
    assert equal(state, whole)
    assert (tmp_path / "cut/streaming_train_state").read_bytes() == written(whole)
    assert json.loads((tmp_path / "cut/metadata_3.json").read_text())["step"] == 3


@pytest.mark.sampled(4)
@pytest.mark.parametrize("prefix", ["params", "trainstate_params", "flax_params", "flax"])
def test_a_run_begins_from_weights_by_every_prefix(prefix, tmp_path):
    state, _ = train(tmp_path / "before", 3)
    path = tmp_path / "before/streaming_train_state"
    if prefix != "trainstate_params":
        params = state.params["params"]
        path = tmp_path / "weights"
        reference.save(f"{prefix}::{path}", params)
    # `train_state` is at step 1, so that three steps are trained.
    restored, losses = train(tmp_path / "after", 4, load_checkpoint=f"{prefix}::{path}", max_buffer_size=1 << 20)
    other, expected = state.replace(step=jnp.asarray(1), opt_state=train_state().opt_state), []
    for i in range(3):
        other, loss = train_step(other, jnp.asarray(np.random.default_rng(i + 1).standard_normal((2, 3)), jnp.float32))
        expected.append(float(loss))
    assert losses == expected
    assert equal(restored.params, other.params)


def test_a_server_loads_weights_without_a_target(tmp_path):
    """LWM's vision_chat, EasyLM's llama_serve."""
    train(tmp_path, 2)
    with jax.default_device(jax.devices("cpu")[0]):
        nothing, params = StreamingCheckpointer.load_trainstate_checkpoint(
            f"trainstate_params::{tmp_path}/streaming_train_state", disallow_trainstate=True, max_buffer_size=2**35
        )
    assert nothing is None
    with open(tmp_path / "streaming_train_state", "rb") as file:
        assert same(params, {"params": read(file)["params"]["params"]})


def test_a_policy_and_its_value_model_stand_side_by_side(tmp_path):
    """AI2's PPO trainer, which counts its steps itself."""
    policy, value = train_state(), jax.tree.map(lambda x: x + 1, train_state())
    checkpointer = StreamingCheckpointer({"save_optimizer_state": False, "float_dtype": ""}, tmp_path)
    for milestone in (False, True):
        for state, more in ((policy, {}), (value, {"is_value": True})):
            checkpointer.save_all(
                train_state=state, gather_fns=None, metadata={"step": 7}, milestone=milestone, step=7, **more
            )
    for name, state in (("streaming_params", policy), ("value_streaming_params", value)):
        for ending in ("", "_7"):
            assert (tmp_path / f"{name}{ending}").read_bytes() == written(state.params["params"])


@pytest.mark.parametrize("way", ["plain", "target", "functions"])
def test_keys_to_ignore_are_not_loaded(way, tmp_path):
    state = train_state()
    path = tmp_path / "x"
    reference.save(path, state)
    ignored = [("Dense_0", "kernel")]
    params = state.params["params"]
    target = params if way == "target" else None
    shard_fns = functions(params)[1] if way == "functions" else None
    loaded = StreamingCheckpointer.load_checkpoint(path, target, shard_fns, ("params", "params"), 0, ignored)
    if way == "target":  # keeps its own
        assert loaded["Dense_0"]["kernel"] is params["Dense_0"]["kernel"]
    else:
        assert "kernel" not in loaded["Dense_0"]
    assert equal(loaded["Dense_1"], params["Dense_1"])
    _, weights = StreamingCheckpointer.load_trainstate_checkpoint(
        f"trainstate_params::{path}", keys_to_ignore={("Dense_0", "kernel"), ("no", "such", "leaf")}
    )
    assert sorted(weights["params"]["Dense_0"]) == ["bias"]


@pytest.mark.parametrize("way", ["plain", "numpy", "devices", "functions"])
@pytest.mark.parametrize("dtype", ["bf16", jnp.float32])
def test_floats_are_loaded_in_the_dtype_that_is_asked_for(way, dtype, tmp_path):
    tree = {"a": np.linspace(0, 1, 7), "b": np.arange(3), "s": np.float32(0.1)}
    reference.save(tmp_path / "x", tree)
    target = {"numpy": tree, "devices": jax.tree.map(jnp.asarray, {**tree, "s": np.array(0.1, np.float32)})}.get(way)
    shard_fns = {key: lambda x: jnp.asarray(x) for key in tree} if way == "functions" else None
    loaded = StreamingCheckpointer.load_checkpoint(tmp_path / "x", target, shard_fns, dtype=dtype)
    wanted = np.dtype(jnp.bfloat16 if dtype == "bf16" else np.float32)
    assert [np.asarray(loaded[key]).dtype for key in "as"] == [wanted, wanted]
    assert np.array_equal(loaded["a"], tree["a"].astype(wanted))
    assert np.asarray(loaded["b"]).dtype.kind == "i"
    assert isinstance(loaded["a"], jax.Array if way in ("devices", "functions") else np.ndarray)
    assert way != "numpy" or isinstance(loaded["s"], np.generic)


def test_overflows_of_a_cast_on_loading_are_counted(tmp_path):
    reference.save(tmp_path / "x", {"a": np.array([1.0, 1e6, np.inf])})
    with pytest.warns(UserWarning, match="1 finite value became infinite in float16"):
        StreamingCheckpointer.load_checkpoint(tmp_path / "x", dtype="fp16")


# --- in the background --------------------------------------------------------------------------------


@pytest.mark.parametrize("gather", [True, False])
def test_a_save_in_the_background_has_the_values_of_the_moment_it_was_asked_for(gather, tmp_path):
    state = train_state().replace(params={"params": {**train_state().params["params"], "host": np.zeros(5)}})
    expected = written(state)
    gather_fns = jax.tree.map(lambda _: lambda x: x, state) if gather else None
    checkpointer = StreamingCheckpointer(KEPT, tmp_path / "run")
    saving = checkpointer.save_all(state, gather_fns, {"step": 1}, blocking=False)
    state.params["params"]["host"][:] = 7
    jax.jit(lambda x: jax.tree.map(lambda y: y * 0, x), donate_argnums=0)(state)
    saving.wait()
    assert (tmp_path / "run/streaming_train_state").read_bytes() == expected
    assert StreamingCheckpointer.load_json(tmp_path / "run/metadata.json") == {"step": 1}
    weights = checkpointer.save_checkpoint({"w": jnp.ones(3)}, "w", blocking=False)
    weights.wait()
    assert (tmp_path / "run/w").exists()


def test_what_goes_wrong_in_the_background_is_raised_by_wait(tmp_path):
    checkpointer = StreamingCheckpointer(KEPT, tmp_path)
    saving = checkpointer.save_all(train_state(), None, {"odd": object()}, blocking=False)
    with pytest.raises(UsageError, match=r"metadata\['odd'\] is of type object"):
        saving.wait()
    assert (tmp_path / "streaming_train_state").read_bytes() == written(train_state())


def test_a_tree_without_any_leaf_is_refused_in_a_line(tmp_path):
    optax = importlib.import_module("optax")
    state = optax.sgd(1e-3).init({"w": jnp.ones(3)})
    with pytest.raises(FormatError, match="no leaves to write, like the state of an optimizer that keeps none"):
        StreamingCheckpointer(KEPT, tmp_path).save_checkpoint(state, "opt_state")
    assert list(tmp_path.iterdir()) == []

"""The trainers' class with `format="2.0"`: the same files for every loader of the family, with a seal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.core import freeze
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from fuzz.peers.loop import read
from reference.checkpointer import StreamingCheckpointer
from reference.format.errors import FormatError, UsageError
from reference.tests.states import equal, train_state
from reference.verify import verify

MESH = Mesh(np.array(jax.devices()), ("x",))


@pytest.fixture(scope="module")
def state():
    return train_state()


def checkpointer(folder, **updates):
    config = {"float_dtype": "", "save_optimizer_state": True, "format": "2.0", **updates}
    return StreamingCheckpointer(StreamingCheckpointer.get_default_config(config), folder)


def is_sealed(path):
    with reference.open(path) as checkpoint:
        return checkpoint.contents.seal is not None


def test_the_default_is_a_plain_stream_and_a_wrong_version_is_refused_at_once(tmp_path):
    assert StreamingCheckpointer.get_default_config().format in (None, "1.0")
    with pytest.raises(UsageError, match="is not a version of the stream"):
        checkpointer(tmp_path, format="3.0")


@pytest.mark.parametrize("blocking", [True, False])
def test_save_all_and_its_milestone_are_sealed(tmp_path, state, blocking):
    saving = checkpointer(tmp_path).save_all(
        state, metadata={"step": 1}, dataset={"index": 2}, milestone=True, blocking=blocking
    )
    if saving is not None:
        saving.wait()
    for name in ("streaming_train_state_1", "streaming_train_state"):
        assert is_sealed(tmp_path / name)
        assert verify(tmp_path / name) == []
        target = train_state(seed=5)
        found, rest = StreamingCheckpointer.load_trainstate_checkpoint(f"trainstate::{tmp_path}/{name}", target)
        assert rest is None
        assert equal(found, state)
        with (tmp_path / name).open("rb") as file:  # EasyLM's own loop
            assert same(read(file), reference.load(tmp_path / name))
    assert StreamingCheckpointer.load_json(tmp_path / "metadata_1.json") == {"step": 1}
    assert (tmp_path / "streaming_train_state").read_bytes() == (tmp_path / "streaming_train_state_1").read_bytes()


def test_weights_alone_are_sealed_and_cast(tmp_path, state):
    checkpointer(tmp_path, save_optimizer_state=False, float_dtype="bf16").save_all(state)
    path = tmp_path / "streaming_params"
    assert is_sealed(path)
    wanted = jax.tree.map(lambda x: np.asarray(x.astype(jnp.bfloat16)), state.params["params"])
    assert same(reference.load(path), wanted)
    _, weights = StreamingCheckpointer.load_trainstate_checkpoint(f"params::{path}", train_state(seed=5))
    assert equal(
        jax.tree.map(lambda x: x.astype(jnp.bfloat16), freeze(weights) and weights["params"]),
        jax.tree.map(jnp.asarray, wanted),
    )


def test_a_load_onto_devices_compares_what_it_reads(tmp_path):
    tree = {"w": np.arange(1 << 16, dtype=np.float32).reshape(256, 256), "b": np.arange(8, dtype=np.float32)}
    sharding = NamedSharding(MESH, PartitionSpec("x"))
    placed = jax.device_put(tree, sharding)
    trainer = checkpointer(tmp_path)
    trainer.save_checkpoint(placed, "x")
    functions = jax.tree.map(lambda _: lambda x: jax.device_put(x, sharding), tree)
    for how in ({"target": placed}, {"target": placed, "shard_fns": functions}, {"shard_fns": functions}, {}):
        found = trainer.load_checkpoint(tmp_path / "x", **how)
        assert equal(jax.tree.map(jnp.asarray, dict(found)), jax.tree.map(jnp.asarray, tree))
    data = bytearray((tmp_path / "x").read_bytes())
    data[data.index(tree["w"].tobytes()[:4000]) + 100_000] ^= 1
    (tmp_path / "x").write_bytes(data)
    for how in ({"target": placed}, {"target": placed, "shard_fns": functions}, {"shard_fns": functions}, {}):
        with pytest.raises(FormatError, match="SUM-3") as caught:
            trainer.load_checkpoint(tmp_path / "x", **how)
        assert caught.value.path == ("w",)


def test_empty_nodes_are_kept_for_the_loader_that_needs_them(tmp_path):
    tree = {"a": {"b": {}}, "w": np.zeros(5000, np.float32)}
    checkpointer(tmp_path, keep_empty_nodes=True).save_checkpoint(tree, "x")
    assert same(reference.load(tmp_path / "x"), tree)
    with (tmp_path / "x").open("rb") as file:
        assert read(file)["a"] == {"b": {}}


def test_a_save_over_a_stream_with_a_seal_beside_it_removes_that(tmp_path):
    from reference.checkpoints.detached_seals import seal

    tree = {"w": np.zeros(5000, np.float32)}
    for first, second in (("1.0", "1.0"), ("1.0", "2.0")):
        checkpointer(tmp_path, format=first).save_checkpoint(tree, "x")
        seal(tmp_path / "x")
        checkpointer(tmp_path, format=second).save_checkpoint({"w": tree["w"] + 1}, "x")
        assert not (tmp_path / "x.seal").exists()
        assert reference.load(tmp_path / "x")["w"][0] == 1
        (tmp_path / "x").unlink()

"""What JAXSeq's trainers need: their two functions, and empty nodes in what the class writes."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fuzz.peers.loop import written
from reference.checkpointer import StreamingCheckpointer, load_pytree, save_pytree
from reference.tests.states import equal, train_state
from reference.tests.test_trainers import KEPT, REPLICATED, functions


def jaxseq_state():
    """A train state with an empty node, which the loader of JAXSeq does not put back by itself."""
    return train_state("adamw")


def test_empty_nodes_are_kept_where_the_config_asks_for_them(tmp_path):
    state = jaxseq_state()
    expected = written(state, keep_empty_nodes=True)
    assert expected != written(state)
    for functions_ in (None, functions(state)[0]):
        checkpointer = StreamingCheckpointer({**KEPT, "keep_empty_nodes": True}, tmp_path)
        checkpointer.save_all(state, functions_)
        assert (tmp_path / "streaming_train_state").read_bytes() == expected
    loaded = StreamingCheckpointer.load_checkpoint(
        tmp_path / "streaming_train_state", jax.eval_shape(lambda: state), functions(state)[1]
    )
    assert equal(loaded, state)


@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
def test_a_pytree_is_saved_and_loaded_as_jaxseq_does(dtype, tmp_path):
    state = jaxseq_state()
    path = str(tmp_path / "train_state.msgpack")
    sharding = jax.tree.map(lambda _: REPLICATED, state)
    save_pytree(tree=state, path=path, dtype=dtype, sharding=sharding)
    half = lambda x: x.astype(dtype) if dtype is not None and x.dtype == jnp.float32 else x
    assert (tmp_path / "train_state.msgpack").read_bytes() == written(jax.tree.map(half, state), jaxseq=True)
    loaded = load_pytree(path, target=jax.eval_shape(lambda: state), dtype=dtype or jnp.float32, sharding=sharding)
    assert equal(loaded, jax.tree.map(half, state))
    assert all(leaf.sharding == REPLICATED for leaf in jax.tree.leaves(loaded))
    plain = load_pytree(path)
    assert isinstance(plain["params"]["params"]["Dense_0"]["kernel"], np.ndarray)
    placed = load_pytree(path, sharding=sharding, dtype=jnp.float32)
    kernel = placed["params"]["params"]["Dense_0"]["kernel"]
    assert (kernel.sharding, kernel.dtype) == (REPLICATED, jnp.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_pytree(state, "/dev/null")
    save_pytree(odd := {"s": np.float32(1), "n": 3, "e": {}}, path)
    assert (tmp_path / "train_state.msgpack").read_bytes() == written(odd, jaxseq=True)
    assert load_pytree(path)["s"].shape == ()

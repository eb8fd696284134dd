"""Train states of flax and optax, as trainers of the EasyLM family build them."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState
from jax.sharding import Mesh, NamedSharding, PartitionSpec

OPTIMIZERS = {
    "sgd": optax.sgd(0.1),
    "adamw": optax.adamw(1e-3),
    "chain": optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.cosine_decay_schedule(1e-3, 10))),
    "multi_steps": optax.MultiSteps(optax.adam(1e-3), 2),
    "masked": optax.masked(optax.adam(1e-3), {"params": {"Dense_0": True, "Dense_1": False}}),
    "multi_transform": optax.multi_transform(
        {"a": optax.adam(1e-3), "b": optax.sgd(0.1, momentum=0.9)}, {"params": {"Dense_0": "a", "Dense_1": "b"}}
    ),
}


class Model(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(2)(nn.relu(nn.Dense(4)(x)))


MODEL = Model()


def train_state(optimizer="adamw", seed=0):
    """A state after one real step, so that no leaf is what it was made as."""
    x = jnp.asarray(np.random.default_rng(seed).standard_normal((8, 3)), jnp.float32)
    state = TrainState.create(
        apply_fn=MODEL.apply, params=MODEL.init(jax.random.PRNGKey(seed), x), tx=OPTIMIZERS[optimizer]
    )
    gradients = jax.grad(lambda params: jnp.mean(MODEL.apply(params, x) ** 2))(state.params)
    return state.apply_gradients(grads=gradients).replace(step=jnp.asarray(1))


def equal(a, b):
    """Whether two pytrees have one structure and equal leaves, to the bit."""
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(
        np.asarray(x).dtype == np.asarray(y).dtype and np.asarray(x).tobytes() == np.asarray(y).tobytes()
        for x, y in pairs
    )


REPLICATED = NamedSharding(Mesh(np.array(jax.devices()), ("x",)), PartitionSpec())


def trainer_functions(state):
    """What trainers pass: for each leaf a function that gathers it to the host, and one that spreads it."""
    gather = jax.jit(lambda x: x, out_shardings=REPLICATED)
    spread = jax.jit(lambda x: x, out_shardings=REPLICATED)
    return jax.tree.map(lambda _: lambda x: jax.device_get(gather(x)), state), jax.tree.map(lambda _: spread, state)

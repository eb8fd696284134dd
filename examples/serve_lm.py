"""Write text with a language model that `train_lm.py` trained.

python examples/serve_lm.py --load_checkpoint='params::run/streaming_params' --prompt='The statement'
python examples/serve_lm.py --load_checkpoint='trainstate_params::run/streaming_train_state' --mesh_dim='1,-1,1'
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax.training.train_state import TrainState
from language_model import LanguageModel, ModelConfig, make_mesh, shard_like

from reference.checkpointer import StreamingCheckpointer


def main(argv: Sequence[str] | None = None) -> None:
    flags = parse_flags(argv)
    model = LanguageModel(ModelConfig.from_flags(flags))
    params = load(flags, model)
    text = bytes(generate(model, params, flags)).decode(errors="replace")
    print(flags.prompt + text)


def load(flags: argparse.Namespace, model: LanguageModel) -> Any:
    """The weights, each part read straight onto its device."""

    def create(key: jax.Array) -> TrainState:
        params = model.init(key, jnp.zeros((1, flags.seq_length), jnp.int32))
        return TrainState.create(apply_fn=model.apply, params=params, tx=optax.identity())

    target = shard_like(make_mesh(flags.mesh_dim), jax.eval_shape(create, jax.random.key(0)))
    _, params = StreamingCheckpointer.load_trainstate_checkpoint(
        flags.load_checkpoint, target, disallow_trainstate=True
    )
    return params


def generate(model: LanguageModel, params: Any, flags: argparse.Namespace) -> Iterator[int]:
    """Bytes that follow the prompt, one after the other."""

    @functools.partial(jax.jit, donate_argnums=1)
    def step(params: Any, window: jax.Array, filled: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Choose the byte after the first `filled` of the window, and put it there: the window, the byte."""
        all_logits: Any = model.apply(params, window[None])
        logits = all_logits[0, filled - 1]
        byte = jax.random.categorical(key, logits / flags.temperature) if flags.temperature else jnp.argmax(logits)
        full = filled == len(window)  # then the oldest byte makes room
        window = jnp.where(full, jnp.roll(window, -1), window)
        return window.at[filled - full].set(byte), byte

    prompt = flags.prompt.encode()[-flags.seq_length :]
    window = jnp.zeros(flags.seq_length, jnp.int32).at[: len(prompt)].set(jnp.array(list(prompt)))
    for i in range(flags.length):
        key = jax.random.fold_in(jax.random.key(flags.seed), i)
        window, byte = step(params, window, jnp.minimum(len(prompt) + i, flags.seq_length), key)
        yield int(byte)


def parse_flags(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write text with a language model from a streaming checkpoint.")
    flag = parser.add_argument
    flag("--load_checkpoint", required=True, metavar="PREFIX::PATH", help="params:: or trainstate_params::")
    flag("--mesh_dim", default="1,-1,1", help="sizes of the mesh axes dp, fsdp and mp; -1 takes what is left")
    flag("--prompt", default="The ")
    flag("--length", type=int, default=300, help="bytes to write")
    flag("--temperature", type=float, default=0.5, help="0 takes the likeliest byte each time")
    flag("--seed", type=int, default=42)
    flag("--seq_length", type=int, default=96, help="bytes that the model looks back on, as in training")
    ModelConfig.add_flags(parser)
    flags = parser.parse_args(argv)
    if not flags.prompt:
        parser.error("--prompt needs one character at least")
    return flags


if __name__ == "__main__":
    main()

"""Train the language model of `language_model.py` with streaming checkpoints, and resume from them.

    python examples/train_lm.py --output_dir=run --total_steps=400 --save_model_freq=100 \
        --checkpointer.save_optimizer_state=True --checkpointer.float_dtype=fp32
    python examples/train_lm.py ... --load_checkpoint='trainstate::run/streaming_train_state'

The flags are those of EasyLM's training scripts. All that a step does, its data and dropout included, follows from
the seed and from the step that the train state carries, so that a resumed run goes on as if it had never stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flax.core
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState
from jax.sharding import Mesh, NamedSharding
from language_model import BATCH, LanguageModel, ModelConfig, make_mesh, next_token_loss, read_text, shard_like

from reference.checkpointer import StreamingCheckpointer

TrainStep = Callable[[TrainState, jax.Array], tuple[TrainState, jax.Array]]  # state and tokens -> state and loss


def main(argv: Sequence[str] | None = None) -> None:
    flags = parse_flags(argv)
    mesh = make_mesh(flags.mesh_dim)
    checkpointer = make_checkpointer(flags)
    state, train_step = prepare(flags, mesh, checkpointer)
    start = int(state.step)
    text = read_text()
    count = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    axes = ", ".join(f"{name}={size}" for name, size in mesh.shape.items())
    print(f"{count:,} parameters on a mesh of {axes}; {len(text):,} bytes of text; from step {start}", flush=True)

    with (Path(flags.output_dir) / "losses.jsonl").open("a" if start else "w", buffering=1) as losses:
        for step in range(start, flags.total_steps):
            batch = jax.device_put(draw_batch(text, flags, step), NamedSharding(mesh, BATCH))
            state, loss = train_step(state, batch)
            loss = float(loss)
            # json writes the shortest digits that read back as the same number: no bit of the loss is lost
            losses.write(json.dumps({"step": step, "loss": loss}) + "\n")
            if step % flags.log_freq == 0 or step + 1 == flags.total_steps:
                print(f"step {step:5}  loss {loss:.4f}", flush=True)
            save(flags, checkpointer, state, step + 1)


def prepare(flags: argparse.Namespace, mesh: Mesh, checkpointer: StreamingCheckpointer) -> tuple[TrainState, TrainStep]:
    """The train state, new or loaded, sharded over the mesh; and the compiled step."""
    model = LanguageModel(ModelConfig.from_flags(flags))
    optimizer = make_optimizer(flags)

    def create(params: Any) -> TrainState:
        state = TrainState.create(apply_fn=model.apply, params=params, tx=optimizer)
        # an array from the first step on, as it comes back from a checkpoint: one compiled step serves both
        return state.replace(step=jnp.zeros((), jnp.int32))

    def init(key: jax.Array) -> TrainState:
        return create(model.init(key, jnp.zeros((1, flags.seq_length), jnp.int32)))

    def train_step(state: TrainState, tokens: jax.Array) -> tuple[TrainState, jax.Array]:
        dropout = jax.random.fold_in(jax.random.key(flags.seed), state.step)

        def loss(params: Any) -> jax.Array:
            logits: Any = model.apply(params, tokens[:, :-1], deterministic=False, rngs={"dropout": dropout})
            return next_token_loss(logits, tokens[:, 1:])

        value, gradients = jax.value_and_grad(loss)(state.params)
        return state.apply_gradients(grads=gradients), value

    key = jax.random.key(flags.seed)
    target = shard_like(mesh, jax.eval_shape(init, key))
    shardings = jax.tree.map(lambda leaf: leaf.sharding, target)
    state, params = None, None
    if flags.load_checkpoint:
        # The target's leaves say where each part belongs, so that every device is given its own and no more.
        state, params = checkpointer.load_trainstate_checkpoint(flags.load_checkpoint, target)
    if params is not None:
        state = jax.jit(create, out_shardings=shardings, donate_argnums=0)(flax.core.unfreeze(params))
    elif state is None:
        state = jax.jit(init, out_shardings=shardings)(key)
    return state, jax.jit(train_step, out_shardings=(shardings, None), donate_argnums=0)


def make_optimizer(flags: argparse.Namespace) -> optax.GradientTransformation:
    warmup = min(flags.lr_warmup_steps, flags.total_steps // 2)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, flags.learning_rate, warmup, flags.total_steps, flags.learning_rate / 10
    )

    def decayed(params: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.ndim > 1, params)

    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(schedule, b2=0.95, weight_decay=flags.weight_decay, mask=decayed),
    )


def draw_batch(text: np.ndarray, flags: argparse.Namespace, step: int) -> np.ndarray:
    """The windows of text that a step learns from: int32[batch, seq_length + 1]."""
    random = np.random.default_rng((flags.seed, step))
    starts = random.integers(0, len(text) - flags.seq_length, flags.batch_size)
    return text[starts[:, None] + np.arange(flags.seq_length + 1)].astype(np.int32)


def make_checkpointer(flags: argparse.Namespace) -> StreamingCheckpointer:
    Path(flags.output_dir).mkdir(parents=True, exist_ok=True)
    chosen = {name: getattr(flags, f"checkpointer.{name}") for name in ("float_dtype", "save_optimizer_state")}
    return StreamingCheckpointer(StreamingCheckpointer.get_default_config(chosen), flags.output_dir)


def save(flags: argparse.Namespace, checkpointer: StreamingCheckpointer, state: TrainState, steps: int) -> None:
    """Save after so many steps, if it is time: over the last checkpoint, or as a milestone beside it."""

    def save_all(milestone: bool) -> None:
        checkpointer.save_all(state, None, metadata={"step": steps, "flags": vars(flags)}, milestone=milestone)

    if flags.save_milestone_freq and steps % flags.save_milestone_freq == 0:
        save_all(milestone=True)
    if flags.save_model_freq and (steps % flags.save_model_freq == 0 or steps == flags.total_steps):
        save_all(milestone=False)


def parse_flags(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small language model with streaming checkpoints.")
    flag = parser.add_argument
    flag("--mesh_dim", default="1,-1,1", help="sizes of the mesh axes dp, fsdp and mp; -1 takes what is left")
    flag("--total_steps", type=int, default=400)
    flag("--seed", type=int, default=42)
    flag("--batch_size", type=int, default=8)
    flag("--seq_length", type=int, default=96)
    flag("--learning_rate", type=float, default=5e-3, help="its peak; a cosine takes it down to a tenth")
    flag("--lr_warmup_steps", type=int, default=40)
    flag("--weight_decay", type=float, default=0.1)
    flag("--output_dir", default="example-output/run")
    flag("--load_checkpoint", default="", metavar="PREFIX::PATH", help="trainstate:: resumes, params:: starts anew")
    flag("--save_model_freq", type=int, default=0, help="steps between checkpoints; 0: none")
    flag("--save_milestone_freq", type=int, default=0, help="steps between checkpoints that are kept; 0: none")
    flag("--log_freq", type=int, default=50)
    defaults = StreamingCheckpointer.get_default_config()
    flag("--checkpointer.float_dtype", default=defaults.float_dtype, help="bf16, fp16, fp32, or '' for no cast")
    flag("--checkpointer.save_optimizer_state", type=truth, default=defaults.save_optimizer_state)
    ModelConfig.add_flags(parser)
    return parser.parse_args(argv)


def truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text} is neither True nor False")
    return text.lower() == "true"


if __name__ == "__main__":
    main()

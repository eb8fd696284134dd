"""The language model of `train_lm.py` and `serve_lm.py`: a small LLaMA in flax, its text, its mesh and its loss.

The text is the Python language reference, half a megabyte that every Python carries as `help("topics")`; a token is
a byte. The matrices have the names of EasyLM's LLaMA (`transformer/h/0/attention/wq/kernel`), and as there a list of
rules, at the end of this file, lays them over the mesh.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from pydoc_data.topics import topics
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The sizes of the model; each is a flag of both scripts, `--llama.hidden_size` and so on."""

    vocab_size: int = 256
    hidden_size: int = 128
    intermediate_size: int = 256
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    resid_pdrop: float = 0.0  # the share of each block's output that training drops

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        for field in dataclasses.fields(ModelConfig):
            kind = float if isinstance(field.default, float) else int
            parser.add_argument(f"--llama.{field.name}", type=kind, default=field.default)

    @staticmethod
    def from_flags(flags: argparse.Namespace) -> ModelConfig:
        fields = dataclasses.fields(ModelConfig)
        return ModelConfig(**{field.name: getattr(flags, f"llama.{field.name}") for field in fields})


def dense(features: int, name: str) -> nn.Dense:
    return nn.Dense(features, use_bias=False, name=name)


class Attention(nn.Module):
    config: ModelConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        heads = self.config.num_attention_heads
        split = (*x.shape[:-1], heads, x.shape[-1] // heads)
        query, key, value = (dense(x.shape[-1], name)(x).reshape(split) for name in ("wq", "wk", "wv"))
        mixed = jax.nn.dot_product_attention(rotate(query), rotate(key), value, is_causal=True)
        return dense(x.shape[-1], "wo")(mixed.reshape(x.shape))


def rotate(x: jax.Array) -> jax.Array:
    """Rotary position embedding: [batch, position, head, feature], turned by angles that grow with the position."""
    _, length, _, features = x.shape
    speed = 10000.0 ** (-jnp.arange(0, features, 2) / features)
    angle = (jnp.arange(length)[:, None] * speed)[None, :, None, :]
    left, right = jnp.split(x, 2, axis=-1)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([left * cos - right * sin, right * cos + left * sin], axis=-1)


class FeedForward(nn.Module):
    config: ModelConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        size = self.config.intermediate_size
        return dense(x.shape[-1], "w2")(nn.silu(dense(size, "w1")(x)) * dense(size, "w3")(x))


class Block(nn.Module):
    config: ModelConfig

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:
        drop = nn.Dropout(self.config.resid_pdrop, deterministic=deterministic)
        x = x + drop(Attention(self.config, name="attention")(nn.RMSNorm(name="attention_norm")(x)))
        return x + drop(FeedForward(self.config, name="feed_forward")(nn.RMSNorm(name="ffn_norm")(x)))


class Blocks(nn.Module):
    config: ModelConfig

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:
        for i in range(self.config.num_hidden_layers):
            x = Block(self.config, name=str(i))(x, deterministic)
        return x


class Transformer(nn.Module):
    config: ModelConfig

    @nn.compact
    def __call__(self, tokens: jax.Array, deterministic: bool) -> jax.Array:
        initial = nn.initializers.normal(1.0)
        x = nn.Embed(self.config.vocab_size, self.config.hidden_size, embedding_init=initial, name="wte")(tokens)
        return nn.RMSNorm(name="ln_f")(Blocks(self.config, name="h")(x, deterministic))


class LanguageModel(nn.Module):
    """tokens int32[batch, position] -> logits float32[batch, position, vocab]."""

    config: ModelConfig

    @nn.compact
    def __call__(self, tokens: jax.Array, deterministic: bool = True) -> jax.Array:
        x = Transformer(self.config, name="transformer")(tokens, deterministic)
        return dense(self.config.vocab_size, "lm_head")(x)


def next_token_loss(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Mean cross entropy in nats for each byte."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()


def read_text() -> np.ndarray:
    """The Python language reference as this Python carries it, in one line: uint8, one token for each byte."""
    words = " ".join(topics[name] for name in sorted(topics)).split()
    return np.frombuffer(" ".join(words).encode(), np.uint8)


def make_mesh(dimensions: str) -> Mesh:
    """A mesh with the axes dp, fsdp and mp from their sizes, such as "1,-1,1"; -1 takes what is left."""
    sizes = [int(size) for size in dimensions.split(",")]
    return Mesh(np.array(jax.devices()).reshape(sizes), ("dp", "fsdp", "mp"))


# The first rule whose expression is found in a key path says how the leaf is laid over the mesh. The optimizer's
# moments have the key paths of their weights at the end of their own, and so fall under the same rules.
PARTITION_RULES = (
    ("wte/embedding", P(("mp", "fsdp"))),
    ("(wq|wk|wv|w1|w3)/kernel", P("fsdp", "mp")),
    ("(wo|w2)/kernel", P("mp", "fsdp")),
    ("lm_head/kernel", P("fsdp", "mp")),
    (".*", P()),  # norms and counters: a copy on each device
)
BATCH = P(("dp", "fsdp"))


def shard_like(mesh: Mesh, tree: Any) -> Any:
    """The shapes and dtypes of a tree, each with its sharding: what a checkpoint is loaded into."""

    def place(path: tuple[Any, ...], leaf: Any) -> jax.ShapeDtypeStruct:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        spec = next(spec for rule, spec in PARTITION_RULES if re.search(rule, name))
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=NamedSharding(mesh, spec))

    return jax.tree_util.tree_map_with_path(place, tree)

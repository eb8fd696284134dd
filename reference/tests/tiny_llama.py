"""A small LLaMA, and what it computes: once as EasyLM and once as Hugging Face's transformers lay it out.

The two passes share nothing but numpy. Each is written from its program's definition of the model: EasyLM's from
`EasyLM/models/llama/llama_model.py` (kernels [in, out], complex numbers of neighbours turned), that of transformers
from `modeling_llama.py` (weights [out, in], the halves of a head turned against each other).
"""

from typing import NamedTuple

import numpy as np

from reference import maps
from reference.format.trees import flatten


class Sizes(NamedTuple):
    layers: int = 2
    hidden: int = 64
    heads: int = 4
    kv_heads: int = 2
    inner: int = 96
    vocab: int = 50
    theta: float = 10000.0
    eps: float = 1e-6


SMALL = Sizes()


def easylm(sizes=SMALL, dtype=np.float32, seed=0):
    """Weights as EasyLM's trainer saves them, and tux's without scanned layers."""
    rng = np.random.default_rng(seed)
    shared = sizes.hidden // sizes.heads * sizes.kv_heads

    def kernel(*shape):
        return {"kernel": (rng.normal(size=shape) / np.sqrt(shape[0])).astype(dtype)}

    def scale():
        return {"kernel": rng.uniform(0.5, 1.5, sizes.hidden).astype(dtype)}

    hidden, inner = sizes.hidden, sizes.inner
    layers = {
        str(i): {
            "attention": {
                "wq": kernel(hidden, hidden),
                "wk": kernel(hidden, shared),
                "wv": kernel(hidden, shared),
                "wo": kernel(hidden, hidden),
            },
            "feed_forward": {"w1": kernel(hidden, inner), "w2": kernel(inner, hidden), "w3": kernel(hidden, inner)},
            "attention_norm": scale(),
            "ffn_norm": scale(),
        }
        for i in range(sizes.layers)
    }
    embedding = rng.normal(size=(sizes.vocab, hidden)).astype(dtype)
    return {
        "transformer": {"wte": {"embedding": embedding}, "h": layers, "ln_f": scale()},
        "lm_head": kernel(hidden, sizes.vocab),
    }


def easylm_logits(params, tokens, sizes=SMALL):
    """float32[tokens, vocab] of the weights in EasyLM's layout."""
    x = params["transformer"]["wte"]["embedding"][tokens]
    size = sizes.hidden // sizes.heads
    angles = np.outer(np.arange(len(tokens)), sizes.theta ** (-np.arange(0, size, 2, dtype=np.float64) / size))
    turns = np.exp(1j * angles).astype(np.complex64)[:, None]  # [tokens, 1, size / 2]

    def norm(x, node):
        return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + np.float32(sizes.eps)) * node["kernel"]

    def heads(x, node, count):
        return (x @ node["kernel"]).reshape(len(tokens), count, size)

    def turned(x):
        pairs = np.ascontiguousarray(x).view(np.complex64)  # the elements 2i and 2i + 1 of a head
        return (pairs * turns).view(np.float32)

    for i in range(sizes.layers):
        layer = params["transformer"]["h"][str(i)]
        attention = layer["attention"]
        y = norm(x, layer["attention_norm"])
        q = turned(heads(y, attention["wq"], sizes.heads))
        k = turned(heads(y, attention["wk"], sizes.kv_heads))
        v = heads(y, attention["wv"], sizes.kv_heads)
        k, v = (np.repeat(each, sizes.heads // sizes.kv_heads, axis=1) for each in (k, v))
        scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(np.float32(size))
        scores = np.where(np.tri(len(tokens), dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        x = x + np.einsum("hqk,khd->qhd", weights, v).reshape(len(tokens), -1) @ attention["wo"]["kernel"]
        y = norm(x, layer["ffn_norm"])
        gate = y @ layer["feed_forward"]["w1"]["kernel"]
        inner = gate / (1 + np.exp(-gate)) * (y @ layer["feed_forward"]["w3"]["kernel"])
        x = x + inner @ layer["feed_forward"]["w2"]["kernel"]
    return norm(x, params["transformer"]["ln_f"]) @ params["lm_head"]["kernel"]


def hf_logits(tensors, tokens, sizes=SMALL):
    """float32[tokens, vocab] of the weights by their names in Hugging Face's layout; one head at a time."""
    size = sizes.hidden // sizes.heads
    frequencies = 1.0 / sizes.theta ** (np.arange(0, size, 2) / size)
    x = np.stack([tensors["model.embed_tokens.weight"][token] for token in tokens])

    def rms_norm(x, weight):
        return weight * (x * (1 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + sizes.eps))).astype(np.float32)

    def rotate_half(x):
        return np.concatenate((-x[:, size // 2 :], x[:, : size // 2]), axis=-1)

    def rotated(x):
        angles = np.concatenate([np.arange(len(x))[:, None] * frequencies] * 2, axis=-1)
        return (x * np.cos(angles) + rotate_half(x) * np.sin(angles)).astype(np.float32)

    for i in range(sizes.layers):
        name = f"model.layers.{i}."
        y = rms_norm(x, tensors[f"{name}input_layernorm.weight"])
        mixed = []
        for head in range(sizes.heads):
            q = rotated(y @ _rows(tensors[f"{name}self_attn.q_proj.weight"], head, size).T)
            shared = head // (sizes.heads // sizes.kv_heads)
            k = rotated(y @ _rows(tensors[f"{name}self_attn.k_proj.weight"], shared, size).T)
            v = y @ _rows(tensors[f"{name}self_attn.v_proj.weight"], shared, size).T
            out = np.zeros_like(q)
            for t in range(len(tokens)):
                scores = k[: t + 1] @ q[t] * np.float32(size**-0.5)
                weights = np.exp(scores - scores.max())
                out[t] = weights / weights.sum() @ v[: t + 1]
            mixed.append(out)
        x = x + np.concatenate(mixed, axis=-1) @ tensors[f"{name}self_attn.o_proj.weight"].T
        y = rms_norm(x, tensors[f"{name}post_attention_layernorm.weight"])
        gate = y @ tensors[f"{name}mlp.gate_proj.weight"].T
        up = y @ tensors[f"{name}mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ tensors[f"{name}mlp.down_proj.weight"].T
    return rms_norm(x, tensors["model.norm.weight"]) @ tensors["lm_head.weight"].T


def _rows(weight, head, size):
    return weight[head * size : (head + 1) * size]


def tensors_of(tree):
    """The leaves of a tree by the names that safetensors gives them."""
    return {".".join(path): value for path, value in flatten(tree)}


def sorted_tree(tree):
    """The tree with its keys in their order."""
    return {key: sorted_tree(tree[key]) for key in sorted(tree)} if isinstance(tree, dict) else tree


def scanned(tree):
    """The tree with LWM's stacked layers."""
    return maps.named("lwm-unscanned-to-scanned").apply(tree)

"""`convert` with maps: models of 70B fit into little memory."""

import os
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from reference.format.flax_msgpack import flax_steps
from reference.format.leaves import Leaf
from reference.format.records import Item
from reference.tests.tiny_llama import Sizes

BIG = Sizes(layers=80, hidden=8192, heads=64, kv_heads=8, inner=28672, vocab=32000)

SPARSE = """
import sys
import numpy as np
from reference.tests.memory import Meter
from reference.checkpoints.remapping import remapped
from reference.checkpoints.checkpoint import open as open_checkpoint
from reference.format.records import item_in, record_steps
from reference.format.payloads import write_steps

class Counting:
    size = 0
    def write(self, data):
        self.size += len(data)
    def copy_from(self, source, offset, n):
        self.size += n

path, name, chosen = sys.argv[1:]
meter = Meter()
with open_checkpoint(path) as checkpoint:
    items = [item_in(checkpoint.source, record) for record in checkpoint.records]
    total = sum(item.leaf.nbytes for item in items)
    given = {"heads": 64, "rope_theta": 1e4, "max_position_embeddings": 4096}
    items, report = remapped(items, None, name, given, {}, path, ("safetensors file", "x/"))
    assert sum(item.leaf.nbytes for item in items) == total
    wanted = chosen.split(",")
    items = [item for item in items if chosen == "all" or "/".join(item.path) in wanted]
    sink = Counting()
    write_steps(sink, record_steps(items))
kv_heads = report.config.config["num_key_value_heads"]
print(total, sum(item.leaf.nbytes for item in items), sink.size, meter.peak(), kv_heads)
"""


def sparse_70b(path, layout):
    """A stream of the shapes of 70B whose payloads are a hole of the file, but for what is written here."""
    rows = {
        "attention/wq": (BIG.hidden, BIG.hidden),
        "attention/wk": (BIG.hidden, 1024),
        "attention/wv": (BIG.hidden, 1024),
        "attention/wo": (BIG.hidden, BIG.hidden),
        "feed_forward/w1": (BIG.hidden, BIG.inner),
        "feed_forward/w2": (BIG.inner, BIG.hidden),
        "feed_forward/w3": (BIG.hidden, BIG.inner),
        "attention_norm": (BIG.hidden,),
        "ffn_norm": (BIG.hidden,),
    }
    layers = {
        "easylm": [(str(i), (), name, shape) for i in range(BIG.layers) for name, shape in rows.items()],
        "lwm": [("scan_decoder", (BIG.layers,), name, shape) for name, shape in rows.items()],
    }[layout]
    leaves = [
        (("transformer", "wte", "embedding"), (BIG.vocab, BIG.hidden)),
        *((("transformer", "h", i, *name.split("/"), "kernel"), (*first, *shape)) for i, first, name, shape in layers),
        (("transformer", "ln_f", "kernel"), (BIG.hidden,)),
        (("lm_head", "kernel"), (BIG.hidden, BIG.vocab)),
    ]
    write_sparse(path, leaves, np.dtype(ml_dtypes.bfloat16))


def write_sparse(path, leaves, dtype):
    """A flax file, which holds leaves of any size, of zeros that take no room on the disk."""
    items = [
        Item(key, Leaf("ndarray", dtype, shape, int(np.prod(shape)) * dtype.itemsize), object) for key, shape in leaves
    ]
    with open(path, "wb") as file:
        for parts, _ in flax_steps(items):
            for head, n in parts:
                file.write(head)
                file.seek(n, os.SEEK_CUR)
        file.truncate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "chosen", "least"),
    [
        (
            "easylm",
            "model/layers/79/self_attn/q_proj/weight,model/layers/79/mlp/gate_proj/weight,"
            "model/layers/79/mlp/down_proj/weight,lm_head/weight",
            1_400_000_000,
        ),
        ("lwm", "model/layers/79/self_attn/k_proj/weight,model/layers/40/mlp/up_proj/weight", 400_000_000),
    ],
)
def test_shapes_of_70b_are_mapped_in_little_memory(tmp_path, layout, chosen, least):
    """All of it is planned, and the largest leaves of each form moved."""
    sparse_70b(tmp_path / "in", layout)
    assert (tmp_path / "in").stat().st_size > 137e9
    assert (tmp_path / "in").stat().st_blocks * 512 < 1 << 24
    program = [sys.executable, "-c", SPARSE, f"flax::{tmp_path}/in", f"llama-{layout}-to-hf", chosen]
    run = subprocess.run(program, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    total, moved, written, peak, kv_heads = map(int, run.stdout.split())
    assert total > 137e9
    assert (written - moved) < 10_000
    assert moved > least
    assert kv_heads == 8
    assert peak < 200_000  # kB, of which a band takes 134,000

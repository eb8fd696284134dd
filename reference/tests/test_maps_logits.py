"""`convert` with the maps of LLaMA: the model computes the same, here and in transformers."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

import reference
from reference.convert import convert
from reference.tests.tiny_llama import Sizes, easylm, easylm_logits, hf_logits, scanned, tensors_of

TOKENS = np.array([1, 5, 9, 33, 2, 7, 8, 40, 3])
SIZES = [Sizes(), Sizes(layers=3, hidden=60, heads=6, kv_heads=6, inner=40), Sizes(heads=8, kv_heads=1, theta=5e5)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("layout", ["easylm", "lwm"])
def test_the_two_layouts_compute_the_same_logits(tmp_path, sizes, layout):
    params = easylm(sizes)
    reference.save(tmp_path / "in", params if layout == "easylm" else scanned(params))
    given = {"heads": sizes.heads, "rope_theta": sizes.theta, "max_position_embeddings": 64}
    convert(f"{tmp_path}/in", f"{tmp_path}/out", map=f"llama-{layout}-to-hf", map_parameters=given)
    tensors = tensors_of(reference.load(tmp_path / "out"))
    before, after = easylm_logits(params, TOKENS, sizes), hf_logits(tensors, TOKENS, sizes)
    assert before.dtype == after.dtype == np.float32
    assert np.abs(before - after).max() < 1e-5 < 1e-2 < np.abs(before).max()
    # and the passes tell a wrong order of the rotary pairs
    tensors["model.layers.0.self_attn.q_proj.weight"] = params["transformer"]["h"]["0"]["attention"]["wq"]["kernel"].T
    assert np.abs(before - hf_logits(tensors, TOKENS, sizes)).max() > 1e-2


LOADER = """
import sys
import numpy as np
import torch
import transformers

model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=getattr(torch, sys.argv[2]))
with torch.no_grad():
    logits = model(torch.tensor([list(map(int, sys.argv[4:]))])).logits[0]
np.save(sys.argv[3], logits.float().numpy())
print(type(model).__name__, len(model.state_dict()), model.config.torch_dtype)
"""


WRITER = """
import sys
import numpy as np
import torch
import transformers

torch.manual_seed(0)
sizes = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2}
config = transformers.LlamaConfig(
    vocab_size=50, num_hidden_layers=2, rms_norm_eps=1e-6, tie_word_embeddings=sys.argv[2] == "tied", **sizes
)
model = transformers.LlamaForCausalLM(config).float()
for parameter in model.parameters():
    torch.nn.init.normal_(parameter, 0, 0.3)
model.save_pretrained(sys.argv[1], max_shard_size="60KB")
with torch.no_grad():
    logits = model(torch.tensor([list(map(int, sys.argv[3:]))])).logits[0]
np.save(sys.argv[1] + "/logits.npy", logits.numpy())
"""


def run_transformers(program, *arguments):
    """Run a program that needs torch and transformers; without them the test is skipped. Gives what it wrote."""
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} cannot be imported: install them in an environment of their own")
    run = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tied", "apart"])
def test_what_transformers_writes_is_taken(tmp_path, kind):
    """A model that transformers has saved, with its config.json, computes the same in EasyLM's layout."""
    run_transformers(WRITER, tmp_path, kind, *TOKENS)
    assert (tmp_path / "model.safetensors.index.json").exists()
    convert(f"safetensors::{tmp_path}", f"{tmp_path}/easylm", map="llama-hf-to-easylm")
    logits = np.load(tmp_path / "logits.npy")
    assert np.abs(logits).max() > 1
    assert np.abs(logits - easylm_logits(reference.load(tmp_path / "easylm"), TOKENS)).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shards", [1, 5])
def test_transformers_takes_what_is_written(tmp_path, sizes, shards):
    """By its own loader, from the config.json that the map wrote: every leaf has a place, and the logits are ours."""
    reference.save(tmp_path / "in", easylm(sizes))
    given = {"heads": sizes.heads, "rope_theta": sizes.theta}
    most = 1 << 30 if shards == 1 else (tmp_path / "in").stat().st_size // shards
    output = f"safetensors::{tmp_path}/out/"
    convert(f"{tmp_path}/in", output, map="llama-easylm-to-hf", map_parameters=given, max_shard_size=most)
    assert (tmp_path / "out/model.safetensors").exists() == (shards == 1)
    run = run_transformers(LOADER, tmp_path / "out", "float32", tmp_path / "logits.npy", *TOKENS)
    assert run.stdout.split()[:2] == ["LlamaForCausalLM", str(3 + 9 * sizes.layers)]
    assert "newly initialized" not in run.stderr
    found = np.load(tmp_path / "logits.npy")
    assert np.abs(found - easylm_logits(easylm(sizes), TOKENS, sizes)).max() < 1e-5

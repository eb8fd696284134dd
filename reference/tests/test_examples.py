"""The training example in small: what it loses when it is interrupted, and what is served from its weights."""

import json
import sys

import pytest

import reference

TINY = ["--llama.hidden_size=32", "--llama.intermediate_size=64", "--llama.num_hidden_layers=1"]
TRAIN = [*TINY, "--seq_length=32", "--total_steps=4", "--mesh_dim=2,2,2", "--log_freq=100", "--llama.resid_pdrop=0.1"]
KEEP = ["--checkpointer.save_optimizer_state=True", "--checkpointer.float_dtype=fp32"]


@pytest.fixture
def scripts(root, monkeypatch):
    """The modules of the example, imported as its scripts import each other."""
    monkeypatch.syspath_prepend(str(root / "examples"))
    import serve_lm
    import train_lm

    yield train_lm, serve_lm
    for name in ("serve_lm", "train_lm", "language_model"):
        sys.modules.pop(name, None)


def losses(folder):
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_resumed_run_is_the_uninterrupted_one_and_its_weights_serve(scripts, tmp_path, capsys):
    train_lm, serve_lm = scripts
    whole, part = tmp_path / "whole", tmp_path / "part"
    train_lm.main([*TRAIN, *KEEP, f"--output_dir={whole}", "--save_model_freq=4", "--save_milestone_freq=2"])
    milestone = f"trainstate::{whole}/streaming_train_state_2"
    train_lm.main([*TRAIN, *KEEP, f"--output_dir={part}", "--save_model_freq=4", f"--load_checkpoint={milestone}"])
    assert losses(part) == losses(whole)[2:]
    assert (part / "streaming_train_state").read_bytes() == (whole / "streaming_train_state").read_bytes()
    metadata = json.loads((whole / "metadata_2.json").read_text())
    assert (metadata["step"], metadata["flags"]["mesh_dim"]) == (2, "2,2,2")
    weights = tmp_path / "weights"
    reference.save(weights, reference.load(f"trainstate_params::{whole}/streaming_train_state"), "bf16")
    capsys.readouterr()
    serve_lm.main([*TINY, f"--load_checkpoint=params::{weights}", "--prompt=The", "--length=8", "--temperature=0.5"])
    assert capsys.readouterr().out.startswith("The")

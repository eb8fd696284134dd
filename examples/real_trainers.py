"""The real trainers of EasyLM and LWM, run with their own checkpointer and with the one of this package in its place.

    python examples/real_trainers.py path/to/a/checkout/of/EasyLM
    python examples/real_trainers.py path/to/a/checkout/of/LWM

Needs a Python in which that trainer runs, with what its own documentation tells you to install, and numpy, ml_dtypes
and msgpack, which it has; for LWM also tux and ringattention, on PYTHONPATH if they are checkouts. Nothing of the
checkout is changed. A tiny model is trained on eight devices, which jax makes of the processor: from scratch, resumed
from its train state, and begun from weights by every load prefix. Each run is made twice, and the losses of both have
to be the same numbers, and the checkpoints the same bytes.
"""

from __future__ import annotations

import argparse
import filecmp
import importlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from reference.convert import convert  # noqa: E402

ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
WORDS = 200
STATE, WEIGHTS = "streaming_train_state", "streaming_params"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path("real-trainers-output"))
    parser.add_argument("--only", help="the folder of a run: make that run alone")
    arguments = parser.parse_args()
    code_base = "EasyLM" if (arguments.checkout / "EasyLM").is_dir() else "LWM"
    shutil.rmtree(arguments.output, ignore_errors=True)
    arguments.output.mkdir(parents=True)
    make_tokenizer(arguments.output / "tokenizer")
    make_data(arguments.output / "data.jsonl")
    print(f"{code_base} at {arguments.checkout}, on 8 devices")
    theirs, ours = (Trainer(code_base, arguments.checkout, arguments.output, name) for name in ("theirs", "ours"))
    runs = [run for run in (*RUNS, *MORE[code_base]) if arguments.only in (None, run[1])]
    faults = sum(compare(theirs, ours, *run) for run in runs)
    print("every run is the same with both" if not faults else f"{faults} runs differ")
    return 1 if faults else 0


class Trainer:
    """A trainer with one of the two checkpointers; each of its runs has a folder of its own."""

    def __init__(self, code_base: str, checkout: Path, output: Path, name: str) -> None:
        self.code_base, self.checkout, self.output, self.name = code_base, checkout.resolve(), output.resolve(), name

    def folder(self, run: str) -> Path:
        return self.output / self.name / run

    def train(self, run: str, flags: str) -> list[dict[str, float]]:
        """The losses of a run. Raises CalledProcessError."""
        losses = self.output / f"{self.name}-{run}-{len(list(self.output.glob('*.jsonl')))}.jsonl"
        child = [sys.executable, str(ROOT / "examples/swapped_trainer.py"), str(self.checkout), self.code_base]
        common = COMMON[self.code_base](self.output, self.output / self.name, run)
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [*child, self.name, str(losses), *common, *self._filled(flags)],
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(done.stderr[-4000:], file=sys.stderr)
            done.check_returncode()
        return [json.loads(line) for line in losses.read_text().splitlines()]

    def _filled(self, flags: str) -> list[str]:
        sidecars = "pkl" if self.name == "theirs" else "json"
        return [flag.format(folder=self.output / self.name, sidecars=sidecars) for flag in flags.split()]


def compare(theirs: Trainer, ours: Trainer, what: str, run: str, flags: str) -> bool:
    """Make a run with both; say what is the same, and return whether anything differs."""
    if "{folder}/flax_file" in flags:
        for trainer in (theirs, ours):
            weights = trainer.folder("third") / WEIGHTS
            convert(weights, f"flax::{trainer.folder('flax_file')}")
    losses, others = theirs.train(run, flags), ours.train(run, flags)
    files = sorted(path.name for path in theirs.folder(run).iterdir() if path.name.startswith("streaming_"))
    odd = [name for name in files if not same_bytes(theirs.folder(run) / name, ours.folder(run) / name)]
    text = f"{len(losses)} losses, the last {losses[-1]['loss']:.6f}, {len(files)} checkpoint{'s' * (len(files) != 1)}"
    differs = losses != others or bool(odd)
    verdict = f"DIFFERS: {others[-1]['loss']:.6f}, {', '.join(odd)}" if differs else "the same"
    print(f"  {what}: {text}: {verdict}", flush=True)
    return differs


def same_bytes(a: Path, b: Path) -> bool:
    return b.exists() and filecmp.cmp(a, b, shallow=False)


def make_tokenizer(folder: Path) -> None:
    """A tokenizer of a word for each number, so that nothing has to be downloaded."""
    tokenizers, transformers = map(importlib.import_module, ("tokenizers", "transformers"))
    special = ["<unk>", "<s>", "</s>"]
    vocabulary = {word: i for i, word in enumerate([*special, *(f"w{i}" for i in range(WORDS))])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(str(folder))


def make_data(path: Path) -> None:
    words = random.Random(0)
    lines = [" ".join(f"w{words.randrange(WORDS)}" for _ in range(50)) for _ in range(500)]
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))


def _easylm(shared: Path, output: Path, run: str) -> list[str]:
    return [
        "--mesh_dim=1,-1,1",
        "--llama.base_model=debug",
        "--llama.vocab_size=256",
        f"--logger.output_dir={output}",
        f"--logger.experiment_id={run}",
        *_data(shared),
    ]


def _lwm(shared: Path, output: Path, run: str) -> list[str]:
    return [
        "--modality=text",
        "--mesh_dim=1,-1,1,1",
        "--load_llama_config=debug",
        "--update_llama_config=dict(vocab_size=256,max_sequence_length=64,scan_attention=False,scan_mlp=False)",
        "--use_data_sharded_loader=False",
        "--train_dataset.json_dataset.use_data_sharded_loader=False",
        f"--logger.output_dir={output}",
        f"--logger.experiment_id={run}",
        "--logger.append_uuid=False",
        *_data(shared),
    ]


def _data(shared: Path) -> list[str]:
    return [
        f"--tokenizer={shared}/tokenizer",
        "--train_dataset.type=json",
        "--train_dataset.text_processor.fields=text",
        f"--train_dataset.json_dataset.path={shared}/data.jsonl",
        "--train_dataset.json_dataset.seq_length=32",
        "--train_dataset.json_dataset.batch_size=8",
        "--optimizer.type=adamw",
        "--log_freq=1",
        "--checkpointer.float_dtype=fp32",
    ]


COMMON = {"EasyLM": _easylm, "LWM": _lwm}
# What is run: a line for people, the folder of the run, and its flags. A later run may begin from an earlier one.
KEEP = "--checkpointer.save_optimizer_state=True"
RUNS = [
    ("from scratch, with a milestone", "first", f"--total_steps=4 {KEEP} --save_model_freq=2 --save_milestone_freq=3"),
    (
        "from its train state",
        "second",
        f"--load_checkpoint=trainstate::{{folder}}/first/{STATE} --total_steps=6 {KEEP} --save_model_freq=2",
    ),
    (
        "from the weights of a train state",
        "third",
        f"--load_checkpoint=trainstate_params::{{folder}}/first/{STATE} --total_steps=2 --save_model_freq=1",
    ),
    (
        "from weights",
        "fourth",
        f"--load_checkpoint=params::{{folder}}/third/{WEIGHTS} --total_steps=2 --save_model_freq=1",
    ),
    (
        "from a flax file",
        "fifth",
        "--load_checkpoint=flax_params::{folder}/flax_file --total_steps=2 --save_model_freq=1",
    ),
]
MORE = {
    "EasyLM": [
        (
            "from its train state and the state of its dataset",
            "sixth",
            f"--load_checkpoint=trainstate::{{folder}}/first/{STATE} --total_steps=6 "
            "--load_dataset_state={folder}/first/dataset.{sidecars}",
        ),
    ],
    "LWM": [  # resumes itself: the last that the first part of the run has saved is a milestone
        ("cut off after a milestone", "auto", f"--total_steps=3 {KEEP} --save_milestone_freq=3"),
        ("and resuming itself", "auto", f"--total_steps=6 {KEEP} --save_milestone_freq=3 --autoresume=True"),
    ],
}


if __name__ == "__main__":
    sys.exit(main())

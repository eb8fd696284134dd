"""Training that is killed and resumed, to the same bits: `make example`.

Trains the language model of `train_lm.py` on eight devices twice: once undisturbed, and once killed on the way and
resumed from its last checkpoint, which has to give the same losses and the same final checkpoint to the last bit.
Then resumes on a mesh of another shape, and lets the trained model write some text.
"""

from __future__ import annotations

import filecmp
import json
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

OUTPUT = Path("example-output")
WHOLE, KILLED, OTHER = OUTPUT / "whole", OUTPUT / "killed", OUTPUT / "other-mesh"
STEPS, KILL_AT, SAVE_FREQ, MILESTONE = 400, 230, 100, 350
# Eight devices on any machine, graphics cards or none: jax divides the processor.
ENVIRONMENT = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}


def main() -> None:
    start = time.perf_counter()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    print(f"$ export {shlex.join(f'{name}={value}' for name, value in ENVIRONMENT.items())}")

    say("A run that nothing disturbs")
    run(*train(WHOLE, "1,4,2"))

    say("The same run, killed without warning")
    kill(train(KILLED, "1,4,2"))
    say("and resumed from its last checkpoint")
    run(*train(KILLED, "1,4,2"), f"--load_checkpoint=trainstate::{KILLED / 'streaming_train_state'}")

    say("The undisturbed run, resumed from a milestone on a mesh of another shape")
    milestone = WHOLE / f"streaming_train_state_{MILESTONE}"
    run(*train(OTHER, "2,2,2"), f"--load_checkpoint=trainstate::{milestone}")

    say("What came of it")
    compare()

    say("The weights alone, in half the bytes, and what they have to say")
    weights = OUTPUT / "weights"
    run(
        "-m", "reference.convert",
        f"--load_checkpoint=trainstate_params::{KILLED / 'streaming_train_state'}",
        f"--output_file={weights}", "--streaming=True", "--float_dtype=bf16",
    )  # fmt: skip
    run("examples/serve_lm.py", "--prompt=The statement", "--length=400", f"--load_checkpoint=params::{weights}")
    print(f"\n{time.perf_counter() - start:.0f} s; all of it is in {OUTPUT}/; `make clean` takes it away")


def train(output: Path, mesh: str) -> list[str]:
    return [
        "examples/train_lm.py", f"--output_dir={output}", f"--mesh_dim={mesh}", f"--total_steps={STEPS}",
        "--llama.resid_pdrop=0.02", f"--save_model_freq={SAVE_FREQ}", f"--save_milestone_freq={MILESTONE}",
        "--checkpointer.save_optimizer_state=True", "--checkpointer.float_dtype=fp32",
    ]  # fmt: skip


def begin(words: tuple[str, ...] | list[str]) -> subprocess.Popen[bytes]:
    lines = textwrap.wrap(f"$ python {shlex.join(words)}", 112, subsequent_indent="      ", break_on_hyphens=False)
    print(" \\\n".join(lines), flush=True)
    return subprocess.Popen([sys.executable, *words], env=os.environ | ENVIRONMENT)


def run(*words: str) -> None:
    """Run a command as a user would, and stop with it if it fails."""
    if status := begin(words).wait():
        sys.exit(status)


def kill(words: list[str]) -> None:
    """Run a command until its losses have passed KILL_AT steps, and kill it as a machine that is lost would."""
    process = begin(words)
    while process.poll() is None and len(losses(KILLED)) < KILL_AT:
        time.sleep(0.1)
    if process.poll() is not None:
        sys.exit(f"the run ended by itself, with status {process.returncode}; it should have been killed")
    process.kill()
    process.wait()
    print(f"killed after {len(losses(KILLED))} steps")


def losses(output: Path) -> list[tuple[int, float]]:
    """Steps and losses in the order of the work; a resumed run repeats the steps since the last checkpoint."""
    path = output / "losses.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith("\n")]
    return [(entry["step"], entry["loss"]) for entry in entries]


def compare() -> None:
    """Hold the disturbed runs against the undisturbed one."""
    whole, killed, other = dict(losses(WHOLE)), losses(KILLED), losses(OTHER)
    same = {step for step, _ in killed} == set(range(STEPS)) and all(whole[step] == loss for step, loss in killed)
    check(f"killed and resumed: all {len(killed)} losses are those of the undisturbed run to the last bit", same)
    name = "streaming_train_state"  # weights, moments, counters and step
    check(
        "its last checkpoint is the same file, byte for byte", filecmp.cmp(WHOLE / name, KILLED / name, shallow=False)
    )
    furthest = max(abs(whole[step] - loss) for step, loss in other)
    check(f"the other mesh adds in another order: {len(other)} losses within {furthest:.1e}", furthest < 1e-2)


def check(claim: str, holds: bool) -> None:
    print(f"  {'yes' if holds else 'NO '}  {claim}")
    if not holds:
        sys.exit(1)


def say(text: str) -> None:
    print(f"\n# {text}", flush=True)


if __name__ == "__main__":
    main()

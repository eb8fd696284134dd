"""The C client under libFuzzer with address and undefined-behaviour sanitizers, where there is clang."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..bounds import Bounds, limits
from .programs import BUILD, C_CLIENT

_HERE: Final = Path(__file__).parent
_FLAGS: Final = ("-std=gnu11", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined")
_LIMITS: Final = ("-max_len=32768", "-malloc_limit_mb=512", "-timeout=300", "-print_final_stats=1")
_RUNS: Final = re.compile(rb"stat::number_of_executed_units: (\d+)")
_SUMMARY: Final = re.compile(r"^(?:SUMMARY|.*runtime error): (.*)$", re.MULTILINE)
_MOST: Final = 5  # crashes that are looked at in one run; the same one would come again and again

Report = Callable[[str, str, bytes], None]  # where, what, and the input


def build(folder: Path = BUILD) -> Path | None:
    """The program, made unless it is there; None where clang or its runtime is missing."""
    compiler = shutil.which("clang")
    if compiler is None:
        return None
    sources = [_HERE / "libfuzzer.c", *C_CLIENT]
    program = folder / f"libfuzzer-{hashlib.sha256(b''.join(file.read_bytes() for file in sources)).hexdigest()[:16]}"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"{program.name}.{os.getpid()}"
        command = [compiler, *_FLAGS, f'-DCLIENT="{sources[1]}"', "-o", str(made), str(sources[0])]
        if subprocess.run(command, capture_output=True).returncode:
            return None
        made.replace(program)
    return program


def run(program: Path, folder: Path, bounds: Bounds, seed: int, report: Report) -> int:
    """Try inputs until a bound is reached, those of `folder/corpus` first. Gives how many have been tried."""
    deadline, tried = time.monotonic() + bounds.seconds, 0
    for i in range(1 if bounds.first else _MOST):
        left = Bounds(deadline - time.monotonic(), bounds.executions - tried)
        if i and min(left.seconds, left.executions) < 1:
            break
        options = [*limits(left), f"-seed={seed + i + 1}", f"-artifact_prefix={folder}/crash-", *_LIMITS]
        with (folder / "libfuzzer.log").open("wb") as log:
            environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}
            command = [str(program), *options, str(folder / "corpus")]
            status = subprocess.run(command, stdout=log, stderr=log, env=environment).returncode
        told = (folder / "libfuzzer.log").read_bytes()
        print(told.decode(errors="replace"), flush=True)  # for whoever reads the coverage off
        tried += sum(map(int, _RUNS.findall(told)))
        artifacts = list(folder.glob("crash-*"))
        for file in artifacts:
            where = _SUMMARY.search(told.decode(errors="replace"))
            report(where[1] if where else f"status {status}", told[-3000:].decode(errors="replace"), file.read_bytes())
            file.unlink()
        if status == 0:
            break
        if not artifacts:
            report(f"libFuzzer ended with status {status}", told[-3000:].decode(errors="replace"), b"")
    return tried

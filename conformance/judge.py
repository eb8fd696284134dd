"""A program in one of its parts, judged by cases."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import tempfile
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from .compare import Judgement, judge_reading, judge_verdict, judge_writing
from .model import Case
from .programs import ACCEPTED, KEPT, Baseline, Limits, Outcome, baseline, run_program

# The parts that a program can play, and the option that names the command for each.
PARTS: Final = {
    "decode": "--decoder",
    "encode": "--encoder",
    "flax-decode": "--flax-decoder",
    "flax-encode": "--flax-encoder",
    "convert": "--converter",
    "recover": "--recoverer",
}
_SMALLEST: Final = bytes.fromhex("9291a177c40107")  # "w": 7
_SMALLEST_FLAX: Final = bytes.fromhex("81a17707")
_SMALLEST_INPUT: Final = {"records": [{"path": ["w"], "kind": "int", "value": "7"}], "empty_nodes": "keep"}
_OLD: Final = b"the file that stood here before\n"
_PRINTED: Final = 1 << 26  # bytes that a decoder may print


class Check(NamedTuple):
    """One case for one part."""

    case: Case
    part: str


class Result(NamedTuple):
    """What a check gave; `seconds` and `peak` (bytes) are those of the run, the last where there were several."""

    check: Check
    judgement: Judgement
    seconds: float
    peak: int


def checks(cases: list[Case], parts: Container[str]) -> Iterator[Check]:
    """What can be checked of programs that play these parts."""
    for case in cases:
        for part in _parts(case):
            if part in parts:
                yield Check(case, part)


def _parts(case: Case) -> Iterator[str]:
    kind, _, way = case.part.partition("-")
    prefix = "flax-" if kind == "flax" else ""
    if case.part in ("convert", "recover"):
        yield case.part
    elif not way:
        yield f"{prefix}decode"
    if case.encode is not None:
        yield f"{prefix}encode"


class Judge:
    """Runs a command for each part in a folder of its own."""

    def __init__(self, commands: Mapping[str, str], folder: Path, stdin: bool = False, timeout: float = 1.0) -> None:
        """`stdin` gives decoders their input there. Raises OSError, ValueError for a command that is none."""
        self._commands = {part: shlex.split(command) for part, command in commands.items()}
        self._folder, self._stdin, self._timeout = folder, stdin, timeout
        self.baselines = {part: self._baseline(part) for part in commands}

    def _baseline(self, part: str) -> Baseline:
        file = self._folder / f"smallest-{part}"
        if part in ("encode", "flax-encode"):
            file.write_text(json.dumps(_SMALLEST_INPUT))
            return baseline(self._commands[part], file, self._timeout)
        file.write_bytes(_SMALLEST_FLAX if part == "flax-decode" else _SMALLEST)
        output = self._folder / f"smallest-{part}-output"
        conversion = [f"--load_checkpoint=params::{file}", f"--output_file={output}", "--streaming=True"]
        if part == "convert":
            return baseline([*self._commands[part], *conversion], None, self._timeout)
        if part == "recover":  # measured on a refusal: the smallest file is no delta
            free = Limits(10 * self._timeout, 1 << 60)
            return Baseline(
                run_program([*self._commands[part], *_recovery(f"params::{file}", file, str(output))], free).peak, None
            )
        return baseline(*self._reading(part, file), self._timeout)

    def _reading(self, part: str, file: Path) -> tuple[list[str], Path | None]:
        command = self._commands[part]
        return (command, file) if self._stdin else ([*command, str(file)], None)

    def judge(self, check: Check) -> Result:
        """Run a check. Raises OSError where the program is not there or the disk is full."""
        case, part = check
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            folder = Path(name)
            if part.endswith("decode"):
                outcome = self._run(
                    case, part, *self._reading(part, stored_or_made(case, "bin", folder)), kept=_PRINTED
                )
                judgement = judge_reading(case, outcome)
            elif part.endswith("encode"):
                given = folder / "input.json"
                given.write_text(json.dumps(case.given()))
                outcome = self._run(case, part, self._commands[part], given)
                judgement = _of_writing(case, outcome)
            else:
                outcome, judgement = self._of_file(case, part, folder)
        return Result(check, judgement, outcome.seconds, outcome.peak)

    def _run(self, case: Case, part: str, command: list[str], stdin: Path | None = None, kept: int = KEPT) -> Outcome:
        limits = self.baselines[part].limits(case.size, case.largest, case.is_large, self._timeout)
        return run_program(command, limits, stdin, kept)

    def _of_file(self, case: Case, part: str, folder: Path) -> tuple[Outcome, Judgement]:
        """Of a run that writes a file, where one stands already."""
        data, output = stored_or_made(case, "bin", folder), folder / "output"
        output.write_bytes(_OLD)
        outcome = None
        for words in asked(case, part, data, output, folder):
            if outcome is None or outcome.verdict == ACCEPTED:
                outcome = self._run(case, part, [*self._commands[part], *words])
        assert outcome is not None
        said = case.convert["says"] if case.convert else None
        old = output.is_file() and output.stat().st_size == len(_OLD) and output.read_bytes() == _OLD
        if outcome.verdict == ACCEPTED and said and said not in outcome.output.decode(errors="replace"):
            return outcome, Judgement(False, f"{said!r} on standard output", f"{outcome.output[:200]!r}", [])
        if outcome.verdict == ACCEPTED and not old:
            return outcome, judge_writing(case, outcome, *_digest(output))
        judgement = judge_verdict(case, outcome)
        if outcome.verdict == ACCEPTED and case.want == "accept":
            judgement = Judgement(False, "an output", "accepted, and no output was written", [])
        elif judgement.passed and not old:
            judgement = Judgement(False, "the old file left as it was (CONF-7)", "the old file is gone", [])
        return outcome, judgement


def asked(case: Case, part: str, data: Path, output: Path, folder: Path) -> Iterator[list[str]]:
    """The words that follow a converter's or recoverer's command, once for each run that the case takes."""
    assert case.convert is not None
    prefix, streaming, dtype, via = (case.convert[name] for name in ("prefix", "streaming", "float_dtype", "via"))
    if part == "recover":
        base, target = stored_or_made(case, "base.bin", folder), f"{via}::{output}" if via else str(output)
        yield _recovery(f"{prefix}::{base}" if prefix else str(base), data, target, streaming)
        return
    source = f"{prefix}::{data}" if prefix else str(data)
    cast = [f"--float_dtype={dtype}"] if dtype else []
    if via:
        between = f"{via}::{folder / 'between'}"
        yield [f"--load_checkpoint={source}", f"--output_file={between}", f"--streaming={streaming}", *cast]
        source, cast = between, []
    yield [f"--load_checkpoint={source}", f"--output_file={output}", f"--streaming={streaming}", *cast]


def _recovery(base: str, delta: Path, output: str, streaming: bool = True) -> list[str]:
    sides = [f"--load_base_checkpoint={base}", f"--load_target_checkpoint={delta}"]
    return ["--recover_diff=True", *sides, f"--output_file={output}", f"--streaming={streaming}"]


def _of_writing(case: Case, outcome: Outcome) -> Judgement:
    """Of what an encoder wrote to standard output."""
    judgement = judge_writing(case, outcome, outcome.size, outcome.sha256, outcome.output)
    if judgement.passed and case.want == "reject" and outcome.size:
        return Judgement(False, "nothing written (CONF-7)", f"rejected, after {outcome.size} bytes were written", [])
    return judgement


def _digest(file: Path) -> tuple[int, str, bytes]:
    with file.open("rb") as opened:
        digest = hashlib.sha256()
        while block := opened.read(1 << 20):  # as `hashlib.file_digest` does, which Python 3.10 lacks
            digest.update(block)
        opened.seek(0)
        return file.stat().st_size, digest.hexdigest(), opened.read(KEPT)


def stored_or_made(case: Case, ending: str, folder: Path) -> Path:
    """A file of a case. What is too large to be stored is made in `folder`, zeros as a hole."""
    if "recipe" not in case.files[ending]:
        return case.stored(ending)
    path = folder / f"{case.name}.{ending}"
    with path.open("wb") as file:
        for data, times in case.pieces(ending):
            if data.strip(b"\0"):
                step = max(1, (1 << 20) // len(data))
                for done in range(0, times, step):
                    file.write(data * min(step, times - done))
            else:
                file.seek(len(data) * times, os.SEEK_CUR)
        file.truncate(case.files[ending]["size"])
    return path

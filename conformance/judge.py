"""A program in one of its parts, judged by cases."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from . import smallest
from .asking import (
    asked,
    difference,
    is_safetensors,
    output_of,
    recovery,
    spellings,
    stands_already,
    stored_or_made,
    words_of,
)
from .baselines import measured
from .compare import (
    ADVISED,
    Judgement,
    judge_delta,
    judge_reading,
    judge_safetensors,
    judge_verdict,
    judge_writing,
)
from .limits import PRINTED, Baseline
from .model import Case
from .plain_text import plain
from .programs import ACCEPTED, KEPT, Outcome, Running, run_program

_OLD: Final = b"the file that stood here before\n"


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


def checks(cases: list[Case], parts: Container[str], stdin: bool = False) -> Iterator[Check]:
    """What can be checked of programs that play these parts; on standard input nothing stands beside a file."""
    for case in cases:
        for part in _parts(case):
            if part in parts and not (stdin and "bin.seal" in case.files and part.endswith("decode")):
                yield Check(case, part)


def _parts(case: Case) -> Iterator[str]:
    kind, _, way = case.part.partition("-")
    prefix = "flax-" if kind == "flax" else ""
    if case.part in ("convert", "diff", "recover"):
        yield case.part
        if (case.part, case.want) == ("recover", "accept"):  # whose delta any other stands for that recovers the same
            yield "diff"
    elif not way:
        yield f"{prefix}decode"
    if case.encode is not None:
        yield f"{prefix}encode"


class Judge:
    """Runs a command for each part in a folder of its own."""

    def __init__(
        self,
        commands: Mapping[str, str],
        folder: Path,
        stdin: bool = False,
        timeout: float = 1.0,
        running: Running | None = None,
    ) -> None:
        """`stdin` gives decoders their input there. Raises OSError, ValueError for a command that cannot be started."""
        self._commands = {part: words_of(part, command) for part, command in commands.items()}
        self._folder, self._stdin, self._timeout = folder, stdin, timeout
        self._running = running or Running()
        found = {part: self._smallest(part) for part in commands}
        self.baselines = {part: baseline for part, (baseline, _) in found.items()}
        # How each part crashed on the smallest file, if it did.
        self.crashes = {part: why for part, (_, why) in found.items() if why}

    def _smallest(self, part: str) -> tuple[Baseline, str]:
        file, delta = self._folder / f"smallest-{part}", self._folder / f"smallest-{part}-delta"
        output = self._folder / f"smallest-{part}-output"
        source, command, stdin = f"params::{file}", self._commands[part], None
        if part in ("encode", "flax-encode"):
            file.write_text(json.dumps(smallest.ENCODED))
            stdin = file
        else:
            file.write_bytes(smallest.FLAX_FILE if part == "flax-decode" else smallest.STREAM)
        if part.endswith("decode"):
            command, stdin = self._reading(part, file)
        elif part == "convert":
            command = [*command, f"--load_checkpoint={source}", f"--output_file={output}", "--streaming=True"]
        elif part == "diff":
            command = [*command, *difference(source, source, output)]
        elif part == "recover":
            delta.write_bytes(smallest.delta())
            command = [*command, *recovery(source, delta, str(output))]
        return measured(command, stdin, self._timeout, self._running)

    def _reading(self, part: str, file: Path) -> tuple[list[str], Path | None]:
        """The command that reads a file, and what it gets on standard input."""
        command = self._commands[part]
        return (command, file) if self._stdin and part.endswith("decode") else ([*command, str(file)], None)

    def judge(self, check: Check) -> Result:
        """Run a check. Raises OSError where the disk is full, Stopped."""
        case, part = check
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            folder = Path(name)
            if part.endswith("decode"):
                outcome, judgement = self._of_reading(case, part, folder)
            elif part.endswith("encode"):
                outcome, judgement = self._of_writing(case, part, folder)
            else:
                outcome, judgement = self._of_file(case, part, folder)
        return Result(check, judgement, outcome.seconds, outcome.peak)

    def _run(self, case: Case, part: str, command: list[str], stdin: Path | None = None, **more: Any) -> Outcome:
        """`more`: further limits."""
        limits = self.baselines[part].limits(case.size, case.largest, case.is_large, self._timeout)._replace(**more)
        kept = limits.printed if part.endswith("decode") else KEPT
        return run_program(command, limits, stdin, kept, self._running)

    def _of_reading(self, case: Case, part: str, folder: Path) -> tuple[Outcome, Judgement]:
        printed = max(PRINTED, 4 * len(json.dumps([*case.wanted(), case.wanted_seal()])))
        command, stdin = self._reading(part, stored_or_made(case, "bin", folder))
        outcome = self._run(case, part, command, stdin, printed=printed)
        return outcome, judge_reading(case, outcome, self._stdin)

    def _of_writing(self, case: Case, part: str, folder: Path) -> tuple[Outcome, Judgement]:
        """Of what an encoder writes to standard output: of every spelling of its input the same."""
        given = folder / "input.json"
        outcome, judgement = None, None
        for spelling in spellings(case.given()):
            if judgement is None or judgement.passed:
                given.write_bytes(spelling)
                outcome = self._run(case, part, self._commands[part], given, printed=case.size + PRINTED)
                judgement = judge_written(case, outcome)
                if not judgement.passed and not spelling.isascii():
                    judgement = judgement._replace(got=f"{judgement.got} (for JSON that is UTF-8 and not ASCII)")
        assert outcome
        assert judgement
        return outcome, judgement

    def _of_file(self, case: Case, part: str, folder: Path) -> tuple[Outcome, Judgement]:
        """The judgement of a run that writes a file, whether or not there was one before."""
        data, old = stored_or_made(case, "bin", folder), _OLD if stands_already(case) else None
        outcome, output = None, folder
        for words in asked(case, part, data, folder / "output", folder):
            if outcome is None or outcome.verdict == ACCEPTED:
                output = output_of(words)
                if old:
                    output.write_bytes(old)
                command, limit = [*self._commands[part], *words], 4 * case.size + PRINTED
                outcome = self._run(case, part, command, printed=PRINTED, folder=folder, filed=limit)
                if is_safetensors(words) and outcome.verdict == ACCEPTED and output.is_file():
                    judgement = judge_safetensors(case, output)
                    if part == "recover" or not judgement.passed:
                        return outcome, judgement
        assert outcome is not None
        return outcome, _made(case, part, outcome, output, old)


def _made(case: Case, part: str, outcome: Outcome, output: Path, old: bytes | None) -> Judgement:
    """Of what a run has made of its output, at which the file `old` was, or none."""
    is_there = os.path.lexists(output)
    if old is None:
        untouched, change = not is_there, "there is a file at the output's name, where there was none"
    else:
        untouched = output.is_file() and output.stat().st_size == len(old) and output.read_bytes() == old
        change = "the old file has been changed" if is_there else "the old file is gone"
    if outcome.verdict == ACCEPTED and output.is_file() and not untouched and part == "diff":
        return judge_delta(case, output)
    if outcome.verdict == ACCEPTED and output.is_file() and not untouched:
        return said_too(case, judge_writing(case, outcome, *_digest(output)), outcome.output)
    judgement = judge_verdict(case, outcome)
    if outcome.verdict == ACCEPTED and case.want == "accept":
        return Judgement(False, "an output", "accepted, and no output was written", [])
    if judgement.passed and not untouched:
        return Judgement(False, "the output's name left as it was (CONF-7)", f"rejected, and {change}", [])
    return judgement


# CONV-4: "A program that casts SHOULD say how many finite values became infinite."
def said_too(case: Case, judgement: Judgement, printed: bytes) -> Judgement:
    """A judgement of what was written, and of whether the number that the case asks for was said."""
    number = case.convert["says"] if case.convert else None
    text = printed.decode(errors="replace")
    if not judgement.passed or not number or re.search(rf"(?<!\d){number}(?!\d)", text):
        return judgement
    told = f"said: {plain(text)}" if text.strip() else "said nothing"
    return Judgement(False, f"{number} on standard output (CONV-4)", told, [], ADVISED)


def judge_written(case: Case, outcome: Outcome) -> Judgement:
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

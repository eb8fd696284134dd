"""A whole run: every target under its engine in a process of its own, watched, within the time that is given."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from conformance.processes import Effort

from .board import Board
from .bounds import Bounds
from .engines import RANDOM
from .findings import ROOT, Finding, keep, kept
from .scratch import VARIABLE, new_folder
from .seeds import buffers, seeds
from .targets import Plan, plan_of

HANG: Final = 60.0  # seconds of processor time, or of waiting, after which an input that is still being tried hangs
_POLL: Final = 0.1
_LEAST: Final = 2.0  # seconds for which a worker that has died is started again
_LIVES: Final = 5  # workers of a target that die, one after the other, where no time ends them
_COVERAGE: Final = re.compile(rb"\bcov: (\d+)")


class Outcome(NamedTuple):
    """What came of a target. `coverage` counts branches of the reference, None where the engine does not."""

    plan: Plan
    executions: int
    seconds: float
    coverage: int | None
    findings: list[Finding]
    skipped: str | None  # why nothing was done


class Settings(NamedTuple):
    """How a run is made: `bounds` has the seconds of the run and the inputs of each target. Files go to `cache`."""

    bounds: Bounds
    jobs: int
    engine: str
    seed: int
    cache: Path


def run_all(names: Sequence[str], settings: Settings, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Run targets, several at a time, each for its share of the time. `tell` gets every outcome when it is there."""
    plans = [plan_of(name) for name in names]
    shares = _Shares(plans, settings)

    def run(plan: Plan) -> Outcome:
        outcome = _Campaign(plan, settings, shares.take(plan)).run()
        shares.end(plan)
        tell(outcome)
        return outcome

    with ThreadPoolExecutor(settings.jobs) as pool:
        return list(pool.map(run, plans))


class _Shares:
    """Who may run for how long: what one target leaves over is shared by those that have not begun."""

    def __init__(self, plans: Sequence[Plan], settings: Settings) -> None:
        self._deadline = time.monotonic() + settings.bounds.seconds
        self._jobs = min(settings.jobs, len(plans))
        self._waiting = {plan.name: plan.weight for plan in plans}
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, plan: Plan) -> float:
        """The seconds for a target that begins now."""
        with self._lock:
            if math.isinf(self._deadline):
                return math.inf
            left = self._deadline - time.monotonic()
            taken = sum(max(0.0, end - time.monotonic()) for end in self._ends.values())
            share = (left * self._jobs - taken) * plan.weight / sum(self._waiting.values())
            del self._waiting[plan.name]
            seconds = max(_LEAST, min(share, left))
            self._ends[plan.name] = time.monotonic() + seconds
            return seconds

    def end(self, plan: Plan) -> None:
        with self._lock:
            self._ends.pop(plan.name, None)


class _Campaign:
    """One target: its folder, its workers one after the other, and what they have found."""

    def __init__(self, plan: Plan, settings: Settings, seconds: float) -> None:
        self._plan, self._settings, self._seconds = plan, settings, seconds
        self._folder = settings.cache / plan.name
        self._findings = self._folder / "findings"

    def run(self) -> Outcome:
        self._prepare()
        scratch = new_folder()
        try:
            return self._run(scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run(self, scratch: Path) -> Outcome:
        began = time.monotonic()
        executions, runs, bounds = 0, 0, self._settings.bounds
        while (left := self._seconds - (time.monotonic() - began)) > (_LEAST if runs else 0):
            board = self._folder / "board"
            board.unlink(missing_ok=True)
            more = bounds.executions - executions
            ended_well = self._work(bounds._replace(seconds=left, executions=more), self._settings.seed + runs, scratch)
            executions += Board(board).read().executions
            runs += 1
            if ended_well or (self._folder / "skipped").exists() or executions >= bounds.executions:
                break
            if (bounds.first and kept(self._findings)) or (math.isinf(self._seconds) and runs == _LIVES):
                break
        skipped = self._folder / "skipped"
        reason = skipped.read_text() if skipped.exists() else None
        if not executions and reason is None:
            self._note("did not run", f"no input was tried in {time.monotonic() - began:.1f} s:\n{self._log()}", b"")
        spent = time.monotonic() - began
        return Outcome(self._plan, executions, spent, self._coverage(), kept(self._findings), reason)

    def _prepare(self) -> None:
        corpus = self._folder / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._findings, ignore_errors=True)
        for name in ("log", "skipped"):
            (self._folder / name).unlink(missing_ok=True)
        for data in seeds(self._plan.kind) if self._plan.kind else buffers(self._settings.seed):
            (corpus / f"seed-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)

    def _work(self, bounds: Bounds, seed: int, scratch: Path) -> bool:
        """Run one worker to its end, or kill it where it hangs. Whether it ended as it should."""
        engine = RANDOM if self._plan.once else self._settings.engine  # coverage would guide nothing, and is slow
        words = [self._plan.name, engine, self._folder, json.dumps(bounds), seed]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "fuzz.worker", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), VARIABLE: str(scratch)},
                start_new_session=True,
            )
            try:
                return self._watch(process, bounds.seconds)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _watch(self, process: subprocess.Popen[bytes], seconds: float) -> bool:
        board, began = self._folder / "board", time.monotonic()
        tried, effort = None, Effort(process.pid)
        while process.poll() is None:
            time.sleep(_POLL)
            state = Board(board).read() if board.exists() else None
            is_trying = state is not None and state.began is not None
            if (now := (state.executions, state.began) if state else None) != tried:
                tried, effort = now, Effort(process.pid)
            if state and is_trying and (why := effort.beyond(HANG)):
                self._note("hang", f"there was no answer: it {why}", state.data)
                return False
            if time.monotonic() - began > seconds + HANG and not is_trying:
                return True  # between two inputs, and over its time: an engine that does not end
        if process.returncode != 0 and board.exists() and (state := Board(board).read()).began:
            self._note(f"ended by status {process.returncode}", self._log(), state.data)
        return process.returncode == 0

    def _note(self, where: str, what: str, data: bytes) -> None:
        keep(self._findings, self._plan.name, where, what, data)

    def _log(self) -> str:
        return (self._folder / "log").read_bytes()[-2000:].decode(errors="replace")

    def _coverage(self) -> int | None:
        found = _COVERAGE.findall((self._folder / "log").read_bytes())
        return int(found[-1]) if found else None

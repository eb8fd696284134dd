"""What breaks an invariant: told apart by where it broke, made small, and kept with the command that replays it."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
_SMALLER_FOR: Final = 5.0  # seconds of processor time that are spent on making a reproducer smaller


class Broken(AssertionError):
    """An invariant does not hold. The message says what was wanted and what came."""


class Finding(NamedTuple):
    """A broken invariant: `where` tells it from others, `what` is for people, `file` is the reproducer."""

    target: str
    where: str
    what: str
    file: str

    @property
    def command(self) -> str:
        return f"python -m fuzz --target {self.target} --replay {shlex.quote(self.file)}"


def place_of(error: BaseException) -> str:
    """The class of an error and the innermost line of this project at which it was raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(ROOT)]
    place = next(iter(reversed(frames)), None)
    if place is None:
        return type(error).__name__
    return f"{type(error).__name__} at {Path(place.filename).relative_to(ROOT)}:{place.lineno}"


def report_of(error: BaseException) -> str:
    """What is kept beside a reproducer: the message of a broken invariant, the traceback of anything else."""
    if isinstance(error, Broken):
        return str(error)
    return "".join(traceback.format_exception(error))


def keep(folder: Path, target: str, where: str, what: str, data: bytes) -> Finding:
    """Write a reproducer and its report, and note both in `findings.jsonl`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{target}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
    finding = Finding(target, where, what, str(file))
    file.write_bytes(data)
    file.with_suffix(".txt").write_text(f"{where}\n\n{what}\n\n{finding.command}\n", errors="backslashreplace")
    with (folder / "findings.jsonl").open("a") as log:
        log.write(json.dumps(finding._asdict()) + "\n")
    return finding


def kept(folder: Path) -> list[Finding]:
    """The findings noted in a folder."""
    log = folder / "findings.jsonl"
    return [Finding(**json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []


def smaller(data: bytes, still: Callable[[bytes], bool]) -> bytes:
    """A shorter input of which `still` is true, found by leaving out stretches, then by zeroing bytes."""
    deadline = time.process_time() + _SMALLER_FOR
    size = max(1, len(data) // 2)
    while size:
        at = 0
        while at < len(data):
            if time.process_time() > deadline:
                return data
            less = data[:at] + data[at + size :]
            if still(less):
                data = less
            else:
                at += size
        size //= 2
    return data

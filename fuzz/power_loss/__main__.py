"""Fail the power while checkpoints are written to real file systems, some thousand times: `make power-loss`."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from fuzz.faults import without_nameless_files
from fuzz.findings import Broken
from fuzz.operations import in_small_pieces, prepared
from fuzz.power_loss.cases import CASES, after_each_call, as_it_was
from fuzz.power_loss.disks import KINDS, Recorded, missing, read_after_check, recorded
from fuzz.power_loss.recorded_disk import Entry
from fuzz.power_loss.replays import BEGIN, CLEAR, END, WRITE_BACK, WRITTEN_BACK, states, write_image


class Run(NamedTuple):
    """A recorded run of cases: what reached the disk, and what each file held before its case and after."""

    entries: list[Entry]
    before: dict[str, dict[str, bytes | None]]
    after: dict[str, dict[str, bytes | None]]


class Mode(NamedTuple):
    """How a run is made: whether the file system writes of itself after each call, and whether new files have names."""

    text: str
    writes_back: bool
    has_names: bool


MODES = (
    Mode("", False, False),
    Mode(", written back after each call", True, False),
    Mode(", written back after each call, without nameless files", True, True),
)


def record(kind: str, names: list[str], place: Path, mode: Mode) -> Run:
    """Run cases on a new file system, one after the other."""
    before, after = {}, {}
    with contextlib.ExitStack() as stack:
        source = prepared()
        stack.enter_context(in_small_pieces())
        if mode.has_names:
            stack.enter_context(without_nameless_files())
        disk = stack.enter_context(recorded(kind, place))
        for path in source.iterdir():
            shutil.copy(path, disk.folder)
        for name in names:
            case = CASES[name]
            case.prepare(disk.folder)
            before[name] = case.contents(disk.folder)
            disk.write_back()
            disk.note(BEGIN + name)
            with after_each_call(lambda disk=disk: _write_back(disk)) if mode.writes_back else contextlib.nullcontext():
                case.run(disk.folder)
            disk.note(END + name)
            disk.write_back()
            disk.note(CLEAR)
            after[name] = case.contents(disk.folder)
            for each in case.names:
                (disk.folder / each).unlink()
            disk.write_back()
        entries = disk.entries()
    return Run(entries, before, after)


def _write_back(disk: Recorded) -> None:
    disk.note(WRITE_BACK)
    disk.write_back()
    disk.note(WRITTEN_BACK)


def replay(kind: str, run: Run, name: str, place: Path, chances: int, seed: int) -> Counter[str]:
    """Check each state in which the power may fail during a case. Raises Broken, and gives what was found how often."""
    found: Counter[str] = Counter()
    image = place / "image"
    settings = KINDS[kind].block, KINDS[kind].orders_writes, chances, seed
    old, new, case = run.before[name], run.after[name], CASES[name]
    for what, returned, state in states(run.entries, name, *settings):
        write_image(state, KINDS[kind].block, KINDS[kind].size, image)
        contents = read_after_check(kind, image, list(old))
        found[case.check(contents, old, new, returned, what)] += 1
    return found


def main(argv: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m fuzz.power_loss", description=__doc__)
    command.add_argument("--kind", action="append", choices=KINDS, help="of file system; all that can be tried")
    command.add_argument("--case", action="append", choices=CASES, help="what is done; all")
    command.add_argument("--chances", type=int, default=1, help="random states after each write")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--as-it-was", action="store_true", help="without what is done against it: this must fail")
    arguments = command.parse_args(argv)
    broken = tried = 0
    for kind in arguments.kind or KINDS:
        if lacking := missing(kind):
            print(f"{kind}: not tried: {lacking}")
            continue
        for mode in MODES:
            with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder, contextlib.ExitStack() as stack:
                if arguments.as_it_was:
                    stack.enter_context(as_it_was())
                names = arguments.case or list(CASES)
                run = record(kind, names, Path(folder), mode)
                for name in names:
                    shown = f"{kind}, {name}{mode.text}"
                    try:
                        found = replay(kind, run, name, Path(folder), arguments.chances, arguments.seed)
                    except Broken as error:
                        print(f"BROKEN {shown}: {error}", flush=True)
                        broken += 1
                        continue
                    tried += found.total()
                    print(
                        f"{shown}: {found.total()} states:",
                        ", ".join(f"{n} {which}" for which, n in found.items()),
                        flush=True,
                    )
    print(f"{tried} states, {broken} cases broken")
    return broken > 0 or not tried


def _fast_folder() -> str | None:
    """Memory, where a machine has a folder for it: none of this needs to outlive the program."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    sys.exit(main())

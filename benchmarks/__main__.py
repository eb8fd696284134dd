"""`python -m benchmarks`: measure this project against its peers, say which targets are met, keep the results.

With `--full` on the trees and in the places of the published figures, which takes some 90 minutes, 16 GB of memory and
8 GB of disk; without, on small trees, in four minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import machine, plan, report, trees
from .measure import ROOT, Group, measure

RESULTS = ROOT / "benchmarks" / "results.json"


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments().parse_args(argv)
    started = time.monotonic()
    results = _new(arguments.full)
    if (arguments.resume or arguments.again) and arguments.output and arguments.output.exists():
        results = json.loads(arguments.output.read_text())
    done = set() if arguments.again else {_name(case) for case in results["cases"]}
    before = results.get("minutes", 0)
    for name, folder in _places(arguments.folder, arguments.full).items():
        with tempfile.TemporaryDirectory(dir=folder, prefix="streamckpt-bench-") as temporary:
            for cases in _measure(Path(temporary), name, arguments, done):
                results["cases"] = with_cases(results["cases"], cases)
                results["minutes"] = round(before + (time.monotonic() - started) / 60, 1)
                if arguments.output:  # kept as they come: a run that is stopped has not been for nothing
                    arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    print(report.text(results))
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the trees and places of the published figures")
    parser.add_argument("--match", default="*", metavar="GLOB", help="of OPERATION/WORK/PLACE, such as 'save*/tmpfs'")
    parser.add_argument(
        "--folder", type=Path, action="append", metavar="DIR", help="where files are put; may be given again"
    )
    parser.add_argument("--turns", type=int, metavar="N", help="runs of each peer, in place of the plan's number")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results as JSON, as they come")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped: keep its results")
    parser.add_argument(
        "--again",
        action="store_true",
        help="keep the results of FILE but for what --match names, which is measured again",
    )
    return parser


def _new(full: bool) -> dict[str, Any]:
    return {"format": 1, "full": full, "machine": machine.describe(), "cases": []}


def with_cases(before: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results with those of a group, in the place of what there was of it."""
    names = {_name(case) for case in new}
    kept = [case for case in before if _name(case) not in names]
    at = next((n for n, case in enumerate(before) if _name(case) in names), len(kept))
    return kept[:at] + new + kept[at:]


def _places(folders: list[Path] | None, full: bool) -> dict[str, Path]:
    """Folders by the kind of their file system: one in memory, and for a full run one on a disk."""
    if not folders:
        shared = Path("/dev/shm")
        folders = [shared] if shared.is_dir() else []
        folders += [ROOT / "build"] if full or not folders else []
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return {machine.file_system(folder): folder for folder in folders}


def _name(case: dict[str, Any]) -> str:
    return f"{case['operation']}/{case['work']}/{case['place']}"


def _measure(folder: Path, place: str, arguments: argparse.Namespace, done: set[str]) -> Iterator[list[dict[str, Any]]]:
    """The cases of each group, as they are measured."""
    work = None
    for group in plan.groups(place, place, arguments.full, arguments.match):
        if group.name in done:
            continue
        if arguments.turns:
            group = group._replace(turns=arguments.turns)
        if work not in (None, group.work):
            _clear(folder, str(work))
        work = group.work
        if needed := _lacking(group, folder):
            print(f"{group.name}: left out, it needs {needed / 1e9:.0f} GB", file=sys.stderr)
            continue
        start = time.monotonic()
        yield measure(group, folder, _say)
        _say(f"{group.name}: {time.monotonic() - start:.0f} s, load {machine.load():.1f}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _clear(folder: Path, work: str) -> None:
    """Remove the files of a tree that has been done."""
    for path in folder.glob(f"{work}.*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _lacking(group: Group, folder: Path) -> int:
    """The bytes that a group needs where they are not to be had: inputs, an output, and copies in memory."""
    needed = 0 if trees.WORKS[group.work].sparse else 5 * trees.nbytes(group.work)
    free = min(machine.available(), shutil.disk_usage(folder).free)
    return needed if needed > free else 0


if __name__ == "__main__":
    sys.exit(main())

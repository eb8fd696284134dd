"""`python -m conformance.mutants`: every mutant of the reference has to be caught, and the case that caught it is
named. One that refuses what it should, but by another clause or at another offset than the reference (CONF-5), is
caught by the advice that it gets.

Exit status 0 where each is caught, or is known to differ in nothing that the specification says; 1 where one
survives, or is caught although it is listed as one that cannot be.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from .. import NEWEST
from .operators import Mutant, mutants
from .subtle import SUBTLE
from .wrong import wrong

ROOT: Final = Path(__file__).parents[2]
# The modules whose changes have to show: those that read, write, convert and recover.
FILES: Final = (
    *(f"format/{name}" for name in ("wire", "keypaths", "dtypes", "payloads", "arrays", "chunked", "leaves")),
    *(f"format/{name}" for name in ("small_records", "records", "streams", "trees", "flax_msgpack", "casts")),
    *(f"format/{name}" for name in ("json_texts", "blocks", "digests", "manifests")),
    *(f"containers/{name}" for name in ("stream", "flax_file", "safetensors_file", "delta_file", "foreign")),
    *(f"containers/{name}" for name in ("registry", "load_prefixes")),
    *(f"differences/{name}" for name in ("leaf_contents", "exact_recovery")),
)
# Those of version 2.0. What they do shows in its cases, which are put to their mutants first.
SEALED: Final = (
    *(f"format/{name}" for name in ("aligned", "parts", "checksums", "metadata", "indexes", "index_rows", "seals")),
    *(f"format/{name}" for name in ("sealing",)),
    *(f"containers/{name}" for name in ("sealed_file", "sealed_records", "seals_beside")),
    "checkpoints/verification",
)
# Large cases take seconds, and are run for mutants of what they alone can show: a text in the change, and the cases.
LARGE: Final = {
    "CHUNK": ("04-leaves/a-payload-of-1-gib", "04-leaves/a-payload-of-1-gib-and-1"),
    "'REC-3'": ("05-records/a-tensor-of-4-gib",),
    "'WIRE-1'": ("00-introduction/a-bin-of-4-gib-to-a-flax-file",),
    "cuts parts": ("12-parts/a-pattern-in-parts",),
    "range of parts": ("12-parts/a-pattern-in-parts",),
    "counts parts": ("12-parts/a-pattern-in-parts",),
    "LARGEST_WHOLE": (
        "12-parts/the-largest-array-that-is-not-in-parts",
        "12-parts/the-smallest-array-that-a-writer-puts-in-parts",
    ),
    "first[i + 1] - first[i] > 1": ("12-parts/the-smallest-array-that-a-writer-puts-in-parts",),
    "at + n > columns.sizes": ("12-parts/the-smallest-array-that-a-writer-puts-in-parts",),
    "one more: _ROWS": ("12-parts/the-smallest-array-that-a-writer-puts-in-parts", "12-parts/an-array-of-5-gib"),
}
_SAME: Final = Path(__file__).with_name("same.toml")


class Caught(NamedTuple):
    """A check that tells a mutant from the reference: it is not passed, or else there is advice on it."""

    case: str
    part: str
    got: str
    failed: bool


def all_mutants() -> Iterator[Mutant]:
    """The wrong readers and writers that were thought of, and then those that are made of every file."""
    yield from wrong(ROOT / "reference")
    yield from wrong(ROOT / "reference", SUBTLE)
    for name in (*FILES, *SEALED):
        yield from mutants(ROOT / "reference", f"{name}.py")


def judge(mutant: Mutant | None, known: Sequence[Caught] = (), every: int = 1) -> list[Caught]:
    """The first check that a mutant does not pass, or on which it gets advice as the reference does not (`known`).

    For None, the reference as it is, all checks on which it gets advice. Of the cases of a rule one in `every` is put
    to it, none for 0.
    """
    module = f"reference.{mutant.file.removesuffix('.py').replace('/', '.')}" if mutant else None
    clause = re.search(r"\b[A-Z]+-\d+\b", mutant.change) if mutant else None
    asked = {
        "module": module,
        "text": mutant.text if mutant else "",
        "clause": clause[0] if clause else "",
        "large": [id for text, ids in LARGE.items() if mutant and text in mutant.change for id in ids],
        "every": every,
        "since": NEWEST if mutant and mutant.file.removesuffix(".py") in (*SEALED, "format/chunked") else "1.0",
        "known": [(caught.case, caught.part) for caught in known],
    }
    worker = _worker()
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(json.dumps(asked) + "\n")
    worker.stdin.flush()
    return [Caught(**found) for found in json.loads(worker.stdout.readline())]


_OF_THREAD: Final = threading.local()


def _worker() -> subprocess.Popen[str]:
    """The worker of this thread, which ends when nobody can ask it any more."""
    if not hasattr(_OF_THREAD, "worker"):
        command = [sys.executable, "-m", "conformance.mutants.worker", str(ROOT / "conformance" / "clients")]
        pipe = subprocess.PIPE
        quiet = subprocess.DEVNULL
        _OF_THREAD.worker = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True, cwd=ROOT)
    return _OF_THREAD.worker


def known_same() -> dict[tuple[str, str], str]:
    """Files and changes that no case can show, and why."""
    entries = tomllib.loads(_SAME.read_text())["same"]
    return {(entry["file"], change): entry["reason"] for entry in entries for change in entry["changes"]}


def main(argv: list[str] | None = None) -> int:
    command = argparse.ArgumentParser("python -m conformance.mutants", description=__doc__)
    command.add_argument("--match", default="*", metavar="GLOB", help="judge the mutants whose names match")
    command.add_argument("--every", type=int, default=1, metavar="N", help="judge every N-th of them")
    command.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    command.add_argument("--list", action="store_true", help="list the mutants, and judge none")
    arguments = command.parse_args(argv)
    chosen = [m for m in all_mutants() if fnmatchcase(m.name, arguments.match)][:: arguments.every]
    if arguments.list:
        print("\n".join(map(str, chosen)))
        return 0
    if not chosen:
        print(f"no mutant matches {arguments.match!r}", file=sys.stderr)
        return 2
    known = judge(None)
    if any(caught.failed for caught in known):
        print(f"the reference itself does not pass {known[0].case}: {known[0].got}", file=sys.stderr)
        return 1
    same = known_same()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        found = pool.map(lambda mutant: judge(mutant, known), chosen)
        bad = sum(not _told(*pair, same) for pair in zip(chosen, found, strict=True))
    print(f"{len(chosen)} mutants, {bad} of them not as they should be")
    return 1 if bad else 0


def _told(mutant: Mutant, found: list[Caught], same: dict[tuple[str, str], str]) -> bool:
    """Print what became of a mutant; whether that is as it should be."""
    reason = same.get((mutant.file, mutant.change))
    if not found:
        print(f"same {mutant}: {reason}" if reason else f"SURVIVES {mutant}")
    else:
        case, part, got, failed = found[0]
        what = "CAUGHT, and listed as one that cannot be:" if reason else "caught"
        print(f"{what} {mutant} by {'' if failed else 'the advice of '}{case} ({part}): {got[:100]}")
    sys.stdout.flush()
    return bool(found) == (reason is None)


if __name__ == "__main__":
    sys.exit(main())

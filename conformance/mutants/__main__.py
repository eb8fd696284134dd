"""`python -m conformance.mutants`: every mutant of the reference has to be caught, and the case that caught it is
named.

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
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from .operators import Mutant, mutants
from .wrong import wrong

ROOT: Final = Path(__file__).parents[2]
# The modules whose changes have to show: those that read, write, convert and recover.
FILES: Final = (
    *("wire", "keypaths", "dtypes", "payloads", "arrays", "chunked", "leaves", "records", "streams", "trees"),
    *("flax_msgpack", "conversion", "kinds", "containers", "safetensors_file", "blocks", "digests", "manifests"),
    *("contents", "recovery"),
)
_SAME: Final = Path(__file__).with_name("same.toml")


def all_mutants() -> Iterator[Mutant]:
    """The wrong readers and writers that were thought of, and then those that are made of every file."""
    yield from wrong(ROOT / "reference")
    for name in FILES:
        yield from mutants(ROOT / "reference", f"{name}.py")


def judge(mutant: Mutant | None) -> dict[str, Any] | None:
    """The first check that a mutant does not pass; that of the reference as it is for None."""
    module = f"reference.{Path(mutant.file).stem}" if mutant else None
    clause = re.search(r"\b[A-Z]+-\d+\b", mutant.change) if mutant else None
    asked = {"module": module, "text": mutant.text if mutant else "", "clause": clause[0] if clause else ""}
    command = [sys.executable, "-m", "conformance.mutants.worker", str(ROOT / "conformance" / "clients")]
    try:
        run = subprocess.run(
            command, input=json.dumps(asked), capture_output=True, text=True, cwd=ROOT, timeout=600, check=True
        )
        return json.loads(run.stdout)
    except subprocess.TimeoutExpired:
        return {"case": "(none)", "part": "", "got": "hangs"}
    except subprocess.CalledProcessError as error:
        return {"case": "(none)", "part": "", "got": f"ends the process: {error.stderr.splitlines()[-1:]}"}


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
    if (found := judge(None)) is not None:
        print(f"the reference itself does not pass {found['case']}: {found['got']}", file=sys.stderr)
        return 1
    same = known_same()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        bad = sum(not _told(*pair, same) for pair in zip(chosen, pool.map(judge, chosen), strict=True))
    print(f"{len(chosen)} mutants, {bad} of them not as they should be")
    return 1 if bad else 0


def _told(mutant: Mutant, caught: dict[str, Any] | None, same: dict[tuple[str, str], str]) -> bool:
    """Print what became of a mutant; whether that is as it should be."""
    reason = same.get((mutant.file, mutant.change))
    if caught is None:
        print(f"same {mutant}: {reason}" if reason else f"SURVIVES {mutant}")
    elif reason:
        print(f"CAUGHT by {caught['case']}, and listed as one that cannot be: {mutant}")
    else:
        print(f"caught {mutant} by {caught['case']} ({caught['part']})")
    sys.stdout.flush()
    return (caught is None) == (reason is not None)


if __name__ == "__main__":
    sys.exit(main())

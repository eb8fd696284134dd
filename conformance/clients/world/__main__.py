"""`make world`: judges packages as pip installs them, each in an environment of its own under build/world.

Each is judged by version 1.0, by the cases that were made by hand, but for those of 1 GiB and more. Failures that are
known stand with their reasons in PACKAGE-VERSION.xfails beside this file, or in the file that packages.toml names.
What came of it is kept in conformance/world.json, with the day, and shown in RESULTS.md. A package that needs a Python
which this machine has not is named, and what is kept of it stays.

Exit status 1 where a package does what is neither right nor known, or does no longer what is known.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from ...model import load_corpus
from ...reports.results import summary
from ...reports.world import WORLD, kept
from ..results import OLD, keep, run_here
from ..results import kept as programs
from .packages import Asked, NoPython, Package, installed, read_packages


def judge(package: Package) -> dict[str, Any]:
    """The summary of a package, with the day and the versions that it was judged with. Raises: RuntimeError."""
    xfails = package.xfails if package.xfails.exists() else None
    with Asked(package, installed(package)) as asked:
        run = run_here(package.title, OLD, asked.calls(), (), xfails)
    told = summary(load_corpus(spec=OLD), run)
    return told | {"passed": run["passed"], "day": datetime.now(UTC).date().isoformat(), "with": list(package.pins)}


def main(words: list[str] | None = None) -> int:
    command = argparse.ArgumentParser("python -m conformance.clients.world", description=__doc__)
    text = "judge this package alone, such as tux, and keep the results of the others; may be given several times"
    command.add_argument("--only", action="append", default=[], metavar="NAME", help=text)
    given = command.parse_args(words)
    judged, passed = dict[str, dict[str, Any]](), True
    for package in read_packages():
        if given.only and package.name not in given.only:
            continue
        try:
            told = judge(package)
        except NoPython as why:
            print(f"{package.title}: not judged: {why}", flush=True)
            continue
        counts = f"{told['checks'] - len(told['not_passed'])} of {told['checks']} checks passed"
        print(f"{package.title}: {counts}{'' if told['passed'] else ', and some failures are not known'}", flush=True)
        passed = passed and told["passed"]
        judged[package.title] = told
    found = {told["name"]: told for told in kept()} | judged
    order = [package.title for package in read_packages()]
    WORLD.write_text(json.dumps([found[title] for title in order if title in found], indent=1) + "\n")
    keep([*programs().values()])
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

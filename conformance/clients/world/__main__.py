"""`make world`: judges packages as pip installs them, each in an environment of its own under build/world.

Each is judged by version 1.0, by the cases that were made by hand, but for those of 1 GiB and more. Failures that are
known stand with their reasons in PACKAGE-VERSION.xfails beside this file, or in the file that packages.toml names.
What came of each is kept in conformance/world.json once it is judged, with the day, and all is shown in RESULTS.md. A
package that needs a Python which this machine has not is named, and what is kept of it stays; one that pip does not
install, or that does not start, is named, and the others are judged all the same. Environments are used again.

Exit status 1 where a package does what is neither right nor known, does no longer what is known, or is not installed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
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
    packages, passed = read_packages(), True
    for package in packages:
        if given.only and package.name not in given.only:
            continue
        try:
            told = judge(package)
        except NoPython as why:
            print(f"{package.title}: not judged: {why}", flush=True)
            continue
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{package.title}: not judged: {error}; `--only {package.name}` tries it again", flush=True)
            passed = False
            continue
        counts = f"{told['checks'] - len(told['not_passed'])} of {told['checks']} checks passed"
        print(f"{package.title}: {counts}{'' if told['passed'] else ', and some failures are not known'}", flush=True)
        passed = passed and told["passed"]
        found = {one["name"]: one for one in (*kept(), told)}
        order = [one.title for one in packages if one.title in found]
        WORLD.write_text(json.dumps([found[title] for title in order], indent=1) + "\n")
    keep([*programs().values()])
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

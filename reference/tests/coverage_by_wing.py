"""Branch coverage by wing: `python reference/tests/coverage_by_wing.py REPORT`, of what `coverage json` has written."""

import json
import sys
from collections import Counter
from pathlib import Path

COUNTED = ("covered_branches", "num_branches", "covered_lines", "num_statements")


def wing(file):
    """The folder of a module; modules that stand at the top of a package are those of the package itself."""
    return "/".join(Path(file).parts[:-1][:2])


def table(files):
    """A line for each wing: branches and lines, of them those that were run."""
    wings = {}
    for file, found in files.items():
        if not Path(file).is_absolute():  # a copy in which a test plants faults
            wings.setdefault(wing(file), Counter()).update({name: found["summary"][name] for name in COUNTED})
    wings["all"] = sum(wings.values(), Counter())
    yield f"{'':<26}{'branches':>16}{'':>8}{'lines':>16}"
    for name, found in wings.items():
        row = f"{name:<26}"
        for part, whole in (COUNTED[:2], COUNTED[2:]):
            share = 100 * found[part] / found[whole] if found[whole] else 100
            row += f"{found[part]:>8}/{found[whole]:<7}{share:>7.1f}%"
        yield row


if __name__ == "__main__":
    print("\n".join(table(json.loads(Path(sys.argv[1]).read_text())["files"])))

"""`python -m docs.guides`: run the guides, and write what came out into them."""

from __future__ import annotations

import argparse
import sys
import time

from .page import guides
from .run import Report, run, written


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.guides", description="Run the guides of the site.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="convert, rescue, ...; default: all")
    parser.add_argument("--write", action="store_true", help="put what came out into the pages")
    arguments = parser.parse_args(argv)
    chosen = [path for path in guides() if not arguments.names or path.stem in arguments.names]
    if unknown := set(arguments.names) - {path.stem for path in chosen}:
        parser.error(f"there is no guide {', '.join(sorted(unknown))}")
    bad = 0
    for path in chosen:
        text = path.read_text()
        start = time.perf_counter()
        report = run(text)
        if arguments.write:
            path.write_text(written(text, report.differences))
        for difference in report.differences:
            print(f"{path.stem}: {difference}")
        if report.failure:
            print(f"{path.stem}: {report.failure}")
        print(f"{path.stem}: {_summary(report, arguments.write)}, {time.perf_counter() - start:.1f} s")
        bad += bool(report.failure) or (bool(report.differences) and not arguments.write)
    return bool(bad)


def _summary(report: Report, is_written: bool) -> str:
    """What came of a run: a guide that failed is not said to have so many differences, since its rest was not run."""
    told = f"{len(report.differences)} differences{' (written)' if is_written else ''}"
    if report.failure:
        return f"FAILED after {told}; the rest was not run"
    return f"{told}, {len(report.not_run)} blocks not run"


if __name__ == "__main__":
    sys.exit(main())

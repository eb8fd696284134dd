"""`python -m fuzz`: try every invariant for a while, print what was done, exit 1 where one was broken."""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
from pathlib import Path

from .bounds import Bounds
from .campaign import Outcome, Settings, run_all
from .engines import ATHERIS, RANDOM, best_engine
from .findings import place_of, report_of
from .scratch import CACHE
from .targets import load, names, plan_of

_EXAMPLES = """examples:
  python -m fuzz --seconds 600                        # all targets, ten minutes in all
  python -m fuzz --seconds 60 --target any_bytes      # one of them
  python -m fuzz --executions 1000 --seed 1           # a thousand inputs of each, however long that takes
  python -m fuzz --list                               # the invariants
  python -m fuzz --target any_bytes --replay FILE     # one input again, with the traceback of what it breaks

exit status: 0 nothing was found, 1 an invariant was broken, 2 wrong usage.
"""

_TRIES = 20  # of a replay


def command_line() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        "python -m fuzz", None, "Look for inputs that break an invariant.", _EXAMPLES, allow_abbrev=False
    )
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("--seconds", type=_seconds, help="of the whole run; the default is 60")
    command.add_argument("--executions", type=_count, metavar="N", help="inputs of each target, in place of seconds")
    command.add_argument(
        "--first", action="store_true", help="a target is done with its first finding that breaks it each time"
    )
    command.add_argument("--target", action="append", choices=names(), metavar="NAME", help="may be given again")
    command.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="workers at one time")
    command.add_argument("--engine", choices=(ATHERIS, RANDOM), help="the default is atheris where it is installed")
    command.add_argument("--seed", type=int, help="of all choices; the default is another one each time")
    command.add_argument("--cache", type=Path, default=CACHE, help=f"where inputs are kept; {CACHE}")
    command.add_argument("--replay", type=Path, metavar="FILE", help="try one input on one target")
    command.add_argument("--list", action="store_true", help="print the targets with their invariants")
    return command


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds < 10**7:
        raise argparse.ArgumentTypeError("at least 1 second")
    return seconds


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1 input")
    return count


def _bounds(arguments: argparse.Namespace) -> Bounds:
    seconds = arguments.seconds or (math.inf if arguments.executions else 60.0)
    return Bounds(seconds, arguments.executions or math.inf, arguments.first)


def _replay(target: str, file: Path) -> int:
    """Try one input here and now, and show what it breaks. Threads take turns in another way each time: some tries."""
    from .trials import broken, prepare_process

    prepare_process()
    loaded = load(target)
    if loaded.missing:
        print(f"{target} cannot run here: {loaded.missing}", file=sys.stderr)
        return 2
    print(f"{target}: {loaded.invariant}")
    data = file.read_bytes()
    error = next(filter(None, (broken(loaded.check, data) for _ in range(_TRIES))), None)
    if error is None:
        print(f"{file} does not break it, in {_TRIES} tries")
        return 0
    print(f"broken by {file}: {place_of(error)}\n{report_of(error)}")
    return 1


def _tell(outcome: Outcome) -> None:
    name = outcome.plan.name
    if outcome.skipped:
        print(f"{name:<20} skipped: {outcome.skipped}", flush=True)
        return
    rate = outcome.executions / outcome.seconds
    coverage = "-" if outcome.coverage is None else outcome.coverage
    print(f"{name:<20} {outcome.executions:>11,} {rate:>9,.0f} {coverage:>9} {len(outcome.findings):>9}", flush=True)


def _run(arguments: argparse.Namespace, chosen: list[str]) -> int:
    engine = arguments.engine or best_engine()
    seed = random.randrange(1 << 30) if arguments.seed is None else arguments.seed
    if engine == RANDOM and not arguments.engine:
        print("atheris is not installed (pip install 'streamckpt[fuzz]'): seeded random takes its place")
    bounds = _bounds(arguments)
    length = f"{bounds.executions:,g} inputs each" if math.isinf(bounds.seconds) else f"{bounds.seconds:g} s"
    print(f"{len(chosen)} targets, {length}, {arguments.jobs} jobs, engine {engine}, seed {seed}")
    print(f"{'target':<20} {'executions':>11} {'per s':>9} {'branches':>9} {'findings':>9}", flush=True)
    settings = Settings(bounds, arguments.jobs, engine, seed, arguments.cache)
    outcomes = run_all(chosen, settings, _tell)
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    for finding in findings:
        print(f"\n{finding.target}: {plan_of(finding.target).invariant}\nbroken: {finding.where}")
        print("  " + "\n  ".join(finding.what.rstrip().splitlines()[-20:]))
        print(f"reproducer: {finding.file}\nreplay: {finding.command}")
    total = sum(outcome.executions for outcome in outcomes)
    print(f"\n{total:,} executions, {len(findings)} findings")
    return 1 if findings or not total else 0


def main(argv: list[str] | None = None) -> int:
    command = command_line()
    arguments = command.parse_args(argv)
    chosen = list(dict.fromkeys(arguments.target or names()))
    if arguments.list:
        for name in chosen:
            print(f"{name:<20} {plan_of(name).invariant}")
        return 0
    if arguments.replay is None:
        return _run(arguments, chosen)
    if len(arguments.target or ()) != 1:
        command.error("--replay needs one --target")
    if not arguments.replay.is_file():
        command.error(f"{arguments.replay} is not a file")
    return _replay(chosen[0], arguments.replay)


if __name__ == "__main__":
    sys.exit(main())

"""`make results`: every client against the corpus; the table of what each does where, and the same as JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import NEWEST
from ..asking import PARTS
from ..callables import judge_callable
from ..judge import Result, checks
from ..model import load_corpus
from ..reports.results import results, summary
from ..reports.table import markdown
from ..runner import Run, sorted_out
from ..xfails import read_xfails
from .in_process import JAXSEQ, LOOP, LOOP_REJECTS, REFERENCE

CLIENTS = Path(__file__).parent
ALL = ("decode", "encode", "flax-decode", "flax-encode")
TABLE = CLIENTS.parent / "RESULTS.md"
DATA = CLIENTS.parent / "results.json"
OLD = "1.0"  # by which programs are judged that know no other


def programs(folder: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The clients that are programs, as far as their toolchains are there: name, command, parts."""
    if shutil.which("cc"):
        subprocess.run(["cc", "-std=c11", "-O2", "-o", folder / "c", CLIENTS / "client.c"], check=True)
        yield "C", str(folder / "c"), ALL
    if shutil.which("node"):
        yield "JavaScript", f"node {CLIENTS / 'client.mjs'}", ALL
    if shutil.which("rustc"):
        source = CLIENTS / "client.rs"
        subprocess.run(["rustc", "-O", "--edition", "2021", source, "-o", folder / "rust"], check=True)
        yield "Rust", str(folder / "rust"), ALL


def run_program(title: str, command: str, parts: tuple[str, ...], file: Path, every: int = 1) -> dict[str, Any]:
    """The results of a program, from the runner."""
    played = [word for part in parts for word in (PARTS[part], f"{command} {part}")]
    words = ["run", "--spec", NEWEST, *played, "--name", title, "--every", str(every), "--json", str(file)]
    known = CLIENTS / f"{title.lower()}.xfails"
    words += ["--xfails", str(known)] if known.exists() else []
    subprocess.run([sys.executable, "-m", "conformance", *words], check=False)
    return json.loads(file.read_text())


def run_here(
    title: str,
    spec: str,
    calls: Mapping[str, Callable[[Any], Any]],
    rejects: Any,
    xfails: Path | None,
    of_rules: bool = False,
) -> dict[str, Any]:
    """The results of a client in Python, but for the cases of 1 GiB and more: on those that were made by hand, or on
    those of rules."""
    corpus = load_corpus(spec=spec)
    cases = [case for case in corpus.cases if (case.rule is not None) == of_rules and not case.is_large]
    judged = [Result(c, judge_callable(c, calls[c.part], rejects), 0.0, 0) for c in checks(cases, calls)]
    lines = sorted_out(judged, read_xfails(xfails) if xfails else [])
    return results(Run(title, spec, corpus, dict.fromkeys(calls, "in Python"), {}, lines, [], 0, 0.0, every=0))


def run_reference(folder: Path) -> dict[str, Any]:
    """The results of the reference: as a program, but for the readings and writings of the rules, which are thousands.
    To start Python for each of those would take an hour."""
    command = f"{sys.executable} {CLIENTS / 'reference_client.py'}"
    runs = [
        run_program("reference", command, ALL, folder / "read.json", every=0),
        run_program("reference", command, ("convert", "recover", "diff"), folder / "made.json"),
        run_here("reference", NEWEST, REFERENCE, (), None, of_rules=True),
    ]
    told = [check for run in runs for check in run["checks"]]
    return runs[0] | {
        "passed": all(run["passed"] for run in runs),
        "commands": dict.fromkeys(PARTS, command),
        "every": 1,
        "checks": sorted(told, key=lambda check: (check["case"], check["part"])),
    }


def main() -> int:
    """Exit status 1 where a client does what is neither right nor known."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = [run_reference(folder)]
        runs += [run_program(*program, folder / f"{program[0]}.json") for program in programs(folder)]
        runs.append(run_here("usual loop (EasyLM, tux)", OLD, LOOP, LOOP_REJECTS, CLIENTS / "loop.xfails"))
        runs.append(run_here("JAXSeq's writer", OLD, JAXSEQ, LOOP_REJECTS, CLIENTS / "jaxseq.xfails"))
    TABLE.write_text(markdown(load_corpus(spec=NEWEST), runs))
    DATA.write_text(json.dumps([summary(load_corpus(spec=run["spec"]), run) for run in runs], indent=1) + "\n")
    print(f"wrote {TABLE.name} and {DATA.name}")
    return 0 if all(run["passed"] for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())

"""`make results`: every client against the corpus; the table of what each does where, and the same as JSON."""

from __future__ import annotations

import argparse
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from .. import NEWEST
from ..asking import PARTS
from ..callables import judge_callable
from ..clauses import number
from ..judge import Result, checks
from ..model import Case, Corpus, load_corpus, sampled
from ..reports import world
from ..reports.results import expanded, renewed, results, summary
from ..reports.table import markdown
from ..runner import Run, sorted_out
from ..xfails import read_xfails
from . import rust_program
from .in_process import JAXSEQ, LOOP, LOOP_REJECTS, PAGE, PAGE_REJECTS, REFERENCE

CLIENTS = Path(__file__).parent
ALL = ("decode", "encode", "flax-decode", "flax-encode")
TABLE = CLIENTS.parent / "RESULTS.md"
DATA = CLIENTS.parent / "results.json"
PAGES, USUAL, WRITER = "one page", "usual loop (EasyLM, tux)", "JAXSeq's writer"
OLD = "1.0"  # by which programs are judged that know no other


def programs(folder: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The clients that are programs, as far as their toolchains are there: name, command, parts."""
    if shutil.which("cc"):
        subprocess.run(["cc", "-std=c11", "-O2", "-o", folder / "c", CLIENTS / "client.c"], check=True)
        yield "C", str(folder / "c"), ALL
    if shutil.which("node"):
        yield "JavaScript", f"node {CLIENTS / 'client.mjs'}", ALL
    if shutil.which("rustc"):
        rust_program.build(folder / "rust", "-O")
        yield "Rust", str(folder / "rust"), ALL


class Chosen(NamedTuple):
    """Which cases are judged: those whose ids match, all where nothing is given, and of those of a rule one in `every`
    where a program takes long to start."""

    every: int = 1
    match: tuple[str, ...] = ()

    def of(self, corpus: Corpus) -> list[Case]:
        """The cases of a corpus that are chosen."""
        cases = sampled(corpus.cases, self.every)
        return [case for case in cases if not self.match or any(fnmatchcase(case.id, glob) for glob in self.match)]


EVERY_CASE = Chosen()


def run_program(
    title: str, command: str, parts: tuple[str, ...], file: Path, chosen: Chosen = EVERY_CASE
) -> dict[str, Any]:
    """The results of a program, from the runner."""
    corpus = load_corpus(spec=NEWEST)
    if not list(checks(chosen.of(corpus), parts)):
        return results(
            Run(title, NEWEST, corpus, dict.fromkeys(parts, command), {}, [], [], 0, 0.0, every=chosen.every)
        )
    played = [word for part in parts for word in (PARTS[part], f"{command} {part}")]
    words = ["run", "--spec", NEWEST, *played, "--name", title, "--every", str(chosen.every), "--json", str(file)]
    words += [f"--match={glob}" for glob in chosen.match]
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
    of_rules: bool | None = False,
    chosen: Chosen = EVERY_CASE,
) -> dict[str, Any]:
    """The results of a client in Python, but for the cases of 1 GiB and more: on those that were made by hand, or on
    those of rules; `of_rules` None is on both."""
    corpus = load_corpus(spec=spec)
    cases = [case for case in chosen.of(corpus) if not case.is_large]
    cases = [case for case in cases if of_rules is None or (case.rule is not None) == of_rules]
    judged = [Result(c, judge_callable(c, calls[c.part], rejects), 0.0, 0) for c in checks(cases, calls)]
    lines = sorted_out(judged, read_xfails(xfails) if xfails else [])
    return results(Run(title, spec, corpus, dict.fromkeys(calls, "in Python"), {}, lines, [], 0, 0.0, every=0))


def run_reference(folder: Path, chosen: Chosen) -> dict[str, Any]:
    """The results of the reference: as a program, but for the readings and writings of the rules, which are thousands.
    To start Python for each of those would take an hour."""
    command = f"{sys.executable} {CLIENTS / 'reference_client.py'}"
    runs = [
        run_program("reference", command, ALL, folder / "read.json", chosen._replace(every=0)),
        run_program("reference", command, ("convert", "recover", "diff"), folder / "made.json", chosen),
        run_here("reference", NEWEST, REFERENCE, (), None, of_rules=True, chosen=chosen),
    ]
    told = [check for run in runs for check in run["checks"]]
    return runs[0] | {
        "passed": all(run["passed"] for run in runs),
        "commands": dict.fromkeys(PARTS, command),
        "every": chosen.every,
        "checks": sorted(told, key=lambda check: (check["case"], check["part"])),
    }


def runs_of(folder: Path, chosen: Chosen) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Each client by its name, and what judges it."""
    yield "reference", lambda: run_reference(folder, chosen)
    for title, program, parts in programs(folder):
        slow = chosen if program.startswith("node") else chosen._replace(every=1)
        yield title, functools.partial(run_program, title, program, parts, folder / f"{title}.json", slow)
    yield PAGES, lambda: run_here(PAGES, NEWEST, PAGE, PAGE_REJECTS, None, None, chosen) | {"every": chosen.every}
    old = chosen._replace(every=1)
    yield USUAL, lambda: run_here(USUAL, OLD, LOOP, LOOP_REJECTS, CLIENTS / "loop.xfails", chosen=old)
    yield WRITER, lambda: run_here(WRITER, OLD, JAXSEQ, LOOP_REJECTS, CLIENTS / "jaxseq.xfails", chosen=old)


def kept() -> dict[str, dict[str, Any]]:
    """The results that are kept, by the name of the program, in their order."""
    return {short["name"]: short for short in json.loads(DATA.read_text())}


def keep(found: list[dict[str, Any]]) -> None:
    """Write the table and the data of these summaries."""
    corpora = {short["spec"]: load_corpus(spec=short["spec"]) for short in found}
    newest = corpora[max(corpora, key=number)]
    told = markdown(newest, [expanded(corpora[short["spec"]], short) for short in found])
    TABLE.write_text(told + world.section(world.kept()))
    DATA.write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {TABLE.name} and {DATA.name}")


def main(argv: list[str] | None = None) -> int:
    """Exit status 1 where a client does what is neither right nor known."""
    command = argparse.ArgumentParser("python -m conformance.clients.results", description=__doc__)
    text = "of the cases of a rule put one in N to programs that take long to start; they are thousands"
    command.add_argument("--every", type=int, default=1, metavar="N", help=text)
    text = "judge this client alone, and keep the results of the others; may be given several times"
    command.add_argument("--only", action="append", default=[], metavar="NAME", help=text)
    text = "judge the cases whose ids match alone, and keep what is known of the others: for cases that are new where "
    text += "neither the others nor the programs have changed; may be given several times"
    command.add_argument("--match", action="append", default=[], metavar="GLOB", help=text)
    given = command.parse_args(argv)
    chosen = Chosen(given.every, tuple(given.match))
    found, passed = kept(), True
    with tempfile.TemporaryDirectory() as name:
        for title, judged in runs_of(Path(name), chosen):
            if not given.only or title in given.only:
                run = judged()
                passed = passed and run["passed"]
                corpus = load_corpus(spec=run["spec"])
                found[title] = renewed(corpus, found[title], run) if given.match else summary(corpus, run)
    keep([*found.values()])
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

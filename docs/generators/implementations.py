"""The programs that were judged: all beside each other, and a page for each with what it does not do and why."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from . import links
from .marks import NAMES, mark, program_page
from .project import cells, clauses, corpus, runs

INDEX: Final = "conformance/implementations/index.md"
# What each is, and where its source stands in this repository.
_ABOUT: Final = {
    "reference": ("the reader and writer of this project, in Python", "reference/"),
    "C": ("a reader and writer in C without a library, written from the specification alone", "client.c"),
    "JavaScript": (
        "a reader and writer in JavaScript, for Node and browsers, written from the specification alone; "
        "the explorer of this site runs on it",
        "streamckpt.mjs",
    ),
    "Rust": ("a reader and writer in Rust without a crate, written from the specification alone", "client.rs"),
    "usual loop (EasyLM, tux)": (
        "the loop over msgpack and flax that most code bases have, EasyLM and LWM (tux) among them",
        "loop_client.py",
    ),
    "JAXSeq's writer": ("the same loop as JAXSeq writes with it, which keeps empty nodes", "loop_client.py"),
}


def pages() -> Iterator[tuple[str, str]]:
    """Each page as its path from the root of the site, and its Markdown."""
    yield INDEX, _index()
    for run in runs():
        yield program_page(run["name"]), _page(run)


def _passed(run: dict[str, Any]) -> int:
    return sum(check["state"] == "passed" for check in run["checks"])


def _index() -> str:
    programs = [
        f"- [{run['name']}]({links.to(program_page(run['name']), INDEX)}): {_ABOUT[run['name']][0]}. "
        f"**{_passed(run):,} of {len(run['checks']):,}** checks passed."
        for run in runs()
    ]
    head = " | ".join(run["name"] for run in runs())
    lines = [
        "---\nhide: [toc]\n---\n",
        "# Who does what",
        "",
        f"Programs against the chapters of the specification, by the corpus {corpus().version}. "
        f"[All clauses]({links.to('specification/clauses.md', INDEX)}) has the same for each rule.",
        "",
        *programs,
        "",
        '<div class="wide" markdown>',
        "",
        f"| clauses | {head} |",
        "|---|" + "---|" * len(runs()),
    ]
    for name, group in groupby(clauses().values(), key=lambda clause: clause.id.split("-")[0]):
        ids = [clause.id for clause in group]
        sums = [_sum([cells()[id][i] for id in ids]) for i in range(len(runs()))]
        chapter = f"../../specification/1.0/{clauses()[ids[0]].chapter}.md"
        lines.append(f"| [{name}]({chapter}) | {' | '.join(sums)} |")
    lines += [
        "",
        "</div>",
        "",
        "A case counts once for each clause that it cites. `make results` in a clone of the repository runs every "
        "program whose toolchain is there and writes these results anew.",
    ]
    return "\n".join(lines)


def _sum(found: list[Any]) -> str:
    """One cell of all clauses of a chapter."""
    first = found[0]
    return mark(first._replace(total=sum(c.total for c in found), missed=[check for c in found for check in c.missed]))


def _page(run: dict[str, Any]) -> str:
    page = program_page(run["name"])
    about, source = _ABOUT[run["name"]]
    where = f"`{source}`" if source.endswith("/") else f"`conformance/clients/{source}`"
    lines = [
        f"# {run['name']}",
        "",
        f"{about[:1].upper()}{about[1:]} ({where}). Of {len(run['checks']):,} checks in the parts "
        f"{', '.join(run['commands'])} it passes {_passed(run):,}.",
        "",
    ]
    missed = sorted((check for check in run["checks"] if check["state"] != "passed"), key=lambda c: c["reason"])
    if not missed:
        return "\n".join([*lines, "There is no case that it does not pass."])
    lines += ["## What it does instead", ""]
    for reason, group in groupby(missed, key=lambda check: check["reason"]):
        checks = list(group)
        listed = ", ".join(_case(check, page) for check in checks)
        lines += [f'??? known "{_title(reason)} ({len(checks)})"', "", f"    {listed}", ""]
    return "\n".join(lines)


def _title(reason: str) -> str:
    return (reason or "beside what is a MUST").replace('"', "'")


def _case(check: dict[str, Any], page: str) -> str:
    return f"[{check['case']}]({links.to(links.case_page(check['case']), page)})"


assert set(NAMES) == set(_ABOUT)

"""The programs that were judged: all beside each other, and a page for each with what it does not do and why."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from conformance.reports import world

from . import links
from .marks import NAMES, mark, program_page
from .project import VERSIONS, cells, clauses, corpus, programs, runs

INDEX: Final = "conformance/implementations/index.md"
# What each is, and where its source stands in this repository.
_ABOUT: Final = {
    "reference": ("the reader and writer of this project, in Python", "reference/"),
    "C": ("a reader and writer in C without a library, written from the specification alone", "client.c"),
    "JavaScript": (
        "a reader and writer in JavaScript, for Node and browsers, written from the specification alone; "
        "the explorer of this site runs on it",
        "streamckpt/index.mjs",
    ),
    "Rust": ("a crate in Rust, a reader and writer written from the specification alone", "rust/src/lib.rs"),
    "one page": (
        "a reader in Python on a page, and on a second one for sealed streams, of numpy and ml_dtypes alone",
        "page.py",
    ),
    "usual loop (EasyLM, tux)": (
        "the loop over msgpack and flax that most code bases have, EasyLM and LWM (tux) among them",
        "loop_client.py",
    ),
    "JAXSeq's writer": ("the same loop as JAXSeq writes with it, which keeps empty nodes", "loop_client.py"),
}


def pages() -> Iterator[tuple[str, str]]:
    """Each page as its path from the root of the site, and its Markdown."""
    yield INDEX, _index()
    for name in programs():
        yield program_page(name), _page(name)


def _judged(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The versions by which a program was judged, each with its run."""
    return [(version, run) for version in VERSIONS for run in runs(version) if run["name"] == name]


def _passed(run: dict[str, Any]) -> int:
    return sum(check["state"] == "passed" for check in run["checks"])


def _index() -> str:
    listed = []
    for name in programs():
        told = [f"**{_passed(run):,} of {len(run['checks']):,}** checks of {version}" for version, run in _judged(name)]
        listed.append(
            f"- [{name}]({links.to(program_page(name), INDEX)}): {_ABOUT[name][0]}. It passes {' and '.join(told)}."
        )
    lines = [
        "---\nhide: [toc]\n---\n",
        "# Who does what",
        "",
        f"Programs against the chapters of the specification, by the corpus {corpus(VERSIONS[0]).version}. "
        f"[All clauses]({links.to('specification/clauses.md', INDEX)}) has the same for each rule. A program "
        "need not know sealed streams: one of version 1.0 is judged by the cases that hold in it.",
        "",
        *listed,
        "",
        *(line for version in VERSIONS if runs(version) for line in _table(version)),
        "A case counts once for each clause that it cites. `make results` in a clone of the repository runs every "
        "program whose toolchain is there and writes these results anew.",
        *_world(),
    ]
    return "\n".join(lines)


def _world() -> Iterator[str]:
    """Packages of a registry, each with its version and the day, and why it fails what it fails."""
    found = world.kept()
    yield from ("", "## Packages as pip installs them", "")
    yield (
        "Judged by version 1.0, by the cases that were made by hand, each in an environment of its own that "
        "`make world` makes. Each imports the module that reads and writes checkpoints, and not what stands around it."
    )
    yield from ("", '<div class="wide" markdown>', "", *world.table(found), "", "</div>")
    for told in found:
        yield from ("", f'??? note "What {told["name"]} does otherwise, and why"', "")
        yield from (f"    - {reason}: {len(cases)}" for reason, cases in world.reasons(told))


def _table(version: str) -> Iterator[str]:
    """All chapters that hold in a version, against the programs that were judged by it."""
    head = " | ".join(run["name"] for run in runs(version))
    yield from (f"## Version {version}", "", '<div class="wide" markdown>', "")
    yield from (f"| clauses | {head} |", "|---|" + "---|" * len(runs(version)))
    held = [clauses()[id] for id in corpus(version).sentences]
    for name, group in groupby(held, key=lambda clause: clause.id.split("-")[0]):
        stated = list(group)
        sums = [_sum([cells(version)[one.id][i] for one in stated]) for i in range(len(runs(version)))]
        chapter = links.to(links.page_of(stated[0]).split("#")[0], INDEX)
        yield f"| [{name}]({chapter}) | {' | '.join(sums)} |"
    yield from ("", "</div>", "")


def _sum(found: list[Any]) -> str:
    """One cell of all clauses of a chapter."""
    first = found[0]
    return mark(first._replace(total=sum(c.total for c in found), missed=[check for c in found for check in c.missed]))


def _page(name: str) -> str:
    about, source = _ABOUT[name]
    where = f"`{source}`" if source.endswith("/") else f"`conformance/clients/{source}`"
    told = [line for version, run in _judged(name) for line in _told(version, run, program_page(name))]
    return "\n".join([f"# {name}", "", f"{about[:1].upper()}{about[1:]} ({where}).", "", *told])


def _told(version: str, run: dict[str, Any], page: str) -> Iterator[str]:
    """What a program does not do by a version, and why."""
    parts = ", ".join(run["commands"])
    yield from (f"## By version {version}", "")
    missed = sorted((check for check in run["checks"] if check["state"] != "passed"), key=lambda c: c["reason"])
    if not missed:
        yield from (f"It passes all {len(run['checks']):,} checks ({parts}).", "")
        return
    yield from (f"It passes {_passed(run):,} of {len(run['checks']):,} checks ({parts}). What it does instead:", "")
    for reason, group in groupby(missed, key=lambda check: check["reason"]):
        checks = list(group)
        listed = ", ".join(_case(check, page) for check in checks)
        yield from (f'??? known "{_title(reason)} ({len(checks)})"', "", f"    {listed}", "")


def _title(reason: str) -> str:
    return (reason or "beside what is a MUST").replace('"', "'")


def _case(check: dict[str, Any], page: str) -> str:
    return f"[{check['case']}]({links.to(links.case_page(check['case']), page)})"


assert set(NAMES) == set(_ABOUT)

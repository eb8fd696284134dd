"""`python -m conformance`: judge programs by the corpus, and look at it."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

from . import VERSION
from .annotated import rows
from .asking import PARTS, stored_or_made
from .coverage import coverage
from .judge import Result, checks
from .model import CORPUS, Case, load_corpus, sampled, specs
from .reports.badge import badge
from .reports.junit import junit
from .reports.page import page
from .reports.results import results
from .reports.table import markdown
from .reports.text import report
from .runner import Run, judge_all, sorted_out
from .xfails import read_xfails

_EXAMPLES = """examples:
  python -m conformance run --decoder './client decode' --encoder './client encode'
  python -m conformance run --decoder 'node client.mjs decode' --match '04-leaves/*' --junit report.xml
  python -m conformance show 04-leaves/two-int8

CLIENT.md beside this program says what is asked of yours.
"""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"conformance: error: {message} (see `{self.prog} --help`)\n")


def command_line() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    top = _Parser("python -m conformance", description=__doc__, epilog=_EXAMPLES, formatter_class=shape)
    about = f"conformance {VERSION} (specifications {', '.join(specs())})"
    top.add_argument("--version", action="version", version=about)
    top.set_defaults(action=lambda _: print(top.format_help(), file=sys.stderr) or 2)
    verbs = top.add_subparsers(dest="verb", metavar="VERB")

    def verb(name: str, action: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        command = verbs.add_parser(name, help=help, description=help)
        command.set_defaults(action=action)
        return command

    run = verb("run", _run, "judge a program by every case")
    for part, option in PARTS.items():
        run.add_argument(option, dest=part, metavar="CMD", help=f"the command that plays the part: {part}")
    run.add_argument("--spec", default="1.0", metavar="VERSION", help="the version of the specification (default 1.0)")
    run.add_argument("--match", action="append", metavar="GLOB", help="run the cases whose id matches; may be repeated")
    every = "of the generated cases, judge only every N-th of each rule (0: none), to be quicker"
    run.add_argument("--every", type=int, default=1, metavar="N", help=every)
    run.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="programs at a time")
    run.add_argument(
        "--xfails", type=Path, metavar="FILE", help="failures that are expected: lines of `PART GLOB OUTCOME: reason`"
    )
    run.add_argument("--name", help="what the program is called in reports")
    run.add_argument("--timeout", type=float, default=1.0, metavar="N", help="multiplies the time limits")
    run.add_argument("--stdin", action="store_true", help="give decoders their input through a pipe")
    run.add_argument("--no-large", action="store_true", help="leave out the cases of 1 GiB and more")
    run.add_argument("--advice", action="store_true", help="also list what SHOULD be better")
    run.add_argument("--all", action="store_true", help="report every failure in full, and not only the first ones")
    for form in ("junit", "json", "markdown", "html", "badge"):
        run.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"write a report to FILE: {form}")

    table = verb("table", _table, "show the results of several runs (--json) side by side")
    table.add_argument("results", nargs="+", type=Path)
    table.add_argument("--markdown", type=Path, metavar="FILE")
    table.add_argument("--html", type=Path, metavar="FILE")

    listing = verb("list", _list, "list the cases")
    show = verb("show", _show, "show a case, with its bytes and comments")
    show.add_argument("case")
    show.add_argument("--output", type=Path, metavar="FILE", help="write the input to FILE")
    copy = verb("copy", _copy, "copy the corpus, with its provenance, to a folder of your own")
    copy.add_argument("folder", type=Path)
    cover = verb("coverage", _coverage, "count the cases of each clause; exit 1 where a clause has none")
    for command in (listing, show, copy, cover):
        command.add_argument("--spec", default="1.0", metavar="VERSION")
    listing.add_argument("--match", action="append", metavar="GLOB")
    return top


def _chosen(spec: str, globs: list[str] | None) -> list[Case]:
    """The cases of a version that are named, all where none is. Raises ValueError for a name that fits none of them."""
    cases = load_corpus(spec=spec).cases
    for glob in globs or []:
        if not _matching(cases, glob):
            raise ValueError(f"no case matches {glob!r}; {_advice(spec, glob)}")
    return [case for case in cases if any(fnmatchcase(case.id, glob) for glob in globs)] if globs else cases


def _matching(cases: list[Case], glob: str) -> list[Case]:
    return [case for case in cases if fnmatchcase(case.id, glob)]


def _advice(spec: str, glob: str) -> str:
    """What to give in place of a name that fits no case: another version, or all cases of a chapter or rule."""
    for other in specs():
        if other != spec and _matching(load_corpus(spec=other).cases, glob):
            return f"it is of specification {other}: add --spec {other}"
        if _matching(load_corpus(spec=other).cases, inside := f"{glob.rstrip('/')}/*"):
            version = "" if other == spec else f" --spec {other}"
            return f"for the cases in it give '{inside}'{version}"
    return "`python -m conformance list` shows all"


def _run(arguments: argparse.Namespace) -> int:
    commands = {part: command for part in PARTS if (command := getattr(arguments, part)) is not None}
    if not commands:
        raise ValueError(f"name a program: {', '.join(PARTS.values())}")
    if arguments.jobs < 1 or arguments.timeout <= 0 or arguments.every < 0:
        raise ValueError("--jobs and --timeout take positive numbers, and --every takes one or 0")
    corpus = load_corpus(spec=arguments.spec)
    xfails = read_xfails(arguments.xfails) if arguments.xfails else []
    every = list(checks(sampled(corpus.cases, arguments.every), commands, arguments.stdin))
    # One file may serve several parts, of which this run has those that it was given a command for.
    unmatched = [xfail for xfail in xfails if xfail.part in commands and not any(map(xfail.matches, every))]
    ids = {case.id for case in _chosen(arguments.spec, arguments.match)}
    chosen = [check for check in every if check.case.id in ids]
    left_out = [check for check in chosen if check.case.is_large and arguments.no_large]
    wanted = sorted((check for check in chosen if check not in left_out), key=lambda check: -check.case.size)
    if not wanted:
        raise ValueError("nothing to check: none of the chosen cases is for a part that was named")
    began, stdin = time.monotonic(), arguments.stdin
    with _progress(len(wanted)) as seen:
        how = {"jobs": arguments.jobs, "stdin": stdin, "timeout": arguments.timeout}
        found, baselines = judge_all(wanted, commands, **how, probes=every, seen=seen)
    lines = sorted(sorted_out(found, xfails), key=lambda line: (line.result.check.case.id, line.result.check.part))
    name = arguments.name or " ".join(next(iter(commands.values())).split()[:2])
    took = time.monotonic() - began
    run = Run(name, arguments.spec, corpus, commands, baselines, lines, unmatched, len(left_out), took, stdin)
    run = run._replace(every=arguments.every)
    print("\n".join(report(run, arguments.advice, arguments.all)))
    _write_reports(run, arguments)
    return 0 if run.passed else 1


def _write_reports(run: Run, arguments: argparse.Namespace) -> None:
    told = results(run)
    for file, text in (
        (arguments.junit, lambda: junit(run)),
        (arguments.json, lambda: json.dumps(told, indent=1) + "\n"),
        (arguments.markdown, lambda: markdown(run.corpus, [told])),
        (arguments.html, lambda: page(run.corpus, [told])),
        (arguments.badge, lambda: badge(run)),
    ):
        if file is not None:
            content = text()
            file.write_bytes(content if isinstance(content, bytes) else content.encode())


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[Result], None]]:
    """A bar on a terminal, where rich is installed; nothing in a pipe."""
    with contextlib.ExitStack() as stack:
        if sys.stderr.isatty():
            with contextlib.suppress(ImportError):
                from rich.console import Console
                from rich.progress import MofNCompleteColumn, Progress

                columns = (*Progress.get_default_columns(), MofNCompleteColumn())
                shown = Progress(*columns, console=Console(stderr=True), transient=True)
                bar = stack.enter_context(shown)
                task = bar.add_task("judging", total=total)
                yield lambda _: bar.advance(task)
                return
        yield lambda _: None


def _table(arguments: argparse.Namespace) -> int:
    runs = [json.loads(file.read_text()) for file in arguments.results]
    corpus = load_corpus(spec=runs[0]["spec"])
    if arguments.html:
        arguments.html.write_text(page(corpus, runs))
    if arguments.markdown:
        arguments.markdown.write_text(markdown(corpus, runs))
    if not arguments.html and not arguments.markdown:
        print(markdown(corpus, runs), end="")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    for case in _chosen(arguments.spec, arguments.match):
        print(f"{case.want:<7} {case.level:<8} {case.id:<60} {', '.join(case.clauses)}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    corpus = load_corpus(spec=arguments.spec)
    for case in _chosen(arguments.spec, [arguments.case]):
        print(f"{case.id}: {case.want} ({case.part}), since {case.since}, {case.level}\n{case.about}")
        for clause in case.clauses:
            print(f"  {clause}: {corpus.sentences[clause]}")
        for ending in case.files:
            print(f"{ending}, {case.files[ending]['size']} bytes:")
            print("\n".join(rows(case, ending)))
        for what in ("records", "encode", "convert"):
            if value := getattr(case, what):
                print(f"{what}: {json.dumps(value)}")
        if arguments.output:
            made = stored_or_made(case, "bin", arguments.output.parent)
            (shutil.copyfile if made == case.stored("bin") else shutil.move)(made, arguments.output)
    return 0


def _copy(arguments: argparse.Namespace) -> int:
    if arguments.folder.exists():
        raise ValueError(f"{arguments.folder} exists; name a folder that does not")
    shutil.copytree(CORPUS, arguments.folder)
    for file in ("CLIENT.md", "client.schema.json"):
        shutil.copyfile(Path(__file__).parent / file, arguments.folder / file)
    corpus = load_corpus(spec=arguments.spec)
    about = f"""The conformance corpus of the streaming checkpoint format, version {corpus.version}.

{len(corpus.cases)} cases for specification {arguments.spec}, copied by `python -m conformance copy` of the distribution
streamckpt, under the Apache License 2.0. Do not edit them here. CLIENT.md says how they are used.
"""
    (arguments.folder / "PROVENANCE").write_text(about)
    return 0


def _coverage(arguments: argparse.Namespace) -> int:
    lines, whole = coverage(load_corpus(spec=arguments.spec))
    print(*lines, sep="\n")
    return 0 if whole else 1


class _Ended(BaseException):
    """A signal that ends this program came, whose number it has; its programs are ended first."""


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Turns the signals that end a program into an exception, and ends this program by the signal at last."""

    def end(number: int, _: object) -> None:
        for each in numbers:  # a second one does not keep us from tidying up
            signal.signal(each, signal.SIG_IGN)
        raise _Ended(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, end)
    try:
        yield
    except _Ended as ended:
        signal.signal(ended.args[0], signal.SIG_DFL)
        os.kill(os.getpid(), ended.args[0])
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: every check is as it should be; 1: one is not; 2: wrong usage, or a program that does not run."""
    arguments = command_line().parse_args(argv)
    with _ending_on_signals():
        return _status(arguments)
    return 1


def _status(arguments: argparse.Namespace) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know fewer letters than a report has
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = arguments.action(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except (ValueError, OSError) as error:
        print(f"conformance: error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

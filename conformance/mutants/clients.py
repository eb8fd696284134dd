"""`python -m conformance.mutants.clients`: every mutant of the clients in C, JavaScript and Rust has to be caught.

A mutant is put to one check after the other, those first that have caught the latest others, until one tells it from
the client as it is: by a failure, or by advice that the client does not get. What gives the same output and exit status
as the client passes as the client did; all else is judged as `conformance run` judges it.

Exit status 0 where each is caught, or listed in same-clients.toml with a reason; 1 where one survives, or is caught
although it is listed there; 2 where no toolchain is there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import tempfile
import threading
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from .. import NEWEST
from ..asking import spellings, stored_or_made
from ..compare import Judgement, judge_reading
from ..judge import Check, checks, judge_written
from ..model import load_corpus, sampled
from ..programs import ACCEPTED, CRASHED, REJECTED, Outcome, rejection_in
from ..runner import FAILED, state_of
from .running import BUILDERS, PIPED, Answer, NoProgram, Running
from .texts import Changed, changes

FOLDER: Final = Path(__file__).parents[1] / "clients"


def _files(first: str, *globs: str) -> tuple[str, ...]:
    """The files of a client, the one that names the others first."""
    found = {str(file.relative_to(FOLDER)) for glob in globs for file in FOLDER.glob(glob)}
    return (first, *sorted(found - {first}))


FILES: Final = {
    "c": _files("client.c", "c/*.h"),
    "javascript": _files("client.mjs", "*.mjs", "streamckpt/*.mjs"),
    "rust": _files("rust/src/lib.rs", "rust/src/**/*.rs"),
}
PARTS: Final = {
    "c": ("decode", "encode", "flax-decode", "flax-encode"),
    "javascript": ("decode", "encode", "flax-decode", "flax-encode"),
    "rust": ("decode", "encode", "flax-decode", "flax-encode"),
}
# What a program of the suite does not call, files and the last functions of one: tests of their own judge it (`cargo
# test`, test_packages.py).
_NOT_CALLED: Final = {"rust/src/checkpoint.rs", "rust/src/saving.rs"}
_NOT_CALLED_FROM: Final = {"c/streamckpt.h": "static inline int sc_pass("}
# Bytes of the files of a case: what is larger takes long, and seldom shows what others do not. A record of three blocks
# is to be among them, of which the second and the third checksum are looked at.
_MOST: Final = 9 << 20
_BUFFER: Final = 1 << 16  # bytes
_PIPED_ONE_IN: Final = 4
_SAME: Final = Path(__file__).with_name("same-clients.toml")


class Asked(NamedTuple):
    """A check with the file that a client gets, what the client as it is answers, and the judgement of that."""

    check: Check
    file: Path
    piped: bool
    answer: Answer
    judgement: Judgement


class Verdict(NamedTuple):
    """What became of a mutant: the check that caught it and how, or "" where none did."""

    case: str
    how: str


NO_PROGRAM: Final = Verdict("", "is no program")
SURVIVED: Final = Verdict("", "")


class Bench:
    """A client and the checks that it passes, to which its mutants are put."""

    def __init__(self, client: str, folder: Path, every: int) -> None:
        self._client, self._folder = client, folder
        self._lock = threading.Lock()
        found = checks(sampled(load_corpus(spec=NEWEST).cases, every), PARTS[client])
        small = [check for check in found if check.case.size <= _MOST and check.case.largest <= _MOST]
        small.sort(key=lambda check: (check.case.rule is not None, check.case.size))
        with self._built(None) as running:
            self._order = [one for pair in enumerate(small) for one in self._asked(*pair, running)]
        self._order.sort(key=lambda one: one.piped)

    def _asked(self, number: int, check: Check, running: Running) -> Iterator[Asked]:
        """A check; and once more: through a pipe what is read and was made by hand, or is longer than a buffer, and one
        in four of the others; in another spelling what is written and was made by hand."""
        by_hand = check.case.rule is None
        if check.part.endswith("encode"):
            texts = spellings(check.case.given())[: None if by_hand else 1]
            ways = [(self._folder / f"{number}-{i}.json", False) for i in range(len(texts))]
            for (file, _), text in zip(ways, texts, strict=True):
                file.write_bytes(text)
        else:
            own = self._folder / str(number)
            own.mkdir()
            file = stored_or_made(check.case, "bin", own)
            chosen = zlib.crc32(check.case.id.encode()) % _PIPED_ONE_IN == 0
            also = by_hand or check.case.size > _BUFFER or chosen
            also = also and check.case.size <= PIPED and "bin.seal" not in check.case.files  # it is beside a file
            ways = [(file, piped) for piped in (False, True)[: 1 + also]]
        for file, piped in ways:
            answer = running.answer(check.part, file, piped)
            yield Asked(check, file, piped, answer, _judged(check, answer, piped))

    def fails(self) -> list[str]:
        """The checks that the client as it is does not pass."""
        return [f"{one.check.case.id}: {one.judgement.got}" for one in self._order if _bad(one.check, one.judgement)]

    def _built(self, changed: Changed | None) -> Running:
        texts = {name: (FOLDER / name).read_text() for name in FILES[self._client]}
        if changed:
            texts[changed.file] = changed.text
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return BUILDERS[self._client](texts, folder)

    def judge(self, changed: Changed) -> Verdict:
        """Put a mutant to the checks, and let the one that catches it be the first for the next."""
        try:
            running = self._built(changed)
        except NoProgram:
            return NO_PROGRAM
        clauses = {*re.findall(r"\b[A-Z]+-\d+\b", changed.change)}
        order = sorted(self._order, key=lambda one: not clauses & {*one.check.case.clauses}) if clauses else self._order
        with running:
            for one in [*order]:
                answer = running.answer(one.check.part, one.file, one.piped)
                if answer == one.answer:
                    continue
                judgement = _judged(one.check, answer, one.piped)
                state = state_of(one.check, judgement)
                if state != state_of(one.check, one.judgement) or {*judgement.advice} - {*one.judgement.advice}:
                    with self._lock:
                        self._order.remove(one)
                        self._order.insert(0, one)
                    advice = "; ".join(judgement.advice) or judgement.got
                    return Verdict(one.check.case.id, judgement.got if state == FAILED else f"advice: {advice}")
        return SURVIVED


def _bad(check: Check, judgement: Judgement) -> bool:
    return state_of(check, judgement) == FAILED


def _judged(check: Check, answer: Answer, piped: bool) -> Judgement:
    lines = answer.errors.decode(errors="replace").rstrip().splitlines()
    told = rejection_in(lines[-1]) if answer.status == 1 and lines else None
    verdict = ACCEPTED if answer.status == 0 else REJECTED if told else CRASHED
    why = told["rejected"] if told else f"status {answer.status}"
    digest = hashlib.sha256(answer.output).hexdigest()
    outcome = Outcome(verdict, why, told or {}, answer.output, len(answer.output), digest, 0, 0.0)
    if check.part.endswith("decode"):
        return judge_reading(check.case, outcome, piped)
    return judge_written(check.case, outcome)


def all_changes(client: str, every: int = 1) -> Iterator[Changed]:
    """The mutants of a client, or about one in `every` of them: whether one is chosen depends on it alone."""
    for name in (name for name in FILES[client] if name not in _NOT_CALLED):
        called = (FOLDER / name).read_text().partition(_NOT_CALLED_FROM.get(name, "\0"))[0]
        for one in changes(FOLDER / name):
            changed = one._replace(file=name)
            if one.at < len(called) and zlib.crc32(str(changed).encode()) % every == 0:
                yield changed


def known_same() -> dict[tuple[str, str], str]:
    """Files and changes that no case can show, and why."""
    entries = tomllib.loads(_SAME.read_text()).get("same", [])
    return {(entry["file"], change): entry["reason"] for entry in entries for change in entry["changes"]}


def run(client: str, mutants: Sequence[Changed], every: int, jobs: int) -> Iterator[tuple[Changed, Verdict]]:
    """Each mutant with its verdict. Raises RuntimeError where the client itself fails a check."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-")))
        bench = Bench(client, folder, every)
        if bad := bench.fails():
            raise RuntimeError(f"the client itself does not pass {bad[0]}")
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        yield from zip(mutants, pool.map(bench.judge, mutants), strict=True)


def main(argv: list[str] | None = None) -> int:
    command = argparse.ArgumentParser("python -m conformance.mutants.clients", description=__doc__)
    command.add_argument("--client", choices=FILES, action="append", help="judge the mutants of this one")
    command.add_argument("--every", type=int, default=1, metavar="N", help="judge about one in N of them")
    command.add_argument("--cases", type=int, default=10, metavar="N", help="of the cases of a rule one in N (10)")
    command.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    arguments = command.parse_args(argv)
    same, status = known_same(), 2
    for client in arguments.client or FILES:
        if (missing := BUILDERS[client].missing()) is not None:
            print(f"{client}: left out, {missing} is not installed")
            continue
        counts = Counter[str]()
        for changed, verdict in run(client, [*all_changes(client, arguments.every)], arguments.cases, arguments.jobs):
            counts[what := _what(changed, verdict, same)] += 1
            if what.isupper():
                by = f" by {verdict.case}: {verdict.how:.100}" if verdict.case else ""
                print(f"{what} {changed}{by}", flush=True)
        print(f"{client}: {counts.total()} mutants: {', '.join(f'{n} {what}' for what, n in sorted(counts.items()))}")
        status = 1 if any(what.isupper() for what in counts) or status == 1 else 0
    return status


def _what(changed: Changed, verdict: Verdict, same: dict[tuple[str, str], str]) -> str:
    """What became of a mutant; in capitals what should not be so."""
    is_known = (changed.file, changed.change) in same
    if verdict == SURVIVED:
        return "the same" if is_known else "SURVIVES"
    if is_known:
        return "LISTED AS THE SAME"
    return "no program" if verdict == NO_PROGRAM else "advised" if verdict.how.startswith("advice: ") else "caught"


if __name__ == "__main__":
    sys.exit(main())

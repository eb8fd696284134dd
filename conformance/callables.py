"""Readers and writers that are Python callables, judged in this process: quick, and without the limits of a program."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .compare import Judgement, judge_records, judge_verdict, judge_writing
from .judge import Check, asked, stored_or_made
from .programs import ACCEPTED, CRASHED, KEPT, REJECTED, Outcome


class Rejected(Exception):
    """What a callable raises to reject; `clause` and `offset` are judged where they are given (CONF-5)."""

    def __init__(self, why: str, clause: str | None = None, offset: int | None = None) -> None:
        super().__init__(why)
        self.clause, self.offset = clause, offset


class Written(NamedTuple):
    """What a writer has written, where that is too much to be held: its size, its digest, and its beginning."""

    size: int
    sha256: str
    head: bytes


def judge_callable(
    check: Check, call: Callable[[Any], Any], rejects: type[Exception] | tuple[type[Exception], ...] = ()
) -> Judgement:
    """Judge `call` by one check.

    A decoder takes the path of a file and returns records, as CLIENT.md describes them; an encoder takes what CLIENT.md
    says that it gets, and returns bytes. Either rejects by raising `Rejected` or one of `rejects`; what else it
    raises is a crash. Their attributes `clause` and `offset`, if they have them, are judged. Raises ValueError for
    other parts.
    """
    case, part = check
    if not part.endswith(("decode", "encode")):
        raise ValueError(f"{part} is for programs: `python -m conformance run`")
    if part.endswith("encode"):
        return judge_call(check, lambda: call(case.given()), rejects)
    with tempfile.TemporaryDirectory() as folder:
        file = stored_or_made(case, "bin", Path(folder))
        return judge_call(check, lambda: call(file), rejects)


def judge_call(
    check: Check, call: Callable[[], Any], rejects: type[Exception] | tuple[type[Exception], ...] = ()
) -> Judgement:
    """`judge_callable` of a call that has its input: it gives the records of a decoder, or the bytes that were
    written, or what is known of them."""
    case, part = check
    taken = (Rejected, *(rejects if isinstance(rejects, tuple) else (rejects,)))
    try:
        made = call()
    except taken as error:
        told = {"rejected": str(error), "clause": getattr(error, "clause", None)}
        offset = getattr(error, "offset", None)
        return judge_verdict(case, _outcome(REJECTED, str(error), told | {"offset": str(offset)}))
    except Exception as error:
        return judge_verdict(case, _outcome(CRASHED, f"{type(error).__name__}: {error}", {}))
    if case.want == "reject":
        return judge_verdict(case, _outcome(ACCEPTED, "", {}))
    if part.endswith("decode"):
        return judge_records(case, made["records"] if isinstance(made, dict) else made)
    if not isinstance(made, Written):
        made = Written(len(made), hashlib.sha256(made).hexdigest(), made[:KEPT])
    return judge_writing(case, _outcome(ACCEPTED, "", {}), *made)


def _outcome(verdict: str, why: str, rejection: dict[str, Any]) -> Outcome:
    return Outcome(verdict, why, rejection, b"", 0, "", 0, 0.0)


def file_made(check: Check, folder: Path, play: Callable[..., Any]) -> bytes:
    """The file that a converter or recoverer makes of a case; `play` is called with the words of its command."""
    case, part = check
    data, output = stored_or_made(case, "bin", folder), folder / "output"
    output.unlink(missing_ok=True)
    for words in asked(case, part, data, output, folder):
        play(*words)
    return output.read_bytes()

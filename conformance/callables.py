"""Readers and writers that are Python callables, judged in this process: quick, and without the limits of a program."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .asking import asked, is_safetensors, output_of, stored_or_made
from .compare import (
    Judgement,
    judge_delta,
    judge_printed,
    judge_safetensors,
    judge_verdict,
    judge_writing,
    records_in,
)
from .judge import Check
from .plain_text import plain
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

    A decoder takes the path of a file and returns or yields records, as CLIENT.md describes them; an encoder takes what
    CLIENT.md says that it gets, and returns bytes. Either rejects by raising `Rejected` or one of `rejects`; what else
    it raises is a crash, and what else it returns a failure. The attributes `clause` and `offset` of what it raises, if
    it has them, are judged. Raises ValueError for other parts.
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
        if isinstance(made, Iterator):  # of a generator: it reads, and may reject, as it is asked for records
            made = list(made)
    except taken as error:
        told = {"rejected": plain(error), "clause": _said(error, "clause"), "offset": _said(error, "offset")}
        return judge_verdict(case, _outcome(REJECTED, plain(error), told))
    except Exception as error:
        return judge_verdict(case, _outcome(CRASHED, f"{type(error).__name__}: {plain(error)}", {}))
    if isinstance(made, Judgement):
        return made
    try:
        found = _records(made) if part.endswith("decode") else _written(made)
    except TypeError as error:
        return Judgement(False, "rejected" if case.want == "reject" else "an answer", plain(error), [])
    if case.want == "reject":
        return judge_verdict(case, _outcome(ACCEPTED, "", {}))
    if part == "diff":
        return judge_delta(case, bytes(made))
    if isinstance(found, Written):
        return judge_writing(case, _outcome(ACCEPTED, "", {}), *found)
    return judge_printed(case, found, made if isinstance(made, dict) else {})


def _said(error: Exception, name: str) -> str | None:
    """The clause or offset that a rejection names, as a program would tell it."""
    value = getattr(error, name, None)
    return None if value is None else plain(value)


def _records(made: Any) -> list[dict[str, Any]]:
    """What a decoder returned. Raises TypeError for what is not that."""
    if made is None:
        raise TypeError("the decoder returned None; expected a list of records, or a dict with the member `records`")
    return records_in(made if isinstance(made, dict) else {"records": list(made) if isinstance(made, tuple) else made})


def _written(made: Any) -> Written:
    """What an encoder or converter returned. Raises TypeError for what is not that."""
    if isinstance(made, Written):
        return made
    if not isinstance(made, bytes | bytearray | memoryview):
        raise TypeError(f"the call returned {made!r:.100}, of the type {type(made).__name__}; expected bytes")
    data = bytes(made)
    return Written(len(data), hashlib.sha256(data).hexdigest(), data[:KEPT])


def _outcome(verdict: str, why: str, rejection: dict[str, Any]) -> Outcome:
    return Outcome(verdict, why, rejection, b"", 0, "", 0, 0.0)


def file_made(check: Check, folder: Path, play: Callable[..., Any]) -> bytes | Judgement:
    """The file that a converter or recoverer makes of a case, or the judgement of one that is safetensors; `play` is
    called with the words of its command."""
    case, part = check
    data, output = stored_or_made(case, "bin", folder), folder / "output"
    for words in asked(case, part, data, output, folder):
        output = output_of(words)
        output.unlink(missing_ok=True)
        play(*words)
        if is_safetensors(words):
            judgement = judge_safetensors(case, output)
            if part == "recover" or not judgement.passed:
                return judgement
    return output.read_bytes()

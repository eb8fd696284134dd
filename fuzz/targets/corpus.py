"""Invariant: the reference does with every case of the conformance corpus what the corpus says that it is to do."""

from __future__ import annotations

import contextlib
import functools
import io
from typing import Any, Final

from conformance.asking import PARTS, stored_or_made
from conformance.callables import file_made, judge_call
from conformance.clients import in_process
from conformance.judge import Check, checks
from conformance.runner import FAILED, state_of
from fuzz.findings import Broken
from fuzz.scratch import folder
from fuzz.seeds import cases

KIND = "case"  # the name of a case
ONCE = True
WEIGHT = 3.0
_FOLDER: Final = folder()


@functools.cache
def _by_name() -> dict[str, list[Check]]:
    found: dict[str, list[Check]] = {}
    for check in checks(cases(), PARTS):
        found.setdefault(check.case.id, []).append(check)
    return found


def check(name: bytes) -> None:
    for one in _by_name().get(name.decode(errors="replace"), []):
        judgement = judge_call(one, lambda one=one: _answer(one), (in_process.Rejected,))
        if state_of(one, judgement) == FAILED:
            raise Broken(f"{one.case.id} ({one.part}): expected {judgement.want}; found {judgement.got}")


def _answer(one: Check) -> Any:
    case, part = one
    if part.endswith("encode"):
        return in_process.REFERENCE[part](case.given())
    if part.endswith("decode"):
        return in_process.REFERENCE[part](stored_or_made(case, "bin", _FOLDER))
    client = in_process.reference_client
    play = client.telling(client.PARTS[part])
    with contextlib.redirect_stdout(io.StringIO()):
        return file_made(one, _FOLDER, lambda *words: in_process.rejecting(lambda: play(*words)))

"""What a case wants, held against what came: records that a decoder printed, bytes that a writer made, a refusal."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from .model import Case
from .programs import ACCEPTED, CRASHED, REJECTED, Outcome

_SHOWN: Final = 4  # differences that a failure lists
_PAYLOADS: Final = ("ndarray", "scalar")
# Bytes of a float, and bits of its fraction, in which one at least is set if it is a NaN.
_NANS: Final = {"float16": (2, 10), "bfloat16": (2, 7), "float32": (4, 23), "float64": (8, 52)}


class Judgement(NamedTuple):
    """Whether a case was passed; if not, what was wanted and what came. `advice` is what SHOULD have been so
    (CONF-5)."""

    passed: bool
    want: str
    got: str
    advice: list[str]


def judge_reading(case: Case, outcome: Outcome) -> Judgement:
    """Of a decoder's run."""
    if outcome.verdict == ACCEPTED and case.want == "accept":
        return judge_output(case, outcome.output)
    return judge_verdict(case, outcome)


def judge_writing(case: Case, outcome: Outcome, size: int, sha256: str, head: bytes) -> Judgement:
    """Of a run that was to make a file, which has `size` bytes, the digest `sha256`, and begins with `head`."""
    if outcome.verdict != ACCEPTED or case.want != "accept":
        return judge_verdict(case, outcome)
    ending = "want.bin" if "want.bin" in case.files else "bin"
    wanted = case.files[ending]["size"]
    if size == wanted and sha256 == case.sha256(ending):
        return Judgement(True, "", "", [])
    nans = case.files[ending].get("nans", []) if size == wanted else []
    if nans:
        head = _settled(head, due := case.data(ending), nans)
        if head == due:
            return Judgement(True, "", "", [])
    return Judgement(False, f"{wanted} bytes", _difference(case, ending, size, head), [])


# CONV-3: "A NaN becomes a NaN of the same sign, the payload bits of which are not specified."
def _settled(came: bytes, due: bytes, nans: list[tuple[int, str]]) -> bytes:
    """What came, with the NaN that is due in each place where one of its sign came."""
    settled = bytearray(came)
    for at, dtype in nans:
        size, fraction = _NANS[dtype]
        free = (1 << fraction) - 1
        a, b = (int.from_bytes(data[at : at + size], "little") for data in (came, due))
        if a & free and a | free == b | free:
            settled[at : at + size] = due[at : at + size]
    return bytes(settled)


def _difference(case: Case, ending: str, size: int, head: bytes) -> str:
    wanted = b""
    for data, times in case.pieces(ending):
        wanted += data * min(times, -(-(len(head) - len(wanted)) // max(len(data), 1)))
        if len(wanted) >= len(head):
            break
    both = zip(wanted, head, strict=False)
    at = next((i for i, (a, b) in enumerate(both) if a != b), min(len(wanted), len(head)))
    came, due = (data[at : at + 8].hex(" ") or "the end" for data in (head, wanted))
    nans = case.files[ending].get("nans", [])
    is_nan = any(start <= at < start + _NANS[dtype][0] for start, dtype in nans)
    return f"{size} bytes; at byte {at} stands {came}, and {due} is due" + (", or another NaN" if is_nan else "")


def judge_verdict(case: Case, outcome: Outcome) -> Judgement:
    """Of the bare fact that something was accepted or rejected."""
    want = "accepted" if case.want == "accept" else "rejected"
    if outcome.verdict == CRASHED:
        return Judgement(False, want, f"crashed: {outcome.why}", [])
    if outcome.verdict != want:
        told = f": {outcome.why}" if outcome.verdict == REJECTED else ""
        return Judgement(False, want, f"{outcome.verdict}{told}", [])
    return Judgement(True, "", "", _advice(case, outcome.rejection) if want == "rejected" else [])


# CONF-5: "A refusal SHOULD name the clause, the byte offset, and the key path where one is known."
def _advice(case: Case, rejection: dict[str, Any]) -> list[str]:
    clauses = [*case.clauses, *case.also]
    advice = []
    if rejection.get("clause") not in clauses:
        advice.append(f"named {rejection.get('clause', 'no clause')}, not {' or '.join(clauses)}")
    if case.offset is not None and rejection.get("offset") != str(case.offset):
        advice.append(f"named {rejection.get('offset', 'no offset')} as the offset, not {case.offset}")
    return advice


# --- records -----------------------------------------------------------------------------------------------------


def judge_output(case: Case, output: bytes) -> Judgement:
    """Of what a decoder has printed for a case that is accepted."""
    want = f"{len(case.records)} records"
    try:
        records = _printed(output)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        detail = f"{type(error).__name__}: {error}"
        return Judgement(False, want, f"standard output is not what CLIENT.md describes: {detail:.300}", [])
    return judge_records(case, records)


def _printed(output: bytes) -> list[dict[str, Any]]:
    records = json.loads(output.decode())["records"]
    if type(records) is not list or not all(type(record) is dict for record in records):
        raise TypeError("records is no list of objects")
    return records


def judge_records(case: Case, records: list[dict[str, Any]]) -> Judgement:
    """Of records that were read, in whatever order (STREAM-6)."""
    wanted = {tuple(record["path"]): record for record in case.wanted()}
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    faults = []
    for record in records:
        path = record.get("path")
        if type(path) is not list or not all(type(part) is str for part in path):
            faults.append((f"a path that is {path!r:.100}", "a list of strings"))
            continue
        if tuple(path) in found:
            faults.append((f"{path} twice", "once"))
        found[tuple(path)] = record
    for path in {**wanted, **found}:
        if path not in found:
            faults.append((f"no {list(path)!r:.200}", f"{list(path)!r:.200}"))
        elif path not in wanted:
            faults.append((f"{list(path)!r:.200}", "no such record"))
        else:
            faults += [(f"{list(path)!r:.200}: {got}", want) for want, got in _differences(wanted[path], found[path])]
    if not faults:
        return Judgement(True, "", "", [])
    more = f", and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    got, want = ("; ".join(fault[i] for fault in faults[:_SHOWN]) for i in (0, 1))
    return Judgement(False, want, got + more, [])


def _differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wanted and what came, for each member that is not as it is due."""
    members = [name for name in wanted if name not in ("path", "settled", "fill")]
    optional = {"display"} | ({"payload"} if wanted["kind"] in _PAYLOADS else {"value"} if "bytes" in wanted else set())
    differ = []
    for name in members:
        if name in optional and name not in found:
            continue
        got = found.get(name)
        if got == wanted[name] and type(got) is type(wanted[name]):
            continue
        if "settled" in wanted and (name == "payload" or (name == "sha256" and got == wanted["settled"])):
            continue
        differ.append((f"{name} {wanted[name]!r:.140}", f"{name} {got!r:.140}"))
    return differ

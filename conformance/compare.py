"""What a case expects, compared with what a program did: the records that a decoder printed, the bytes that a writer
made, a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from .asking import target_of
from .model import Case
from .plain_text import plain
from .programs import ACCEPTED, CRASHED, REJECTED, Outcome
from .recovering.contents import contents
from .recovering.delta import ensure_recovers
from .recovering.fault import Fault
from .recovering.safetensors import ensure_holds
from .strict_json import parsed

# What a program did that did not pass, beside accepting what is to be rejected, rejecting what is to be accepted, and
# crashing: it gave something else than the case expects, or all but what the SHOULD of the case asks for.
WRONG: Final = "wrong"
ADVISED: Final = "advised"
FAULTS: Final = (ACCEPTED, REJECTED, CRASHED, WRONG, ADVISED)

_SHOWN: Final = 4  # differences that a failure lists
_CUT_OFF: Final = {"STREAM-2", "FLAX-6"}  # the input ends too early
_NAME: Final = 40  # letters of what stands for a clause or an offset
_PAYLOADS: Final = ("ndarray", "scalar")
# Bytes of a float, and bits of its fraction, in which one at least is set if it is a NaN.
_NANS: Final = {"float16": (2, 10), "bfloat16": (2, 7), "float32": (4, 23), "float64": (8, 52)}


# Bits of an element that carry its value, where they are not all (DTYPE-4).
_BITS: Final = {"float6_e2m3fn": 6, "float6_e3m2fn": 6, "float4_e2m1fn": 4} | {
    f"{sign}int{bits}": bits for sign in ("", "u") for bits in (4, 2, 1)
}


class Judgement(NamedTuple):
    """Whether a case was passed; if not, what was expected and found, and which of FAULTS it is. `advice` is what
    SHOULD have been so in a refusal (CONF-5)."""

    passed: bool
    want: str
    got: str
    advice: list[str]
    fault: str = WRONG


def judge_reading(case: Case, outcome: Outcome, piped: bool = False) -> Judgement:
    """The judgement of a decoder's run, which may have had its input through a pipe."""
    if outcome.verdict != ACCEPTED:
        return judge_verdict(case, outcome, piped)
    want = f"{len(case.records)} records" if case.want == "accept" else "rejected"
    try:
        printed = parsed(outcome.output)
        records = records_in(printed)
        return judge_printed(case, records, printed) if case.want == "accept" else judge_verdict(case, outcome)
    except (ValueError, TypeError, RecursionError) as error:
        told = f"standard output is not what CLIENT.md describes: {plain(error)}"
        return Judgement(False, want, told if case.want == "accept" else f"accepted, and {told}", [])


def judge_writing(case: Case, outcome: Outcome, size: int, sha256: str, head: bytes) -> Judgement:
    """The judgement of a run that was to make a file: of `size` bytes, with this digest, and beginning with `head`."""
    if outcome.verdict != ACCEPTED or case.want != "accept":
        return judge_verdict(case, outcome)
    ending = "want.bin" if "want.bin" in case.files else "bin"
    file = case.files[ending]
    wanted = file["size"]
    if size == wanted and sha256 == case.sha256(ending):
        return Judgement(True, "", "", [])
    found = Judgement(False, f"{wanted} bytes", _difference(case, ending, size, head), [])
    if size != wanted or not ("nans" in file or "loose" in file):
        return found
    expected = case.data(ending)
    head = _settled(head, expected, file.get("nans", []))
    if head == expected:
        return Judgement(True, "", "", [])
    loose = file.get("loose", [])
    if loose and _tidied(head, loose) == _tidied(expected, loose):
        return found._replace(fault=ADVISED)
    return found


# CONV-3: "A NaN becomes a NaN of the same sign, the payload bits of which are not specified."
def _settled(found: bytes, expected: bytes, nans: list[tuple[int, str]]) -> bytes:
    """What was found, with the expected NaN in each place where there is another of its sign."""
    settled = bytearray(found)
    for at, dtype in nans:
        size, fraction = _NANS[dtype]
        free = (1 << fraction) - 1
        a, b = (int.from_bytes(data[at : at + size], "little") for data in (found, expected))
        if a & free and a | free == b | free:
            settled[at : at + size] = expected[at : at + size]
    return bytes(settled)


# DTYPE-4: "The high bits carry no meaning: a writer SHOULD write them as zeros, a reader MUST NOT refuse others."
# DTYPE-5: "A writer SHOULD write no other; a reader MUST NOT refuse others, and takes them for true."
def _tidied(data: bytes, loose: list[tuple[int, int, str]]) -> bytes:
    """The bytes with the elements of these stretches (offset, size, dtype) as they SHOULD be written."""
    tidied = bytearray(data)
    for at, size, dtype in loose:
        mask = (1 << _BITS.get(dtype, 8)) - 1
        elements = tidied[at : at + size]
        tidied[at : at + size] = bytes(byte != 0 if dtype == "bool" else byte & mask for byte in elements)
    return bytes(tidied)


def _difference(case: Case, ending: str, size: int, head: bytes) -> str:
    wanted = b""
    for data, times in case.pieces(ending):
        wanted += data * min(times, -(-(len(head) - len(wanted)) // max(len(data), 1)))
        if len(wanted) >= len(head):
            break
    both = zip(wanted, head, strict=False)
    at = next((i for i, (a, b) in enumerate(both) if a != b), min(len(wanted), len(head)))
    found, expected = (data[at : at + 8].hex(" ") or "the end" for data in (head, wanted))
    nans = case.files[ending].get("nans", [])
    is_nan = any(start <= at < start + _NANS[dtype][0] for start, dtype in nans)
    more = ", or another NaN" if is_nan else ""
    return f"{size} bytes; at byte {at} found {found}; expected {expected}{more}"


def judge_verdict(case: Case, outcome: Outcome, piped: bool = False) -> Judgement:
    """Of the bare fact that something was accepted or rejected."""
    want = "accepted" if case.want == "accept" else "rejected"
    if outcome.verdict == CRASHED:
        return Judgement(False, want, f"crashed: {outcome.why}", [], CRASHED)
    if outcome.verdict != want:
        told = f": {outcome.why}" if outcome.verdict == REJECTED else ""
        return Judgement(False, want, f"{outcome.verdict}{told}", [], outcome.verdict)
    return Judgement(True, "", "", _advice(case, outcome.rejection, piped) if want == "rejected" else [])


# CONF-5: "A refusal SHOULD name the clause, the byte offset, and the key path where one is known."
def _advice(case: Case, rejection: dict[str, Any], piped: bool) -> list[str]:
    clauses = list(dict.fromkeys([*case.clauses, *case.also]))
    advice = []
    clause = rejection.get("clause")
    if clause not in clauses:
        advice.append(
            f"named {'no clause' if clause is None else plain(clause, _NAME)}; expected {' or '.join(clauses)}"
        )
    offset = rejection.get("offset")
    # On a pipe a reader knows late that a length reaches beyond the end (WIRE-3): it may have come to bytes that are
    # left over, or missing, before.
    seen_late = piped and _CUT_OFF & set(clauses)
    # Where index and record disagree, a value in the index has an offset of its own (SEAL-9).
    is_elsewhere = clause in case.also and str(clause).startswith("INDEX-") and offset is not None
    if case.offset is not None and offset != str(case.offset) and not seen_late and not is_elsewhere:
        told = "no byte" if offset is None else f"byte {plain(offset, _NAME)}"
        told += "" if offset is None or type(offset) is str else ", not as a string"
        advice.append(f"named {told}; expected byte {case.offset}")
    return advice


# --- safetensors -------------------------------------------------------------------------------------------------


def judge_safetensors(case: Case, file: Path) -> Judgement:
    """The judgement of a safetensors file that was written, by what the judge itself reads in it."""
    if case.want == "reject":
        return judge_verdict(case, Outcome(ACCEPTED, "", {}, b"", 0, "", 0, 0.0))
    assert case.convert
    keeps = case.part == "convert" and case.convert["prefix"] == "safetensors"
    try:
        ensure_holds(file.read_bytes(), case.data("want.bin"), case.data("bin") if keeps else None)
    except Fault as fault:
        return Judgement(False, "a safetensors file of the leaves that are expected", plain(fault), [])
    return Judgement(True, "", "", [])


# --- deltas ------------------------------------------------------------------------------------------------------


def judge_delta(case: Case, delta: Path | bytes) -> Judgement:
    """The judgement of a delta written for the base and target of a case, by what the judge itself recovers from it."""
    if case.want == "reject":
        return judge_verdict(case, Outcome(ACCEPTED, "", {}, b"", 0, "", 0, 0.0))
    found = delta if isinstance(delta, bytes) else delta.read_bytes()
    assert case.convert
    is_read = case.part == "recover"  # the delta, and the target is what comes of it
    model, before, after = map(case.data, ("bin" if is_read else "want.bin", "base.bin", target_of(case)))
    base = contents(before, case.convert["prefix"])
    side = case.convert["via"] if not is_read else None
    target = contents(after, side or ("params" if case.convert["streaming"] else "flax"))
    try:
        ensure_recovers(found, model, base, target)
    except (Fault, RecursionError) as fault:
        return Judgement(False, "a delta from which the target is recovered", plain(fault), [])
    return Judgement(True, "", "", [])


# --- records -----------------------------------------------------------------------------------------------------


def records_in(printed: Any) -> list[dict[str, Any]]:
    """The records in what a decoder has printed. Raises TypeError for what has another form."""
    if not isinstance(printed, dict):
        raise TypeError(f"expected an object with the member `records`; found {printed!r:.100}")
    if "records" not in printed:
        raise TypeError("the object has no member `records`")
    records = printed["records"]
    if type(records) is not list:
        raise TypeError(f"expected a list of records; found {records!r:.100}")
    for record in records:
        if type(record) is not dict:
            raise TypeError(f"expected an object for each record; found {record!r:.100}")
    return records


def judge_printed(case: Case, records: list[dict[str, Any]], printed: dict[str, Any]) -> Judgement:
    """Of the records that were read, and of what was read of a seal, which 1.0 does not know."""
    judgement = judge_records(case, records)
    if case.spec == "1.0" or not judgement.passed:
        return judgement
    wanted, found = case.wanted_seal(), printed.get("seal")
    if wanted is None or not isinstance(found, dict):
        want, got = f"seal {'an object' if wanted else None}", f"seal {found!r:.140}"
        return judgement if wanted is found else Judgement(False, want, got, [])
    differ = [name for name in wanted if _spelled(found.get(name)) != _spelled(wanted[name])]
    want, got = ("; ".join(f"seal.{name} {one.get(name)!r:.140}" for name in differ) for one in (wanted, found))
    return Judgement(False, want, got, []) if differ else judgement


def _spelled(value: Any) -> str:
    """As JSON, in which true, 1 and 1.0 are three."""
    return json.dumps(value, sort_keys=True)


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
            faults.append((f"no record {list(path)!r:.200}", f"{list(path)!r:.200}"))
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
    """What is expected and what was found, for each member that is another."""
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

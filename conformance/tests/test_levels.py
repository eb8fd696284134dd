"""What is no more than advice: the SHOULD of a case, and nothing else that a program does with it."""

import hashlib

import pytest

from conformance.compare import judge_reading, judge_verdict, judge_writing
from conformance.judge import Check
from conformance.model import load_corpus
from conformance.programs import ACCEPTED, CRASHED, REJECTED, Outcome
from conformance.runner import ADVISED, FAILED, PASSED, state_of
from conformance.tests.programs import program
from conformance.tests.programs import run_here as run

CLEARED = "03-dtypes/writing-int4-with-high-bits"
EVERY = "03-dtypes/writing-every-byte-of-the-small-dtypes"
SPLIT = "dialects/a-leaf-split-over-records"
TEXT = "dialects/text-beside-arrays"


@pytest.fixture(scope="module")
def cases():
    return {case.id: case for case in load_corpus().cases}


def state(case, part, judgement):
    return state_of(Check(case, part), judgement)


def written(case, data):
    outcome = Outcome(ACCEPTED, "", {}, data, len(data), hashlib.sha256(data).hexdigest(), 0, 0.0)
    return state(case, "encode", judge_writing(case, outcome, outcome.size, outcome.sha256, data))


def ended(verdict, printed=b""):
    return Outcome(
        verdict, "why", {"rejected": "why"} if verdict == REJECTED else {}, printed, len(printed), "", 0, 0.0
    )


def kept(case):
    """The bytes of a writer that copies the payload, bits without meaning and all."""
    data = case.stored("want.bin").read_bytes()
    assert data.endswith(bytes.fromhex("0807"))
    return data[:-2] + bytes.fromhex("f807")


def test_bits_without_meaning_that_are_kept_are_advice(cases):
    case = cases[CLEARED]
    assert written(case, case.stored("want.bin").read_bytes()) == PASSED
    assert written(case, kept(case)) == ADVISED


@pytest.mark.parametrize("elements", ["f707", "0800", "0708"])
def test_another_value_is_a_failure_of_a_case_of_the_level_should(cases, elements):
    case = cases[CLEARED]
    assert written(case, kept(case)[:-2] + bytes.fromhex(elements)) == FAILED


def test_another_header_is_a_failure_of_a_case_of_the_level_should(cases):
    data = kept(cases[CLEARED])
    for wrong in (data[:-1], data + b"\0", b"", data.replace(b"int4", b"int2")):
        assert written(cases[CLEARED], wrong) == FAILED


def test_bits_without_meaning_are_free_one_by_one(cases):
    """A writer that clears the elements of some dtypes has met a part of the SHOULD, and no MUST has it broken."""
    case = cases[EVERY]
    data = bytearray(case.stored("want.bin").read_bytes())
    at = data.rindex(b"uint2") + 8
    assert data[at : at + 6] == bytes.fromhex("000102030001")
    data[at + 4] = 0x04
    assert written(case, bytes(data)) == ADVISED
    data[at + 4] = 0x05
    assert written(case, bytes(data)) == FAILED


@pytest.mark.parametrize("name", [CLEARED, "09-conversion/values-that-overflow-are-counted"])
@pytest.mark.parametrize("verdict", [CRASHED, REJECTED])
def test_a_crash_or_a_rejection_is_a_failure_of_a_case_of_the_level_should(cases, name, verdict):
    case = cases[name]
    assert state(case, case.part, judge_verdict(case, ended(verdict))) == FAILED


def test_a_dialect_may_be_taken_and_a_crash_on_it_is_a_failure(cases):
    case = cases[SPLIT]
    read = b'{"records": [{"path": ["w"], "kind": "nil"}]}'
    assert state(case, "decode", judge_reading(case, ended(REJECTED))) == PASSED
    assert state(case, "decode", judge_reading(case, ended(ACCEPTED, read))) == ADVISED
    assert state(case, "decode", judge_reading(case, ended(ACCEPTED, b"who knows"))) == FAILED
    assert state(case, "decode", judge_reading(case, ended(CRASHED))) == FAILED


def test_canonical_form_is_taken_in_a_dialect_too(cases):
    case = cases[TEXT]
    for outcome in (ended(REJECTED), ended(CRASHED), ended(ACCEPTED, b'{"records": []}')):
        assert state(case, "decode", judge_reading(case, outcome)) == FAILED


def test_a_program_that_aborts_is_not_advised(tmp_path):
    text = """
import json, os, sys
records = json.load(sys.stdin)["records"]
if records[0]["kind"] == "ndarray":
    os.abort()
sys.stdout.buffer.write(bytes.fromhex("9291a177c40107"))
"""
    status, printed = run("run", "--encoder", program(tmp_path, text), "--match", "03-dtypes/writing-*")
    assert status == 1, printed
    assert "advised" not in printed
    assert "signal 6" in printed


def test_a_converter_that_does_not_count_is_advised_and_one_that_writes_another_value_fails(tmp_path, cases):
    want = cases["09-conversion/values-that-overflow-are-counted"].stored("want.bin")
    for change, found in (("", 0), ("data = data[:-1] + b'!'", 1)):
        text = f"""
import sys
out = next(word for word in sys.argv if word.startswith("--output_file=")).split("=", 1)[1]
data = open({str(want)!r}, "rb").read()
{change}
open(out, "wb").write(data)
"""
        converter = program(tmp_path, text)
        status, printed = run(
            "run", "--converter", converter, "--match", "09-conversion/values-that-overflow-are-counted"
        )
        assert status == found, printed
        assert ("1 advised" in printed) == (not found)

"""Callables under judgement: whatever they return or raise is told as what it is."""

import pytest

from conformance.callables import Rejected, judge_callable
from conformance.compare import ACCEPTED, CRASHED, REJECTED, WRONG
from conformance.judge import Check
from conformance.model import load_corpus
from conformance.tests.programs import ONE

CUT = "06-streams/cut-within-a-shape"
RECORD = {"path": ["a"], "kind": "int", "value": "1"}


@pytest.fixture(scope="module")
def cases():
    return {case.id: case for case in load_corpus().cases}


def judged(case, part, call, rejects=()):
    return judge_callable(Check(case, part), call, rejects)


@pytest.mark.parametrize(
    "made", [[RECORD], (RECORD,), {"records": [RECORD]}, iter([RECORD])], ids=["list", "tuple", "dict", "iterator"]
)
def test_records_may_come_in_any_of_these(cases, made):
    assert judged(cases[ONE], "decode", lambda path: made).passed


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, "the decoder returned None; expected a list of records"),
        (7, "expected a list of records; found 7"),
        ("text", "expected a list of records; found 'text'"),
        ([None], "expected an object for each record; found None"),
        ([[RECORD]], "expected an object for each record"),
        ({}, "no member `records`"),
        ({"records": None}, "expected a list of records; found None"),
    ],
)
@pytest.mark.parametrize("name", [ONE, CUT])
def test_another_answer_of_a_decoder_is_a_failure_that_says_so(cases, name, made, told):
    found = judged(cases[name], "decode", lambda path: made)
    assert (found.passed, found.fault) == (False, WRONG)
    assert told in found.got


@pytest.mark.parametrize("made", [None, "text", 7, [1, 2]])
def test_another_answer_of_an_encoder_is_a_failure_that_says_so(cases, made):
    found = judged(cases[ONE], "encode", lambda asked: made)
    assert (found.passed, found.fault) == (False, WRONG)
    assert f"of the type {type(made).__name__}; expected bytes" in found.got


def test_a_generator_may_reject_after_it_has_begun(cases):
    def reads(path):
        yield RECORD
        raise Rejected("no", "STREAM-2", 7)

    found = judged(cases[CUT], "decode", reads)
    assert found.passed
    assert judged(cases[ONE], "decode", reads).fault == REJECTED


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "told"), [(Unprintable(), "has no text"), (ValueError("\x1b[2J\n"), r"ValueError: \x1b[2J\n")]
)
def test_what_a_callable_raises_is_told_on_one_line(cases, error, told):
    def fails(path):
        raise error

    found = judged(cases[ONE], "decode", fails)
    assert found.fault == CRASHED
    assert told in found.got
    assert judged(cases[ONE], "decode", fails, type(error)).fault == REJECTED


def test_what_is_accepted_and_should_not_be_says_so(cases):
    assert judged(cases[CUT], "decode", lambda path: [RECORD]).fault == ACCEPTED


def test_advice_reads_well(cases):
    case = cases["01-wire/array-of-4-gib-of-which-the-header-is-there"]

    def advice(clause, offset):
        def rejects(path):
            raise Rejected("no", clause, offset)

        return judged(case, "decode", rejects).advice

    assert advice("STREAM-2", case.offset) == []
    clause, byte = advice("KEY-1", 65540)
    assert clause.startswith("named KEY-1; expected WIRE-3 or ")
    assert byte == f"named byte 65540; expected byte {case.offset}"
    clause, byte = advice(None, None)
    assert clause.startswith("named no clause; expected WIRE-3 or ")
    assert byte == f"named no byte; expected byte {case.offset}"

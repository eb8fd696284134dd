"""What is held against the bytes of a case: NaNs, of which any will do, and all else, which is due to the bit."""

import hashlib

import pytest

from conformance.compare import judge_writing
from conformance.model import load_corpus
from conformance.programs import ACCEPTED, Outcome

CASE = "09-conversion/float32-nans-to-bfloat16"
DONE = Outcome(ACCEPTED, "", {}, b"", 0, "", 0, 0.0)


@pytest.fixture(scope="module")
def case():
    return next(case for case in load_corpus().cases if case.id == CASE)


def judged(case, data):
    return judge_writing(case, DONE, len(data), hashlib.sha256(data).hexdigest(), data)


def changed(case, element, bits):
    """The bytes that are due, with other bits in one element."""
    data = bytearray(case.stored("want.bin").read_bytes())
    at = len(data) - 2 * (10 - element)
    data[at : at + 2] = bytes.fromhex(bits)[::-1]
    return bytes(data)


def test_what_is_due_is_passed(case):
    assert judged(case, case.stored("want.bin").read_bytes()).passed


@pytest.mark.parametrize("element", [0, 2, 4, 5])
@pytest.mark.parametrize("bits", ["7fc0", "7f81", "7fff", "7fa5"])
def test_any_nan_of_its_sign_is_passed(case, element, bits):
    assert judged(case, changed(case, element, bits)).passed


def test_nans_that_all_differ_are_passed(case):
    data = case.stored("want.bin").read_bytes()
    for at, _ in case.files["want.bin"]["nans"]:
        data = data[:at] + bytes((0x81 + at % 7, data[at + 1])) + data[at + 2 :]
    assert data != case.stored("want.bin").read_bytes()
    assert judged(case, data).passed


@pytest.mark.parametrize("bits", ["ffc0", "7f80", "ff80", "0000", "8000", "3f80", "7f7f", "7ec0"])
def test_nothing_else_is_passed_for_a_nan(case, bits):
    found = judged(case, changed(case, 2, bits))
    assert not found.passed
    assert "or another NaN" in found.got


@pytest.mark.parametrize(("element", "bits"), [(7, "7fc0"), (7, "7f81"), (8, "7f80"), (9, "3f81"), (9, "7fc0")])
def test_a_nan_is_passed_in_its_place_alone(case, element, bits):
    found = judged(case, changed(case, element, bits))
    assert not found.passed
    assert "NaN" not in found.got


def test_an_output_of_another_length_is_not_passed(case):
    data = changed(case, 0, "7f81")
    for wrong in (data[:-1], data + b"\0", data[:-18], b""):
        assert not judged(case, wrong).passed

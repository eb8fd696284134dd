"""What is compared with the bytes of a case: NaNs, of which any will do, and all else, to the bit. What is advised."""

import hashlib

import pytest

from conformance.compare import judge_verdict, judge_writing
from conformance.model import load_corpus
from conformance.programs import ACCEPTED, REJECTED, Outcome

CASE = "09-conversion/float32-nans-to-bfloat16"
DONE = Outcome(ACCEPTED, "", {}, b"", 0, "", 0, 0.0)


@pytest.fixture(scope="module")
def case():
    return next(case for case in load_corpus().cases if case.id == CASE)


def judged(case, data):
    return judge_writing(case, DONE, len(data), hashlib.sha256(data).hexdigest(), data)


def changed(case, element, bits):
    """The expected bytes, with other bits in one element."""
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


def advice(name, piped, **rejection):
    (case,) = (case for case in load_corpus().cases if case.name == name)
    outcome = Outcome(REJECTED, "no", {"rejected": "no", **rejection}, b"", 0, "", 0, 0.0)
    return judge_verdict(case, outcome, piped).advice


def test_a_reader_of_a_pipe_may_see_late_that_a_length_is_wrong():
    for name, clause, offset in (
        ("a-leaf-blob-of-four-gigabytes", "WIRE-6", "12"),
        ("blob-of-2147483648-bytes", "WIRE-6", "10"),
        ("blob-whose-end-wraps-to-the-start", "WIRE-6", "10"),
        ("flax-ext-of-4294967295-bytes", "WIRE-6", "20"),
        ("flax-map-of-2147483648-entries", "FLAX-6", "8"),
        ("array-of-4-gib-of-which-the-header-is-there", "STREAM-2", "33"),
    ):
        assert advice(name, True, clause=clause, offset=offset) == []
        assert len(advice(name, False, clause=clause, offset=offset)) == 1


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("record-header-of-514", "STREAM-2"),
        ("shape-of-2-to-the-64", "LEAF-4"),
        ("digests-of-the-base-that-are-not-sorted", "DELTA-11"),
        ("digests-of-the-base-that-are-not-sorted", "DELTA-5"),
        ("block-without-the-part-blocks", "DELTA-2"),
        ("place-with-a-leading-zero", "DELTA-2"),
    ],
)
def test_any_clause_that_is_broken_may_be_named(name, clause):
    assert not any(clause in said for said in advice(name, False, clause=clause))


def test_an_offset_is_a_string():
    told = advice("array-of-4-gib-of-which-the-header-is-there", False, clause="WIRE-3", offset=4)
    assert told == ["named byte 4, not as a string; expected byte 4"]


def test_a_clause_that_is_not_broken_is_not_to_be_named():
    assert any("named REC-1" in said for said in advice("target-in-place-of-a-delta", False, clause="REC-1"))


def test_the_headers_of_the_array_of_4_gib_agree():
    (case,) = (case for case in load_corpus().cases if case.name == "array-of-4-gib-of-which-the-header-is-there")
    data = case.stored("bin").read_bytes()
    blob, ext, size, payload = (int.from_bytes(data[at : at + 4], "big") for at in (5, 10, 18, 29))
    assert (data[4], data[9], data[17], data[28]) == (0xC6, 0xC9, 0xCE, 0xC6)
    assert size == payload == ext - (33 - 15) == blob - (33 - 9)

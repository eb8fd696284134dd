"""Failures that are expected: each says with which outcome, and holds for no other."""

import pytest

from conformance.tests.programs import ONE, finds_one
from conformance.tests.programs import run_here as run
from conformance.xfails import read_xfails


@pytest.fixture
def reads_one(tmp_path):
    return finds_one(tmp_path)


def test_expected_failures_pass_and_unexpected_passes_fail(tmp_path, reads_one):
    xfails = tmp_path / "xfails"
    xfails.write_text("# known\ndecode 06-streams/cut-* accepted: it reads nothing\n")
    status, printed = run("run", "--decoder", reads_one, "--match", "06-streams/cut-*", "--xfails", xfails)
    assert status == 0, printed
    assert "expected to fail" in printed
    xfails.write_text(f"decode {ONE} wrong: it reads nothing\n")
    status, printed = run("run", "--decoder", reads_one, "--match", ONE, "--xfails", xfails)
    assert status == 1
    assert "UNEXPECTED PASS" in printed


@pytest.mark.parametrize("outcome", ["rejected", "crashed", "wrong", "advised"])
def test_another_outcome_than_the_expected_one_is_a_failure(tmp_path, reads_one, outcome):
    xfails = tmp_path / "xfails"
    xfails.write_text(f"decode 06-streams/cut-* {outcome}: it reads nothing\n")
    words = ("--decoder", reads_one, "--match", "06-streams/cut-within-a-shape")
    status, printed = run("run", *words, "--xfails", xfails)
    assert status == 1
    assert f"it reads nothing (expected outcome: {outcome}; found: accepted)" in printed


def test_an_expectation_that_matches_nothing_fails(tmp_path, reads_one):
    xfails = tmp_path / "xfails"
    xfails.write_text("decode 06-streams/no-such-* wrong: gone\n")
    status, printed = run("run", "--decoder", reads_one, "--match", ONE, "--xfails", xfails)
    assert status == 1
    assert "matches no case" in printed


@pytest.mark.parametrize(
    "line",
    [
        "decode",
        "decode 06-*",
        "decode 06-*:",
        "decode 06-* wrong:",
        "decode 06-* wrong why",
        "decode 06-*: why",
        "decode 06-*: it says this: why",
        "decode 06-* failed: why",
        "write 06-* wrong: why",
    ],
)
def test_a_line_of_expectations_needs_part_glob_outcome_and_reason(tmp_path, line):
    file = tmp_path / "xfails"
    file.write_text(line + "\n")
    with pytest.raises(ValueError, match="xfails:1: expected `PART GLOB OUTCOME: reason`; found"):
        read_xfails(file)

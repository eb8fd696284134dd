"""Writers of deltas: any delta that gives the target passes, and none that does not."""

import re

import pytest

from conformance import smallest
from conformance.cases import delta_assembly
from conformance.compare import WRONG, judge_delta
from conformance.judge import checks
from conformance.model import load_corpus
from conformance.recovering.contents import contents
from conformance.recovering.delta import ensure_recovers, manifest
from conformance.tests.programs import program
from conformance.tests.programs import run_here as run

CHANGED = "10-delta/leaf-changed-added-and-removed"

# What no writer of deltas makes: longer headers, in cases by hand and of a rule, and another order.
OTHERWISE = re.compile("longer-header|not-depth-first|-(bin|str|array|map)-(8|16|32)$")


@pytest.fixture(scope="module")
def cases():
    return {case.id: case for case in load_corpus().cases}


def test_what_is_recovered_can_be_written(cases):
    found = {check.case.id: check for check in checks([*cases.values()], {"diff"})}
    assert len(found) > 70
    for id, check in found.items():
        case = check.case
        assert (case.part, case.want) in (("recover", "accept"), ("diff", "accept"), ("diff", "reject")), id


def test_the_deltas_of_the_corpus_pass(cases):
    for case in cases.values():
        of_hand = case.rule is None or case.name.endswith("1001")
        if (case.part, case.want) == ("recover", "accept") and of_hand and not OTHERWISE.search(case.name):
            assert judge_delta(case, case.data("bin")).passed, case.id
        if (case.part, case.want) == ("diff", "accept"):
            assert judge_delta(case, case.data("want.bin")).passed, case.id


def test_no_delta_that_is_refused_passes(cases):
    """Each that a program which recovers is to refuse, with a base and target like these; and no other error."""
    good, refused = cases[CHANGED], 0
    before = good.stored("base.bin").read_bytes()
    for case in cases.values():
        if (case.part, case.want) != ("recover", "reject") or any("recipe" in file for file in case.files.values()):
            continue
        delta = case.stored("bin").read_bytes()
        found = judge_delta(good, delta)
        same_base = case.stored("base.bin").read_bytes() == before
        if delta != good.stored("bin").read_bytes():  # some refuse the base alone
            assert (found.passed, found.fault) == (False, WRONG), case.id
            refused += same_base
    assert refused > 80


def test_every_change_of_a_byte_is_seen(cases):
    """But in the text of the mark, which is for people, and in names that are not known."""
    case = cases[CHANGED]
    delta = case.stored("bin").read_bytes()
    text = range(delta.index(b"\xa5delta"), delta.index(b"\xa5delta") + 6)
    for at in range(len(delta)):
        if at not in text:
            changed = delta[:at] + bytes((delta[at] ^ 1,)) + delta[at + 1 :]
            assert not judge_delta(case, changed).passed, at
        assert not judge_delta(case, delta[:at]).passed, at


def test_what_is_wrong_is_named(cases):
    case = cases[CHANGED]
    delta = case.stored("bin").read_bytes()
    for wrong, told in (
        (b"", "the delta is empty (DELTA-1)"),
        (delta + b"\n", "byte 862 does not begin a record (REC-1)"),
        (delta.replace(b'"like_base":true', b'"like_base":1   '), "leaves[0].like_base is 1; expected True (DELTA-3)"),
        (delta.replace(b'"removed"', b'"Removed"'), "`removed` is not a list of objects (DELTA-3)"),
    ):
        assert wrong != delta
        assert told in judge_delta(case, wrong).got, judge_delta(case, wrong).got


def test_the_smallest_delta_is_one():
    delta, leaf = smallest.delta(), contents(smallest.STREAM, "params")
    assert leaf == {("w",): b"\x07"}
    ensure_recovers(delta, delta, leaf, leaf)
    by_hand = [delta_assembly.small("w", "int", "07")]
    assert manifest(delta) == delta_assembly.manifest(by_hand, by_hand)


COPIES = """
import shutil, sys
out = next(word for word in sys.argv if word.startswith("--output_file=")).split("=", 1)[1]
assert any(word.startswith("--load_target_checkpoint=params::") for word in sys.argv)
shutil.copyfile({file!r}, out)
"""


@pytest.mark.parametrize(("ending", "status"), [("bin", 0), ("want.bin", 1)])
def test_a_differ_is_a_program(tmp_path, cases, ending, status):
    differ = program(tmp_path, COPIES.format(file=str(cases[CHANGED].stored(ending))))
    found, printed = run("run", "--differ", differ, "--match", CHANGED)
    assert found == status, printed
    assert ("a delta from which the target is recovered" in printed) == bool(status)
    assert (f"target: {cases[CHANGED].stored('want.bin')}" in printed) == bool(status)


def test_a_differ_that_takes_a_delta_for_a_checkpoint_fails(tmp_path, cases):
    differ = program(tmp_path, COPIES.format(file=str(cases[CHANGED].stored("bin"))))
    found, printed = run("run", "--differ", differ, "--match", "10-delta/target-of-a-delta-that-is-a-delta")
    assert found == 1
    assert "want: rejected" in printed

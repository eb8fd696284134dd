"""The list of explained differences: of living clauses, and none that no file of the corpus or of the fuzzers shows."""

from pathlib import Path

from conformance.model import load_corpus
from fuzz.peers.answers import Answer, Reference
from fuzz.peers.loop import Loop
from fuzz.seeds import ANY, seeds
from fuzz.targets.agreement import EXPLAINED, UNKNOWN, disagreement

REPRODUCERS = [file.read_bytes() for file in (Path(__file__).parents[1] / "reproducers" / "agreement").glob("*")]


def test_each_clause_is_one_that_the_specification_has():
    assert set(EXPLAINED) <= set(load_corpus().sentences)


def test_each_is_shown_by_a_file():
    reference, loop, shown = Reference(), Loop(), set()
    for data in (*seeds(ANY), *REPRODUCERS):
        for flax in (False, True):
            refused = reference.decode(data, flax)
            if refused.records is None and loop.decode(data, flax).records is not None:
                shown.add((refused.clause, refused.in_seal))
    chapters = {clause: clause.split("-")[0] for clause, _ in shown}
    assert {clause for clause, in_seal in shown if not in_seal and chapters[clause] not in UNKNOWN} == set(EXPLAINED)
    assert set(chapters.values()) >= set(UNKNOWN)


def test_what_is_explained_holds_for_the_loop_and_in_one_direction():
    refused, accepted = Answer(None, "", "STREAM-2"), Answer({})
    assert disagreement("loop", refused, accepted) is None
    assert "accepts" in disagreement("C", refused, accepted)
    assert "refuses" in disagreement("loop", accepted, refused)
    assert "accepts" in disagreement("loop", Answer(None, "", "LEAF-2"), accepted)
    other = {("a",): {"path": ["a"], "kind": "nil"}}
    assert "one too many" in disagreement("JavaScript", accepted, Answer(other))

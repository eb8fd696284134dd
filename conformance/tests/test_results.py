"""What `make results` keeps is of this corpus, and loses nothing that the tables show."""

import json
from pathlib import Path

import pytest

from conformance.clauses import number
from conformance.model import load_corpus
from conformance.reports import world
from conformance.reports.results import expanded, renewed, summary
from conformance.reports.table import markdown

KEPT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def corpus():
    return load_corpus()


@pytest.fixture(scope="module")
def kept():
    return json.loads((KEPT / "results.json").read_text())


def runs(kept):
    return [expanded(load_corpus(spec=short["spec"]), short) for short in kept]


def test_the_results_that_are_kept_are_of_this_corpus(kept):
    assert [len(run["checks"]) for run in runs(kept)] == [short["checks"] for short in kept]


@pytest.mark.slow
def test_the_table_beside_them_was_made_of_the_same_runs(kept):
    newest = load_corpus(spec=max((short["spec"] for short in kept), key=number))
    assert markdown(newest, runs(kept)) + world.section(world.kept()) == (KEPT / "RESULTS.md").read_text()


def test_a_run_comes_back_from_its_summary(corpus, kept):
    run = expanded(corpus, next(short for short in kept if short["name"].startswith("JAXSeq")))
    assert any(check["state"] != "passed" for check in run["checks"])
    again = expanded(corpus, summary(corpus, run | {"conformance": corpus.version, "spec": "1.0"}))
    assert again == run


def test_cases_that_are_new_are_judged_alone(corpus, kept):
    short = next(short for short in kept if short["name"].startswith("JAXSeq"))
    whole = expanded(corpus, short)
    new = {check["case"] for check in whole["checks"][::7]} | {short["not_passed"][0]["case"]}
    run = whole | {"conformance": corpus.version, "spec": "1.0"}
    run["checks"] = [check for check in whole["checks"] if check["case"] in new]
    old = short | {"checks": short["checks"] - len(run["checks"])}
    old["not_passed"] = [check for check in short["not_passed"] if check["case"] not in new]
    assert renewed(corpus, old, run) == short
    assert renewed(corpus, short, run) == short
    with pytest.raises(ValueError, match="more cases are new"):
        renewed(corpus, old | {"checks": old["checks"] - 1}, run)


def test_results_of_another_corpus_are_refused(corpus, kept):
    with pytest.raises(ValueError, match="run `make results`"):
        expanded(corpus._replace(cases=corpus.cases[1:]), kept[0])

"""The grammars for Kaitai Struct, compiled to Python and to JavaScript, against the corpus."""

import shutil
import subprocess
from collections import Counter

import pytest

from conformance.clauses import SPEC, read_clauses
from conformance.format import trying
from conformance.format.data import VERSIONS
from conformance.model import load_corpus, sampled

pytestmark = pytest.mark.xdist_group("grammar")  # installed and compiled once


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    pytest.importorskip("kaitaistruct")
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"the grammars are not compiled: {tool} is not installed")
    kept = SPEC.parent / "build/grammar"
    try:
        return trying.install(kept if kept.parent.is_dir() else tmp_path_factory.mktemp("grammar"))
    except subprocess.CalledProcessError as error:
        pytest.skip(
            f"the grammars are not compiled: npm cannot install {' and '.join(trying.PACKAGES)}: {error.stderr!r}"
        )


def trials(version, every, modules, folder, step=1):
    trying.compiled(version, modules, folder)
    cases = sampled(load_corpus(spec=version).cases, every)
    return [*trying.tried(cases[::step], modules, folder)]


def judge(version, every, modules, folder, step=1):
    found = trials(version, every, modules, folder, step)
    assert len(found) > 1000 / step
    refused = [
        (trial.case.id, trial.language, trial.fault) for trial in found if trial.case.want == "accept" and trial.fault
    ]
    assert not refused
    taken = [trial for trial in found if not trial.decided]
    assert not [(trial.case.id, trial.language, trial.case.clauses) for trial in taken if not trying.reason_of(trial)]
    return found, {(clause, trial.language) for trial in taken for clause in (*trial.case.clauses, *trial.case.also)}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_grammar_decides_all_that_it_can_of_a_sample(version, modules, tmp_path):
    judge(version, 0, modules, tmp_path, step=20)


@pytest.mark.thorough
@pytest.mark.parametrize("version", VERSIONS)
def test_a_grammar_decides_all_that_it_can(version, modules, tmp_path):
    judge(version, 0, modules, tmp_path)


@pytest.mark.thorough
def test_what_is_listed_as_undecided_is_so(modules, tmp_path):
    """In the cases that were made by hand."""
    found, taken = judge("2.0", 0, modules, tmp_path)
    for clause, row in trying.undecided().items():
        assert clause in read_clauses("2.0")
        for language in row.get("languages", trying.LANGUAGES):
            assert (clause, language) in taken, (clause, language)
    decided = Counter(trial.decided for trial in found if trial.case.want == "reject")
    assert decided[True] > 4 * decided[False]


@pytest.mark.thorough
@pytest.mark.parametrize("version", VERSIONS)
def test_a_grammar_decides_all_that_it_can_of_the_rules(version, modules, tmp_path):
    judge(version, 10, modules, tmp_path)


def test_a_file_that_is_taken_for_no_reason_that_is_listed_is_named(capsys):
    cases = {case.id: case for case in load_corpus(spec="1.0").cases}
    found = [trying.Trial(cases["03-dtypes/tag-f4"], "python", fault) for fault in ("refused", None)]
    assert trying._report("1.0", "python", found[:1])
    assert not trying._report("1.0", "python", found)
    told = capsys.readouterr().out.splitlines()
    assert told[1].startswith("1.0 in python: 0 of 0 valid files taken, 1 of 2 invalid ones refused")
    assert told[2:] == ["    1: NO REASON IS LISTED", "WRONG: 03-dtypes/tag-f4: taken"]


def test_a_grammar_that_takes_a_wrong_tag_is_noticed(modules, tmp_path, monkeypatch):
    text = (SPEC / "1.0/streamckpt.ksy").read_text()
    assert text.count("'\"bool\"'") == 1
    (tmp_path / "1.0").mkdir()
    (tmp_path / "1.0/streamckpt.ksy").write_text(text.replace("'\"bool\"'", "'\"bool\"', '\"f4\"'"))
    monkeypatch.setattr(trying, "SPEC", tmp_path)
    trying.compiled("1.0", modules, tmp_path)
    cases = [case for case in load_corpus(spec="1.0").cases if case.id == "03-dtypes/tag-f4"]
    assert [trial.decided for trial in trying.tried(cases, modules, tmp_path)] == [
        True,
        True,
    ]  # its payload has no width

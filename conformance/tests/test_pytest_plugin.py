"""The plugin, as someone's own test suite uses it."""

import pytest

from conformance.judge import Check
from conformance.model import load_corpus
from conformance.pytest_plugin import Judged

pytest_plugins = ["pytester"]

READER = """
import pytest

class Refused(Exception):
    pass

def read(path):
    data = path.read_bytes()
    if data != bytes.fromhex("9291a161c40101"):
        raise Refused("not the one file that I know")
    return [{"path": ["a"], "kind": "int", "value": "VALUE"}]

@pytest.mark.conformance(part="decode", match="06-streams/one-record"XFAILS)
def test_it(conformance_check):
    conformance_check.judge(read, rejects=Refused)
"""


@pytest.fixture
def pytest_in(pytester):
    """Runs pytest on a text, in this process, where the corpus has been read; gives its status, and what it printed."""

    def run(text):
        pytester.makepyfile(test_reader=text)
        # unraisableexception goes through all objects at the end, of which there are many where a corpus is.
        off = ("-p", "no:cacheprovider", "-p", "no:unraisableexception")
        done = pytester.runpytest_inprocess("-q", "-p", "conformance.pytest_plugin", *off)
        return done.ret, done.stdout.str() + done.stderr.str()

    return run


def test_a_good_reader_passes(pytest_in):
    status, printed = pytest_in(READER.replace("VALUE", "1").replace("XFAILS", ""))
    assert status == 0, printed
    assert "1 passed" in printed


def test_a_wrong_value_fails_and_quotes_the_clause(pytest_in):
    status, printed = pytest_in(READER.replace("VALUE", "2").replace("XFAILS", ""))
    assert status == 1
    assert "STREAM-1: A stream is a sequence of records" in printed
    assert "want: " in printed


@pytest.mark.parametrize(("value", "status"), [("2", 0), ("1", 1)])
def test_expected_failures_are_strict(pytest_in, pytester, value, status):
    known = "decode 06-streams/one-* wrong: it cannot count\nencode * wrong: another part\n"
    (pytester.path / "xfails").write_text(known)
    text = READER.replace("VALUE", value).replace("XFAILS", ', xfails="xfails"')
    found, printed = pytest_in(text)
    assert found == status, printed
    assert ("1 xfailed" if status == 0 else "unexpectedly passed: 06-streams/one-record") in printed


def test_a_crash_where_a_wrong_value_is_expected_fails(pytest_in, pytester):
    (pytester.path / "xfails").write_text("decode 06-streams/one-* wrong: it cannot count\n")
    text = READER.replace('"VALUE"', "1 // 0").replace("XFAILS", ', xfails="xfails"')
    status, printed = pytest_in(text)
    assert status == 1
    assert "expected outcome: wrong; found: crashed" in printed


def test_an_expectation_that_matches_nothing_is_an_error(pytest_in, pytester):
    (pytester.path / "xfails").write_text("decode 06-streams/gone wrong: why\n")
    status, printed = pytest_in(READER.replace("VALUE", "1").replace("XFAILS", ', xfails="xfails"'))
    assert status != 0
    assert "matches no case" in printed


TOGETHER = READER.replace("06-streams/one-record", "06-streams/[co]*").replace("_check", "_checks")


def test_the_cases_of_a_chapter_are_one_test(pytest_in):
    status, printed = pytest_in(TOGETHER.replace("VALUE", "1").replace("XFAILS", ""))
    assert status == 0, printed
    assert "1 passed" in printed


def test_a_chapter_lists_what_fails_in_it(pytest_in):
    everything = TOGETHER.replace("raise Refused", "return []  #").replace("VALUE", "1").replace("XFAILS", "")
    status, printed = pytest_in(everything)
    assert status == 1
    assert "checks failed" in printed
    assert "STREAM-2: The end of the input MUST fall on the end of a record." in printed
    assert "and 06-streams/cut-within-a-shape" in printed
    assert "one-record" not in printed


@pytest.mark.parametrize(("value", "status"), [("2", 0), ("1", 1)])
def test_expected_failures_of_a_chapter_are_strict(pytest_in, pytester, value, status):
    (pytester.path / "xfails").write_text("decode 06-streams/one-* wrong: it cannot count\n")
    text = TOGETHER.replace("VALUE", value).replace("XFAILS", ', xfails="xfails"')
    found, printed = pytest_in(text)
    assert found == status, printed
    assert ("1 passed" if status == 0 else "unexpectedly passed: 06-streams/one-record") in printed


def test_a_failure_does_not_show_the_whole_corpus():
    """pytest shows the arguments of a test that fails, and makes a text of all that is in them first."""
    corpus = load_corpus()
    check = Check(corpus.cases[0], "decode")
    assert repr(Judged(check, corpus, "1.0", None)) == f"<{corpus.cases[0].id} (decode)>"

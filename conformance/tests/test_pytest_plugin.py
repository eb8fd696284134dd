"""The plugin, as someone's own test suite uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.judge import Check
from conformance.model import load_corpus
from conformance.pytest_plugin import Judged

ROOT = Path(__file__).parents[2]
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


def pytest_in(folder, text):
    (folder / "test_reader.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conformance.pytest_plugin", "-p", "no:cacheprovider"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, cwd=folder, env=env)
    return done.returncode, done.stdout + done.stderr


def test_a_good_reader_passes(tmp_path):
    status, printed = pytest_in(tmp_path, READER.replace("VALUE", "1").replace("XFAILS", ""))
    assert status == 0, printed
    assert "1 passed" in printed


def test_a_wrong_value_fails_and_quotes_the_clause(tmp_path):
    status, printed = pytest_in(tmp_path, READER.replace("VALUE", "2").replace("XFAILS", ""))
    assert status == 1
    assert "STREAM-1: A stream is a sequence of records" in printed
    assert "want: " in printed


@pytest.mark.parametrize(("value", "status"), [("2", 0), ("1", 1)])
def test_expected_failures_are_strict(tmp_path, value, status):
    (tmp_path / "xfails").write_text("decode 06-streams/one-* wrong: it cannot count\nencode * wrong: another part\n")
    text = READER.replace("VALUE", value).replace("XFAILS", ', xfails="xfails"')
    found, printed = pytest_in(tmp_path, text)
    assert found == status, printed
    assert ("1 xfailed" if status == 0 else "unexpectedly passed: 06-streams/one-record") in printed


def test_a_crash_where_a_wrong_value_is_expected_fails(tmp_path):
    (tmp_path / "xfails").write_text("decode 06-streams/one-* wrong: it cannot count\n")
    text = READER.replace('"VALUE"', "1 // 0").replace("XFAILS", ', xfails="xfails"')
    status, printed = pytest_in(tmp_path, text)
    assert status == 1
    assert "expected outcome: wrong; found: crashed" in printed


def test_an_expectation_that_matches_nothing_is_an_error(tmp_path):
    (tmp_path / "xfails").write_text("decode 06-streams/gone wrong: why\n")
    status, printed = pytest_in(tmp_path, READER.replace("VALUE", "1").replace("XFAILS", ', xfails="xfails"'))
    assert status != 0
    assert "matches no case" in printed


def test_a_failure_does_not_show_the_whole_corpus():
    """pytest shows the arguments of a test that fails, and makes a text of all that is in them first."""
    corpus = load_corpus()
    check = Check(corpus.cases[0], "decode")
    assert repr(Judged(check, corpus, "1.0", None)) == f"<{corpus.cases[0].id} (decode)>"

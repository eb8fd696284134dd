"""The composite action, as far as it goes without its host: the script that it runs."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from conformance.tests.programs import program

ROOT = Path(__file__).parents[2]
ONE = "import json; print(json.dumps({'records': [{'path': ['a'], 'kind': 'int', 'value': '1'}]}))"


def test_the_action_names_a_script_that_exists_and_passes_every_input():
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    assert "conformance/action.sh" in step["run"]
    passed = " ".join(step["env"].values())
    for name in set(action["inputs"]) - {"python-version"}:
        assert f"inputs.{name} " in passed, name


@pytest.fixture
def act(tmp_path):
    """Runs the script with this in its environment; gives its status, and all that it printed."""

    def run(**more):
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env |= {"SUITE": str(ROOT), "RUNNER_TEMP": str(tmp_path)}
        env |= {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
        command = ["bash", str(ROOT / "conformance/action.sh")]
        done = subprocess.run(command, env=env | more, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_the_script_judges_a_decoder_and_writes_its_reports(tmp_path, act):
    decoder = program(tmp_path, ONE)
    for match, status in (("06-streams/one-record", 0), ("06-streams/cut-*", 1)):
        found, printed = act(DECODER=decoder, ARGS=f"--match\n{match}")
        assert found == status, printed
    assert (tmp_path / "summary").read_text().count("Who does what") == 2
    reports = [line.removeprefix("report=") for line in (tmp_path / "output").read_text().splitlines()]
    assert len(set(reports)) == 2
    for report in map(Path, reports):
        assert {file.name for file in report.parent.iterdir()} == {"index.html", "junit.xml", "table.md", "badge.svg"}


@pytest.mark.slow
def test_after_wrong_usage_nothing_is_reported(tmp_path, act):
    decoder = program(tmp_path, ONE)
    assert act(DECODER=decoder, ARGS="--match 06-streams/one-record")[0] == 0
    before = (tmp_path / "summary").read_text(), (tmp_path / "output").read_text()
    for wrong in ({"DECODER": ""}, {"DECODER": "./nothing-here"}, {"DECODER": decoder, "ARGS": "--no-such-option"}):
        status, printed = act(**wrong)
        assert status == 2, printed
    assert ((tmp_path / "summary").read_text(), (tmp_path / "output").read_text()) == before


@pytest.mark.slow
def test_a_program_does_not_find_the_suite_and_the_suite_not_the_program(tmp_path, act):
    """Neither the variables nor the modules of one side reach the other."""
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the program')")
    (tmp_path / "conformance").mkdir()
    (tmp_path / "conformance/__init__.py").write_text("raise SystemExit('a package of the program')")
    text = "import importlib.util, os\n" + ONE.replace("'1'", "'2' if FOUND else '1'")
    text = text.replace("FOUND", "'PYTHONPATH' in os.environ or importlib.util.find_spec('conformance')")
    file = tmp_path / "elsewhere"
    file.mkdir()
    decoder = program(file, text).replace(" -E", "")
    status, printed = act(DECODER=decoder, ARGS="--match 06-streams/one-record")
    assert status == 0, printed

"""The composite action, as far as it goes without its host: the script that it runs."""

import os
import subprocess
from pathlib import Path

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


def test_the_script_judges_a_decoder_and_writes_its_reports(tmp_path):
    env = {
        **os.environ,
        "SUITE": str(ROOT),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "DECODER": program(tmp_path, ONE),
    }
    for match, status in (("06-streams/one-record", 0), ("06-streams/cut-*", 1)):
        command = ["bash", str(ROOT / "conformance/action.sh")]
        done = subprocess.run(
            command, env={**env, "ARGS": f"--match {match}"}, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == status, done.stdout + done.stderr
    assert (tmp_path / "conformance/junit.xml").exists()
    assert "Who does what" in (tmp_path / "summary").read_text()
    assert "report=" in (tmp_path / "output").read_text()

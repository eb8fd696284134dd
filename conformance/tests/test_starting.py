"""How a run starts and ends: programs that cannot be started or do not run, and signals."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance.tests.programs import GOOD, ONE, program
from conformance.tests.programs import run_here as run


@pytest.mark.parametrize("text", ["raise ValueError('a module is missing')", "import os; os.abort()"])
def test_a_program_that_does_not_run_is_one_error_and_never_passes(tmp_path, text):
    xfails = tmp_path / "xfails"
    xfails.write_text("decode * crashed: it is not there yet\n")
    status, printed = run("run", "--decoder", program(tmp_path, text), "--xfails", xfails, "--no-large")
    assert status == 2, printed
    assert len(printed.splitlines()) == 1
    assert "does not run: it crashed on the smallest file, and on 3 more. It ended with" in printed


def test_a_program_that_crashes_on_the_smallest_file_alone_is_judged(tmp_path):
    text = "import os, sys\nif b'\\xa1w' in open(sys.argv[1], 'rb').read(): os.abort()\n" + GOOD.replace(
        "a177", "a161"
    ).replace("'w'", "'a'").replace('"w"', '"a"')
    status, printed = run("run", "--decoder", program(tmp_path, text), "--match", ONE)
    assert status == 0, printed


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "--decoder is empty"),
        ("  ", "--decoder is empty"),
        ("./no-such-program --flag", "./no-such-program cannot be started: there is no such program"),
        ("no-such-program-anywhere", "there is no such program"),
        (__file__, "it is not executable"),
        ("/tmp", "it is a folder"),
        ("python 'unbalanced", "--decoder"),
    ],
)
def test_a_command_that_cannot_be_started_is_one_error(tmp_path, command, told):
    xfails = tmp_path / "xfails"
    xfails.write_text("decode * crashed: it is not there yet\n")
    for words in ((), ("--xfails", xfails), ("--stdin",)):
        status, printed = run("run", "--decoder", command, *words)
        assert status == 2
        assert len(printed.splitlines()) == 1
        assert told in printed


SLEEPS = """
import os, subprocess, sys, time
if not {at_once} and b"\\xa1w" in open(sys.argv[1], "rb").read():
    sys.exit(print('{{"records": [{{"path": ["w"], "kind": "int", "value": "7"}}]}}'))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(10**6)"])
with open({file!r} + ".new", "w") as file:
    print(os.getpid(), child.pid, file=file)
os.rename({file!r} + ".new", {file!r})
time.sleep(10**6)
"""


@pytest.mark.sampled(5)
@pytest.mark.parametrize("at_once", [True, False])  # on the smallest file, or on a case
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_program_outlives_a_run_that_is_ended(tmp_path, number, at_once):
    root, file = Path(__file__).parents[2], str(tmp_path / "pids")
    decoder = program(tmp_path, SLEEPS.format(file=file, at_once=at_once))
    command = [sys.executable, "-m", "conformance", "run", "--decoder", decoder, "--match", ONE]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(temporary)}
    runner = subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_until(lambda: os.path.exists(file))
    runner.send_signal(number)
    printed, _ = runner.communicate(timeout=600)
    assert runner.returncode == -number, printed
    assert printed == b""
    for pid in map(int, Path(file).read_text().split()):
        wait_until(lambda pid=pid: not is_running(pid))
    assert not [*temporary.iterdir()]


def is_running(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(holds):
    for _ in range(60_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")

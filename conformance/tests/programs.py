"""Small programs, good and bad, for the runner to judge."""

import contextlib
import io
import os
import sys
from pathlib import Path

import conformance.__main__ as command

ONE = "06-streams/one-record"  # one record, "a": 1
GOOD = """
import json, sys
data = open(sys.argv[1], "rb").read() if len(sys.argv) > 1 else sys.stdin.buffer.read()
if data[:4] != bytes.fromhex("9291a177"):
    print(json.dumps({"rejected": "not what I know", "clause": "REC-1", "offset": "0"}), file=sys.stderr)
    sys.exit(1)
print(json.dumps({"records": [{"path": ["w"], "kind": "int", "value": str(data[-1])}]}))
"""


def program(folder, text, name="program.py"):
    """The command that runs a Python program."""
    file = Path(folder) / name
    file.write_text(text)
    return f"{sys.executable} -S -E {file}"


def run(*words, cwd=None):
    """The runner as a program: its exit status and what it printed."""
    import subprocess

    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "conformance", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd or root, env=env, timeout=1800)
    return done.returncode, done.stdout + done.stderr


def run_here(*words):
    """As `run`, in this process, where the corpus is read once."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = command.main([*map(str, words)])
    return status, printed.getvalue()


def finds_one(folder):
    """A decoder that accepts everything and finds the int 1 in it."""
    record = {"path": ["a"], "kind": "int", "value": "1"}
    return program(folder, f"import json; print(json.dumps({{'records': [{record}]}}))")

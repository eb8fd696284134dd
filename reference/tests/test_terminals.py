"""The program on a terminal and in a pipe: names that would steer it, a reader that goes away, interrupts."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import reference
from reference.tests.typed_verbs import TREE, said


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reference.save("x", TREE)
    return tmp_path


def test_names_of_files_do_not_steer_the_terminal(folder, capsys):
    name = "evil\x1b[31m\r"
    os.rename("x", name)
    for words in (["inspect", name], ["verify", name], ["compare", name, name], ["convert", name, f"{name}2"]):
        status, out, error = said(capsys, *words)
        assert status == 0
        assert "evil\\x1b[31m\\r" in out or "evil\\u001b" in out
        assert "\x1b" not in out + error
    assert json.loads(said(capsys, "inspect", name, "--json")[1])["file"] == name


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_names_that_are_not_text_stop_no_verb(quiet, folder, capsys):
    """Names of files are bytes, and these are not UTF-8."""
    name = os.fsdecode(b"bad\xff\xfe")
    os.rename("x", name)
    for words in (
        ["verify", name, "missing", name],
        ["compare", name, name],
        ["convert", name, f"params::{name}2"],
        ["diff", name, f"{name}2", f"{name}3"],
        ["recover", name, f"{name}3", f"{name}4"],
        ["salvage", name, f"{name}5"],
        ["seal", name],
    ):
        status, out, error = said(capsys, *words, *quiet)
        assert status == ("missing" in words), error
        assert "Traceback" not in error
        assert (out == "") if quiet else ("bad\\udcff\\udcfe" in out)
    assert Path(f"{name}4").read_bytes() == Path(name).read_bytes()


def test_names_that_are_not_ascii_stop_no_verb_where_the_locale_is(folder):
    os.rename("x", "ümlaut")
    plain = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "streamckpt", "verify", "-q", "ümlaut"]
    done = subprocess.run(command, capture_output=True, text=True, env=plain)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_pipe_that_is_closed_is_a_good_end(shell, folder):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    reference.save("many", {str(i): i for i in range(20_000)})
    command = f"set -o pipefail; {sys.executable} -m streamckpt inspect many | head -1"
    done = subprocess.run([shell, "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("many: stream, 20,000 leaves")


# Python, which hears interrupts also where these tests are a job in the background, which ignores them.
HEARD = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
INTERRUPTIBLE = [sys.executable, "-c", HEARD, sys.executable]


@pytest.mark.parametrize("words", [["verify", "-"], ["convert", "-", "z"]])
def test_an_interrupt_is_one_line(words, folder):
    """While it waits for its input: when that begins is known by what has been read."""
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [*INTERRUPTIBLE, "-m", "streamckpt", *words],
        stdin=ours,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(ours)
    os.write(theirs, b"x" * 100_000)  # more than a pipe holds: it is over when the program reads
    process.send_signal(signal.SIGINT)
    out, error = process.communicate()
    os.close(theirs)
    assert (process.returncode, out) == (130, "")
    assert re.fullmatch(r"streamckpt( \w+)?: error: interrupted\n", error)


@pytest.mark.parametrize(
    "words", [["-m", "streamckpt", "verify", "x"], ["-m", "reference.verify", "x"], ["streamckpt", "verify", "x"]]
)
def test_an_interrupt_is_one_line_while_modules_are_imported(words, folder):
    """Interrupted by a module that it imports, which tells of it otherwise, as numpy does."""
    swallowed = "try: os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException: raise ImportError('badly installed')\n"
    (folder / "msgpack.py").write_text(f"import os, signal\n{swallowed}print('late')\n")
    (folder / "streamckpt").write_text("import sys\nfrom reference.commands.verbs import main\nsys.exit(main())\n")
    root = os.path.dirname(os.path.dirname(reference.__file__))
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{root}"}
    done = subprocess.run(
        [*INTERRUPTIBLE, *words],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "streamckpt: error: interrupted\n")


def test_nothing_is_imported_before_interrupts_are_heard():
    """What is, Python has loaded when it starts: a traceback is shown as long as anything else takes."""

    def imported(code):
        command = [sys.executable, "-X", "importtime", "-c", code]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        return [line.rpartition("|")[2].strip() for line in told.splitlines()]

    first = imported("import reference")
    until = first.index("reference.commands.interrupts")
    assert {*first[:until]} - {*imported("")} == {"reference.commands"}


def test_other_programs_are_left_alone(folder):
    code = "import signal, reference; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([*INTERRUPTIBLE, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n"

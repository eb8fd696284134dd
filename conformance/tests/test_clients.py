"""The clients are judged: those whose toolchain is present as programs, and those in Python in this process."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.callables import Rejected
from conformance.tests.programs import run

CLIENTS = Path(__file__).parents[1] / "clients"
sys.path.insert(0, str(CLIENTS))

import loop_client  # noqa: E402
import protocol  # noqa: E402
import reference_client  # noqa: E402


def tool(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"the client is not judged: {name} is not installed")
    return found


def judged(command, *parts, large=True):
    options = [word for part in parts for word in (f"--{part}r", f"{command} {part}")]
    status, printed = run("run", *options, "--jobs", "2", *([] if large else ["--no-large"]))
    assert status == 0, printed
    assert "PASS" in printed


def test_the_client_in_c(tmp_path):
    strict = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run([tool("cc"), *strict, "-o", tmp_path / "client", CLIENTS / "client.c"], check=True)
    judged(tmp_path / "client", "decode", "encode", "flax-decode", "flax-encode")


def test_the_client_in_javascript():
    judged(f"{tool('node')} {CLIENTS / 'client.mjs'}", "decode", "encode", "flax-decode", "flax-encode", large=False)


def test_the_client_in_rust(tmp_path):
    source, program = CLIENTS / "client.rs", tmp_path / "client"
    subprocess.run([tool("rustc"), "-O", "-D", "warnings", "--edition", "2021", source, "-o", program], check=True)
    judged(program, "decode", "flax-decode", large=False)


def test_the_reference_as_a_program():
    """A part of the corpus through the command line; all of it is judged in this process, below."""
    command = f"{sys.executable} {CLIENTS / 'reference_client.py'}"
    options = [
        w for part in ("decode", "encode", "flax-decode", "flax-encode") for w in (f"--{part}r", f"{command} {part}")
    ]
    options += ["--converter", f"{command} convert", "--recoverer", f"{command} recover"]
    matches = ("00-*", "*/example-*", "*cut*", "05-records/a-tensor*", "09-conversion/*stream*", "10-delta/*two*")
    status, printed = run("run", *options, "--no-large", *(word for glob in matches for word in ("--match", glob)))
    assert status == 0, printed
    assert " named " not in printed


# --- in this process --------------------------------------------------------------------------------------------------


class Output:
    """A sink, and standard output for the loop."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.write = self.buffer.write

    def copy_from(self, source, offset, n):
        self.write(source.read_at(offset, n))


def told(part):
    """A part of the reference client, whose rejections are those of the suite."""

    def call(given):
        try:
            return reference_client.telling(part)(given)
        except protocol.Rejected as error:
            offset = error.told.get("offset")
            why, clause = error.told["rejected"], error.told.get("clause")
            raise Rejected(why, clause, None if offset is None else int(offset)) from None

    return call


def encoded(asked, flax=False):
    sink = Output()
    reference_client.encode(asked, sink, flax)
    return sink.buffer.getvalue()


@pytest.mark.conformance(part="decode")
def test_the_reference_reads_every_stream(conformance_check):
    conformance_check.judge(told(lambda path: reference_client.decode(str(path))))


@pytest.mark.conformance(part="encode")
def test_the_reference_writes_every_stream(conformance_check):
    conformance_check.judge(told(encoded))


@pytest.mark.conformance(part="flax-decode")
def test_the_reference_reads_every_flax_file(conformance_check):
    conformance_check.judge(told(lambda path: reference_client.decode(f"flax::{path}")))


@pytest.mark.conformance(part="flax-encode")
def test_the_reference_writes_every_flax_file(conformance_check):
    conformance_check.judge(told(lambda asked: encoded(asked, flax=True)))


def looped(part, *options):
    """A writer of the loop client; what it wrote before it failed makes the failure no rejection."""

    def call(asked):
        output, before = Output(), (sys.stdin, sys.stdout)
        sys.stdin, sys.stdout = io.StringIO(json.dumps(asked)), output
        try:
            part(*options)
        except Exception as error:
            if output.buffer.tell():
                raise RuntimeError("written, and then rejected") from error
            raise
        finally:
            sys.stdin, sys.stdout = before
        return output.buffer.getvalue()

    return call


REJECTS = (*loop_client.REJECTS, protocol.Rejected)
EASYLM, JAXSEQ = "../clients/loop.xfails", "../clients/jaxseq.xfails"


@pytest.mark.conformance(part="decode", xfails=EASYLM)
def test_the_usual_loop_reads_as_it_is_known_to(conformance_check):
    conformance_check.judge(lambda path: loop_client.decode(str(path)), REJECTS)


@pytest.mark.conformance(part="flax-decode", xfails=EASYLM)
def test_flax_reads_its_files_as_it_is_known_to(conformance_check):
    conformance_check.judge(lambda path: loop_client.flax_decode(str(path)), REJECTS)


@pytest.mark.conformance(part="encode", xfails=EASYLM)
def test_the_usual_loop_writes_as_it_is_known_to(conformance_check):
    conformance_check.judge(looped(loop_client.encode), REJECTS)


@pytest.mark.conformance(part="encode", xfails=JAXSEQ)
def test_the_loop_of_jaxseq_writes_as_it_is_known_to(conformance_check):
    conformance_check.judge(looped(loop_client.encode, "--jaxseq"), REJECTS)


@pytest.mark.conformance(part="flax-encode", xfails=EASYLM)
def test_flax_writes_its_files_as_it_is_known_to(conformance_check):
    conformance_check.judge(looped(loop_client.flax_encode), REJECTS)

"""`-`, /dev/stdin, /dev/stdout and pipes in place of files."""

import contextlib
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.checkpoints import detached_seals
from reference.commands import compare, convert, diff, inspect, recover, salvage, seal, verify
from reference.format.errors import UsageError
from reference.storage import open_descriptors
from reference.storage.open_descriptors import descriptor_of
from reference.storage.places import LocalPlace, place_of

TREE = {"b": {"c": np.ones(3)}, "w": np.arange(300_000, dtype=np.float32)}


@pytest.fixture
def stream(tmp_path):
    reference.save(tmp_path / "a", TREE)
    return tmp_path / "a"


@contextlib.contextmanager
def descriptor(number, fd):
    """Have a descriptor of this process be another's file."""
    kept = os.dup(number)
    os.dup2(fd, number)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


@contextlib.contextmanager
def piped(data):
    """A pipe from which some bytes can be read."""
    end, start = os.pipe()

    def write():
        with contextlib.suppress(BrokenPipeError), open(start, "wb") as file:
            file.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield end
    finally:
        os.close(end)
        writer.join()


def to_stream(source, output):
    return [f"--load_checkpoint={source}", f"--output_file={output}", "--streaming=True"]


@pytest.mark.parametrize(
    "output", ["-", "params::-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "file:///dev/stdout"]
)
def test_a_checkpoint_goes_to_standard_output_and_what_is_said_to_the_other(stream, capfdbinary, output):
    assert convert.main(to_stream(f"params::{stream}", output)) == 0
    out, err = capfdbinary.readouterr()
    assert out == stream.read_bytes()
    assert b"a stream of 2 leaves" in err


def test_what_is_redirected_with_two_arrows_stays(stream, tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"a line\n")
    inode = log.stat().st_ino
    for output in ("-", "/dev/stdout"):
        before = log.read_bytes()
        with log.open("ab") as file, descriptor(1, file.fileno()):
            assert convert.main(to_stream(f"params::{stream}", output)) == 0
        assert log.read_bytes() == before + stream.read_bytes()
    assert log.stat().st_ino == inode


def test_a_link_to_standard_output_is_not_replaced(stream, tmp_path, capfdbinary):
    """As the logs of servers in containers are."""
    (tmp_path / "log").symlink_to("/dev/stdout")
    assert convert.main(to_stream(f"params::{stream}", tmp_path / "log")) == 0
    assert capfdbinary.readouterr().out == stream.read_bytes()
    assert (tmp_path / "log").is_symlink()


def test_a_descriptor_of_the_callers_is_written_to(tmp_path):
    with (tmp_path / "x").open("w+b", buffering=0) as file:
        file.write(b"head")
        reference.save(f"/dev/fd/{file.fileno()}", TREE)
        file.write(b"tail")
    raw = (tmp_path / "x").read_bytes()
    assert (raw[:4], raw[-4:]) == (b"head", b"tail")
    (tmp_path / "y").write_bytes(raw[4:-4])
    assert same(reference.load(tmp_path / "y"), TREE)


def test_every_command_that_writes_writes_to_it(stream, tmp_path, capfdbinary):
    reference.save(tmp_path / "b", {**TREE, "w": TREE["w"] * 2})
    sides = [f"--load_base_checkpoint=params::{stream}"]
    assert diff.main([*sides, f"--load_target_checkpoint=params::{tmp_path / 'b'}", "--output_file=-"]) == 0
    (tmp_path / "delta").write_bytes(capfdbinary.readouterr().out)
    recover = ["--recover_diff", f"--load_target_checkpoint={tmp_path / 'delta'}", "--output_file=-"]
    assert diff.main([*sides, *recover]) == 0
    assert capfdbinary.readouterr().out == (tmp_path / "b").read_bytes()
    assert salvage.main([f"--load_checkpoint={stream}", "--output_file=-"]) == 0
    assert capfdbinary.readouterr().out == stream.read_bytes()


@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
@pytest.mark.parametrize("from_pipe", [True, False])
def test_a_checkpoint_comes_from_standard_input(stream, tmp_path, capfd, source, from_pipe):
    def read(main, *arguments):
        with contextlib.ExitStack() as stack:
            if from_pipe:
                fd = stack.enter_context(piped(stream.read_bytes()))
            else:
                fd = stack.enter_context(stream.open("rb")).fileno()
            stack.enter_context(descriptor(0, fd))
            assert main(list(arguments)) == 0
        return capfd.readouterr().out

    assert "good stream (without an end mark), a tree of 2 leaves" in read(verify.main, source)
    assert "2 leaves, 1.2 MB" in read(inspect.main, source)
    read(convert.main, f"--load_checkpoint={source}", f"--output_file=safetensors::{tmp_path / 'x'}")
    assert same(reference.load(f"safetensors::{tmp_path / 'x'}"), TREE)
    assert sorted(os.listdir(tmp_path)) == ["a", "x"]


def test_what_was_read_before_is_not_read_again(stream, tmp_path, capfd):
    """`(read line; streamckpt verify -) < file` verifies what follows the line."""
    (tmp_path / "x").write_bytes(b"a line\n" + stream.read_bytes())
    with (tmp_path / "x").open("rb", buffering=0) as file, descriptor(0, file.fileno()):
        os.lseek(0, 7, os.SEEK_SET)
        assert verify.main(["-"]) == 0
    assert "good stream" in capfd.readouterr().out


def test_a_flax_file_comes_from_a_pipe_too(stream, tmp_path, capfd):
    convert.main([f"--load_checkpoint=params::{stream}", f"--output_file={tmp_path / 'x'}", "--streaming=False"])
    with piped((tmp_path / "x").read_bytes()) as fd, descriptor(0, fd):
        assert verify.main(["flax::-"]) == 0
    assert "good standard flax" in capfd.readouterr().out


def test_one_side_of_a_comparison_a_delta_and_a_damaged_file_come_from_a_pipe(stream, tmp_path, capfd):
    def read(main, data, *arguments):
        with piped(data) as fd, descriptor(0, fd):
            return main(list(map(str, arguments)))

    data = stream.read_bytes()
    assert read(compare.main, data, "-", stream) == read(compare.main, data, stream, "params::-") == 0
    assert diff.main([str(stream), str(stream), str(tmp_path / "delta")]) == 0
    assert read(recover.main, (tmp_path / "delta").read_bytes(), stream, "-", tmp_path / "again") == 0
    assert (tmp_path / "again").read_bytes() == data
    assert read(salvage.main, data[:-5], "-", tmp_path / "rescued") == 3
    assert len(reference.load(tmp_path / "rescued")) == 1


def test_a_cut_pipe_is_a_cut_stream(stream, capfd):
    with piped(stream.read_bytes()[:-5]) as fd, descriptor(0, fd):
        assert verify.main(["-"]) == 1
    assert "/dev/stdin" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (diff.main, ["--load_base_checkpoint=-", "--load_target_checkpoint=a", "--output_file=x"]),
        (diff.main, ["--load_base_checkpoint=a", "--load_target_checkpoint=params::-", "--output_file=x"]),
        (seal.main, ["-"]),
    ],
)
def test_who_reads_more_than_once_says_so(stream, capfd, main, arguments):
    assert main(arguments) == 2
    assert "needs a named file, and not standard input; save the input to a file first" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("main", "arguments"),
    [(compare.main, ["-", "params::-"]), (verify.main, ["-", "a", "-"]), (inspect.main, ["-", "-"])],
)
def test_standard_input_is_not_read_twice(stream, capfd, main, arguments):
    assert main(arguments) == 2
    assert "standard input can be read only once, and - is given more than once" in capfd.readouterr().err


def test_what_has_no_name_has_no_seal_beside_it(stream):
    with stream.open("rb") as file, pytest.raises(UsageError, match="not a named file, so its seal has no place"):
        detached_seals.seal(f"/dev/fd/{file.fileno()}")


def test_a_terminal_gets_no_checkpoint(stream, capfd):
    other, terminal = pty.openpty()
    try:
        with descriptor(1, terminal):
            assert convert.main(to_stream(f"params::{stream}", "-")) == 1
    finally:
        os.close(other)
        os.close(terminal)
    assert "this is a terminal; redirect it" in capfd.readouterr().err


def test_what_is_open_to_be_read_is_not_written_to(stream, tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with (tmp_path / "x").open("rb") as file, pytest.raises(OSError, match="open for reading only"):
        reference.save(f"/dev/fd/{file.fileno()}", TREE)
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_descriptor_that_is_not_open_is_said(tmp_path):
    with pytest.raises(OSError, match="not open") as caught:
        reference.save("/dev/fd/987", TREE)
    assert caught.value.filename == "/dev/fd/987"
    with pytest.raises(OSError, match="not open"):
        reference.load("/proc/self/fd/987")


def test_standard_output_that_is_closed_is_said(stream):
    """What is opened next would get its number."""
    command = "[sys.executable, '-m', 'reference.convert', *sys.argv[1:]]"
    code = f"import os, sys; os.close(1); os.execv(sys.executable, {command})"
    run = [sys.executable, "-c", code, *to_stream(f"params::{stream}", "-")]
    found = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert found.returncode == 2
    assert "standard output is closed" in found.stderr


def test_a_full_disk_under_the_temporary_file_is_said(stream, monkeypatch, capfd):
    def full(*_, **__):
        return open("/dev/full", "wb", buffering=0)

    monkeypatch.setattr(open_descriptors.tempfile, "TemporaryFile", full)
    with piped(stream.read_bytes()) as fd, descriptor(0, fd):
        assert verify.main(["-"]) == 1
    assert "TMPDIR names another folder" in capfd.readouterr().err


def test_other_names_are_those_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("-", "stdout", "dev/stdout", "/dev/null", "/dev/fd/x", "/proc/1/fd/1", "/dev/stdout/x"):
        assert descriptor_of(name) is None
        assert isinstance(place_of(name), LocalPlace)
    reference.save("-", TREE)  # in Python it is a name like any other
    assert os.listdir(tmp_path) == ["-"]
    (tmp_path / "circle").symlink_to("circle")
    assert descriptor_of("circle") is None

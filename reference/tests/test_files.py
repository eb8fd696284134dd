"""Files are read and copied whole, and what is no checkpoint is named."""

import errno
import os
import stat

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference import files
from reference.errors import FormatError, WrongKind
from reference.files import FileSink, FileSource
from reference.outputs import replace
from reference.wire import BytesSource

TREE = {"a": np.arange(1000, dtype=np.float32), "b": {"c": np.arange(7, dtype=np.int8)}}


def test_short_writes_are_taken_up(tmp_path, monkeypatch):
    real = os.writev

    def short(fd, views):
        return real(fd, [bytes(views[0])[:1000]])

    monkeypatch.setattr(os, "writev", short)
    reference.save(tmp_path / "x", {"a": np.arange(100_000)})
    monkeypatch.undo()
    assert same(reference.load(tmp_path / "x"), {"a": np.arange(100_000)})


@pytest.mark.parametrize("fault", [errno.EXDEV, errno.EOPNOTSUPP])
def test_where_the_kernel_cannot_copy_a_buffer_does(tmp_path, monkeypatch, fault):
    data = os.urandom(3_000_001)
    (tmp_path / "in").write_bytes(data)

    def refuse(*_):
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    moved = []
    with FileSource(tmp_path / "in") as source, replace(tmp_path / "out", moved.append) as sink:
        sink.write(b"head")
        sink.copy_from(source, 1, len(data) - 1)
    assert (tmp_path / "out").read_bytes() == b"head" + data[1:]
    assert sum(moved) == len(data) + 3


def test_kernel_copies_report_their_progress(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_CALL", 1 << 20)
    (tmp_path / "in").write_bytes(bytes(5_000_000))
    moved = []
    with FileSource(tmp_path / "in") as source, replace(tmp_path / "out", moved.append) as sink:
        sink.copy_from(source, 0, 5_000_000)
    assert sum(moved) == 5_000_000
    assert len(moved) >= 5


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "x"
    reference.save(path, {"a": np.zeros(1 << 20)})
    with reference.open(path) as checkpoint:
        os.truncate(path, 1 << 20)
        with pytest.raises(FormatError) as caught:
            checkpoint["a"]
        assert caught.value.path == ("a",)
        with pytest.raises(FormatError), replace(tmp_path / "y") as sink:
            sink.copy_from(checkpoint.source, 100, 1 << 22)
    assert not (tmp_path / "y").exists()


def test_a_text_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "x"
    reference.save(path, {"a": "word" * 30_000})
    with reference.open(path) as checkpoint:
        at = checkpoint.records[0].extents()[0][0]
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"\xff")
        with pytest.raises(FormatError, match="changed while it was read") as caught:
            checkpoint["a"]
        assert (caught.value.clause, caught.value.offset, caught.value.path) == ("WIRE-5", at, ("a",))
        with pytest.raises(FormatError, match="changed while it was read"):
            checkpoint.tree()


@pytest.mark.parametrize("call", ["pread", "preadv"])
def test_a_read_that_fails_names_the_file_that_is_read(tmp_path, monkeypatch, call):
    reference.save(tmp_path / "in", {"a": np.zeros(1 << 20, np.int8)})

    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    with reference.open(tmp_path / "in") as checkpoint, pytest.raises(OSError, match="Input/output") as caught:
        monkeypatch.setattr(os, call, refuse)
        if call == "preadv":
            checkpoint["a"]
        else:
            with replace(tmp_path / "out") as sink:
                sink.copy_from(checkpoint.source, 0, 1 << 20)
    assert caught.value.filename == str(tmp_path / "in")


def test_a_file_whose_size_cannot_be_had_is_closed(tmp_path, monkeypatch):
    reference.save(tmp_path / "x", TREE)
    before = os.listdir("/proc/self/fd")

    def refuse(*_):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(os, "fstat", refuse)
    with pytest.raises(OSError, match="tale") as caught:
        reference.load(tmp_path / "x")
    monkeypatch.undo()
    assert caught.value.filename == str(tmp_path / "x")
    assert os.listdir("/proc/self/fd") == before


def test_memory_is_a_source_for_files_too(tmp_path):
    with replace(tmp_path / "x") as sink:
        assert isinstance(sink, FileSink)
        sink.copy_from(BytesSource(b"abc" * 1_000_000), 3, 2_999_994)
    assert (tmp_path / "x").read_bytes() == b"abc" * 999_998


@pytest.mark.parametrize("special", ["folder", "fifo", "device"])
def test_only_regular_files_are_read_or_replaced(tmp_path, special):
    path = tmp_path / "x"
    if special == "folder":
        path.mkdir()
    elif special == "fifo":
        os.mkfifo(path)
        fd = os.open(path, os.O_RDWR)  # so that opening does not wait
    else:
        path = "/dev/null"
    with pytest.raises(OSError, match=r"directory|regular"):
        reference.load(path)
    with pytest.raises(OSError, match=r"directory|regular"):
        reference.save(path, TREE)
    if special == "fifo":
        os.close(fd)


OTHERS = {
    "empty file": b"",
    "pickle": b"\x80\x04\x95\x10\x00",
    "zip": b"PK\x03\x04" + bytes(30),
    "compressed": b"\x28\xb5\x2f\xfd\x00",
    "JSON": b' {"error": "not found"}',
    "numpy": b"\x93NUMPY\x01\x00",
    "gzip": b"\x1f\x8b\x08" + bytes(30),
    "git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "HTML": b"\n<!DOCTYPE html><html>",
    "file of zeros": bytes(100),
    "flax": b"\x81\xa1a\x01",
    "safetensors": (8).to_bytes(8, "little") + b"{}      ",
    "unknown": b"hello",
}


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_a_file_of_another_kind_is_named_with_what_to_do(tmp_path, kind):
    (tmp_path / "x").write_bytes(OTHERS[kind])
    for call in (reference.load, reference.scan, reference.open, lambda path: list(reference.records(path))):
        with pytest.raises(WrongKind) as caught:
            call(tmp_path / "x")
        assert kind in str(caught.value)
        assert caught.value.advice
        assert str(tmp_path / "x") in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_safetensors_file_whose_length_looks_like_a_record_is_recognised(tmp_path):
    header = b"{}" + b" " * 0x90
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header)
    assert len(header) == 0x92
    with pytest.raises(WrongKind, match="safetensors"):
        reference.load(tmp_path / "x")


def test_no_descriptor_stays_open(tmp_path):
    reference.save(tmp_path / "x", TREE)
    (tmp_path / "bad").write_bytes(b"\x92\x91")
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        reference.load(tmp_path / "x")
        reference.scan(tmp_path / "x")
        list(reference.records(tmp_path / "x"))
        next(reference.records(tmp_path / "x"))
        reference.save(tmp_path / "y", TREE)
        with pytest.raises(FormatError):
            reference.load(tmp_path / "bad")
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_name_that_begins_two_kinds_is_read_as_the_one_asked_for(tmp_path):
    tree = {"\0\0\0\0\0{a": np.zeros(12_000_000, np.int8)}
    reference.save(tmp_path / "x", tree)
    assert same(reference.load(tmp_path / "x"), tree)
    assert same(reference.load(f"params::{tmp_path}/x"), tree)


def overwrite(path, at=-1, data=b"\xff", moment=1):
    """Write into a file as one does that saves in place; `moment` is how many ns later its clock ticks."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + moment))


@pytest.fixture
def changed_while_read(tmp_path, monkeypatch):
    """A file that somebody writes to before the first of its payload is read."""
    path = tmp_path / "changing"
    reference.save(path, {"a": np.arange(100_000, dtype=np.float32), "b": np.zeros(100_000, np.float32)})
    for name, at in (("preadv", 2), ("copy_file_range", 3)):
        real = getattr(os, name)

        def change(*arguments, real=real, at=at):
            assert len(arguments) > at
            overwrite(path)
            return real(*arguments)

        monkeypatch.setattr(os, name, change)
    return path


def _converted(path, output):
    from reference.convert import convert

    convert(str(path), f"params::{output}")


def _verified(path, output):
    from reference.verify import verify

    with reference.open(path) as checkpoint:
        verify(checkpoint, lambda n: None)


def _loaded_like(path, output):
    reference.load(path, like={key: np.zeros(100_000, np.float32) for key in "ab"})


def _compared(path, output):
    from reference.delta import compare

    compare(str(path), {"a": np.zeros(100_000, np.float32)})


def _differed(path, output):
    from reference.delta import diff

    diff({"a": np.zeros(3)}, str(path), output)


def _based(path, output):
    from reference.delta import diff

    diff(str(path), {"a": np.zeros(100_000, np.float32)}, output)


def _subtracted(path, output):
    from reference.delta import subtract

    subtract({key: np.zeros(100_000, np.float32) for key in "ab"}, str(path), output)


READERS = {
    "load": lambda path, output: reference.load(path),
    "load like": _loaded_like,
    "records": lambda path, output: list(reference.records(path)),
    "verify": _verified,
    "compare": _compared,
    "convert": _converted,
    "diff of it": _differed,
    "diff to it": _based,
    "subtract": _subtracted,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_written_to_while_it_is_read_is_refused(changed_while_read, reader):
    """What is read may be the half of two files; a saver that writes in place leaves no other trace."""
    output = changed_while_read.with_name("output")
    with pytest.raises(OSError, match="changed while it was read") as caught:
        READERS[reader](changed_while_read, output)
    assert caught.value.filename == str(changed_while_read)
    assert os.listdir(output.parent) == ["changing"]


def test_a_file_that_another_takes_the_place_of_is_read_to_its_end(tmp_path, monkeypatch):
    path, real = tmp_path / "x", os.preadv
    reference.save(path, {"a": np.zeros(100_000)})

    def replaced(*arguments):
        reference.save(path, {"a": np.ones(100_000)})
        return real(*arguments)

    monkeypatch.setattr(os, "preadv", replaced)
    assert same(reference.load(path), {"a": np.zeros(100_000)})
    monkeypatch.undo()
    assert same(reference.load(path), {"a": np.ones(100_000)})


@pytest.mark.parametrize("call", ["pread", "preadv", "fstat"])
def test_an_error_of_reading_names_the_file_that_was_read(tmp_path, monkeypatch, call):
    from reference.convert import convert

    reference.save(tmp_path / "x", {"a": np.zeros(100_000)})

    def fails(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch, pytest.raises(OSError, match="Input/output error") as caught:
        patch.setattr(os, call, fails)
        convert(str(tmp_path / "x"), str(tmp_path / "y"), float_type="bf16")
    assert caught.value.filename == str(tmp_path / "x")
    assert os.listdir(tmp_path) == ["x"]


def test_a_fifo_that_comes_between_a_look_and_the_opening_is_refused(tmp_path, monkeypatch):
    path, real = tmp_path / "x", os.stat
    path.write_bytes(b"x")

    def exchanged(*arguments, **more):
        found = real(*arguments, **more)
        if arguments[0] == str(path) and stat.S_ISREG(found.st_mode):
            path.unlink()
            os.mkfifo(path)
        return found

    with monkeypatch.context() as patch, pytest.raises(OSError, match="not a regular file"):
        patch.setattr(os, "stat", exchanged)
        FileSource(path)

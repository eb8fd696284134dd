"""Files are read and copied whole, and what is not a checkpoint is named."""

import errno
import itertools
import os
import stat
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.format.errors import FormatError, WrongKind
from reference.format.wire import BytesSource
from reference.storage import copying, sinks
from reference.storage.atomic_files import replace
from reference.storage.local_files import FileSource
from reference.storage.sinks import FileSink

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
    monkeypatch.setattr(copying, "CALL", 1 << 20)
    (tmp_path / "in").write_bytes(bytes(5_000_000))
    moved = []
    with FileSource(tmp_path / "in") as source, replace(tmp_path / "out", moved.append) as sink:
        sink.copy_from(source, 0, 5_000_000)
    assert sum(moved) == 5_000_000
    assert len(moved) >= 5


@pytest.mark.parametrize("slow", ["copy_file_range", "pread"])
def test_the_faster_of_two_ways_to_copy_is_taken(tmp_path, monkeypatch, slow):
    monkeypatch.setattr(copying, "_TRIAL", 1 << 19)
    data = os.urandom(5_000_001)
    (tmp_path / "in").write_bytes(data)
    calls = {"copy_file_range": 0, "pread": 0}
    clock = lambda: calls["copy_file_range"] + calls["pread"] + 9 * calls[slow]  # a slow call takes ten times as long
    monkeypatch.setattr(copying, "time", SimpleNamespace(perf_counter=clock))

    def counted(name):
        real = getattr(os, name)

        def call(*arguments):
            calls[name] += 1
            return real(*arguments)

        monkeypatch.setattr(os, name, call)

    for name in calls:
        counted(name)
    moved = []
    with FileSource(tmp_path / "in") as source, replace(tmp_path / "out", moved.append, behind=True) as sink:
        sink.write(b"head")
        sink.copy_from(source, 1, len(data) - 1)
        tried = dict(calls)
        sink.copy_from(source, 0, len(data))
    assert (tmp_path / "out").read_bytes() == b"head" + data[1:] + data
    assert sum(moved) == 2 * len(data) + 3
    assert all(tried.values())
    assert [name for name in calls if calls[name] > tried[name]] == [name for name in calls if name != slow]


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
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(30),
    "picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(30),
    "gzip": b"\x1f\x8b\x08" + bytes(30),
    "git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "HTML": b"\n<!DOCTYPE html><html>",
    "file of zeros": bytes(100),
    "GGUF": b"GGUF\x03\0\0\0" + bytes(16),
    "orbax folder": b"\x0c\xdb:*q" + bytes(9),
    "short text": b"Entry not found",
    "text (": b"\nAccess to this model is restricted. Please log in.\r\n",
    "JSON text": b'\xef\xbb\xbf{"a": 1}',
    "unknown": b"hello\0",
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


@pytest.mark.parametrize(
    "name", ["model.safetensors", "safetensors::any", "flax::any", "params::any", "safetensors::a/"]
)
def test_what_was_saved_is_loaded_by_its_path_alone(tmp_path, monkeypatch, name):
    """CONV-5, the last row: without a prefix, the kind of a file is recognised."""
    monkeypatch.chdir(tmp_path)
    tree = {"a": {"b": np.arange(6, dtype=np.float32).reshape(2, 3)}, "c": np.ones(3, np.int8)}
    reference.save(name, tree)
    path = name.partition("::")[2] or name
    loaded = reference.load(path)
    assert loaded.keys() == tree.keys()
    assert np.array_equal(loaded["a"]["b"], tree["a"]["b"])
    assert {record.path for record in reference.scan(path)} == {("a", "b"), ("c",)}
    assert dict(reference.records(path, "a"))["b",].shape == (2, 3)
    assert reference.load(path, "a", like={"b": np.zeros((2, 3), np.float32)})["b"][1, 2] == 5


def test_a_safetensors_file_whose_length_looks_like_a_record_is_recognised(tmp_path):
    header = b"{}" + b" " * 0x90
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header)
    assert len(header) == 0x92
    with pytest.raises(WrongKind, match="safetensors"):
        reference.load(f"params::{tmp_path / 'x'}")


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


@pytest.mark.parametrize("call", ["pread", "preadv", "fstat"])
def test_an_error_of_reading_names_the_file_that_was_read(tmp_path, monkeypatch, call):
    from reference.convert import convert

    reference.save(tmp_path / "x", {"a": np.zeros(100_000)})

    def fails(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch, pytest.raises(OSError, match="Input/output error") as caught:
        patch.setattr(os, call, fails)
        convert(str(tmp_path / "x"), str(tmp_path / "y"), float_dtype="bf16")
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


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("kernel_copies", [False, True])
def test_what_is_in_the_file_goes_to_the_disk_while_more_is_written(tmp_path, monkeypatch, behind, kernel_copies):
    began = []

    def begin(fd, offset, n):
        assert os.fstat(fd).st_size >= offset + n
        began.append((offset, n))

    monkeypatch.setattr(sinks, "_begin_to_write", begin)
    monkeypatch.setattr(sinks, "_BEGIN", 1 << 20)
    for module in (copying, sinks):
        monkeypatch.setattr(module, "CALL", 3 << 18)
    if not kernel_copies:
        monkeypatch.delattr(os, "copy_file_range")
    data = os.urandom(5_000_001)
    (tmp_path / "in").write_bytes(data)
    with FileSource(tmp_path / "in") as source, replace(tmp_path / "out", behind=behind) as sink:
        for n in (10, 3_000_000, 7):
            sink.write(data[:n])
        sink.copy_from(source, 1, len(data) - 1)
        sink.write(data)
    written = (tmp_path / "out").read_bytes()
    assert written == data[:10] + data[:3_000_000] + data[:7] + data[1:] + data
    assert [offset for offset, _ in began] == [0, *itertools.accumulate(n for _, n in began[:-1])]
    assert all(n and n % (1 << 16) == 0 for _, n in began)
    assert len(written) - sum(n for _, n in began) < 3 << 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a system call of Linux")
def test_the_kernel_takes_the_request_to_begin(tmp_path):
    (tmp_path / "x").write_bytes(bytes(1 << 20))
    with open(tmp_path / "x", "r+b") as file:
        call = sinks._sync_file_range()
        assert call is not None
        assert call(file.fileno(), 0, 1 << 20, 2) == 0
    sinks._begin_to_write(-1, 0, 1 << 20)  # what cannot be begun is not an error


def test_a_system_without_that_call_saves_too(tmp_path, monkeypatch):
    def has_none(name):
        raise OSError("no such library")

    monkeypatch.setattr(sinks.ctypes, "CDLL", has_none)
    sinks._sync_file_range.cache_clear()
    try:
        reference.save(tmp_path / "x", {"a": np.zeros(3 << 20)})
    finally:
        sinks._sync_file_range.cache_clear()
    assert reference.load(tmp_path / "x")["a"].nbytes == 24 << 20

"""Outputs appear whole or not at all; what is no checkpoint is named."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

import reference
from reference import files
from reference.errors import FormatError, WrongKind
from reference.files import FileSink, FileSource
from reference.outputs import replace
from reference.tests.equality import same
from reference.wire import BytesSource

TREE = {"a": np.arange(1000, dtype=np.float32), "b": {"c": np.arange(7, dtype=np.int8)}}


def test_a_new_file_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o640)
    reference.save(path, TREE)
    assert same(reference.load(path), TREE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["x"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    reference.save(tmp_path / "x", TREE)
    (tmp_path / "y").write_bytes(b"")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


@pytest.mark.parametrize("nameless", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, nameless):
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), replace(path) as sink:
        sink.write(b"new" * 100_000)
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]
    with replace(path) as sink:
        sink.write(b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644 & ~_umask() | 0o600


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    reference.save(tmp_path / "link", TREE)
    assert (tmp_path / "link").is_symlink()
    assert same(reference.load(tmp_path / "real"), TREE)


def test_a_killed_save_leaves_the_old_file_and_no_debris(tmp_path):
    path = tmp_path / "x"
    reference.save(path, TREE)
    code = """
import numpy as np, sys, reference
tree = {str(i): np.zeros(1 << 20, np.float32) for i in range(300)}
print("go", flush=True)
while True:
    reference.save(sys.argv[1], tree)
    print("saved", flush=True)
"""
    for wait in (0.0, 0.03, 0.1, 0.2, 0.35):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"go\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert os.listdir(tmp_path) == ["x"]
        assert len(reference.load(path)) in (2, 300)


def test_what_a_killed_save_left_under_a_name_is_swept_up_by_the_next(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE")
    path, other = tmp_path / "x", tmp_path / "y"
    code = """
import os, signal, sys
from reference.outputs import replace
del os.O_TMPFILE
with replace(sys.argv[1]) as sink:
    sink.write(b"new")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    with replace(path) as sink:  # it may be somebody's who has only just begun
        sink.write(b"new")
    assert left.exists()
    path.unlink()
    os.utime(left, (0, 0))
    reference.save(other, TREE)  # another file's leavings are not its business
    assert len(os.listdir(tmp_path)) == 2
    with replace(path) as first:  # two savers at once do not sweep each other up
        first.write(b"first")
        for entry in tmp_path.glob(".streamckpt-*"):
            os.utime(entry, (0, 0))
        with replace(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]


def test_a_full_disk_is_said_in_one_line_and_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "x"
    reference.save(path, TREE)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(OSError, match="No space left") as caught:
        reference.save(path, {"a": np.zeros(1 << 20)})
    assert caught.value.filename == str(path)
    monkeypatch.undo()
    assert same(reference.load(path), TREE)
    assert os.listdir(tmp_path) == ["x"]


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


def test_a_missing_folder_is_said_before_any_work(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        reference.save(tmp_path / "no" / "x", TREE)


def test_a_folder_without_permission_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, as whom tests may run, may write everywhere
    with pytest.raises(PermissionError, match="no permission"):
        reference.save(tmp_path / "x", TREE)


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


def test_only_our_own_leavings_are_swept_up(tmp_path):
    for name in (".model.safetensors.part", ".model.abcdefabcdef.part", ".streamckpt-0-1.part"):
        (tmp_path / name).write_bytes(b"somebody's")
        os.utime(tmp_path / name, (0, 0))
    from reference.outputs import _hidden

    os.mkfifo(tmp_path / _hidden(tmp_path / "model", "0" * 12))  # opening it would wait for ever
    reference.save(tmp_path / "model", TREE)
    assert len(os.listdir(tmp_path)) == 5


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.delattr(os, "O_TMPFILE")
    reference.save(tmp_path / "x", TREE)
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["\U0001f600" * 63, "x" * 255, "\udcff\n", "a*?[b]"])
def test_any_name_that_a_file_can_have_will_do(tmp_path, name):
    reference.save(tmp_path / name, TREE)
    assert same(reference.load(tmp_path / name), TREE)
    assert os.listdir(tmp_path) == [name]


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    real = os.open

    def refuse(path, flags, *rest, **more):
        if flags & os.O_DIRECTORY and os.fspath(path) == str(tmp_path) and not flags & os.O_TMPFILE == os.O_TMPFILE:
            raise PermissionError(errno.EACCES, "no")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    reference.save(tmp_path / "x", TREE)
    monkeypatch.undo()
    assert same(reference.load(tmp_path / "x"), TREE)


def test_a_name_that_begins_two_kinds_is_read_as_the_one_asked_for(tmp_path):
    tree = {"\0\0\0\0\0{a": np.zeros(12_000_000, np.int8)}
    reference.save(tmp_path / "x", tree)
    assert same(reference.load(tmp_path / "x"), tree)
    assert same(reference.load(f"params::{tmp_path}/x"), tree)

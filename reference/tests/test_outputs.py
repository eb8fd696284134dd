"""Outputs appear whole or not at all, and leave nothing behind."""

import errno
import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.storage import new_files, sinks
from reference.storage.atomic_files import replace
from reference.storage.folders import make_folder
from reference.storage.local_files import FileSource
from reference.tests.waiting import busy

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


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("nameless", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, nameless, behind):
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), replace(path, behind=behind) as sink:
        sink.write(b"new" * 100_000)
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]
    with replace(path) as sink:
        sink.write(b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644 & ~_umask() | 0o600


def test_what_is_written_behind_comes_in_order(tmp_path):
    """Small writes, large ones, and stretches that the kernel copies."""
    (tmp_path / "in").write_bytes(data := os.urandom(1 << 20))
    moved, wanted = [], b""
    with FileSource(tmp_path / "in") as source, replace(tmp_path / "x", moved.append, behind=True) as sink:
        for i in range(40):
            large = bytes((i,)) * (1 << 20)
            sink.write(b"small")
            sink.write(large)
            wanted += b"small" + large
            if i % 8 == 3:
                sink.copy_from(source, i, 1 << 19)
                wanted += data[i : i + (1 << 19)]
    assert (tmp_path / "x").read_bytes() == wanted
    assert sum(moved) == len(wanted)


def test_few_bytes_wait_to_be_written_behind(tmp_path, monkeypatch):
    started, written, real = 0, 0, os.writev

    def slow(fd, views):
        nonlocal written
        assert started - written <= sinks._BEHIND + (1 << 20)  # and what waits to be put with them
        busy(1)  # the other thread runs ahead
        n = real(fd, views)
        written += n
        return n

    monkeypatch.setattr(os, "writev", slow)
    with replace(tmp_path / "x", behind=True) as sink:
        for _ in range(30):
            started += 1 << 20
            sink.write(bytes(1 << 20))
        sink.write(bytes(sinks._BEHIND * 2))  # more than may wait: alone, then
    assert (tmp_path / "x").stat().st_size == (30 << 20) + sinks._BEHIND * 2


@pytest.mark.parametrize("count", [1, 50])
def test_an_error_of_a_write_behind_is_raised(tmp_path, monkeypatch, count):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(OSError, match="No space left") as caught, replace(tmp_path / "x", behind=True) as sink:
        for _ in range(count):
            sink.write(bytes(1 << 20))
    assert caught.value.filename == str(tmp_path / "x")
    assert os.listdir(tmp_path) == []


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


@pytest.mark.slow
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
    for work in (0, 8, 20, 50, 100):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"go\n"
        busy(work)
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
from reference.storage.atomic_files import replace
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


def test_a_missing_folder_is_said_before_any_work(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        reference.save(tmp_path / "no" / "x", TREE)


def test_a_folder_without_permission_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root, as whom tests may run, may write everywhere
    with pytest.raises(PermissionError, match="no permission"):
        reference.save(tmp_path / "x", TREE)


def test_only_our_own_leavings_are_swept_up(tmp_path):
    for name in (".model.safetensors.part", ".model.abcdefabcdef.part", ".streamckpt-0-1.part"):
        (tmp_path / name).write_bytes(b"somebody's")
        os.utime(tmp_path / name, (0, 0))
    from reference.storage.new_files import HIDDEN_FILE

    os.mkfifo(tmp_path / HIDDEN_FILE.name(tmp_path / "model", "0" * 12))  # opening it would wait for ever
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


def test_an_error_of_clearing_up_hides_no_other(tmp_path, monkeypatch):
    """As on a disk that a failing write has made read-only: the write is what is to be told."""
    monkeypatch.delattr(os, "O_TMPFILE")

    def read_only(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError), replace(tmp_path / "x"):
        patch.setattr(os, "unlink", read_only)
        raise ZeroDivisionError


@pytest.mark.parametrize("nameless", [True, False])
def test_an_interrupt_leaves_nothing_open_and_no_name(tmp_path, monkeypatch, nameless):
    """One that comes when the file has just been made, before anybody has it."""
    from reference.storage.new_files import NewFile

    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    before = os.listdir("/proc/self/fd")
    open_file = NewFile.open

    def interrupted(self):
        open_file(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), replace(tmp_path / "x"):
        patch.setattr(NewFile, "open", interrupted)
        with replace(tmp_path / "y"):
            pass
    assert os.listdir(tmp_path) == []
    assert os.listdir("/proc/self/fd") == before


def test_folders_are_made_with_those_above_them(tmp_path):
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(FileExistsError) as caught:
        make_folder(tmp_path / "a" / "b")
    assert caught.value.filename == str(tmp_path / "a")


def test_the_second_name_of_an_old_file_is_taken_away(tmp_path, monkeypatch):
    """Where the file system has no journal: whatever happens, the one name stays."""
    monkeypatch.setattr(new_files, "changes_names_at_once", lambda _: False)
    path = tmp_path / "x"
    path.write_bytes(b"old")
    seen = []
    real = os.replace

    def watched(*names):
        seen.append(sorted(len(name) for name in os.listdir(tmp_path)))
        real(*names)

    monkeypatch.setattr(os, "replace", watched)
    with replace(path) as sink:
        sink.write(b"new")
    assert [len(names) for names in seen] == [3]  # the old file by two names, and the new one by a hidden one
    assert os.listdir(tmp_path) == ["x"]

    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="Input/output"), replace(path) as sink:
        sink.write(b"newer")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x"]

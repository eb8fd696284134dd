"""Outputs that cannot be written are refused before the work, in one line, and nothing is left behind."""

import errno
import mmap
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

import reference
from reference.convert import convert
from reference.format.errors import UsageError
from reference.storage import file_systems, output_checks
from reference.storage.file_systems import changes_names_at_once, is_mount_point, mount_of
from reference.storage.output_checks import check_output
from reference.tests.other_users import as_user, root_alone

TREE = {"a": np.arange(1000, dtype=np.float32)}


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "in" / "base"
    path.parent.mkdir()
    reference.save(path, TREE)
    return path


def refused(base, output, text, monkeypatch):
    """Convert to an output that is refused before anything is opened to be written."""
    before = sorted(os.listdir(Path(output).parent)) if Path(output).parent.is_dir() else None
    with monkeypatch.context() as patch, pytest.raises(OSError, match=text) as caught:
        patch.setattr("reference.storage.atomic_files.replace", lambda *_: pytest.fail("the work had begun"))
        convert(base, f"params::{output}")
    assert caught.value.filename
    assert "\n" not in str(caught.value)
    if before is not None:
        assert sorted(os.listdir(Path(output).parent)) == before


def test_a_directory_is_refused(base, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    refused(base, tmp_path / "folder", "is a directory", monkeypatch)
    (tmp_path / "link").symlink_to("folder")
    refused(base, tmp_path / "link", "is a directory", monkeypatch)


def test_a_name_with_a_slash_behind_it_is_that_of_a_folder(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        reference.save(f"{tmp_path}/new/", TREE)
    assert os.listdir(tmp_path) == []


def test_a_file_in_place_of_the_folder_is_said(base, monkeypatch):
    refused(base, base / "x", "(?i)not a (folder|directory)", monkeypatch)


def mounted(*command):
    if os.geteuid() != 0 or subprocess.run(["mount", *command], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")


def test_a_read_only_file_system_is_said(base, tmp_path, monkeypatch):
    folder = tmp_path / "mounted"
    folder.mkdir()
    mounted("-t", "tmpfs", "-o", "ro", "tmpfs", str(folder))
    try:
        refused(base, folder / "x", "mounted read-only", monkeypatch)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_file_that_is_a_mount_of_its_own_is_said(base, tmp_path, monkeypatch):
    """As containers have single files of their host."""
    (tmp_path / "host").write_bytes(b"old")
    (tmp_path / "x").write_bytes(b"")
    mounted("--bind", str(tmp_path / "host"), str(tmp_path / "x"))
    try:
        assert is_mount_point(tmp_path / "x")
        refused(base, tmp_path / "x", "a mount of its own", monkeypatch)
    finally:
        subprocess.run(["umount", tmp_path / "x"], check=True)
    assert not is_mount_point(tmp_path / "x")
    assert (tmp_path / "host").read_bytes() == b"old"


@pytest.fixture
def flagged():
    """Give a path a flag of chattr(1), and take it away at the end."""
    given = []

    def give(path, flag):
        if (
            shutil.which("chattr") is None
            or subprocess.run(["chattr", f"+{flag}", path], capture_output=True).returncode
        ):
            pytest.skip("no flags can be given to files here")
        given.append((path, flag))

    yield give
    for path, flag in given:
        subprocess.run(["chattr", f"-{flag}", path], check=True)


def test_a_folder_in_which_names_are_only_made_takes_new_ones(base, tmp_path, flagged, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x").write_bytes(b"old")
    flagged(folder, "a")
    refused(base, folder / "x", "nothing in this folder can be replaced", monkeypatch)
    reference.save(folder / "y", TREE)
    assert sorted(os.listdir(folder)) == ["x", "y"]
    assert (folder / "x").read_bytes() == b"old"
    with monkeypatch.context() as patch:  # a name that is made there stays
        patch.delattr(os, "O_TMPFILE")
        refused(base, folder / "z", "nothing in this folder can be replaced", monkeypatch)


@pytest.mark.parametrize("flag", ["i", "a"])
def test_a_file_that_cannot_be_changed_is_not_replaced(base, tmp_path, flagged, monkeypatch, flag):
    (tmp_path / "x").write_bytes(b"old")
    flagged(tmp_path / "x", flag)
    refused(base, tmp_path / "x", "no permission to replace this file", monkeypatch)


def test_a_folder_that_cannot_be_changed_is_said(base, tmp_path, flagged, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    flagged(folder, "i")
    refused(base, folder / "x", "immutable|no permission", monkeypatch)


@root_alone
def test_anothers_file_in_a_sticky_folder_is_said():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o1777)
        path = Path(folder, "x")
        path.write_bytes(b"old")
        path.chmod(0o666)
        with as_user(5000, 5000):
            with pytest.raises(PermissionError, match="another user's in a sticky folder"):
                check_output(path)
            check_output(Path(folder, "y"))
        os.chown(path, 5000, 5000)
        with as_user(5000, 5000):
            check_output(path)
            reference.save(path, TREE)
        assert os.listdir(folder) == ["x"]


@root_alone
def test_a_folder_of_another_user_is_said():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with as_user(5000, 5000), pytest.raises(PermissionError, match="no permission to write in this folder"):
            check_output(Path(folder, "x"))


def test_a_folder_that_makes_no_files_is_said(base, tmp_path, monkeypatch):
    """As where a quota is used up."""

    def full(*_):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(output_checks.NewFile, "open_nameless", full)
    refused(base, tmp_path / "x", "no file can be made in this folder", monkeypatch)


@pytest.mark.parametrize("call", ["link", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
def test_a_file_system_without_names_to_change_is_said(tmp_path, monkeypatch, call, code):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code), "/proc/self/fd/7", None, "hidden")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="write to another folder") as caught:
        patch.setattr(os, call, refuse)
        reference.save(path, TREE)
    assert caught.value.filename == str(path)
    assert "hidden" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EACCES])
def test_a_file_system_without_memory_maps_is_said(tmp_path, monkeypatch, code):
    reference.save(tmp_path / "x", TREE)

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(mmap, "mmap", refuse)
    with pytest.raises(UsageError, match=r"x: .*no memory maps.*leave mmap=True out") as caught:
        reference.load(tmp_path / "x", mmap=True)
    assert "\n" not in str(caught.value)
    assert reference.load(tmp_path / "x")["a"][1] == 1


def test_other_errors_of_a_map_name_the_file(tmp_path, monkeypatch):
    reference.save(tmp_path / "x", TREE)

    def refuse(*_, **__):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(mmap, "mmap", refuse)
    with pytest.raises(OSError, match="Cannot allocate") as caught:
        reference.load(tmp_path / "x", mmap=True)
    assert caught.value.filename == str(tmp_path / "x")


def test_what_can_be_written_is_not_refused_and_not_touched(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    before = (tmp_path / "x").stat(), tmp_path.stat()
    check_output(tmp_path / "x")
    check_output(tmp_path / "y")
    assert ((tmp_path / "x").stat().st_ctime_ns, tmp_path.stat().st_mtime_ns) == (
        before[0].st_ctime_ns,
        before[1].st_mtime_ns,
    )
    assert os.listdir(tmp_path) == ["x"]


# --- what the system tells of file systems --------------------------------------------------------------------

MOUNTS = r"""21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
22 21 0:20 / /with\040space rw shared:1 - tmpfs tmpfs rw
23 21 8:1 / /data rw - ext2 /dev/sda1 rw
24 23 8:2 / /data/deep rw master:3 - xfs /dev/sda2 rw
a line that is none
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(file_systems, "_MOUNTS", str(tmp_path / "mountinfo"))
    monkeypatch.setattr(file_systems, "_has_journal", lambda device: device == "8:9")


def test_the_innermost_mount_is_found(told):
    kinds = {"/x": "ext4", "/with space/x": "tmpfs", "/data": "ext2", "/datax": "ext4", "/data/deep/x": "xfs"}
    assert {path: mount_of(path).kind for path in kinds} == kinds


def test_who_has_no_journal_is_known(told, tmp_path):
    assert not changes_names_at_once("/data")
    assert changes_names_at_once("/data/deep")
    assert changes_names_at_once("/with space")
    assert not changes_names_at_once("/x")  # ext4, and nothing says that there is a journal
    Path(file_systems._MOUNTS).write_text(MOUNTS.replace("254:0", "8:9"))
    assert changes_names_at_once("/x")
    Path(file_systems._MOUNTS).unlink()
    assert changes_names_at_once("/data")

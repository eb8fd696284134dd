"""The new file has the permissions, owner, lists and attributes of the old one, and never lets anybody do more."""

import errno
import os
import stat
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.storage import file_attributes
from reference.storage.atomic_files import replace
from reference.storage.file_attributes import Access, attributes_of
from reference.tests.other_users import as_user, root_alone

OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
ACL = "system.posix_acl_access"
NOBODY = 0xFFFFFFFF


def write(path, data=b"new"):
    with replace(path) as sink:
        sink.write(data)


def acl(*entries):
    return Access(tuple(entries))


def set_list(path, access):
    try:
        os.setxattr(path, ACL, access.encode())
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EPERM):
            pytest.skip("this file system has no access lists")
        raise


def test_a_list_is_kept_and_nobody_gets_more(tmp_path):
    """`g::---,u:x:rw,m::rw`: the group bits of the mode are those of the mask."""
    path = tmp_path / "x"
    path.write_bytes(b"old")
    wanted = acl((OWNER, 6, NOBODY), (USER, 6, 4321), (GROUP, 0, NOBODY), (MASK, 6, NOBODY), (OTHER, 0, NOBODY))
    set_list(path, wanted)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    write(path)
    assert path.read_bytes() == b"new"
    assert os.getxattr(path, ACL) == wanted.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_where_a_list_cannot_be_set_its_mask_is_not_given_to_the_group(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    entries = (OWNER, 6, NOBODY), (USER, 6, 4321), (GROUP, 0, NOBODY), (MASK, 6, NOBODY), (OTHER, 4, NOBODY)
    set_list(path, acl(*entries))
    real = os.setxattr

    def refuse(file, name, value):
        if name == ACL:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        real(file, name, value)

    monkeypatch.setattr(os, "setxattr", refuse)
    write(path)
    assert ACL not in os.listxattr(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_list_that_the_folder_gives_is_not_that_of_the_old_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o640)
    entries = (OWNER, 7, NOBODY), (USER, 7, 4321), (GROUP, 7, NOBODY), (MASK, 7, NOBODY), (OTHER, 7, NOBODY)
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", acl(*entries).encode())
    except OSError:
        pytest.skip("this file system has no access lists")
    write(path)
    assert ACL not in os.listxattr(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write(tmp_path / "y")  # a file of a new name is as the folder has it
    (tmp_path / "z").write_bytes(b"")
    assert os.getxattr(tmp_path / "y", ACL) == os.getxattr(tmp_path / "z", ACL)


def test_extended_attributes_are_kept_but_for_those_of_the_contents(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.run", b"seven")
    except OSError:
        pytest.skip("this file system has no attributes of users")
    monkeypatch.setattr(file_attributes, "_OF_CONTENTS", ("user.digest",))
    os.setxattr(path, "user.digest", b"of the old contents")
    write(path)
    assert os.getxattr(path, "user.run") == b"seven"
    assert os.listxattr(path) == ["user.run"]


@pytest.mark.parametrize("nameless", [True, False])
def test_nobody_reads_it_before_it_has_its_permissions(tmp_path, monkeypatch, nameless):
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o604)
    with replace(path) as sink:
        assert stat.S_IMODE(os.fstat(sink.fd).st_mode) == 0o600
        path.chmod(0o640)  # as somebody may, while a long save goes on
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@root_alone
def test_owner_and_group_are_kept(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    path.chmod(0o4754)
    write(path)
    info = path.stat()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (1234, 2345, 0o4754)


@pytest.fixture
def open_folder():
    """A folder in which everybody writes."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


@root_alone
@pytest.mark.parametrize(
    ("mode", "groups", "group", "wanted"),
    [
        (0o664, [2345], 2345, 0o664),  # a member of the group keeps it
        (0o664, [], 5000, 0o644),  # who is not, gives its own group what all had
        (0o660, [], 5000, 0o600),
        (0o604, [], 5000, 0o600),  # a member of the old group would be one of the others now
        (0o2775, [2345], 2345, 0o775),
    ],
)
def test_another_user_gives_nobody_more(open_folder, mode, groups, group, wanted):
    path = open_folder / "x"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    path.chmod(mode)
    with as_user(5000, 5000, groups):
        write(path)
    info = path.stat()
    assert path.read_bytes() == b"new"
    assert (info.st_uid, info.st_gid) == (5000, group)
    assert stat.S_IMODE(info.st_mode) == wanted


def test_what_cannot_be_closed_off_is_refused(tmp_path, monkeypatch):
    """As on a mount that gives every file one mode, when the old file had come by another."""
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o640)

    def refuse(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchmod", refuse)
    write(path)  # it is for its owner alone, then
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setattr(file_attributes.Attributes, "give_to", lambda self, fd: file_attributes._chmod(fd, 0o400))
    with pytest.raises(PermissionError, match="its permissions cannot be set") as caught:
        write(path, b"newer")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"new"


def test_a_list_of_another_system_that_cannot_be_set_leaves_the_owner_alone(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o644)
    old = attributes_of(path)._replace(extended={"system.nfs4_acl": b"A::OWNER@:rwa"})
    monkeypatch.setattr("reference.storage.atomic_files.attributes_of", lambda _: old)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_list_of_an_unknown_form_leaves_the_owner_alone():
    assert Access.decode(struct.pack("<I", 3) + bytes(8)) is None
    assert Access.decode(b"\2\0\0\0odd") is None


# --- nobody gets more, whatever the list -------------------------------------------------------------------

IDS = st.integers(1, 4)
PERMISSIONS = st.integers(0, 7)


@st.composite
def lists(draw):
    users = draw(st.dictionaries(IDS, PERMISSIONS, max_size=2))
    groups = draw(st.dictionaries(IDS, PERMISSIONS, max_size=2))
    entries = [(OWNER, draw(PERMISSIONS), NOBODY), *((USER, permissions, who) for who, permissions in users.items())]
    entries += [(GROUP, draw(PERMISSIONS), NOBODY), *((NAMED_GROUP, given, who) for who, given in groups.items())]
    if users or groups:
        entries.append((MASK, draw(PERMISSIONS), NOBODY))
    return Access((*entries, (OTHER, draw(PERMISSIONS), NOBODY)))


def may(access, owner, group, user, groups):
    """What a user may do, by the rules of acl(5)."""
    held = {(kind, who): permissions for kind, permissions, who in access.entries}
    mask = held.get((MASK, NOBODY), 7)
    if user == owner:
        return held[OWNER, NOBODY]
    if (USER, user) in held:
        return held[USER, user] & mask
    matching = [held[NAMED_GROUP, each] for each in groups if (NAMED_GROUP, each) in held]
    if group in groups:
        matching.append(held[GROUP, NOBODY])
    if not matching:
        return held[OTHER, NOBODY]
    found = 0
    for permissions in matching:
        found |= permissions & mask
    return found


@given(lists(), IDS, IDS, IDS, IDS, st.booleans())
def test_nobody_may_do_more_than_before(access, owner, group, new_owner, new_group, has_lists):
    found = access.narrowed(owner == new_owner, group == new_group)
    if not has_lists:
        found = Access.of_mode(found.mode())
    for user in range(1, 6):
        for groups in ((), (1,), (2,), (3, 4), (1, 2, 4), (5,)):
            if user == new_owner:  # who writes it knows what it holds
                continue
            before = may(access, owner, group, user, groups)
            after = may(found, new_owner, new_group, user, groups)
            assert after & ~before == 0


@given(lists())
def test_who_keeps_owner_and_group_keeps_the_list(access):
    assert access.narrowed(True, True) == access == Access.decode(access.encode())


@given(st.integers(0, 0o777))
def test_a_mode_is_a_list_of_three(mode):
    assert Access.of_mode(mode).mode() == mode

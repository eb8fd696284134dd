"""Who may do what with a file: given to the one that takes its place, as far as this process may, and never more."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from pathlib import Path
from typing import Final, NamedTuple

from .local_files import refuse_irregular

_ACL: Final = "system.posix_acl_access"
# What says something of the contents, or is taken away whenever these change: it is not true of other contents.
_OF_CONTENTS: Final = ("security.ima", "security.evm", "security.capability")
# Access lists of other systems. Without one a file is for its owner alone: what they grant or forbid is not known.
_OTHER_LISTS: Final = ("system.nfs4_acl", "system.richacl", "system.cifs_acl", "system.ntfs_acl", "system.smb3_acl")
# Kinds of entries of a POSIX access list, as the kernel numbers them.
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_ENTRY: Final = struct.Struct("<HHI")  # kind, permissions, user or group
_NOBODY: Final = 0xFFFFFFFF  # of an entry that names nobody
_VERSION: Final = struct.pack("<I", 2)


class Access(NamedTuple):
    """The entries of an access list: kind, permissions (read 4, write 2, execute 1), user or group."""

    entries: tuple[tuple[int, int, int], ...]

    @classmethod
    def decode(cls, data: bytes) -> Access | None:
        """None for what is not version 2 of the kernel's form."""
        if data[:4] != _VERSION or len(data) % _ENTRY.size != 4:
            return None
        return cls(tuple(_ENTRY.iter_unpack(data[4:])))

    @classmethod
    def of_mode(cls, mode: int) -> Access:
        """The three entries that the mode of a file is."""
        permissions = (_OWNER, mode >> 6 & 7), (_GROUP, mode >> 3 & 7), (_OTHER, mode & 7)
        return cls(tuple((kind, given, _NOBODY) for kind, given in permissions))

    def encode(self) -> bytes:
        return _VERSION + b"".join(_ENTRY.pack(*entry) for entry in self.entries)

    def has(self, kind: int) -> int:
        """What each entry of a kind gives, as far as the mask lets it; all of it where there is none."""
        mask = self._mask() if kind in (_USER, _GROUP, _NAMED_GROUP) else 7
        found = 7
        for entry, permissions, _ in self.entries:
            if entry == kind:
                found &= permissions & mask
        return found

    def _mask(self) -> int:
        return next((permissions for kind, permissions, _ in self.entries if kind == _MASK), 7)

    def narrowed(self, keeps_owner: bool, keeps_group: bool) -> Access:
        """The list for a file of another owner or group: nobody gets what the old one did not give them.

        The old owner is then one of the group or of the others, the old group is of the others, and the new group was:
        each of these gets what all of them had.
        """
        if keeps_owner and keeps_group:
            return self
        group, other = self.has(_GROUP), self.has(_OTHER)
        if not keeps_group:
            group = other = group & other & self.has(_NAMED_GROUP)
        mask = 7
        if not keeps_owner:
            mask = self.has(_OWNER)
            group, other = group & mask, other & mask
        new = {_GROUP: group, _OTHER: other, _MASK: self._mask() & mask}
        return Access(tuple((kind, new.get(kind, permissions), who) for kind, permissions, who in self.entries))

    def mode(self) -> int:
        """The permission bits for a file that has no list: nobody gets what the list did not give them.

        Whom it names is one of the group or of the others then.
        """
        group = self.has(_GROUP) & self.has(_USER)
        other = self.has(_OTHER) & self.has(_USER) & self.has(_NAMED_GROUP)
        return self.has(_OWNER) << 6 | group << 3 | other


class Attributes(NamedTuple):
    """Mode, owner, group, access list and extended attributes of a file."""

    mode: int
    uid: int
    gid: int
    access: Access
    has_list: bool
    extended: dict[str, bytes]

    def give_to(self, fd: int) -> None:
        """Give them to a file that this process has just made for itself. Raises OSError where it cannot be closed off.

        What the process may not give, as the owner of another's file, is left out, and access then is narrower.
        """
        _chown(fd, self.uid, self.gid)
        info = os.fstat(fd)
        keeps = info.st_uid == self.uid, info.st_gid == self.gid
        access = self.access.narrowed(*keeps)
        if not _set_extended(fd, self.extended):
            access = Access.of_mode(access.has(_OWNER) << 6)
        special = self.mode & 0o7000 if all(keeps) else 0
        if self.has_list and len(access.entries) > 3 and _set(fd, _ACL, access.encode()):
            mode = os.fstat(fd).st_mode & 0o777
        else:  # a folder may have given it a list of its own
            _unset(fd, _ACL)
            mode = access.mode()
        _chmod(fd, mode | special)


def attributes_of(target: Path) -> Attributes | None:
    """Those of the file that is to be replaced, None where there is none. Raises OSError for what is not a file."""
    try:
        info = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(info.st_mode):
        refuse_irregular(os.fspath(target), info.st_mode)
    if not stat.S_ISREG(info.st_mode):
        text = "this is not a regular file, and a file does not take its place; name another output"
        raise OSError(errno.EINVAL, text, os.fspath(target))
    mode = stat.S_IMODE(info.st_mode)
    extended = _extended(target)
    raw = extended.pop(_ACL, None)
    access = Access.decode(raw) if raw is not None else Access.of_mode(mode)
    if access is None:  # a list of a form that is not known: the owner alone
        access = Access.of_mode(mode & 0o700)
    return Attributes(mode, info.st_uid, info.st_gid, access, raw is not None, extended)


def _extended(target: Path) -> dict[str, bytes]:
    if not hasattr(os, "listxattr"):
        return {}
    found = {}
    with contextlib.suppress(OSError):
        names = os.listxattr(target)
        for name in names if _ACL in names else [*names, _ACL]:  # some file systems do not list it
            with contextlib.suppress(OSError):  # gone since, or not for this process
                found[name] = os.getxattr(target, name)
    return {name: value for name, value in found.items() if name not in _OF_CONTENTS}


def _chown(fd: int, uid: int, gid: int) -> None:
    info = os.fstat(fd)
    if (info.st_uid, info.st_gid) == (uid, gid):
        return
    try:
        os.fchown(fd, uid, gid)
    except OSError:
        with contextlib.suppress(OSError):  # who is in a group may give a file to it
            os.fchown(fd, -1, gid)


def _chmod(fd: int, mode: int) -> None:
    """Set the permission bits; where that cannot be done, what they are must not let anybody do more."""
    if stat.S_IMODE(os.fstat(fd).st_mode) == mode:
        return
    try:
        os.fchmod(fd, mode)
    except OSError as error:
        if os.fstat(fd).st_mode & 0o777 & ~mode:
            text = "its permissions cannot be set, and more users could read it than before; write to a new file"
            raise PermissionError(error.errno, text) from None


def _set_extended(fd: int, extended: dict[str, bytes]) -> bool:
    """Set what can be set; False where an access list could not be."""
    whole = True
    for name, value in extended.items():
        whole &= _set(fd, name, value) or name not in _OTHER_LISTS
    return whole


def _set(fd: int, name: str, value: bytes) -> bool:
    try:
        os.setxattr(fd, name, value)
    except OSError:
        return False
    return True


def _unset(fd: int, name: str) -> None:
    if hasattr(os, "removexattr"):
        with contextlib.suppress(OSError):  # there is none
            os.removexattr(fd, name)

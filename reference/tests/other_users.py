"""What another user of the machine does, for tests that run as root."""

import contextlib
import os

import pytest

root_alone = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user, mounts and gives files away")


@contextlib.contextmanager
def as_user(uid, gid, groups=()):
    """Be another user for as long as the block takes."""
    before = os.getgroups(), os.getegid()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(before[1])
        os.setgroups(before[0])

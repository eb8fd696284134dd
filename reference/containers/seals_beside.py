"""Detached seals (spec 2.0, chapter 17): found beside the file that is opened, and read with it."""

from __future__ import annotations

import contextlib
import errno
from typing import Final

from ..format.errors import FormatError
from ..format.seals import DETACHED_SUFFIX, FOOTER, Seal, ends_as_detached, read_detached_seal
from ..storage.object_places import ObjectPlace, ReadOnlyPlace
from ..storage.place import OpenedFile
from ..storage.places import beside
from .container import Contents
from .registry import dialect_called, kind_of, read_contents
from .stream import STREAM, begins_sealed, read_with_seal

_NO_FILE: Final = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG))
# What S3 answers to one who may not list a bucket, and web servers that give a page for whatever there is not.
_NO_OBJECT: Final = frozenset((errno.EACCES, errno.ENOTSUP))


def read_with_seal_beside(
    file: OpenedFile, name: str, wanted: str | None, dialect: str | None, check: bool, names: str
) -> tuple[str, Contents]:
    """What the headers of a file say, or its seal, beside it or in it; for the rest see `registry.read_contents`.

    Raises FormatError, OSError, UsageError.
    """
    read_dialect = dialect_called(dialect)
    reads_streams = read_dialect is not None and read_dialect[0] == STREAM
    if not reads_streams and (seal := _detached_seal(file, name, wanted)) is not None:
        with contextlib.closing(seal):
            return STREAM, read_with_seal(file, seal, check)
    return read_contents(file, wanted, dialect, check, names)


# DETACHED-3: "A reader that is given the name of a plain stream SHOULD look for a detached seal"
def _detached_seal(file: OpenedFile, name: str, wanted: str | None) -> OpenedFile | None:
    if (wanted or kind_of(file)) != STREAM or begins_sealed(file):
        return None
    return _opened_seal(name)


def _opened_seal(name: str) -> OpenedFile | None:
    place = beside(name, DETACHED_SUFFIX)
    if place is None:
        return None
    try:
        seal = place.open()
    except OSError as error:
        if error.errno in _NO_FILE or (isinstance(place, ObjectPlace | ReadOnlyPlace) and error.errno in _NO_OBJECT):
            return None
        raise
    with contextlib.ExitStack() as stack:
        stack.callback(seal.close)
        at = max(0, seal.size - FOOTER)
        if isinstance(place, ReadOnlyPlace) and not ends_as_detached(seal.read_at(at, seal.size - at), seal.size):
            return None
        stack.pop_all()
    return seal


def seal_beside(file: OpenedFile, name: str) -> Seal | FormatError | None:
    """The seal beside a plain stream that may be damaged, or what is wrong with it; None where there is none. Raises
    OSError."""
    if (seal := _detached_seal(file, name, None)) is None:
        return None
    with contextlib.closing(seal):
        try:
            return read_detached_seal(seal, file.size)
        except FormatError as error:
            error.file = seal.name
            return error


def has_detached_seal(name: str) -> bool:
    """Whether a seal stands beside a file, in a file of its own."""
    if (seal := _opened_seal(name)) is None:
        return False
    seal.close()
    return True

"""The table of containers: what kind of file this is, told from its first bytes, and how it is read (spec CONV-6)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

from ..format.errors import FormatError, UsageError, WrongKind, article
from ..format.manifests import Delta, read_delta
from ..format.payloads import Step
from ..format.records import Item
from ..format.sealing import SealOptions
from ..format.wire import Source
from . import delta_file, flax_file, orbax_container, safetensors_file, stream
from .container import HEAD, Container, Contents
from .delta_file import DELTA
from .flax_file import FLAX, INT_KEYS, STRICT
from .foreign import EMPTY, FOREIGN
from .orbax_folder import ORBAX, OrbaxFolder
from .safetensors_file import NAMES, SAFETENSORS, SPLIT, read_safetensors, safetensors_steps
from .shards import Shards
from .split_leaves import SPLIT_LEAVES, read_split_leaves
from .stream import STREAM, planned
from .zeros import tell_zeros

CONTAINERS: Final[dict[str, Container]] = {
    container.kind: container
    for container in (stream.CONTAINER, flax_file.CONTAINER, safetensors_file.CONTAINER, orbax_container.CONTAINER)
}

# How a file is read: as some code bases write it, which a 1.0 reader refuses, or as such a reader does.
DIALECTS: Final[dict[str, tuple[str, Callable[[Source], Contents]]]] = {
    SPLIT_LEAVES: (STREAM, read_split_leaves),
    INT_KEYS: (FLAX, flax_file.read_with_int_keys),
    STRICT: (FLAX, flax_file.read),
}

# The order in which they are tried. A safetensors file may begin with any byte, and a delta begins as a stream does.
_SNIFFED: Final = (
    (SAFETENSORS, CONTAINERS[SAFETENSORS].begins),
    (DELTA, delta_file.begins),
    *((kind, CONTAINERS[kind].begins) for kind in (STREAM, FLAX)),
    *((foreign.kind, foreign.begins) for foreign in FOREIGN),
)
_ADVICE: Final = {
    EMPTY: "a save or a copy of it has failed; get it again",
    DELTA: delta_file.ADVICE,
    **{container.kind: container.advice for container in CONTAINERS.values()},
    **{foreign.kind: foreign.advice for foreign in FOREIGN},
}
_CLAUSES: Final = {DELTA: delta_file.CLAUSE, **{kind: container.clause for kind, container in CONTAINERS.items()}}


def begins_as(source: Source, kind: str) -> bool:
    """Whether the first bytes are those of a container, or of a DELTA; they may be those of two."""
    if isinstance(source, OrbaxFolder):
        return kind == ORBAX
    return dict(_SNIFFED)[kind](_head(source), source.size)


def _head(source: Source) -> bytes:
    return source.read_at(0, min(source.size, HEAD))


# CONV-6: "The kind of a file is recognised from its first bytes."
def kind_of(source: Source) -> str:
    """The kind of a container, DELTA, or the name of what else it is."""
    if isinstance(source, OrbaxFolder):
        return ORBAX
    head = _head(source)
    return next(kind for kind, begins in _SNIFFED if begins(head, source.size)) if head else EMPTY


def read_contents(
    source: Source, wanted: str | None, dialect: str | None = None, check: bool = True, names: str = SPLIT
) -> tuple[str, Contents]:
    """The kind of an opened file, and what its headers say.

    `wanted` is the kind that is expected, None for any checkpoint. `dialect` is one of DIALECTS; without one a flax
    file may have keys that are ints, which is then told as a departure. Without `check` what is read from a sealed
    stream is not compared with its checksums. `names` says what becomes of the names of safetensors (see
    `read_safetensors`). Raises FormatError, and UsageError for a dialect or a way to read names that does not exist.
    """
    check_names(names)
    read_dialect = dialect_called(dialect)
    if wanted is None:
        wanted = kind_of(source)
    if wanted not in CONTAINERS:
        refuse_file(source, wanted)
    read = CONTAINERS[wanted].read if wanted != FLAX else flax_file.read_as_people_do
    if read_dialect is not None and read_dialect[0] == wanted:
        read = read_dialect[1]
    if read is stream.read:
        read = functools.partial(stream.read, check=check)
    elif read is read_safetensors:
        read = functools.partial(read_safetensors, names=names)
    try:
        return wanted, source.contents(read) if isinstance(source, Shards) else read(source)
    except FormatError as error:
        # A file may begin as one kind does and be of another; then that is what is wrong with it.
        if (found := kind_of(source)) != wanted:
            refuse_file(source, found, wanted)
        if not isinstance(source, Shards):
            tell_zeros(source, error, wanted in (STREAM, FLAX))
        raise


def steps_of(
    kind: str,
    items: Sequence[Item],
    seal: SealOptions | None = None,
    metadata: Mapping[str, str] | None = None,
    names: str = SPLIT,
) -> list[Step]:
    """The steps that write leaves to a file of a kind. Raises FormatError.

    `seal` says how a stream is sealed, `metadata` and `names` are those of `safetensors_steps`.
    """
    if kind == SAFETENSORS:
        return safetensors_steps(items, metadata, names)
    return planned(items, seal) if kind == STREAM else CONTAINERS[kind].steps(items)


def check_names(names: str) -> None:
    """Raises UsageError for a way to read names that does not exist."""
    if names not in NAMES:
        raise UsageError(f"{names!r} is not a way to read names; choose one of {', '.join(NAMES)}")


def dialect_called(name: str | None) -> tuple[str, Callable[[Source], Contents]] | None:
    """The kind of file of which a dialect is, and what reads it; None for None. Raises UsageError."""
    if name is not None and name not in DIALECTS:
        raise UsageError(f"{name!r} is not a dialect; choose one of {', '.join(DIALECTS)}")
    return DIALECTS[name] if name is not None else None


def read_delta_file(source: Source) -> Delta:
    """The manifest and blocks of a delta; a file of another kind is refused by name. Raises FormatError."""
    if not begins_as(source, DELTA):
        refuse(kind_of(source), DELTA)
    return read_delta(source)


# DELTA-13: "A delta MUST NOT be taken for a base or a target of another delta, nor for a checkpoint."
def refuse_file(source: Source, found: str, wanted: str | None = None) -> NoReturn:
    """`refuse` a file; one that is a delta is told by its base."""
    refuse(found, wanted, *(delta_file.told(source) if found == DELTA else ()))


def refuse(found: str, wanted: str | None = None, more: str = "", first: str = "") -> NoReturn:
    """Raise WrongKind for a file of kind `found` where one of kind `wanted`, or any checkpoint, is expected.

    `more` is what else is known of it, and `first` what is to be done before all else.
    """
    clause = _CLAUSES.get(wanted or "", "CONV-6")
    if found == EMPTY and clause != "FLAX-1":  # FLAX-1 speaks of an empty input itself
        clause = "STREAM-3"
    detail = f"this is {article(found)}{more}"
    if wanted and found != EMPTY:
        detail += f", not {article(wanted)}"
    error = WrongKind(clause, 0, None, detail, first + _ADVICE[found])
    error.kind = found
    raise error

"""What the processes that arrays span agree on before they save them together."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from ..devices.states import is_device_array
from ..format.errors import UsageError
from ..format.metadata import encode_metadata
from ..format.sealing import SealOptions


def meetings_of(leaves: list[tuple[tuple[str, ...], Any]], patience: float | None = None) -> Any:
    """The meetings of a save of these leaves, None where they take no other process."""
    arrays = [value for _, value in leaves if type(value) is not np.ndarray and is_device_array(value)]
    if all(array.sharding.is_fully_addressable for array in arrays):
        return None
    from ..devices.meetings import Meetings  # jax is imported where there are arrays of it

    return Meetings(patience)


def chosen_writers(writers: str, shared: bool) -> list[int] | None:
    if writers not in ("all", "first"):
        raise UsageError(f"writers is 'all', or 'first' for process 0 alone, not {writers!r}")
    return [0] if shared and writers == "first" else None


@contextlib.contextmanager
def agreed(meetings: Any, facts: Callable[[], dict[str, str]]) -> Iterator[None]:
    """A step in which an error of one process is raised in all, and so is it that they do different things."""
    if meetings is None:
        yield
        return
    what = "a save"
    try:
        yield
    except BaseException as error:
        meetings.meet(what, error)
        raise
    meetings.agree(what, facts())


def facts_of(
    leaves: list[tuple[tuple[str, ...], Any]],
    name: str | None,
    copies: bool,
    float_name: str | None,
    seal: SealOptions | None,
    writers: Collection[int] | None,
) -> dict[str, str]:
    """All that a save's bytes, and the calls that write them, depend on."""
    return {
        "the path": str(name),
        "the tree": _summary(f"{len(leaves)} leaves", [_kind_of(path, value) for path, value in leaves]),
        "float_dtype": str(float_name),
        "blocking": str(not copies),
        "format": "1.0" if seal is None else "2.0",
        "alignment": "" if seal is None else str(seal.alignment),
        "digests": "" if seal is None else str(seal.digests),
        "metadata": "" if seal is None else _summary(f"{len(seal.metadata)} entries", encode_metadata(seal.metadata)),
        "writers": str(writers),
    }


def _kind_of(path: tuple[str, ...], value: Any) -> tuple[Any, ...]:
    sharding = value.sharding if is_device_array(value) and not value.is_fully_addressable else None
    return path, str(getattr(value, "dtype", type(value))), np.shape(value), str(sharding)


def _summary(text: str, facts: Any) -> str:
    return f"{text} (digest {hashlib.blake2b(repr(facts).encode(), digest_size=6).hexdigest()})"


def told(meetings: Any) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext() if meetings is None else meetings.told()

"""Saving through functions that gather: one leaf after the other is given by a function, and written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ..devices.meetings import Meetings
from ..devices.processes import LOOK, Joint, together
from ..format.casts import Tally, cast_item
from ..format.keypaths import display
from ..format.payloads import Step, write_steps
from ..format.records import record_step
from ..format.sealing import Sealer, SealOptions
from ..format.streams import check_paths
from ..storage.place import Place
from ..storage.progress import Show, silent
from .background import finish_earlier
from .leaf_items import described, item_of

Leaves = Sequence[tuple[tuple[str, ...], Any]]
Gather = dict[tuple[str, ...], Callable[[Any], Any]]


def save_gathered(
    place: Place,
    leaves: Leaves,
    gather: Gather,
    dtype: np.dtype | None,
    shared: bool,
    writes: bool = True,
    show: Show = silent,
    afterwards: Callable[[], None] | None = None,
    seal: SealOptions | None = None,
) -> Tally:
    """Write a stream of what the functions make of the leaves, calling each when its turn to be written comes.

    Where arrays span processes (`shared`) all of them make this call, and all call all functions in the same order;
    what this one gets is let go of where it does not write. `afterwards` is called by a process that has written.
    `seal` says how the stream is sealed; None is a plain one.
    Returns what casts have cost. Raises FormatError, OSError, ValueError.
    """
    tally = Tally()
    calls = _Calls(leaves, gather, shared)

    def steps() -> Iterator[Step]:
        items = (cast_item(item_of(key, value), dtype, tally.add) for key, value in calls)
        if seal is None:
            yield from map(record_step, items)
            return
        sealer = Sealer(seal, len(leaves))
        yield from map(sealer.step, items)
        yield sealer.end()

    with calls.agreed():
        total = sum(described(key, value).nbytes for key, value in leaves)
        if writes:
            place.check_output()
    with calls.joint.work():
        if writes:
            with show("save", total) as moved, place.replace(moved, size=total) as sink:
                write_steps(sink, steps())
            if afterwards is not None:
                afterwards()
    return tally


def gather_all(leaves: Leaves, gather: Gather, shared: bool, keeps: bool = True) -> list[tuple[tuple[str, ...], Any]]:
    """What the functions make of the leaves, on the host and in memory of its own: all of it at once.

    Processes take part as in `save_gathered`; for one that does not keep what it gets each value is None. Raises what
    that raises.
    """
    calls = _Calls(leaves, gather, shared)
    with calls.agreed():
        pass
    given = dict(leaves)
    kept: list[tuple[tuple[str, ...], Any]] = [] if keeps else [(key, None) for key in given]
    with calls.joint.work():
        for key, value in calls if keeps else ():
            array = np.asarray(value) if isinstance(value, jax.Array) else value
            if isinstance(array, np.ndarray) and isinstance(given[key], np.ndarray):
                array = np.array(array)  # a function may give the very array that training goes on to change
            kept.append((key, array))
    return kept


class _Calls:
    """The functions of all leaves called one by one, by all processes that arrays span; iterated once."""

    def __init__(self, leaves: Leaves, gather: Gather, shared: bool) -> None:
        self._leaves, self._gather, self._shared = leaves, gather, shared
        self._results = self._called()
        self.joint = Joint(Meetings() if shared else None, self._results)

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        for key, value in self._results:
            yield key, _here(key, value)

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """The checks before any call; an error of one process is raised in all."""
        with together(self._shared, f"a save of {len(self._leaves)} leaves"):
            finish_earlier()
            check_paths([key for key, _ in self._leaves])
            without = [key for key, value in self._leaves if key not in self._gather and not _is_empty_node(value)]
            if without:
                raise ValueError(f"no gather function is given for {', '.join(map(display, without[:8]))}")
            yield

    def _called(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        passed = 0
        for key, value in self._leaves:
            try:
                result = value if _is_empty_node(value) else self._gather[key](value)
            except Exception as error:
                self.joint.fail(error)
                continue
            if self.joint.error is None:
                yield key, result
            passed += getattr(result, "nbytes", 0)
            if self._shared and passed >= LOOK:
                passed = 0
                self.joint.look()
        if self.joint.error is not None:
            raise self.joint.error


def _is_empty_node(value: Any) -> bool:
    return type(value) is dict and not value


def _here(path: tuple[str, ...], value: Any) -> Any:
    """The value as one that this process holds. Raises ValueError."""
    if not isinstance(value, jax.Array) or value.is_fully_addressable:
        return value
    if not value.is_fully_replicated:
        raise ValueError(f"the gather function for {display(path)} has left the array spread over processes")
    return value.addressable_data(0)

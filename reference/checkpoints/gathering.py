"""Saving through functions that gather: one leaf after the other is given by a function, and written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ..devices.device_to_host import WRITER
from ..devices.processes import LOOK, Joint, is_shared, together
from ..format.casts import cast_item
from ..format.keypaths import display
from ..format.payloads import Step, write_steps
from ..format.records import record_step
from ..format.streams import check_paths
from ..storage.place import Place
from ..storage.progress import Show, silent
from .background import finish_earlier
from .leaf_items import described, item_of

Leaves = Sequence[tuple[tuple[str, ...], Any]]


def save_gathered(
    place: Place,
    leaves: Leaves,
    gather: dict[tuple[str, ...], Callable[[Any], Any]],
    dtype: np.dtype | None,
    writes: bool = True,
    show: Show = silent,
) -> int:
    """Write a stream of what the functions make of the leaves, calling each when its turn to be written comes.

    Where arrays span processes all of them make this call, and all call all functions in the same order.
    Returns how many finite values became infinite. Raises FormatError, OSError, ValueError.
    """
    shared = is_shared([value.sharding for _, value in leaves if isinstance(value, jax.Array)])
    writes = writes and (not shared or jax.process_index() == WRITER)
    overflows: list[int] = []

    def gathered() -> Iterator[tuple[tuple[str, ...], Any]]:
        passed = 0
        for key, value in leaves:
            try:
                result = gather[key](value)
            except Exception as error:
                joint.fail(error)
                continue
            if joint.error is None:
                yield key, result
            passed += getattr(result, "nbytes", 0)
            if shared and passed >= LOOK:
                passed = 0
                joint.look()
        if joint.error is not None:
            raise joint.error

    joint = Joint(shared, results := gathered())

    def steps() -> Iterator[Step]:
        for key, value in results:
            yield record_step(cast_item(item_of(key, _here(key, value)), dtype, overflows.append))

    with together(shared, f"a save of {len(leaves)} leaves"):
        finish_earlier()
        check_paths([key for key, _ in leaves])
        if without := [key for key, _ in leaves if key not in gather]:
            raise ValueError(f"there is no gather function for {', '.join(map(display, without[:8]))}")
        total = sum(described(key, value).nbytes for key, value in leaves)
        if writes:
            place.check_output()
    with joint.work(), contextlib.ExitStack() as stack:
        if writes:
            moved = stack.enter_context(show("save", total))
            write_steps(stack.enter_context(place.replace(moved)), steps())
    return sum(overflows)


def _here(path: tuple[str, ...], value: Any) -> Any:
    """The value as one that this process holds. Raises ValueError."""
    if not isinstance(value, jax.Array) or value.is_fully_addressable:
        return value
    if not value.is_fully_replicated:
        raise ValueError(f"the gather function for {display(path)} has left the array spread over processes")
    return value.addressable_data(0)

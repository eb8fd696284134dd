"""Leaves in host memory and on devices, ready to be written."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..containers.orbax_metadata import with_sequences
from ..containers.placeholders import refuse_placeholder
from ..devices.states import is_device_array, is_traced
from ..format.errors import FormatError
from ..format.keypaths import KeyPath
from ..format.leaves import Leaf, describe, text_bytes
from ..format.payloads import MemoryPayload, PiecesPayload, array_payload
from ..format.records import Item, with_path


def outflow_of(arrays: list[Any], writers: Collection[int] | None = None, meetings: Any = None) -> Any:
    from ..devices.device_to_host import Outflow  # jax is imported where there are arrays of it

    return Outflow(arrays, writers, meetings)


def prepare_forks() -> None:
    from ..devices.forks import prepare

    prepare()


def shared_arrays() -> Any:
    from ..devices.shared_arrays import SharedArrays

    return SharedArrays()


def file_of_all(*arguments: Any) -> Any:
    from .writing_together import FileOfAll

    return FileOfAll(*arguments)


def readable_item(path: tuple[str, ...], value: Any) -> Item:
    """A leaf in host memory or on this process's devices, whose payload may be opened more than once.

    Raises FormatError, also for an array of which other processes hold parts.
    """
    refuse_traced(path, value)
    if not is_device_array(value):
        return item_of(path, value)
    leaf = described(path, value)
    if not value.is_fully_addressable:
        if not value.is_fully_replicated:
            detail = "this array spans several processes, and each of them would have to take part"
            raise FormatError("LEAF-1", None, KeyPath(path), detail, "save it to a file first, and pass its path")
        value = value.addressable_data(0)

    def payload() -> PiecesPayload:
        outflow = outflow_of([value])
        outflow.add(path, value, leaf, None)
        return outflow.payload()

    return Item(path, leaf, payload)


def refuse_traced(path: tuple[str, ...], value: Any) -> None:
    if is_traced(value):
        detail = "a value inside jax.jit or grad has no elements to save; save it outside"
        raise FormatError("LEAF-1", None, KeyPath(path), detail)


def item_of(path: tuple[str, ...], value: Any, held: list[list[Any]] | None = None) -> Item:
    """A leaf that stands in host memory, ready to be written.

    An array that the caller may change is added to `held`, in a list in which a copy can take its place. Raises
    FormatError.
    """
    leaf = described(path, value)
    if leaf.dtype is not None:
        array = [value]
        if held is not None and leaf.kind == "ndarray":
            held.append(array)
        return Item(path, leaf, lambda: array_payload(_as_described(path, leaf, array[0])))
    if leaf.kind == "str":
        refuse_placeholder(path, value)
    if leaf.kind in ("str", "bin"):
        raw = text_bytes(value) if leaf.kind == "str" else bytes(value)
        return Item(path, leaf, lambda: MemoryPayload(raw))
    return Item(path, leaf)


def described(path: tuple[str, ...], value: Any) -> Leaf:
    """`leaves.describe`, naming the key path in its errors."""
    try:
        return describe(value)
    except FormatError as error:
        raise with_path(path, error) from None


def _as_described(path: tuple[str, ...], leaf: Leaf, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.shape != leaf.shape or array.dtype.newbyteorder("=") != leaf.dtype:
        detail = f"its array is {array.dtype}{list(array.shape)}, and it says {leaf.dtype}{list(leaf.shape)}"
        raise FormatError("LEAF-5", None, KeyPath(path), f"a {type(value).__name__} contradicts itself: {detail}")
    return array


def with_structure(
    tree: Any, leaves: list[tuple[tuple[str, ...], Any]], metadata: dict[str, Any] | None
) -> tuple[list[tuple[tuple[str, ...], Any]], dict[str, Any] | None]:
    """The leaves and nodes without any, and the metadata with what is a list: orbax compares both with a target."""
    try:
        from ..devices.pytrees import structure_of
    except ImportError:  # without jax there is no target
        return leaves, metadata
    found = structure_of(tree)
    known = {path for path, _ in leaves}
    leaves = [*leaves, *((path, value) for path, value in found.empty if path not in known)]
    return leaves, with_sequences(metadata or {}, found.sequences)

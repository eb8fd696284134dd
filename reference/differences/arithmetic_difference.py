"""Arithmetic differences of checkpoints, and what such a difference gives with its base (DELTA-14). Both round."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from ..checkpoints.outputs import Output
from ..computing.arithmetic import Arithmetic, CombinedPayload, EqualPayload, Operation, promoted
from ..computing.backends import arithmetics_on
from ..containers.safetensors_file import SPLIT
from ..containers.stream import sealed_as
from ..format.casts import FLOATS, Tally, cast_leaf
from ..format.casts import float_dtype as dtype_called
from ..format.collector import no_collection
from ..format.dtypes import PARTS, dtype_of
from ..format.errors import FormatError, counted
from ..format.keypaths import KeyPath, display
from ..format.leaves import Leaf, encode_value, leaf_text, size_text
from ..format.records import Item, item_of_closed, with_path
from ..storage.local_files import Path_
from ..storage.progress import Shown, shown
from ..storage.threads import workers
from .operands import framework, open_side, refuse_operands

_NAMED: Final = 3  # leaves that an error or a report names
_BYTE: Final = np.dtype(np.uint8)
_INTEGERS: Final = frozenset(dtype_of(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64))
_WHOLES: Final = {part: whole for whole, part in PARTS.items()}


class SubtractReport(NamedTuple):
    """What a difference holds, and how much of the target it does not bring back. A complex counts as two floats."""

    items: list[Item]
    nbytes: int  # of the output
    values: int  # floats in it
    inexact: int  # floats of the target whose bits `add` does not give back in the target's dtype
    worst: list[tuple[str, ...]]  # the leaves with most of those, at most 3
    overflowed: int  # floats that are infinite, and finite in base and target
    comes_back: Mapping[tuple[str, str], int] = MappingProxyType(
        {}
    )  # leaves, by the dtype `add` gives and the target's
    became_zero: int = 0  # differences that a cast to `float_dtype` has made zero
    metadata_left_out: tuple[str, ...] = ()  # keys of the target's metadata, which a difference does not hold

    def __repr__(self) -> str:
        return f"<SubtractReport: wrote {counted(len(self.items), 'leaf')}, {size_text(self.nbytes)}>"


class AddReport(NamedTuple):
    """What a recovery wrote."""

    items: list[Item]
    nbytes: int
    overflowed: int  # floats that are infinite, and finite in base and difference
    became_zero: int = 0  # sums that a cast has made zero
    worst: tuple[str, ...] | None = None  # the leaf that has lost the most values in these ways

    def __repr__(self) -> str:
        return f"<AddReport: wrote {counted(len(self.items), 'leaf')}, {size_text(self.nbytes)}>"


def subtract(
    base: Any,
    target: Any,
    output: Path_,
    *,
    streaming: bool | None = None,
    float_dtype: str | None = None,
    names: str = SPLIT,
    max_shard_size: int | str | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    progress: Shown = False,
    format: str | None = None,
) -> SubtractReport:
    """Write target - base to an output that is named as for `convert`, which also says what `max_shard_size` is.

    Each is `[PREFIX::]PATH` of any container, or a tree of numpy or jax arrays as `reference.save` takes it.
    Floats are subtracted in the promoted dtype of both sides (float16 with bfloat16: float32), and the difference is
    cast to `float_dtype`. Integers of one dtype wrap around and come back exactly. The parts of a complex are floats,
    but are not cast. Leaves of all other kinds and dtypes have to be equal, and are kept as they are.
    Holds a few pieces of both payloads in memory, whatever the sizes; the bytes are the same with each `backend`:
    "numpy" or "jax", or None for jax where there is an accelerator. `jobs` threads compute, by default up to 4.
    `progress` is True for a bar on a terminal, or a callable (see `reference.storage.progress.shown`), `format` is
    the version of the stream to write, "1.0" or "2.0", and `names` is that of `convert`.
    Raises FormatError (DELTA-14 where trees or leaves cannot be subtracted), OSError, UsageError.
    """
    options = streaming, float_dtype, names, max_shard_size, jobs, backend, progress, format
    items, nbytes, counts = _write(base, target, output, True, *options)
    worst = heapq.nlargest(_NAMED, counts.inexact, key=counts.inexact.__getitem__)
    return SubtractReport(
        items,
        nbytes,
        counts.values,
        counts.inexact.total(),
        worst,
        counts.lost.infinite,
        counts.back,
        counts.lost.zero,
        counts.left_out,
    )


def add(
    base: Any,
    difference: Any,
    output: Path_,
    *,
    streaming: bool | None = None,
    float_dtype: str | None = None,
    names: str = SPLIT,
    max_shard_size: int | str | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    progress: Shown = False,
    format: str | None = None,
) -> AddReport:
    """Write base + difference, where the difference was made by `subtract` or by the programs before it.

    Floats are added in the promoted dtype of both sides and cast to `float_dtype`; without one they get the dtype
    that they have in the base. (The script with which Koala was published casts to bf16 by default.)
    Leaves that cannot be added have to be those of the base. For the rest see `subtract`.
    """
    options = streaming, float_dtype, names, max_shard_size, jobs, backend, progress, format
    items, nbytes, counts = _write(base, difference, output, False, *options)
    return AddReport(items, nbytes, counts.lost.infinite, counts.lost.zero, counts.lost.worst)


class _Counts:
    def __init__(self) -> None:
        self.inexact: Counter[tuple[str, ...]] = Counter()
        self.lost = Tally()
        self.values = 0
        self.back: Counter[tuple[str, str]] = Counter()
        self.left_out: tuple[str, ...] = ()


def _write(
    base: Any,
    other: Any,
    output: Path_,
    minus: bool,
    streaming: bool | None,
    float_dtype: str | None,
    names: str,
    max_shard_size: int | str | None,
    jobs: int | None,
    backend: str | None,
    progress: Shown,
    format: str | None,
) -> tuple[list[Item], int, _Counts]:
    dtype = dtype_called(float_dtype)
    to = Output(output, streaming, max_shard_size)
    seal = sealed_as(to.kind, format)
    refuse_operands(to, {"the base": base, "the target" if minus else "the difference": other})
    counts = _Counts()
    with open_side(base, names=names) as b, open_side(other, names=names) as o, workers(jobs) as pool:
        with no_collection():
            pairs = _pairs(b.items, o.items, minus)
            plans = [_plan(before.leaf, item.leaf, minus, dtype) for before, item in pairs]
        arithmetics = arithmetics_on(backend, (plan[0] for plan in plans if plan), pool)
        to.check()
        with no_collection():
            items = [
                _combined(*pair, *plan, arithmetics, counts) if plan else _kept(*pair, minus)
                for pair, plan in zip(pairs, plans, strict=True)
            ]
            plan = to.plan(items, seal, framework(o if minus else b, to.kind), names)
        counts.left_out = o.left_out
        counts.back.update(
            (str(a.leaf.dtype), str(b.leaf.dtype)) for (a, b), plan in zip(pairs, plans, strict=True) if plan
        )
        total = plan.nbytes()
        show = shown(progress)("subtract" if minus else "add", total)

        def finish() -> None:
            b.refuse_changes()
            o.refuse_changes()

        with show as moved:
            b.expect()
            o.expect()
            to.write(plan, moved, finish)
    return [item_of_closed(item, b.name) for item in items], total, counts


# DELTA-14: "An arithmetic difference is a checkpoint of its own, of the key paths and shapes that its base and its
#            target share; it is not exact."
def _pairs(base: Sequence[Item], other: Sequence[Item], minus: bool) -> list[tuple[Item, Item]]:
    """Each leaf of the base beside the other side's of the same key path, in the order of the latter."""
    known = {item.path: item for item in base}
    found = {item.path for item in other}
    pairs = [(known[item.path], item) for item in other if item.path in known]
    faults = {
        "missing": [display(path) for path in known if path not in found],
        "not in the base": [display(item.path) for item in other if item.path not in known],
        "of another shape": [_both(before, item) for before, item in pairs if before.leaf.shape != item.leaf.shape],
    }
    if texts := [f"{what}: {_some(names)}" for what, names in faults.items() if names]:
        detail = f"the {'target' if minus else 'difference'} has a different tree from its base; {'; '.join(texts)}"
        advice = "--method=exact takes any two checkpoints" if minus else "name the base that it was made from"
        raise FormatError("DELTA-14", None, None, detail, advice)
    return pairs


def _both(base: Item, other: Item) -> str:
    return f"{display(other.path)} ({leaf_text(other.leaf)}, in the base {leaf_text(base.leaf)})"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _plan(base: Leaf, other: Leaf, minus: bool, dtype: np.dtype | None) -> tuple[Operation, np.dtype] | None:
    """The operation, and the dtype of the leaf that comes of it; None where there is no arithmetic for the two."""
    old, new = base.dtype, other.dtype
    if old is None or new is None:
        return None
    if old in FLOATS and new in FLOATS:
        dtype = dtype or (promoted(old, new) if minus else old)
        return Operation(old, new, dtype, minus), dtype
    if old == new and old in _INTEGERS:
        return Operation(old, old, old, minus), old
    if old.name in PARTS and new.name in PARTS:
        a, b = dtype_of(PARTS[old.name]), dtype_of(PARTS[new.name])
        part = promoted(a, b) if minus else a
        return Operation(a, b, part, minus), dtype_of(_WHOLES[part.name])
    return None


def _combined(
    base: Item,
    other: Item,
    operation: Operation,
    dtype: np.dtype,
    arithmetics: Callable[[Operation], Sequence[Arithmetic]],
    counts: _Counts,
) -> Item:
    path, a, b = other.path, base.payload, other.payload
    assert a is not None and b is not None  # noqa: PT018 (arrays have payloads)
    try:
        leaf = cast_leaf(other.leaf, dtype)
    except FormatError as error:
        raise with_path(path, error) from None
    if operation.new in FLOATS:
        counts.values += leaf.nbytes // operation.new.itemsize

    def count(inexact: int, overflowed: int, became_zero: int) -> None:
        counts.lost.add(path, overflowed, became_zero)
        if inexact:
            counts.inexact[path] += inexact

    return Item(path, leaf, lambda: CombinedPayload(a(), b(), operation, arithmetics(operation), count))


def _kept(base: Item, other: Item, minus: bool) -> Item:
    """A leaf that both sides have to share. Raises DELTA-14, here or where its payload is read."""
    path, leaf, a, b = other.path, other.leaf, base.payload, other.payload
    if _form(base.leaf) != _form(leaf):
        _refuse(path, minus, f"{leaf_text(leaf)} and the base's {leaf_text(base.leaf)}")
    if a is None or b is None:
        return other
    text = f"two {leaf_text(leaf)} that are not equal"
    return Item(path, leaf, lambda: EqualPayload(a(), b(), leaf.dtype or _BYTE, lambda: _refuse(path, minus, text)))


def _form(leaf: Leaf) -> tuple[Any, ...]:
    """What has to be equal where two leaves are, but for the payload."""
    has_payload = leaf.dtype is not None or leaf.kind in ("str", "bin")
    return leaf.kind, leaf.dtype, leaf.nbytes, None if has_payload else encode_value(leaf.kind, leaf.value)


def _refuse(path: tuple[str, ...], minus: bool, what: str) -> NoReturn:
    advice = "--method=exact takes any two checkpoints" if minus else "name the base that it was made from"
    detail = f"{what} cannot be {'subtracted' if minus else 'added'}"
    raise FormatError("DELTA-14", None, KeyPath(path), detail, advice)

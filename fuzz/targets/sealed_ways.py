"""Invariant: in whatever way a part of a sealed stream is read, what is handed over is what an old loader finds there.

A file may be damaged elsewhere, which a reader of a part need not notice. Where all of it is accepted every way gives
all that it is asked for.
"""

from __future__ import annotations

import contextlib
import os
import zlib

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from collections.abc import Iterator
from typing import Any, Final

import jax
import numpy as np

import reference
from fuzz.equality import same
from fuzz.findings import Broken
from fuzz.scales import SMALL, at_scale
from fuzz.scratch import folder
from fuzz.sealed_reading import Leaves, all_of, check_old_loader, settled, split
from fuzz.strategies import DEVICE_TAGS
from fuzz.targets.any_bytes import check_error
from fuzz.targets.shardings import SPECS, sharding_for
from reference.format.errors import FormatError
from reference.format.keypaths import display
from reference.format.records import Record
from reference.format.trees import flatten

KIND = "sealed"
WEIGHT = 2.0
_FILE: Final = folder() / "sealed"
_SEAL: Final = folder() / "sealed.seal"
_LARGEST: Final = 1 << 16  # bytes of an array that is put on devices


def check(data: bytes) -> None:
    with at_scale(SMALL):
        _check(data, *split(data))


def _check(data: bytes, stream: bytes, seal: bytes | None) -> None:
    _FILE.write_bytes(stream)
    _SEAL.unlink(missing_ok=True)
    if seal is not None:
        _SEAL.write_bytes(seal)
    try:
        whole: Leaves | None = all_of(stream, seal)
    except FormatError:
        whole = None
    try:
        with reference.open(_FILE) as checkpoint:
            records = checkpoint.records
    except FormatError as error:
        check_error(error, len(data))
        if whole is not None:
            raise Broken(f"open refuses what is accepted: {error}") from error
        return
    for how, found in _ways(records, zlib.crc32(data)):
        _check_way(how, found, stream, records, whole)


def _check_way(
    how: str, found: Leaves | FormatError, stream: bytes, records: list[Record], whole: Leaves | None
) -> None:
    if isinstance(found, FormatError):
        check_error(found, len(stream) + (1 << 20))
        if whole is not None:
            raise Broken(f"{how} refuses what is accepted: {found}") from found
        return
    for record in records:
        if record.path not in found:
            continue
        leaf = found[record.path]
        if whole is not None and not same(settled(leaf), settled(whole[record.path])):
            raise Broken(f"{how} gives {leaf!r:.500} for {display(record.path)}, and load {whole[record.path]!r:.500}")
        where = f"{how}, {display(record.path)}: "
        check_old_loader(stream[record.offset : record.end], {record.path: leaf}, SMALL, where)


def _ways(records: list[Record], seed: int) -> Iterator[tuple[str, Leaves | FormatError]]:
    """What each way of reading gives, or its refusal."""
    some = records[seed % len(records)]
    yield "load", _tried(_load)
    yield "include", _tried(lambda: _load(include=[_glob(some.path)]))
    yield "without checks", _tried(lambda: _one_by_one(check=False))
    for record in (some, records[0], records[-1]):
        yield "one leaf", _tried(lambda record=record: _one(record))
    yield "a map", _tried(lambda: _one_by_one(mmap=True))
    yield "iteration", _tried(_iterated)
    like = {record.path: _like(record, seed) for record in records if _fits(record)}
    if like:
        paths = [_glob(path) for path in like]
        yield "like", _tried(lambda: _load(like=_nested(like), include=paths))
        first = dict([next(iter(like.items()))])
        yield "like, one leaf", _tried(lambda: _load(like=_nested(first), include=paths[:1]))


def _tried(read: Any) -> Leaves | FormatError:
    try:
        return read()
    except FormatError as error:
        return error


def _load(**options: Any) -> Leaves:
    loaded = reference.load(_FILE, **options)
    return {
        path: np.asarray(x) if isinstance(x, jax.Array) else x for path, x in flatten(loaded, keep_empty_nodes=True)
    }


def _one_by_one(**options: Any) -> Leaves:
    found = {}
    with reference.open(_FILE, **options) as checkpoint:
        for path in checkpoint:
            with contextlib.suppress(FormatError):
                leaf = checkpoint[path]
                found[path] = np.array(leaf) if isinstance(leaf, np.ndarray) else leaf
    return found


def _one(record: Record) -> Leaves:
    with reference.open(_FILE) as checkpoint:
        return {record.path: checkpoint[record.path]}


def _iterated() -> Leaves:
    """The leaves up to the first that is refused."""
    found = {}
    with reference.open(_FILE) as checkpoint, contextlib.suppress(FormatError):
        for path, leaf in checkpoint.leaves():
            found[path] = leaf
    return found


def _glob(path: tuple[str, ...]) -> str:
    return display(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


def _fits(record: Record) -> bool:
    """Whether jax can hold it: not what it would make narrower, nor a dtype that it does not know."""
    is_small = record.kind == "ndarray" and 0 < record.nbytes <= _LARGEST and len(record.shape) <= 8
    return is_small and str(record.dtype) in DEVICE_TAGS


def _like(record: Record, seed: int) -> jax.ShapeDtypeStruct:
    sharding = sharding_for(record.shape, SPECS[seed % len(SPECS)])
    return jax.ShapeDtypeStruct(record.shape, record.dtype, sharding=sharding)


def _nested(leaves: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = leaf
    return tree

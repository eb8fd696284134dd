"""Invariant: what is recovered from a base and the delta of base and target is the target, bit for bit."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from fuzz.files import file_of_tree
from fuzz.findings import Broken
from fuzz.scratch import folder
from fuzz.strategies import pairs
from fuzz.targets.any_delta import check_delta
from reference.containers.flax_file import FLAX
from reference.containers.stream import STREAM
from reference.delta import compare, diff, recover
from reference.format.trees import flatten

VALUES = st.tuples(pairs(), st.booleans())
_FOLDER: Final = folder()


def check(value: tuple[tuple[Any, Any], bool]) -> None:
    (base, target), streaming = value
    delta, output, whole = (_FOLDER / name for name in ("delta", "recovered", "base"))
    whole.write_bytes(file_of_tree(base, STREAM))
    wanted = file_of_tree(target, STREAM if streaming else FLAX)
    report = diff(base, target, delta, jobs=1, backend="numpy")
    recover(f"params::{whole}" if "step" not in base else base, delta, output, streaming=streaming, jobs=1)
    if output.read_bytes() != wanted:
        raise Broken(f"recovered {output.read_bytes().hex()}, and the target is {wanted.hex()}")
    check_delta(delta.read_bytes(), dict(flatten(target)))
    told = compare(base, target)
    if (told.count("changed"), told.count("added"), told.count("removed")) != tuple(
        map(len, (report.changed, report.added, report.removed))
    ):
        raise Broken(f"compare finds {told.count('changed')} changed leaves, and diff {len(report.changed)}")

"""Invariant: wherever a KeyboardInterrupt strikes, the old or the new file stands there, and the next save clears up.

It strikes before any line of the reference, clearing up after itself included. What that leaves under a hidden name is
removed by the next save of the file, as what a killed process has left.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

import reference
from fuzz.faults import Calls, interrupted
from fuzz.findings import Broken
from fuzz.operations import OLD, OPERATIONS, OUTPUT, in_small_pieces, prepared, wanted
from reference.checkpoints.background import finish_earlier

VALUES = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.booleans(), st.integers(0, 4000))
_PACKAGE: Final = Path(reference.__file__).parent


def check(value: tuple[str, bool, int]) -> None:
    name, is_old, k = value
    check_interrupt(prepared(), name, is_old, k)


def check_interrupt(place: Path, name: str, is_old: bool, k: int) -> bool:
    """Interrupt an operation before its k-th line; whether it had so many."""
    new, output = wanted(place, name), place / OUTPUT
    output.unlink(missing_ok=True)
    if is_old:
        output.write_bytes(OLD)
    names = set(os.listdir(place))
    calls = Calls()
    with in_small_pieces(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of files that are closed by nobody but their last reference
        with contextlib.suppress(KeyboardInterrupt), interrupted(k, _PACKAGE, calls):
            OPERATIONS[name](place)
        where = calls.failed and calls.failed.name
        finish_earlier()  # a background save goes on, as whoever made it may still wait for it
    found = output.read_bytes() if output.exists() else None
    if found not in (OLD if is_old else None, new) or (where is None and found != new):
        raise Broken(
            f"{name}, interrupted at {where}: the output is neither the old file nor the new one: {found!r:.200}"
        )
    left = set(os.listdir(place)) - names - {OUTPUT}
    if left:
        for one in left:
            os.utime(place / one, (0, 0))
        with in_small_pieces():
            OPERATIONS[name](place)
        if still := set(os.listdir(place)) - names - {OUTPUT}:
            raise Broken(f"{name}, interrupted at {where}: {still} stays behind, after the next save as well")
    return where is not None

"""Invariant: whatever call fails while a file is written, the old or the new file stands there, and nothing is left.

The call that fails, and how, are chosen for each operation that writes. An error that is reported leaves no other file,
descriptor, mapping or thread; where nothing is reported, the file is the new one.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from fuzz.faults import FAULTS, INTERRUPT, READING, WRITING, Calls, State, failing
from fuzz.findings import Broken
from fuzz.operations import OLD, OPERATIONS, OUTPUT, in_small_pieces, prepared, wanted
from reference.errors import FormatError

VALUES = st.tuples(
    st.sampled_from(sorted(OPERATIONS)), st.booleans(), st.integers(0, 60), st.sampled_from(FAULTS), st.booleans()
)
_FUNCTIONS: Final = tuple(dict.fromkeys(WRITING + READING))


def check(value: tuple[str, bool, int, str, bool]) -> None:
    name, is_old, k, fault, twice = value
    check_fault(prepared(), name, is_old, k, fault)
    if twice:  # what a failure has left must not trouble the next
        check_fault(prepared(), name, is_old, -1, fault)


def check_fault(place: Path, name: str, is_old: bool, k: int, fault: str) -> Calls:
    """Run an operation whose k-th call fails; gives the calls that it made."""
    new, output = wanted(place, name), place / OUTPUT
    output.unlink(missing_ok=True)
    if is_old:
        output.write_bytes(OLD)
    before = State.of(place)
    error = None
    with warnings.catch_warnings(), in_small_pieces(), failing(k, fault, _FUNCTIONS) as calls:
        warnings.simplefilter("error", ResourceWarning)
        try:
            OPERATIONS[name](place)
        except (OSError, FormatError) as caught:
            error = caught
        except KeyboardInterrupt as caught:
            if fault != INTERRUPT:
                raise
            error = caught
    shown = f"{name}, call {k} {calls.failed and calls.failed.name}: {fault}: {error!r}"
    _check_output(output.read_bytes() if output.exists() else None, OLD if is_old else None, new, error, shown)
    after = State.of(place)
    left = after.names - before.names - {OUTPUT}
    cleaning = calls.failed is not None and calls.failed.name == "unlink"
    if left and not cleaning:
        raise Broken(f"{left} stays behind: {shown}")
    for one in left:
        (place / one).unlink()
    if (after.descriptors, after.mappings, after.threads) != (before.descriptors, before.mappings, before.threads):
        raise Broken(f"{after.descriptors - before.descriptors or after} stays open: {shown}")
    return calls


def _check_output(found: bytes | None, old: bytes | None, new: bytes, error: BaseException | None, shown: str) -> None:
    if found not in (old, new):
        raise Broken(f"the output is neither the old file nor the new one: {shown}: {found!r:.200}")
    if error is None and found != new:
        raise Broken(f"nothing is reported, and the output is not the new file: {shown}")

"""Invariant: whatever call fails while a file is written, the old or the new file stands there, and nothing is left.

The call that fails, and how, are chosen for each operation that writes, with nameless files and without. An error that
is reported names a file and leaves no other file, descriptor, mapping or thread; where nothing is reported, the file is
the new one.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from fuzz.faults import (
    FAULTS,
    INTERRUPT,
    LOOKING,
    READING,
    SHORT,
    WRITING,
    Calls,
    State,
    failing,
    without_nameless_files,
)
from fuzz.findings import Broken
from fuzz.operations import OLD, OPERATIONS, OUTPUT, in_small_pieces, prepared, wanted
from reference.format.errors import FormatError

_TOLD: Final = ("writev", "fsync", "link", "replace")
FUNCTIONS: Final = tuple(dict.fromkeys(WRITING + READING + LOOKING))
_MOVING: Final = ("writev", "preadv", "pread", "copy_file_range")
_ANY_CALL: Final = st.tuples(st.just(FUNCTIONS), st.integers(0, 80), st.sampled_from(FAULTS))
# A call that moves less than it was asked for is drawn as often as all others: few calls can, and each in its own way.
_SHORT_CALL: Final = st.tuples(st.just(_MOVING), st.integers(0, 20), st.just(SHORT))
VALUES = st.tuples(
    st.sampled_from(sorted(OPERATIONS)),
    st.booleans(),
    st.booleans(),
    st.one_of(_ANY_CALL, _SHORT_CALL),
    st.booleans(),
)


def check(value: tuple[str, bool, bool, tuple[tuple[str, ...], int, str], bool]) -> None:
    name, is_nameless, is_old, (functions, k, fault), twice = value
    check_fault(prepared(), name, is_nameless, is_old, k, fault, functions)
    if twice:  # what a failure has left must not trouble the next
        check_fault(prepared(), name, is_nameless, is_old, -1, fault)


def check_fault(
    place: Path,
    name: str,
    is_nameless: bool,
    is_old: bool,
    k: int,
    fault: str,
    functions: tuple[str, ...] = FUNCTIONS,
) -> Calls:
    """Run an operation whose k-th call of these functions fails; gives the calls of them that it made."""
    new, output = wanted(place, name), place / OUTPUT
    output.unlink(missing_ok=True)
    if is_old:
        output.write_bytes(OLD)
    before = State.of(place)
    error = None
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error", ResourceWarning)
        if not is_nameless:
            stack.enter_context(without_nameless_files())
        stack.enter_context(in_small_pieces())
        calls = stack.enter_context(failing(k, fault, functions))
        try:
            OPERATIONS[name](place)
        except (OSError, FormatError) as caught:
            error = caught
        except KeyboardInterrupt as caught:
            if fault != INTERRUPT:
                raise
            error = caught
    shown = f"{name}, {'' if is_nameless else 'with names, '}call {k} {calls.failed and calls.failed.name}: {fault}"
    shown = f"{shown}: {error!r}"
    _check_error(error, shown)
    _check_output(output.read_bytes() if output.exists() else None, OLD if is_old else None, new, error, shown)
    _check_calls(calls, error, fault, shown)
    if error is not None:
        error.__traceback__ = error.__context__ = None
        gc.collect(0)
    if left := State.of(place, before).left_since(before, OUTPUT):
        for path in set(place.iterdir()) - {place / one for one in (*before.names, OUTPUT)}:
            path.unlink()
        raise Broken(f"something stays, {left}: {shown}")
    return calls


def _check_error(error: BaseException | None, shown: str) -> None:
    """An error says in one line what went wrong, and with which file."""
    if isinstance(error, OSError) and not error.filename:
        raise Broken(f"the error names no file: {shown}")
    if error is not None and "\n" in str(error):
        raise Broken(f"the error takes more than a line: {shown}")


def _check_calls(calls: Calls, error: BaseException | None, fault: str, shown: str) -> None:
    """The file was synced before it was renamed; and what has no other way is reported."""
    made = [call.name for call in calls]
    if "replace" in made and "fsync" not in made[: made.index("replace")]:
        raise Broken(f"the file is renamed before it is synced: {shown}")
    if error is None and calls.failed is not None and calls.failed.name in _TOLD and fault in ("EIO", "ENOSPC"):
        raise Broken(f"a call failed, and nothing is reported: {shown}")


def _check_output(found: bytes | None, old: bytes | None, new: bytes, error: BaseException | None, shown: str) -> None:
    if found not in (old, new):
        raise Broken(f"the output is neither the old file nor the new one: {shown}: {found!r:.200}")
    if error is None and found != new:
        raise Broken(f"nothing is reported, and the output is not the new file: {shown}")

"""Invariant: of two that save to one path at the same time, one leaves its whole file there, and nothing else stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

import reference
from fuzz.faults import State
from fuzz.files import file_of_tree
from fuzz.findings import Broken
from fuzz.scratch import folder
from fuzz.strategies import flat_trees
from reference.containers.stream import STREAM

VALUES = st.tuples(st.lists(st.tuples(flat_trees(), st.booleans()), min_size=2, max_size=3), st.booleans())
_PLACE: Final = folder() / "savers"
_TIMES: Final = 3  # that each saves


def check(value: tuple[list[tuple[dict[str, Any], bool]], bool]) -> None:
    savers, is_old = value
    _PLACE.mkdir(exist_ok=True)
    output = _PLACE / "output"
    output.unlink(missing_ok=True)
    if is_old:
        reference.save(output, savers[0][0])
    before = State.of(_PLACE)
    errors: list[BaseException] = []
    threads = [threading.Thread(target=_saver(output, tree, blocking, errors)) for tree, blocking in savers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    if output.read_bytes() not in [file_of_tree(tree, STREAM) for tree, _ in savers]:
        raise Broken(f"the file is none of those that were saved: {output.read_bytes().hex()}")
    if left := State.of(_PLACE, before).left_since(before, output.name):
        raise Broken(f"something stays behind, {left}")


def _saver(output: Path, tree: dict[str, Any], blocking: bool, errors: list[BaseException]) -> Callable[[], None]:
    def run() -> None:
        try:
            for _ in range(_TIMES):
                if blocking:
                    reference.save(output, tree)
                else:
                    reference.save(output, tree, blocking=False).wait()
        except BaseException as error:
            errors.append(error)

    return run

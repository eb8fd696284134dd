"""What is refused of a checkpoint where it is chosen: tensors that cannot be held, and names that are not one tree."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from ..containers.container import Unheld
from ..containers.load_prefixes import subtree
from ..format.errors import FormatError
from ..format.keypaths import brief
from ..format.records import Record
from ..format.streams import check_paths


# CONV-7: "a name that splits into a path which clashes with another (STREAM-4, STREAM-5) is refused when it is read."
def unfit(records: Sequence[Record], unheld: Sequence[Unheld]) -> FormatError | None:
    """The one refusal of tensors that cannot be held, or of key paths that are not one tree."""
    if unheld:
        error = copy.copy(unheld[0].error)
        if len(unheld) > 1:
            shown = ", ".join(f"{brief(each.path)} {each.text}" for each in unheld[:6])
            more = f" and {len(unheld) - 6} more" if len(unheld) > 6 else ""
            if all(each.error.clause == error.clause == "CONV-8" for each in unheld):
                error.detail = f"{len(unheld)} tensors have dtypes that are not supported here: {shown}{more}"
            else:
                error.detail += f"; {len(unheld)} tensors cannot be held: {shown}{more}"
        error.advice = "leave them out with --exclude (exclude= in Python), or choose others with --include"
        return error
    try:
        check_paths([record.path for record in records])
    except FormatError as error:
        error.advice = (
            "leave one of them out with --exclude (exclude=), or keep names whole with --names=whole (names=)"
        )
        return error
    return None


def below_prefix(
    records: list[Record], unheld: tuple[Unheld, ...], prefix: tuple[str, ...]
) -> tuple[list[Record], tuple[Unheld, ...]]:
    """What lies under a key path, with that path taken off; all of it where the path is empty. Raises CONV-5."""
    if not prefix:
        return records, unheld
    n = len(prefix)
    unheld = tuple(each._replace(path=each.path[n:]) for each in unheld if each.path[:n] == prefix)
    found = unheld and not any(record.path[:n] == prefix for record in records)
    return [] if found else subtree(records, prefix), unheld

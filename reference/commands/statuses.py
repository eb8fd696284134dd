"""The exit statuses of all verbs: one table, for the programs, their help and the site."""

from __future__ import annotations

import textwrap
from typing import Final

DONE, REFUSED, USAGE, PARTLY, NOTED, INTERRUPTED = 0, 1, 2, 3, 4, 130
EVERY: Final = ""

# What each status means, of every verb and of those in which it means something else.
EXIT_STATUSES: Final[dict[int, dict[str, str]]] = {
    DONE: {
        EVERY: "done",
        "verify": "every file is good",
        "compare": "the checkpoints are equal",
        "salvage": "no damage is seen",
    },
    REFUSED: {
        EVERY: "an input was refused, or the output could not be written",
        "compare": "the checkpoints differ",
        "salvage": "nothing can be rescued, or the output could not be written",
    },
    USAGE: {EVERY: "wrong usage", "compare": "wrong usage, or an input was refused"},
    PARTLY: {"salvage": "something is lost, and the rest was written"},
    NOTED: {"verify": "every file is good, and one holds what --fail_on names"},
    INTERRUPTED: {EVERY: "interrupted; an output that was there before is still whole"},
}


def statuses_of(verb: str) -> str:
    """The statuses of one verb, for its help."""
    told = {status: meanings.get(verb, meanings.get(EVERY)) for status, meanings in EXIT_STATUSES.items()}
    return _table({status: text for status, text in told.items() if text})


def meaning(status: int) -> str:
    """What a status means in all verbs, on one line."""
    meanings = EXIT_STATUSES[status]
    others = "; ".join(f"{verb}: {text}" for verb, text in meanings.items() if verb)
    return "; ".join(text for text in (meanings.get(EVERY), others) if text)


def table_of_statuses() -> str:
    """The table for a help text."""
    return _table({status: meaning(status) for status in EXIT_STATUSES})


def _table(told: dict[int, str]) -> str:
    rows = (textwrap.fill(f"  {status:<4} {text}", 80, subsequent_indent=" " * 7) for status, text in told.items())
    return "\n".join(["exit status:", *rows])

"""Text that a program gave, for a terminal and for reports: it may hold anything, and is shown as what it is."""

from __future__ import annotations

from typing import Any, Final

LONGEST: Final = 300  # letters that are shown


def plain(told: Any, longest: int = LONGEST) -> str:
    """The text of a value on one line. What does not print stands as an escape: control characters, which a terminal
    would obey, marks that turn the direction of a line, lone surrogates."""
    try:
        text = str(told)
    except Exception as error:  # of someone's exception, or an int beyond what Python prints
        text = f"a {type(told).__name__} that has no text ({type(error).__name__})"
    shown = text[: longest + 1]
    escaped = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown[:longest])
    return escaped + (" ..." if len(shown) > longest else "")

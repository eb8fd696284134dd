"""Spec chapter 09, CONV-11: JSON as RFC 8259 has it, and what is settled here where its readers differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

DEEPEST: Final = 127  # CONV-11: "a reader MUST accept 127 and MUST refuse more"
_MOST_DIGITS: Final = 20  # of a number of 64 bits
_TOO_LARGE: Final = 1 << 64


def refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not an integer")


# CONV-11: "JSON is that of RFC 8259, and no name stands twice in an object."
def read_json(text: str, number: Callable[[str], Any] = refuse_number, minus_zero: Any = 0) -> Any:
    """The value of a JSON text, in which `number` makes what a number with a fraction or exponent becomes.

    An integer of more than 64 bits comes as one that fits nothing: whatever its digits, nobody is to count so far.
    Raises ValueError.
    """

    def integer(digits: str) -> Any:
        return minus_zero if digits == "-0" else _integer(digits)

    hooks: dict[str, Any] = {"parse_int": integer, "parse_float": number, "parse_constant": refuse_number}
    try:
        value = json.loads(text, object_pairs_hook=_object, **hooks)
    except RecursionError:
        raise _too_deep() from None
    _check_depth(value)
    return value


def _integer(digits: str) -> int:
    """An integer; Python's own conversion stops at 4,300 digits, and takes time with their square."""
    if len(digits) <= _MOST_DIGITS:
        return int(digits)
    return -_TOO_LARGE if digits[0] == "-" else _TOO_LARGE


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("a name occurs twice in one object")
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        nested = [one for one in level if type(one) in (dict, list)]
        level = [child for one in nested for child in (one.values() if type(one) is dict else one)]
    if any(type(one) in (dict, list) for one in level):
        raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"its objects and lists are nested more than {DEEPEST} deep")

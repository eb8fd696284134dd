"""Small files beside a checkpoint, as JSON: what it cannot hold is refused by name."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from ..format.errors import UsageError
from .local_files import Path_
from .places import place_of

_MOST_BITS: Final = 4096  # of an int: Python itself reads and writes some 14,000


def encode_sidecar(value: Any, name: str) -> bytes:
    """The JSON text of nested dicts, lists, texts, numbers, booleans and None; `name` is what errors call it.

    Tuples become lists, ints that are keys texts (two keys of one text are refused), scalars of numpy and jax numbers,
    and objects with a `to_dict` (a ConfigDict) or `get_state_dict` (a dataset) what that gives. Raises UsageError for
    all else, and for what is not a number in JSON (nan, inf).
    """
    text = json.dumps(_plain(value, name), ensure_ascii=False, indent=1, allow_nan=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        raise UsageError(f"{name} holds half of a surrogate pair, which is not text") from None


def write_sidecar(path: Path_, text: bytes) -> None:
    """Write the file whole or not at all, in a folder that is made where there is none. Raises OSError, UsageError."""
    place = place_of(path)
    place.make_folder()
    with place.replace() as sink:
        sink.write(text)


def _plain(value: Any, name: str) -> Any:
    for method in ("to_dict", "get_state_dict"):
        if callable(convert := getattr(value, method, None)):
            value = convert()
    if isinstance(value, dict):
        if odd := [key for key in value if type(key) not in (str, int)]:
            raise UsageError(f"{name} has the key {odd[0]!r}, and the keys of a JSON object are texts")
        if len({str(key) for key in value}) != len(value):
            raise UsageError(f"{name} has two keys that are one text, such as 1 and '1': one of them would be lost")
        return {str(key): _plain(item, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{name}[{i}]") for i, item in enumerate(value)]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise UsageError(f"{name} is an int of {value.bit_length()} bits; at most {_MOST_BITS} are written")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{name} is {value}, which is not a number in JSON")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    kind = type(value).__name__
    advice = "; arrays belong in the train state" if hasattr(value, "shape") else ""
    raise UsageError(f"{name} is of type {kind}, which JSON cannot hold; sidecars are never pickled{advice}")

"""Small files beside a checkpoint, as JSON: what it cannot hold is refused by name."""

from __future__ import annotations

import contextlib
import json
import math
import os
import warnings
from typing import Any, Final

from ..format.errors import UsageError
from .local_files import Path_
from .places import place_of

_MOST_BITS: Final = 4096  # of an int: Python itself reads and writes some 14,000


def encode_sidecar(value: Any, name: str) -> bytes:
    """The JSON text of nested dicts, lists, texts, numbers, booleans and None; `name` is what errors call it.

    Tuples become lists, ints that are keys texts, scalars of numpy and jax numbers, and objects with a `to_dict` (a
    ConfigDict) or `get_state_dict` (a dataset) what that gives. Numbers that JSON does not have become the texts "NaN",
    "Infinity" and "-Infinity", of which a warning tells: a loss that has diverged must not end a run. Raises UsageError
    for all else, and for keys that would become the same text.
    """
    odd: list[str] = []
    text = json.dumps(_plain(value, name, odd), ensure_ascii=False, indent=1, allow_nan=False)
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        warnings.warn(f"{odd[0]}{more}: JSON has no such number, so it is saved as a text", stacklevel=4)
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


def read_sidecar(path: Path_) -> Any:
    """What `encode_sidecar` made a text of. Raises OSError, and UsageError for what is not JSON; a pickle by name."""
    try:
        with contextlib.closing(place_of(path).open()) as source:
            raw = source.read_at(0, source.size)
    except FileNotFoundError as missing:
        if (beside := _json_beside(path)) is not None:
            raise FileNotFoundError(missing.errno, f"no such file, but there is {beside}", os.fspath(path)) from None
        raise
    try:
        return json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        if raw[:1] == b"\x80":
            beside = _json_beside(path)
            raise UsageError(
                f"{os.fspath(path)} is a pickle, which can run any code when it is opened, so it is not opened here; "
                + (f"read {beside} instead" if beside else "open it once where you trust it, and save_json the value")
            ) from None
        raise UsageError(f"{os.fspath(path)} is not JSON: {error}") from None


def _json_beside(path: Path_) -> str | None:
    """The JSON file that stands where somebody asks for a pickle of that name."""
    root, ending = os.path.splitext(os.fspath(path))
    name = f"{root}.json"
    if ending == ".json":
        return None
    with contextlib.suppress(OSError, UsageError):
        place_of(name).open().close()
        return name
    return None


def _plain(value: Any, name: str, odd: list[str]) -> Any:
    for method in ("to_dict", "get_state_dict"):
        if callable(convert := getattr(value, method, None)):
            value = convert()
    if isinstance(value, dict):
        return _plain_dict(value, name, odd)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{name}[{i}]", odd) for i, item in enumerate(value)]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise UsageError(f"{name} is an int of {value.bit_length()} bits; at most {_MOST_BITS} are written")
    if isinstance(value, float) and not math.isfinite(value):
        odd.append(f"{name} is {value}")
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, str | bool | int | float):
        return value
    kind = type(value).__name__
    advice = "; arrays belong in the train state" if hasattr(value, "shape") else ""
    raise UsageError(f"{name} is of type {kind}, which JSON cannot hold; sidecars are never pickled{advice}")


def _plain_dict(value: dict[Any, Any], name: str, odd: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        if type(key) not in (str, int):
            raise UsageError(f"{name} has the key {key!r}, and the keys of a JSON object are texts")
        if str(key) in found:
            raise UsageError(f"{name} has the keys {str(key)!r} and {int(key)!r}, which are the same key in JSON")
        found[str(key)] = _plain(item, f"{name}[{key!r}]", odd)
    return found

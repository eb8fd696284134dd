"""A safetensors file that a program has written (CONV-7 to CONV-10), compared with the leaves that it is to hold."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from ..strict_json import parsed
from .fault import Fault, require
from .msgpack import value_at, values

Path = tuple[str, ...]
_METADATA: Final = "__metadata__"
_LONGEST: Final = 100_000_000  # bytes of a header
_DIGITS: Final = 1 << 63  # what dimensions and offsets are less than
# The dtypes of safetensors with their tags, and the bytes of an element (CONV-8).
_DTYPES: Final = {
    "BOOL": ("bool", 1),
    **{
        f"{letter}{8 * n}": (f"{name}{8 * n}", n)
        for letter, name in (("I", "int"), ("U", "uint"))
        for n in (1, 2, 4, 8)
    },
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "F32": ("float32", 4),
    "F64": ("float64", 8),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "F8_E8M0": ("float8_e8m0fnu", 1),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 1),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 1),
    "C64": ("complex64", 8),
}
_WIDTHS: Final = dict(_DTYPES.values())


class Tensor(NamedTuple):
    """An array."""

    dtype: str  # the tag
    shape: tuple[int, ...]
    payload: bytes


def ensure_holds(file: bytes, stream: bytes, source: bytes | None = None) -> None:
    """Raises Fault where a safetensors file is not one, or does not hold the arrays of a canonical stream, in the order
    of CONV-10, and no others. `source` is the safetensors file from which it was made: its metadata is kept."""
    found, metadata = tensors(file)
    expected = arrays(stream)
    for path in [*expected, *found]:
        require(path in found, "CONV-1", f"there is no tensor {'.'.join(path)!r:.100}")
        require(path in expected, "CONV-1", f"there is a tensor {'.'.join(path)!r:.100}, which is not expected")
        for what, a, b in zip(Tensor._fields, found[path], expected[path], strict=True):
            said = "" if what == "payload" else f" {a!r:.80}; expected {b!r:.80}"
            require(a == b, "CONV-1", f"the {what} of the tensor {'.'.join(path)!r:.100} is another:{said or ' bytes'}")
    widest = sorted(expected, key=lambda path: -_WIDTHS[expected[path].dtype])
    require([*found] in ([*expected], widest), "CONV-10", "the tensors are not in depth-first order")
    for name, text in tensors(source)[1].items() if source else ():
        told = f"the metadata has {name!r:.60}: {metadata.get(name)!r:.60}; expected {text!r:.60}"
        require(metadata.get(name) == text, "CONV-9", told)


def tensors(file: bytes) -> tuple[dict[Path, Tensor], dict[str, str]]:
    """The tensors of a safetensors file, in the order of its header, and its metadata. Raises Fault."""
    start = 8 + int.from_bytes(file[:8], "little")
    fits = 10 <= start <= min(len(file), 8 + _LONGEST)
    require(fits, "CONV-10", "this is not safetensors: it does not begin with the length of a header")
    require(file[8:9] == b"{", "CONV-10", "the header does not begin with `{`")
    try:
        header = parsed(file[8:start])
    except ValueError as error:
        raise Fault("CONV-11", f"the header is not JSON: {error}") from None
    metadata = header.pop(_METADATA, {})
    _ensure_metadata(metadata)
    held = {name: _held(name, entry, file, start) for name, entry in header.items()}
    _ensure_in_turn([offsets for _, offsets in held.values()], len(file) - start)
    paths = [tuple(name.split(".")) for name in held]
    require(all(_is_text(name) for name in held), "CONV-11", "a name is not UTF-8")
    return dict(zip(paths, (tensor for tensor, _ in held.values()), strict=True)), metadata


def _ensure_metadata(metadata: Any) -> None:
    is_object = isinstance(metadata, dict)
    require(is_object, "CONV-10", f"`{_METADATA}` is not an object of texts")
    texts = [text for entry in metadata.items() for text in entry]
    require(all(map(_is_text, texts)), "CONV-10", f"a value of `{_METADATA}` is not a text")


def _is_text(value: Any) -> bool:
    """Whether a value is a text that UTF-8 can spell."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _held(name: str, entry: Any, file: bytes, start: int) -> tuple[Tensor, tuple[int, int]]:
    """A tensor of a header, and where its payload begins and ends."""
    is_one = isinstance(entry, dict) and {"dtype", "shape", "data_offsets"} <= set(entry)
    require(is_one, "CONV-10", f"{name!r:.100} is not an object with dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    known = isinstance(dtype, str) and dtype in _DTYPES
    require(known, "CONV-8", f"the dtype of {name!r:.100} is {dtype!r:.40}")
    for numbers in (shape, offsets):
        are_digits = isinstance(numbers, list) and all(type(n) is int and 0 <= n < _DIGITS for n in numbers)
        require(are_digits, "CONV-10", f"the shape or the offsets of {name!r:.100} are not lists of digits")
    require(len(offsets) == 2, "CONV-10", f"{name!r:.100} has {len(offsets)} offsets")
    first, end = offsets
    tag, width = _DTYPES[dtype]
    size = width * math.prod(shape)
    require(end - first == size, "CONV-10", f"the payload of {name!r:.100} has {end - first} bytes; expected {size}")
    return Tensor(tag, tuple(shape), file[start + first : start + end]), (first, end)


def _ensure_in_turn(offsets: list[tuple[int, int]], size: int) -> None:
    """That payloads stand one behind the other, from the end of the header to the end of the file."""
    at = 0
    for first, end in sorted(offsets):
        require(first == at, "CONV-10", f"a payload begins at {first}; expected {at}")
        at = end
    require(at == size, "CONV-10", f"the payloads take {at} bytes, and the file has {size} behind its header")


def arrays(stream: bytes) -> dict[Path, Tensor]:
    """The arrays of a canonical stream that holds no other leaves."""
    found = {}
    for record in values(stream):
        path, blob = record.items
        leaf = value_at(stream, blob.body, blob.end)
        shape, dtype, payload = value_at(stream, leaf.body, leaf.end).items
        numbers = tuple(n.number for n in shape.items)
        found[tuple(part.text() for part in path.items)] = Tensor(dtype.text(), numbers, payload.bytes)
    return found

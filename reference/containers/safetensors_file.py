"""The safetensors container: one JSON header, then the payloads (spec CONV-7 to CONV-9)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from ..format.arrays import MAX_DIMS, check_held, size_of
from ..format.dtypes import dtype_of, tag_of
from ..format.errors import FormatError
from ..format.json_texts import read_json
from ..format.keypaths import KeyPath, brief, encode_keypath
from ..format.leaves import Leaf
from ..format.payloads import Step
from ..format.records import Item, Record, with_path
from ..format.streams import check_paths
from ..format.wire import Source
from .container import Container, Contents, Unheld

SAFETENSORS: Final = "safetensors file"
_METADATA: Final = "__metadata__"
MAX_HEADER: Final = 100_000_000  # bytes of a header, the limit of its library

# CONV-8: "The dtypes of safetensors and the dtype tags correspond one to one."
TAGS: Final = {
    "BOOL": "bool",
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "C64": "complex64",
}
_NAMES: Final = {tag: name for name, tag in TAGS.items()}
# Bits of an element of the dtypes that the library knows besides: several elements stand in one byte.
_PACKED: Final = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}

SPLIT, WHOLE = "split", "whole"  # what becomes of a name: a key path (CONV-7), or the one part of one
NAMES: Final = (SPLIT, WHOLE)


def _refuse(detail: str, path: tuple[str, ...] | None = None, clause: str = "CONV-10") -> NoReturn:
    where = None if path is None else KeyPath(path)
    raise FormatError(clause, 8, where, f"damaged safetensors file: {detail}", "get it again, or write it again")


def _begins(head: bytes, size: int) -> bool:
    limit = min(size - 8, MAX_HEADER)
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= limit


def read_safetensors(source: Source, names: str = SPLIT) -> Contents:
    """The tensors of a safetensors file as records, in the order of its header; payloads are not read.

    `names` is SPLIT or WHOLE. Tensors of dtypes without a tag, and names that are not one tree, are told of in what is
    returned (see `Contents`). Raises FormatError.
    """
    # CONV-10: "A safetensors file is the length of its header in 8 bytes, little-endian, the header, and the payloads;
    #           a reader takes what this table describes, and refuses all else."
    if source.size < 8:
        _refuse(f"it has {source.size} bytes, and its header alone begins with a length of 8")
    size = int.from_bytes(source.read_at(0, 8), "little")
    if not 2 <= size <= min(source.size - 8, MAX_HEADER):
        _refuse(f"its header should take {size} bytes and the file has {source.size}")
    text = source.read_at(8, size)
    if not text.startswith(b"{"):
        _refuse("its header does not begin with an opening brace")
    try:
        header = read_json(text.decode(), float, minus_zero=-0.0)
    except ValueError as error:
        _refuse(f"its header is not valid JSON: {error}", clause="CONV-11")
    metadata = _metadata(header.pop(_METADATA, {}))
    data = 8 + size
    entries = [_entry(name, entry, data, names) for name, entry in header.items()]
    at = data
    for path, _, start, end in sorted(entries, key=lambda entry: entry[2:]):
        if start != at:
            _refuse("the payloads do not follow one another", path)
        at = end
    if at != source.size:
        what = "it has been cut off: " if at > source.size else ""
        _refuse(f"{what}the payloads take {at - data} bytes and the file has {source.size - data} after its header")
    records = [Record(path, leaf, start, start, end) for path, leaf, start, end in entries if isinstance(leaf, Leaf)]
    unheld = tuple(leaf for _, leaf, _, _ in entries if isinstance(leaf, Unheld))
    return Contents(
        records, metadata=metadata, index_at=(0, data), unheld=unheld, clash=_clash([path for path, *_ in entries])
    )


def _clash(paths: list[tuple[str, ...]]) -> FormatError | None:
    """The refusal of paths that clash. Raises STREAM-3 where there is none at all."""
    if not paths:
        advice = "nothing is to be had from it; get it again if it should hold some"
        raise FormatError("STREAM-3", 8, None, "this safetensors file holds no tensor", advice)
    try:
        check_paths(paths)
    except FormatError as error:
        return error
    return None


def _metadata(value: Any) -> dict[str, str]:
    if type(value) is not dict or not all(type(text) is str for text in value.values()):
        _refuse(f"its {_METADATA} is not an object of strings")
    try:
        "".join(itertools.chain.from_iterable(value.items())).encode()
    except UnicodeEncodeError:
        _refuse(f"a text of its {_METADATA} holds half of a surrogate pair", clause="CONV-11")
    return value


def _entry(name: str, entry: Any, data: int, names: str) -> tuple[tuple[str, ...], Leaf | Unheld, int, int]:
    """The key path of a tensor, what it is, and where its payload begins and ends."""
    # CONV-7: "A safetensors name is split into a key path at each `.`, and a key path is joined into a name
    #          with `.`."
    path = tuple(name.split(".")) if names == SPLIT else (name,)
    encode_keypath(path)
    if type(entry) is not dict or not {"dtype", "shape", "data_offsets"} <= set(entry):
        _refuse("an entry is not an object with dtype, shape and data_offsets", path)
    tag, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(shape) is not list or type(offsets) is not list or len(offsets) != 2:
        _refuse("its shape or data_offsets are not lists", path)
    if not all(type(n) is int and 0 <= n < 1 << 63 for n in (*shape, *offsets)):
        _refuse("its shape or data_offsets hold what is not an integer of 0 to 2^63 - 1", path)
    if len(shape) > MAX_DIMS:
        _refuse(f"a shape has {len(shape)} dimensions; at most {MAX_DIMS} are allowed", path, "LEAF-3")
    start, end = offsets
    if type(tag) is not str:
        _refuse("its dtype is not a string", path, "CONV-8")
    if tag not in TAGS:
        return path, _unheld(path, tag, shape, start, end, data), data + start, data + end
    try:
        dtype = dtype_of(TAGS[tag], 8)
    except FormatError as error:  # the installed ml_dtypes lacks it
        text = f"{tag}[{','.join(map(str, shape))}]"
        unheld = Unheld(path, text, end - start, data + start, with_path(path, error))
        return path, unheld, data + start, max(data + start, data + end)
    try:
        check_held(len(shape), 8)
        nbytes = size_of(tuple(shape), dtype)
    except FormatError as error:
        raise with_path(path, error) from None
    if end - start != nbytes:
        _refuse(f"shape {shape} of {tag} takes {nbytes} bytes and the payload has {end - start}", path)
    return path, Leaf("ndarray", dtype, tuple(shape), nbytes, ((0, nbytes),)), data + start, data + end


def _unheld(path: tuple[str, ...], tag: str, shape: list[int], start: int, end: int, data: int) -> Unheld:
    """A tensor of a dtype that has no tag. Raises FormatError where its bytes cannot be what its shape says."""
    bits = _PACKED.get(tag)
    if end < start or (bits is not None and _bits(shape, bits) != 8 * (end - start)):
        _refuse(f"shape {shape} of {tag} does not take the {end - start} bytes of the payload", path)
    error = FormatError("CONV-8", 8, KeyPath(path), f"the safetensors dtype {brief((tag,))!r} is not supported here")
    return Unheld(path, f"{tag}[{','.join(map(str, shape))}]", end - start, data + start, error)


def _bits(shape: list[int], bits: int) -> int:
    for n in sorted(shape):  # from the smallest on, so that a 0 is met before anything grows large
        bits = min(bits * n, 1 << 70)
    return bits


def name_of(path: tuple[str, ...], names: str = SPLIT) -> str:
    """The name of a key path in safetensors. Raises CONV-7."""
    if names == SPLIT and any("." in part for part in path):
        detail = "a safetensors name cannot hold a part with a '.' in it"
        raise FormatError("CONV-7", None, KeyPath(path), detail, "--names=whole writes and reads names as they are")
    return ".".join(path)


def _name(path: tuple[str, ...], leaf: Leaf, names: str) -> tuple[str, str]:
    """The name and dtype of a leaf in safetensors. Raises CONV-7, CONV-8, CONV-9."""
    if leaf.kind != "ndarray" or leaf.dtype is None:
        # CONV-9: "safetensors holds arrays only: a leaf of a kind other than `ndarray` MUST be refused by a
        #          writer of safetensors."
        raise FormatError(
            "CONV-9",
            None,
            KeyPath(path),
            f"safetensors holds arrays only, and this leaf is of kind {leaf.kind}",
            "take the weights alone (trainstate_params::), or write a stream or a flax file",
        )
    if tag_of(leaf.dtype) not in _NAMES:
        raise FormatError("CONV-8", None, KeyPath(path), f"safetensors has no dtype for {leaf.dtype}")
    return name_of(path, names), _NAMES[tag_of(leaf.dtype)]


# What flax calls the arrays of a layer, and torch does not.
_OF_FLAX: Final = frozenset(("kernel", "embedding", "scale"))


def default_metadata(items: Sequence[Item | Record]) -> dict[str, str]:
    """The `__metadata__` of leaves of which nothing else is known.

    `format` is the framework whose names these are: flax's. If a tree has `weight`, as torch calls them, and none of
    flax's names, nothing is claimed.
    """
    last = {item.path[-1].rpartition(".")[2] for item in items if item.path}
    return {} if "weight" in last and not last & _OF_FLAX else {"format": "flax"}


def safetensors_steps(
    items: Sequence[Item], metadata: Mapping[str, str] | None = None, names: str = SPLIT
) -> list[Step]:
    """The safetensors file of these leaves, refused before anything is written where it cannot be (CONF-7).

    Payloads stand with the widest elements first, so that all are aligned. `metadata` is its `__metadata__`, None the
    default one. With `names` WHOLE parts may have a `.` in them. Raises CONV and STREAM clauses.
    """
    check_paths([item.path for item in items])
    order = sorted(items, key=lambda item: -item.leaf.dtype.itemsize if item.leaf.dtype else 0)
    metadata = default_metadata(items) if metadata is None else metadata
    header: dict[str, Any] = {_METADATA: _checked(metadata)} if metadata else {}
    at = 0
    for path, leaf, _ in order:
        name, dtype = _name(path, leaf, names)
        if name in header or name == _METADATA:
            raise FormatError("CONV-7", None, KeyPath(path), f"the name {name!r} is taken")
        header[name] = {"dtype": dtype, "shape": leaf.shape, "data_offsets": [at, at + leaf.nbytes]}
        at += leaf.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise FormatError(
            "CONV-7", None, None, f"the header would take {len(text)} bytes, more than safetensors allows"
        )
    head = Step([(len(text).to_bytes(8, "little") + text, 0)])
    return [head, *(Step([(b"", item.leaf.nbytes)], item.payload) for item in order)]


def _checked(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata as it can be encoded. Raises CONV-10, CONV-11."""
    if not all(type(text) is str for entry in metadata.items() for text in entry):
        raise FormatError("CONV-10", None, None, f"the {_METADATA} of a safetensors file is a map of strings")
    try:
        "".join(itertools.chain.from_iterable(metadata.items())).encode()
    except UnicodeEncodeError as error:
        detail = f"a text of the {_METADATA} cannot be encoded: {error.reason}"
        raise FormatError("CONV-11", None, None, detail) from None
    return dict(metadata)


CONTAINER: Final = Container(SAFETENSORS, "use safetensors::", "CONV-6", _begins, read_safetensors, safetensors_steps)

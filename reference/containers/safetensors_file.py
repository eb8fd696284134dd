"""The safetensors container: one JSON header, then the payloads (spec CONV-7 to CONV-9)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from ..format.arrays import MAX_DIMS, check_held, size_of
from ..format.dtypes import dtype_of, tag_of
from ..format.errors import FormatError
from ..format.json_texts import read_json
from ..format.keypaths import KeyPath, encode_keypath
from ..format.leaves import Leaf
from ..format.payloads import Step
from ..format.records import Item, Record, with_path
from ..format.streams import check_paths
from ..format.wire import Source
from .container import Container, Contents

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


def _refuse(detail: str, path: tuple[str, ...] | None = None, clause: str = "CONV-10") -> NoReturn:
    raise FormatError(clause, 8, None if path is None else KeyPath(path), f"damaged safetensors file: {detail}")


def _begins(head: bytes, size: int) -> bool:
    limit = min(size - 8, MAX_HEADER)
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= limit


def read_safetensors(source: Source) -> Contents:
    """The tensors of a safetensors file as records, in the order of its header; payloads are not read.

    Raises FormatError.
    """
    # CONV-10: "A safetensors file is the length of its header in 8 bytes, little-endian, the header, and the payloads;
    #           a reader takes what this table describes, and refuses all else."
    if source.size < 8:
        _refuse(f"it has {source.size} bytes, and the length of its header takes 8")
    size = int.from_bytes(source.read_at(0, 8), "little")
    if not 2 <= size <= min(source.size - 8, MAX_HEADER):
        _refuse(f"its header is said to take {size} bytes and the file has {source.size}")
    text = source.read_at(8, size)
    if not text.startswith(b"{"):
        _refuse("its header does not begin with an opening brace")
    try:
        header = read_json(text.decode(), float, minus_zero=-0.0)
    except ValueError as error:
        _refuse(f"its header is not the JSON that it should be: {error}", clause="CONV-11")
    metadata = _metadata(header.pop(_METADATA, {}))
    data = 8 + size
    records = [_record(name, entry, data) for name, entry in header.items()]
    at = data
    for record in sorted(records, key=lambda record: (record.offset, record.end)):
        if record.offset != at:
            _refuse("the payloads do not stand one after the other", record.path)
        at = record.end
    if at != source.size:
        _refuse(f"the payloads take {at - data} bytes and the file has {source.size - data} after its header")
    check_paths([record.path for record in records])
    return Contents(records, metadata=metadata, index_at=(0, data))


def _metadata(value: Any) -> dict[str, str]:
    if type(value) is not dict or not all(type(text) is str for text in value.values()):
        _refuse(f"its {_METADATA} is not an object of texts")
    try:
        "".join(itertools.chain.from_iterable(value.items())).encode()
    except UnicodeEncodeError:
        _refuse(f"a text of its {_METADATA} holds half of a surrogate pair", clause="CONV-11")
    return value


def _record(name: str, entry: Any, data: int) -> Record:
    # CONV-7: "A safetensors name is split into a key path at each `.`, and a key path is joined into a name
    #          with `.`."
    path = tuple(name.split("."))
    encode_keypath(path)
    if type(entry) is not dict or not {"dtype", "shape", "data_offsets"} <= set(entry):
        _refuse("an entry is not an object with dtype, shape and data_offsets", path)
    tag, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(shape) is not list or type(offsets) is not list or len(offsets) != 2:
        _refuse("its shape or data_offsets are not the list that they should be", path)
    if not all(type(n) is int and 0 <= n < 1 << 63 for n in (*shape, *offsets)):
        _refuse("its shape or data_offsets hold what is not an integer of 0 to 2^63 - 1", path)
    if len(shape) > MAX_DIMS:
        _refuse(f"a shape has {len(shape)} dimensions; at most {MAX_DIMS} are allowed", path, "LEAF-3")
    start, end = offsets
    if not isinstance(tag, str) or tag not in TAGS:
        raise FormatError("CONV-8", 8, KeyPath(path), f"the safetensors dtype {tag!r} has no counterpart here")
    try:
        check_held(len(shape), 8)
        dtype = dtype_of(TAGS[tag], 8)
        nbytes = size_of(tuple(shape), dtype)
    except FormatError as error:
        raise with_path(path, error) from None
    if end - start != nbytes:
        _refuse(f"shape {shape} of {tag} takes {nbytes} bytes and the payload has {end - start}", path)
    leaf = Leaf("ndarray", dtype, tuple(shape), nbytes, ((0, nbytes),))
    return Record(path, leaf, data + start, data + start, data + end)


def _name(path: tuple[str, ...], leaf: Leaf) -> tuple[str, str]:
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
    if any("." in part for part in path):
        raise FormatError("CONV-7", None, KeyPath(path), "a safetensors name cannot hold a part with a '.' in it")
    return ".".join(path), _NAMES[tag_of(leaf.dtype)]


def safetensors_steps(items: Sequence[Item]) -> list[Step]:
    """The safetensors file of these leaves, refused before anything is written where it cannot be (CONF-7).

    Payloads stand with the widest elements first, so that all are aligned. Raises CONV and STREAM clauses.
    """
    check_paths([item.path for item in items])
    order = sorted(items, key=lambda item: -item.leaf.dtype.itemsize if item.leaf.dtype else 0)
    header: dict[str, Any] = {_METADATA: {"format": "flax"}}
    at = 0
    for path, leaf, _ in order:
        name, dtype = _name(path, leaf)
        if name in header:
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


CONTAINER: Final = Container(SAFETENSORS, "use safetensors::", "CONV-6", _begins, read_safetensors, safetensors_steps)

"""A writer of sealed streams by the text of spec/2.0 alone: msgpack, numpy and a CRC, and nothing of the reference."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgpack
import numpy as np
from crc32c import crc32c

from ..scales import TRUE, Scale

MARK: Final = b"\xdd\x00\x00\x00\x02"
SIGNATURE: Final = b"streamckpt-seal\n"
FOOTER: Final = 40
_MARKER: Final = "__msgpack_chunked_array__"
Path = tuple[str, ...]


class Sealing(NamedTuple):
    """What a file depends on beside its leaves (SEAL-7), and the sizes that the text states."""

    alignment: int = 64
    metadata: Mapping[str, Any] = {}
    digests: bool = False
    scale: Scale = TRUE


def sealed(leaves: Iterable[tuple[Path, Any]], sealing: Sealing) -> bytes:
    """The sealed stream of key paths and leaves, in their order."""
    data, rows, digests = bytearray(), [], []
    for path, leaf in leaves:
        records = []
        for part_path, part in parts_of(path, leaf, sealing.scale):
            start = len(data)
            payload = _add_record(data, part_path, part, sealing)
            records.append((len(data) - start, payload, sums_of(bytes(data[start:]), sealing.scale)))
        rows.append((*told_of(path, leaf), records))
        digests.append(digest_of(path, leaf))
    told = b"".join([*digests, hashlib.sha256(b"".join(sorted(digests))).digest()]) if sealing.digests else None
    return bytes(data) + seal(index_of(sealing, bytes(data), rows, told), len(data))


def parts_of(path: Path, leaf: Any, scale: Scale = TRUE) -> Iterator[tuple[Path, Any]]:
    """The leaf itself, or its parts with their key paths (PART-1 to PART-3)."""
    if not isinstance(leaf, np.ndarray) or leaf.nbytes <= scale.whole:
        yield path, leaf
        return
    shape = leaf.shape
    cut = next(a for a in range(leaf.ndim) if math.prod(shape[a + 1 :]) * leaf.itemsize <= scale.row)
    rows = scale.row // (math.prod(shape[cut + 1 :]) * leaf.itemsize)
    boxes = [
        leaf[(*(slice(i, i + 1) for i in before), slice(start, start + rows))]
        for before in np.ndindex(*shape[:cut])
        for start in range(0, shape[cut], rows)
    ]
    for i, box in enumerate(boxes):
        yield (*path, f"__part_{i}_of_{len(boxes)}__"), box


def _add_record(data: bytearray, path: Path, leaf: Any, sealing: Sealing) -> int | None:
    """Put a record behind others. Gives where its payload stands in it (INDEX-3)."""
    start = len(data)
    data += b"\x92" if data else MARK
    data += _packed(list(path))
    if not isinstance(leaf, np.ndarray | np.generic):
        data += _packed(_packed(_value(leaf)))
        return None
    raw = np.ascontiguousarray(leaf).tobytes()
    if isinstance(leaf, np.generic) or len(raw) < sealing.scale.padded:
        code = 3 if isinstance(leaf, np.generic) else 1
        data += _packed(_packed(msgpack.ExtType(code, _packed((leaf.shape, leaf.dtype.name, raw)))))
    else:
        data += _padded(len(data), leaf, raw, sealing.alignment)
    return len(data) - len(raw) - start


def _padded(at: int, leaf: np.ndarray, raw: bytes, alignment: int) -> bytes:
    """ALIGN-4."""
    array = b"\x93\x91" + _packed(leaf.size) + _packed(leaf.dtype.name) + b"\xc6" + struct.pack(">I", len(raw)) + raw
    shape = {str(i): n for i, n in enumerate(leaf.shape)}
    after = _packed("shape") + _packed(shape) + _packed("chunks") + b"\x81\xa10"
    after += b"\xc9" + struct.pack(">IB", len(array), 1) + array
    before = b"\x84" + _packed(_MARKER) + b"\xc3" + _packed("pad") + b"\xc5"
    first = at + 5 + len(before) + 2 + len(after) - len(raw)  # where the payload would stand without padding
    pad = (alignment - first % alignment) % alignment
    blob = before + struct.pack(">H", pad) + bytes(pad) + after
    return b"\xc6" + struct.pack(">I", len(blob)) + blob


def sums_of(record: bytes, scale: Scale = TRUE) -> bytes:
    """SUM-2."""
    blocks = (record[i : i + scale.block] for i in range(0, len(record), scale.block))
    return b"".join(struct.pack(">I", crc32c(block)) for block in blocks)


def told_of(path: Path, leaf: Any) -> tuple[Any, ...]:
    """What the index says of a leaf but for its records (INDEX-2)."""
    if isinstance(leaf, np.ndarray | np.generic):
        return list(path), "ndarray" if isinstance(leaf, np.ndarray) else "scalar", leaf.dtype.name, leaf.shape
    return list(path), kind_of(leaf), None, None


def kind_of(leaf: Any) -> str:
    names = {bool: "bool", int: "int", float: "float", complex: "complex", str: "str", bytes: "bin", dict: "empty"}
    return "nil" if leaf is None else names[type(leaf)]


def digest_of(path: Path, leaf: Any) -> bytes:
    """DELTA-4."""
    if isinstance(leaf, np.ndarray | np.generic):
        told, content = told_of(path, leaf), np.ascontiguousarray(leaf).tobytes()
    else:
        told, content = told_of(path, leaf)[:2], _packed(_value(leaf))
    return hashlib.sha256(b"".join(map(_packed, told)) + content).digest()


def index_of(sealing: Sealing, records: bytes, rows: list[Any], digests: bytes | None) -> bytes:
    """INDEX-1."""
    index: dict[str, Any] = {"alignment": sealing.alignment, "checksum": struct.pack(">I", crc32c(records))}
    index |= {"leaves": rows, "metadata": in_order(sealing.metadata)}
    return _packed(index if digests is None else index | {"digests": digests})


def seal(index: bytes, offset: int) -> bytes:
    """SEAL-3."""
    return b"\xc6" + struct.pack(">I", len(index) + FOOTER + 1) + index + footer(index, offset)


def footer(index: bytes, offset: int, version: tuple[int, int] = (2, 0)) -> bytes:
    """SEAL-4."""
    fields = struct.pack(">QIIHH", offset, len(index), crc32c(index), *version)
    return fields + struct.pack(">I", crc32c(fields)) + SIGNATURE


def detached(stream: bytes, rows: list[Any], metadata: Mapping[str, Any], scale: Scale = TRUE) -> bytes:
    """The seal that stands beside a plain stream (DETACHED-1)."""
    index = index_of(Sealing(1, metadata, scale=scale), stream, rows, None)
    return index + footer(index, len(stream))


def in_order(value: Any) -> Any:
    """Metadata as it stands in a file (META-2)."""
    if isinstance(value, Mapping):
        return {key: in_order(value[key]) for key in sorted(value, key=str.encode)}
    return [in_order(one) for one in value] if isinstance(value, list | tuple) else value


def _value(leaf: Any) -> Any:
    return msgpack.ExtType(2, _packed((leaf.real, leaf.imag))) if isinstance(leaf, complex) else leaf


def _packed(value: Any) -> bytes:
    packed = msgpack.packb(value)
    assert packed is not None
    return packed

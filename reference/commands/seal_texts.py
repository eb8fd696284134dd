"""What the commands show of a seal, and of the metadata of any file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..checkpoints.checkpoint import Checkpoint
from ..format.keypaths import display, printable

_LONGEST_SHOWN: Final = 200  # characters of a value


def seal_json(checkpoint: Checkpoint) -> dict[str, Any]:
    """The members that a JSON report has for a file with a seal or metadata. Bytes are base64, NaN is a text."""
    found: dict[str, Any] = {"metadata": plain(checkpoint.metadata)} if checkpoint.metadata else {}
    if (seal := checkpoint.contents.seal) is not None:
        index = seal.index
        digests = index.digests
        found["seal"] = {
            "version": checkpoint.version,
            "detached": seal.is_detached,
            "alignment": index.alignment,
            "checksum": f"{index.checksum:08x}",
            "records_end": seal.records_end,
            "tree_digest": digests[-32:].hex() if digests else None,
        }
    return found


def seal_lines(checkpoint: Checkpoint) -> Iterator[str]:
    """The same for people."""
    if (seal := checkpoint.contents.seal) is not None:
        index = seal.index
        where = "in a file of its own" if seal.is_detached else f"aligned to {index.alignment} bytes"
        yield f"seal: version {checkpoint.version}, {where}, CRC-32C of all records {index.checksum:08x}"
        if index.digests:
            yield f"tree digest: {index.digests[-32:].hex()}"
    yield from (f"metadata {line}" for line in _lines(checkpoint.metadata, ()))


def _lines(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _lines(child, (*path, str(key)))
    elif path:
        text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
        more = "..." if len(text) > _LONGEST_SHOWN else ""
        yield f"{display(path)}: {printable(text[:_LONGEST_SHOWN])}{more}"


def plain(value: Any) -> Any:
    """A value of metadata as JSON can hold it."""
    if isinstance(value, Mapping):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, float) and value - value != 0:  # NaN and the infinities
        return str(value)
    return value

"""The readers of `page.py`, `page_sealed.py` and `page_flax.py` as a client: `page_client.py PART PATH`."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import Any

import page
import sealed_protocol
from page_flax import flax
from page_sealed import seal_of, sealed
from protocol import Rejected, record_of, serve


def plain(path: str) -> dict[str, Any]:
    """What a decoder of version 1.0, which knows no seal, prints of a stream."""
    return {"records": [record_of(*found) for found in page.stream(_bytes(path))]}


def decode(path: str | None = None) -> dict[str, Any]:
    """What a decoder prints of a stream, which may have a seal beside it, or of standard input."""
    data = _bytes(path)
    beside = Path(f"{path}.seal")
    seal = seal_of(data, _bytes(beside) if path and beside.exists() else None)
    if seal is None:
        return {"records": [record_of(*found) for found in page.stream(data)]}
    records = [record_of(path, leaf) | {"checksums": sums} for path, leaf, sums in sealed(data, seal)]
    told = {"version": "2.0", "alignment": str(seal["alignment"]), "checksum": seal["checksum"].hex()}
    digests = seal["digests"] and seal["digests"].hex()
    return {
        "records": records,
        "seal": told | {"metadata": sealed_protocol.printed(seal["metadata"]), "digests": digests},
    }


def flax_decode(path: str | None = None) -> dict[str, Any]:
    """What a flax decoder prints."""
    return {"records": [record_of(*found) for found in flax(_bytes(path))]}


def _bytes(path: str | Path | None) -> memoryview:
    """All bytes of a file, mapped, or of standard input. An empty file cannot be mapped."""
    if path is None:
        return memoryview(sys.stdin.buffer.read())
    with open(path, "rb") as file:
        empty = not file.seek(0, 2)
        return memoryview(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def told(part: Any) -> Any:
    """The part, in which what the page refuses is rejected."""

    def call(*words: str) -> Any:
        try:
            return part(*words)
        except page.Refused as error:
            clause, offset = error.args
            raise Rejected("refused", clause=clause, offset=str(offset)) from None

    return call


PARTS = {"decode": decode, "flax-decode": flax_decode}

if __name__ == "__main__":
    sys.exit(serve({name: told(part) for name, part in PARTS.items()}))

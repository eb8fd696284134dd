"""The files that fuzzing begins with: those of the conformance corpus, valid and invalid, by kind."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from typing import Final

from conformance.model import Case, load_corpus

STREAM, FLAX, SAFETENSORS, DELTA, ANY, CASE = "stream", "flax", "safetensors", "delta", "any", "case"
LONGEST: Final = 1 << 15  # bytes of a seed; what is longer makes every execution slow


@functools.cache
def cases() -> list[Case]:
    """The cases of the corpus whose files are stored."""
    return [case for case in load_corpus().cases if not case.is_large]


def seeds(kind: str) -> list[bytes]:
    """Files of a kind, the shortest first, each once; of CASE the names of the cases."""
    if kind == CASE:
        return sorted({case.id.encode() for case in cases()})
    found = {data for case in cases() for data in _files(case, kind) if len(data) <= LONGEST}
    return sorted(found, key=lambda data: (len(data), data))


def _files(case: Case, kind: str) -> Iterator[bytes]:
    for ending in case.files:
        path = case.stored(ending)
        if not path.exists():
            continue
        data = path.read_bytes()
        if kind in (ANY, _kind(data)):
            yield data


def _kind(data: bytes) -> str:
    """What a file looks like, by its first bytes."""
    if data[8:9] == b"{":
        return SAFETENSORS
    if data.startswith(b"\x92\x92\xb0streamckpt-delta"):
        return DELTA
    first = data[:1] or b"\x92"
    return FLAX if first[0] & 0xF0 == 0x80 or first in (b"\xde", b"\xdf") else STREAM


def buffers(seed: int) -> list[bytes]:
    """Bytes from which strategies make values, where there is no file to begin with."""
    rng = random.Random(seed)
    return [rng.randbytes(size) for size in (16, 64, 256, 1024, 4096) for _ in range(4)]

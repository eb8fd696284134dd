"""The files that fuzzing begins with: those of the conformance corpus, valid and invalid, by kind."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator
from typing import Final

from conformance.model import Case, load_corpus, sampled

from .scales import SMALL, TRUE
from .sealed_seeds import sealed_files

STREAM, FLAX, SAFETENSORS, DELTA, ANY = "stream", "flax", "safetensors", "delta", "any"
# Sealed streams at the small scale (fuzz.scales), and as all readers know them; plain streams with their seals behind.
SEALED, PUBLISHED, DETACHED = "sealed", "published", "detached"
CASE, CLIENT = "case", "client"  # names of cases; what the C client reads, behind a byte for its part
LONGEST: Final = 1 << 15  # bytes of a seed; what is longer makes every execution slow


@functools.cache
def cases() -> list[Case]:
    """The cases of the corpus that were made by hand: those made of places and sizes would be many that are alike."""
    return [case for case in sampled(load_corpus(spec="2.0").cases, 0) if not case.is_large]


def seeds(kind: str) -> list[bytes]:
    """Files of a kind, or what else it is, the shortest first, each once."""
    if kind == CASE:
        return sorted({case.id.encode() for case in cases()})
    if kind == CLIENT:
        return [bytes((part,)) + data for part, data in _for_the_client()]
    if kind in (SEALED, PUBLISHED, DETACHED):
        found = set(sealed_files(kind == DETACHED, TRUE if kind == PUBLISHED else SMALL, seeds(STREAM)))
    else:
        found = {data for case in cases() for data in _files(case, kind)}
        found |= set(sealed_files(False, TRUE)) if kind == ANY else set()
    return sorted((data for data in found if len(data) <= LONGEST), key=lambda data: (len(data), data))


def _for_the_client() -> Iterator[tuple[int, bytes]]:
    """0 a stream, 1 a flax file, 2 and 3 what an encoder of each gets."""
    yield from ((0, data) for data in seeds(STREAM))
    yield from ((1, data) for data in seeds(FLAX))
    for asked in (json.dumps(case.encode).encode() for case in cases() if case.encode):
        if len(asked) <= LONGEST:
            yield from ((2, asked), (3, asked))


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

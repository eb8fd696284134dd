"""Of which checkpoint a sidecar is: a mark in it, so that a resumed run learns that the two do not belong together.

A checkpoint and what stands beside it are several files, and a run may end between two of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import warnings
from typing import Any, Final

from ..format.errors import FormatError, UsageError
from ..format.records import Record
from ..format.seals import FOOTER
from ..storage.local_files import Path_
from ..storage.place import OpenedFile
from ..storage.sidecars import read_sidecar
from .checkpoint import open as open_checkpoint

KEY: Final = "streamckpt"  # of the mark, among the keys of a sidecar
_SAMPLE: Final = 512  # bytes from the middle of a leaf: a step of training changes some of them in some leaf
_MOST: Final = 512  # leaves of which samples are read, chosen by chance, and the same ones each time


def refuse_mark(value: Any, name: str) -> None:
    """Raise UsageError where a value has a key of its own that the mark takes."""
    if isinstance(value, dict) and KEY in value:
        raise UsageError(
            f"{name} has the key {KEY!r}, which is reserved for the name of the checkpoint beside it; rename it"
        )


def mark_of(path: Path_) -> dict[str, Any]:
    """What a sidecar says of the checkpoint at a path: its name, size, digest, and step where it holds one.

    The digest is that of the footer of a sealed stream, in which checksums of all of it come together; of a plain
    stream it is that of the headers and a sample of each leaf. Raises FormatError, OSError, UsageError.
    """
    with open_checkpoint(path) as checkpoint:
        source, records, seal = checkpoint.source, checkpoint.records, checkpoint.contents.seal
        if seal is not None and not seal.is_detached:
            digest = hashlib.blake2b(source.read_at(source.size - FOOTER, FOOTER), digest_size=16).hexdigest()
        else:
            digest = _sampled(source, records)
        mark = {"checkpoint": os.path.basename(os.fspath(path)), "size": source.size, "digest": digest}
        step = _step(source, records)
        return mark if step is None else {**mark, "step": step}


def marked(text: bytes, mark: dict[str, Any]) -> bytes:
    """The text of a sidecar with a mark: among its keys, or around a value that has none. None stays alone."""
    value = json.loads(text)
    if value is None:
        return text
    held = {**value, KEY: mark} if isinstance(value, dict) else {"value": value, KEY: {**mark, "around": "value"}}
    return json.dumps(held, ensure_ascii=False, indent=1).encode() + b"\n"


def read_marked(path: Path_) -> Any:
    """The value of a sidecar without its mark.

    Warns where the checkpoint of that name beside it is not the one that it was written with: the run that wrote them
    ended between the two. Raises what `read_sidecar` raises.
    """
    held = read_sidecar(path)
    mark = held.get(KEY) if isinstance(held, dict) else None
    if not isinstance(mark, dict) or not isinstance(mark.get("checkpoint"), str):
        return held
    value = {key: item for key, item in held.items() if key != KEY}
    _compare(path, mark)
    return value.get("value") if mark.get("around") == "value" else value


def _compare(path: Path_, mark: dict[str, Any]) -> None:
    name = os.path.basename(mark["checkpoint"])
    checkpoint = os.path.join(os.path.dirname(os.fspath(path)), name)
    try:
        found = mark_of(checkpoint)
    except (OSError, FormatError, UsageError):  # it is not there, or damaged: whoever loads it is told
        return
    if found["digest"] == mark.get("digest") and found["size"] == mark.get("size"):
        return
    steps = mark.get("step"), found.get("step")
    if None not in steps and steps[0] == steps[1]:  # cast or sealed since, as convert does in place
        return
    told = "" if None in steps else f" (that one was of step {steps[0]}, and this one is of step {steps[1]})"
    text = (
        f"{os.fspath(path)} was written with a different {name} than the one beside it{told}: the run ended between "
        "the two; use a milestone, or continue from the step of the checkpoint itself"
    )
    warnings.warn(text, stacklevel=4)


def _sampled(source: OpenedFile, records: list[Record]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for record in records:
        digest.update(repr((record.path, record.kind, str(record.dtype), record.shape, record.offset)).encode())
    chosen = records if len(records) <= _MOST else random.Random(len(records)).sample(records, _MOST)
    extents = [extent for record in chosen for extent in record.extents()[:1]]
    samples = [
        (offset + max(0, n - _SAMPLE) // 2, memoryview(bytearray(min(n, _SAMPLE)))) for offset, n in extents if n > 0
    ]
    if (read_ranges := getattr(source, "read_ranges", None)) is not None:  # where each request takes long
        read_ranges(samples)
    else:
        for sample in samples:
            source.read_into(*sample)
    for _, view in samples:
        digest.update(view)
    return digest.hexdigest()


def _step(source: OpenedFile, records: list[Record]) -> int | None:
    """The step that a train state holds: a leaf of one integer."""
    for record in records:
        if record.path == ("step",):
            if record.kind == "int" and isinstance(record.leaf.value, int):
                return record.leaf.value
            extents = record.extents()
            if record.dtype is not None and record.dtype.kind in "iu" and len(extents) == 1 and extents[0][1] <= 8:
                return int.from_bytes(source.read_at(*extents[0]), "little", signed=record.dtype.kind == "i")
    return None

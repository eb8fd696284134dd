"""What a checkpoint says beside its leaves, taken from one container to another (spec CONV-9; 2.0, META-4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from ..containers.orbax_folder import ORBAX
from ..containers.safetensors_file import SAFETENSORS, default_metadata
from ..containers.stream import STREAM
from ..format.errors import UsageError, article
from ..format.metadata import Metadata
from ..format.seals import VERSION
from .checkpoint import Checkpoint
from .key_implementations import Moved, moved_metadata

_SAFETENSORS: Final = "safetensors"  # META-4: the `__metadata__` of the safetensors file from which the tree came


class Carried(NamedTuple):
    """The metadata of an output: of a sealed stream, texts of a safetensors file, or what JSON has for orbax.

    `left_out` are the keys of the input's for which the output has no place.
    """

    sealed: dict[str, Any] | None = None
    texts: dict[str, Any] | None = None
    left_out: tuple[str, ...] = ()


# CONV-9: "The metadata of a safetensors file has no place in a tree; a converter SHOULD say that it leaves it out."
def carried(
    checkpoint: Checkpoint, kind: str, version: str | None, given: Metadata | None, moved: Iterable[Moved]
) -> Carried:
    """What of a checkpoint's metadata an output of a kind holds, and what is `given` beside it. Raises UsageError.

    `moved` are the leaves that are written: where each is in the checkpoint, and where in the output.
    """
    below = checkpoint.contents.below
    found = moved_metadata(checkpoint.metadata, [((*below, *before), now) for before, now in moved])
    if kind == STREAM and version == VERSION:
        kept = {_SAFETENSORS: found} if checkpoint.kind == SAFETENSORS and found else found
        return Carried(sealed={**kept, **(given or {})})
    if kind == SAFETENSORS:
        if checkpoint.kind == SAFETENSORS:
            return Carried(texts={**found, **given_texts(given)})
        texts, left_out = as_texts(found)
        if not _is_theirs(found):
            texts = {**default_metadata(checkpoint.records), **texts}
        return Carried(texts={**texts, **given_texts(given)}, left_out=left_out)
    if kind == ORBAX:
        kept = {_SAFETENSORS: found} if checkpoint.kind == SAFETENSORS and found else found
        held = {key: value for key, value in kept.items() if _text(value) is not None}
        return Carried(texts={**held, **given_values(given)}, left_out=tuple(key for key in kept if key not in held))
    if given:
        what = f"a stream of version {version}" if kind == STREAM else article(kind)
        advice = "write a sealed stream (--format=2.0, format=), or safetensors"
        raise UsageError(f"{what} holds no metadata; {advice}")
    return Carried(left_out=tuple(found))


def as_texts(metadata: Metadata) -> tuple[dict[str, str], tuple[str, ...]]:
    """The metadata of a sealed stream as a safetensors file holds it, and the keys of what has no place there.

    What was a `__metadata__` is one again. Of other entries texts are taken as they are, and values that JSON has as
    their JSON; bytes, NaN and the infinities are not in it.
    """
    is_theirs = _is_theirs(metadata)
    texts: dict[str, str] = dict(metadata[_SAFETENSORS]) if is_theirs else {}
    left_out: list[str] = []
    for key, value in metadata.items():
        if key == _SAFETENSORS and is_theirs:
            continue
        text = _text(value)
        if text is None or key in texts:
            left_out.append(key)
        else:
            texts[key] = text
    return texts, tuple(left_out)


def _is_theirs(metadata: Metadata) -> bool:
    """Whether metadata holds that of a safetensors file (META-4)."""
    old = metadata.get(_SAFETENSORS)
    return isinstance(old, Mapping) and all(type(text) is str for text in old.values())


def given_texts(given: Metadata | None) -> dict[str, str]:
    """What a caller gives, as a safetensors file holds it. Raises UsageError."""
    texts: dict[str, str] = {}
    for key, value in (given or {}).items():
        text = _text(value)
        if text is None or type(key) is not str:
            raise UsageError(f"the metadata {key} cannot be stored in safetensors, which holds strings: {value!r:.100}")
        texts[key] = text
    return texts


def given_values(given: Metadata | None) -> dict[str, Any]:
    """What a caller gives, as orbax holds it, which is what JSON has. Raises UsageError."""
    for key, value in (given or {}).items():
        if _text(value) is None or type(key) is not str:
            raise UsageError(f"the metadata {key} cannot be stored in an orbax folder, as JSON: {value!r:.100}")
    return dict(given or {})


def _text(value: Any) -> str | None:
    if type(value) is str:
        return value
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError):
        return None

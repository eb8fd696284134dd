"""Load prefixes: what a file is, and which part of its tree is wanted (spec CONV-5)."""

from __future__ import annotations

import os
import re
import shlex
from typing import Final

from ..format.errors import FormatError, UsageError, WrongKind
from ..format.keypaths import display
from ..format.records import Record
from ..format.trees import is_train_state
from ..storage.object_errors import without_secrets
from .flax_file import FLAX
from .orbax_folder import ORBAX
from .safetensors_file import SAFETENSORS
from .stream import STREAM

PREFIXES: Final = {
    "params": STREAM,
    "trainstate": STREAM,
    "trainstate_params": STREAM,
    "flax": FLAX,
    "flax_params": FLAX,
    "safetensors": SAFETENSORS,
    "orbax": ORBAX,
}
_LISTED: Final = 8  # keys that an error lists
_ONE_COLON: Final = re.compile(r"(\w+):([^:/].*)", re.DOTALL)
WEIGHTS: Final = ("params", "params")  # where a train state holds its weights (TREE-6)


def split_prefix(spec: str | os.PathLike[str]) -> tuple[str | None, str]:
    """'params::a/b' -> ('params', 'a/b'); 'a/b' -> (None, 'a/b'). Raises UsageError and TypeError."""
    text: object = os.fspath(spec) if isinstance(spec, os.PathLike) else spec
    if not isinstance(text, str):
        raise TypeError(f"a checkpoint is named by a path or a URL, a str or a Path, not {type(text).__name__}")
    if not text:
        raise UsageError("a path is empty: name a file, or a folder")
    prefix, separator, path = text.partition("::")
    if not separator or "/" in prefix:
        if (found := _ONE_COLON.match(text)) and found[1] in PREFIXES:
            advice = f"two colons follow a load prefix: {found[1]}::{found[2]}"
            raise UsageError(f"{text}: {advice} (a file of this name is ./{text})", "CONV-5")
        return None, text
    if prefix not in PREFIXES:
        known = ", ".join(f"{name}::" for name in PREFIXES)
        raise UsageError(f"{prefix}:: is not a load prefix; choose one of {known}", "CONV-5")
    if not path:
        raise UsageError(f"{prefix}:: is not followed by a path")
    return prefix, path


def shown_name(spec: str | os.PathLike[str]) -> str:
    """The file of `[PREFIX::]PATH` for people: what may be secret in a URL is left out."""
    return without_secrets(split_prefix(spec)[1])


# What the end of a name says that is written; `flax_model.msgpack` is that of transformers, and no other .msgpack says
# anything: JAXSeq calls its streams so.
_ENDINGS: Final = (
    (re.compile(r"\.safetensors$", re.IGNORECASE), SAFETENSORS),
    (re.compile(r"(^|/)flax_model[^/]*\.msgpack$"), FLAX),
)
_NOT_WRITTEN: Final = re.compile(
    r"\.(pt|pth|npz|npy|h5|hdf5|gguf|onnx|json|pkl|pickle|zip|tar|gz|xz|zst)$|(?<=/)pytorch_model[^/]*\.bin$"
)
_ALMOST: Final = re.compile(r"\.(safe?_?-?tensors?|safetnesors?)$", re.IGNORECASE)  # safetensors, misspelled
_INDEX: Final = re.compile(r"\.(safetensors|msgpack)\.index\.json$")


def kind_said(output: str | os.PathLike[str]) -> str | None:
    """The kind of file that the load prefix of an output says, or the end of its name. Raises UsageError."""
    prefix, path = split_prefix(output)
    if prefix:
        return PREFIXES[prefix]
    if found := _INDEX.search(path):
        kind = "safetensors" if found[1] == "safetensors" else "flax"
        folder = path.rpartition("/")[0]
        text = "the index of shards is written with them; name their folder"
        raise UsageError(f"{path}: {text}, as in {kind}::{f'{folder}/' if folder else './'}")
    if found := _NOT_WRITTEN.search(f"/{path}"):
        advice = "put safetensors::, flax:: or params:: before it to say what to write"
        raise UsageError(f"{path}: {found[0]} files cannot be written; {advice}")
    if (found := _ALMOST.search(path)) and found[0].lower() != ".safetensors":
        meant = f"{path[: found.start()]}.safetensors"
        raise UsageError(f"{path}: did you mean {meant}? If not, put flax:: or params:: before it to say what to write")
    return next((kind for ending, kind in _ENDINGS if ending.search(path)), None)


def refuse_other_ending(path: str, written: str, advice: str) -> None:
    """Refuse an output whose name says a kind, where what is `written` is of none of them. Raises UsageError."""
    if (said := kind_said(path)) is not None:
        raise UsageError(f"{path} is the name of a {said}, and {written} is written; {advice}")


def split_output(output: str | os.PathLike[str], streaming: bool | None = None) -> tuple[str, str]:
    """The kind of file to write and its path.

    A load prefix says which, or the end of the name, else `streaming`; None is a stream. Raises UsageError, also where
    `streaming` says another kind than the name.
    """
    prefix, path = split_prefix(output)
    kind = _kind_of(prefix, path, output, streaming)
    if kind == ORBAX:
        raise UsageError(f"{path} is to be an orbax folder, which convert and save write, and not this")
    if path.endswith("/"):
        text = f"{path} is a folder, and a {kind} is one file; drop the / at the end"
        raise UsageError(f"{text}, or write safetensors::{path}")
    return kind, path


def split_set(output: str | os.PathLike[str], streaming: bool | None = None) -> tuple[str, str] | None:
    """`split_output` of a folder, which ends in / or is one of orbax; None where it is a file. Raises UsageError."""
    prefix, path = split_prefix(output)
    if PREFIXES.get(prefix or "") == ORBAX:
        path = path if path.endswith("/") else f"{path}/"
    if not path.endswith("/"):
        return None
    return _kind_of(prefix, path, output, streaming), path


def _kind_of(prefix: str | None, path: str, output: str | os.PathLike[str], streaming: bool | None) -> str:
    said = kind_said(output)
    asked = None if streaming is None else STREAM if streaming else FLAX
    if said is not None and prefix is None and asked is not None and asked != said:
        raise UsageError(
            f"{path} is the name of a {said}, and --streaming={streaming} asks for a {asked}; leave one out, or "
            f"choose with a prefix, as in {'params' if streaming else 'flax'}::{path}"
        )
    return said or asked or STREAM


# CONV-5: "A load prefix says what a file is and which part of its tree is wanted."
def select(records: list[Record], prefix: str | None) -> list[Record]:
    """The records that a load prefix asks for. Raises CONV-5."""
    if PREFIXES.get(prefix or "") != STREAM:
        return records
    train_state = is_train_state(record.path for record in records)
    if prefix == "params":
        if train_state:
            advice = "use trainstate_params:: for its weights, trainstate:: for all"
            raise FormatError("CONV-5", None, None, "this is a train state, and params:: asks for weights", advice)
        return records
    if not train_state:
        detail = f"this holds only weights, without step and optimizer, and {prefix}:: asks for a train state"
        raise FormatError("CONV-5", None, None, detail, "use params::")
    if prefix == "trainstate":
        return records
    if not any(record.path[: len(WEIGHTS)] == WEIGHTS for record in records):
        detail = f"there is no leaf under {display(WEIGHTS)}, where trainstate_params:: looks for the weights"
        advice = "in a train state of JAXSeq they are under params: use trainstate:: with the prefix params"
        raise FormatError("CONV-5", None, None, detail, advice)
    return subtree(records, WEIGHTS)


def advise_subtree(error: FormatError, prefix: str | None) -> None:
    """Have the refusal of another kind of file say how its weights are had, where a prefix asks for those alone."""
    if prefix == "trainstate_params" and isinstance(error, WrongKind) and error.kind in (FLAX, SAFETENSORS, ORBAX):
        error.advice = f"{error.advice} and --prefix={display(WEIGHTS)} (prefix=) for its weights"


def dropped(prefix: str | None) -> tuple[str, ...]:
    """The key path that `select` takes off."""
    return WEIGHTS if prefix == "trainstate_params" else ()


def subtree(records: list[Record], prefix: tuple[str, ...]) -> list[Record]:
    """The records under a key path, with that path taken off. Raises CONV-5 where there are none."""
    n = len(prefix)
    chosen = [record._replace(path=record.path[n:]) for record in records if record.path[:n] == prefix]
    if not chosen:
        detail = f"the subtree {display(prefix)} was asked for and is not in it"
        raise FormatError("CONV-5", None, None, detail, _keys_there(records, prefix))
    if not chosen[0].path:
        leaf = display(prefix)
        advice = f"sc.open(path)[{leaf!r}] reads it, and a command takes it by --include={shlex.quote(leaf)}"
        raise FormatError(
            "CONV-5", None, None, f"the subtree {leaf} was asked for and is a leaf, not a subtree", advice
        )
    return chosen


def _keys_there(records: list[Record], prefix: tuple[str, ...]) -> str:
    """The keys where a prefix leaves the tree, and what may be meant."""
    at = 0
    dotted = tuple(part for each in prefix for part in each.split(".") if part)
    if dotted != prefix and any(record.path[: len(dotted)] == dotted for record in records):
        return f"name it {display(dotted)}"
    while any(record.path[: at + 1] == prefix[: at + 1] and len(record.path) > at + 1 for record in records):
        at += 1
    keys = [*dict.fromkeys(display((record.path[at],)) for record in records if record.path[:at] == prefix[:at])]
    more = f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
    where = f"under {display(prefix[:at])}" if at else "at its root"
    return f"{where} are: {', '.join(keys[:_LISTED])}{more}"

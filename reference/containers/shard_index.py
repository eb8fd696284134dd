"""The index of a sharded checkpoint: how its files are called, and which tensor stands in which of them.

The names and the index are those that transformers and huggingface_hub write and read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from ..format.errors import FormatError
from ..format.json_texts import read_json
from ..format.keypaths import printable
from ..format.wire import Source
from .flax_file import FLAX
from .safetensors_file import SAFETENSORS

INDEX: Final = ".index.json"
_MAX_INDEX: Final = 100_000_000  # bytes, the limit of a header of safetensors
_COUNTED: Final = ("total_size", "total_parameters")  # members of an index's metadata that follow from the tensors
SHOWN: Final = 6  # names of each kind of fault that an error lists


SHARD: Final = re.compile(r"(-[0-9a-f]{8})?-[0-9]{5}-of-[0-9]{5}")  # what stands in the name of a shard


class Layout(NamedTuple):
    """How the files of a kind are called: `stem` and `suffix`, and what joins a key path to a name in the index."""

    stem: str
    suffix: str
    separator: str

    @property
    def whole(self) -> str:
        """The file of a checkpoint that is not in shards."""
        return self.stem + self.suffix

    @property
    def index_name(self) -> str:
        return self.whole + INDEX

    def shard(self, i: int, n: int, tag: str = "") -> str:
        """The file of the shard at index `i` of `n`; a `tag` of 8 hex digits tells it from others of the same place."""
        return f"{self.stem}{tag and f'-{tag}'}-{i + 1:05d}-of-{n:05d}{self.suffix}" if n > 1 else self.whole

    def holds(self, name: str) -> bool:
        """Whether a file of this name belongs to such a checkpoint."""
        shard = f"{re.escape(self.stem)}({SHARD.pattern})?{re.escape(self.suffix)}"
        return name == self.index_name or re.fullmatch(shard, name) is not None


LAYOUTS: Final = {SAFETENSORS: Layout("model", ".safetensors", "."), FLAX: Layout("flax_model", ".msgpack", "/")}


class Index(NamedTuple):
    """What an index says: in which file each tensor stands, by its name, and the texts of its metadata."""

    files: dict[str, str]
    metadata: dict[str, str]


def layout_of(index: str) -> Layout | None:
    """The layout of the checkpoint to which an index of this name belongs."""
    for layout in LAYOUTS.values():
        if index.endswith(layout.suffix + INDEX) and len(index) > len(layout.suffix + INDEX):
            return layout._replace(stem=index.removesuffix(layout.suffix + INDEX))
    return None


def read_index(source: Source) -> Index:
    """An index of shards: a JSON object with `weight_map`, from the names of tensors to those of files beside it.

    Raises FormatError (CONV-6, CONV-11).
    """
    if source.size > _MAX_INDEX:
        _refuse(f"it has {source.size} bytes, and an index of shards has at most {_MAX_INDEX}")
    try:
        index = read_json(source.read_at(0, source.size).decode(), float, minus_zero=-0.0)
    except ValueError as error:
        _refuse(f"it is not JSON: {error}", "CONV-11")
    files = index.get("weight_map") if type(index) is dict else None
    if type(files) is not dict or not files:
        _refuse("it has no weight_map, an object that names the file of each tensor")
    for name, file in files.items():
        if type(file) is not str or not file or file in (".", "..") or re.search(r"[/\\\0]", file):
            _refuse(f"the file of {shown(name)} is not the name of a file beside the index")
        if not _is_text(name) or not _is_text(file):
            _refuse("it contains half of a surrogate pair", "CONV-11")
    metadata = index.get("metadata")
    return Index(files, _texts(metadata if type(metadata) is dict else {}))


def _refuse(detail: str, clause: str = "CONV-6") -> NoReturn:
    advice = "get it again; if a failed download left it, the shards may be damaged too"
    raise FormatError(clause, 0, None, f"this is not an index of shards: {detail}", advice)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What an index says beside what follows from its tensors; values that are not texts as their JSON."""
    kept = {key: value for key, value in metadata.items() if key not in _COUNTED}
    texts = {key: value if type(value) is str else json.dumps(value) for key, value in kept.items()}
    return {key: text for key, text in texts.items() if _is_text(key) and _is_text(text)}


def encode_index(files: Mapping[str, str], total: int) -> bytes:
    """The index of tensors of `total` payload bytes, by their names and in their order.

    As transformers writes it, which sorts the names: so the order of the leaves is kept.
    """
    index = {"metadata": {"total_size": total}, "weight_map": files}
    return (json.dumps(index, indent=2, ensure_ascii=False) + "\n").encode()


def are(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(shown, names[:SHOWN])) + more


def shown(name: str) -> str:
    return printable(name[:100])


def disagreements(said: Mapping[str, str], found: Mapping[str, str], files: set[str]) -> Iterator[str]:
    """What the index says of the tensors in the files that are there, and they do not."""
    missing = [name for name, file in said.items() if file in files and name not in found]
    surplus = [name for name in found if name not in said]
    elsewhere = [name for name, file in found.items() if said.get(name, file) != file]
    if missing:
        yield f"the index names {listed(missing)}, which {are(missing)} in no shard"
    if surplus:
        yield f"{listed(surplus)} {are(surplus)} in a shard and not in the index"
    if elsewhere:
        where = f"{shown(found[elsewhere[0]])}, not in {shown(said[elsewhere[0]])} as the index says"
        more = f", and {len(elsewhere) - 1} more are elsewhere too: {listed(elsewhere[1:])}" if elsewhere[1:] else ""
        yield f"{shown(elsewhere[0])} is in {where}{more}"

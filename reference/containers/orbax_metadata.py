"""What an orbax checkpoint says of its tree beside the arrays: the JSON files of its folder, read and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

import msgpack

from ..format.errors import FormatError
from ..format.json_texts import read_json
from ..format.keypaths import KeyPath, display, encode_keypath, printable
from ..format.metadata import PRNG_KEYS

TREE, STEP, KEYS, STRINGS = "_METADATA", "_CHECKPOINT_METADATA", "array_metadatas/process_0", "_strings.json"
_OLD_TREE: Final = "checkpoint"  # which releases before 0.6 read in the place of the first; those of 0.5 write both
MANIFEST: Final = "manifest.ocdbt"  # of a database of all arrays, which else have a folder each
ARRAYS: Final = frozenset(("jax.Array", "np.ndarray"))
SCALAR, STRING, NONE = "scalar", "string", "None"
EMPTY: Final = frozenset(("Dict", "List", "Tuple", "NamedTuple"))
_INDEX, _DICT_KEY = 1, 2  # the types of keys: of a list or tuple, and of a dict
OF_ORBAX: Final = "orbax"  # the key of metadata, here and elsewhere, that says what nothing but orbax has
_OURS: Final = "streamckpt"  # the member of custom metadata that says what orbax does not
_HANDLER: Final = "orbax.checkpoint._src.handlers.standard_checkpoint_handler.StandardCheckpointHandler"

Read = Callable[[str], bytes | None]  # a file of the folder by its name, None where it is not there


class OrbaxLeaf(NamedTuple):
    """A leaf of the tree: its key path, the name of its array, and what orbax calls its type."""

    path: tuple[str, ...]
    name: str
    value_type: str


class OrbaxTree(NamedTuple):
    """What the files say: the leaves in their order, the metadata, and how arrays are stored.

    With `fills` elements that are not stored are zeros; else they are missing. `scalars` are the key paths of numbers
    that are numpy scalars. `metadata` is the custom one, with the implementations of typed PRNG keys (META-4).
    """

    leaves: list[OrbaxLeaf]
    driver: str
    fills: bool
    scalars: frozenset[str]
    metadata: dict[str, Any]
    strings: Mapping[str, Any]


def _refuse(detail: str, path: tuple[str, ...] | None = None, clause: str = "CONV-6") -> NoReturn:
    at = None if path is None else KeyPath(path)
    raise FormatError(clause, None, at, f"damaged orbax checkpoint: {detail}", "get the folder again, or save it again")


# --- reading ------------------------------------------------------------------------------------------


def read_tree(read: Read) -> OrbaxTree:
    """The tree of the folder whose files `read` gives. Raises FormatError (CONV-6, CONV-11, KEY clauses)."""
    text = read(TREE)
    if text is None:
        advice = "restore it with the version of orbax that has written it, and save it with one of 0.5 or newer"
        raise FormatError("CONV-6", None, None, f"there is no {TREE}, which says what is in an orbax folder", advice)
    tree = _json(text, TREE)
    entries = tree.get("tree_metadata")
    if type(entries) is not dict:
        _refuse(f"{TREE} has no tree_metadata, an object of all leaves")
    leaves = [_leaf(name, entry) for name, entry in entries.items()]
    inner = {path[:i] for path, *_ in leaves for i in range(len(path))}
    # orbax leaves the mark of an empty node where a later save into the same folder has put leaves below it.
    leaves = [leaf for leaf in leaves if leaf.path not in inner or leaf.value_type not in EMPTY]
    custom = _custom(tree)
    ours = custom.pop(_OURS, None)
    scalars = ours.get("scalars") if type(ours) is dict else None
    names = {leaf.name: leaf.path for leaf in leaves}
    keys = {display(names[name]): impl for name, impl in _implementations(read(KEYS)).items() if name in names}
    metadata = {**_step_metadata(read(STEP)), **custom, **({PRNG_KEYS: keys} if keys else {})}
    metadata = with_sequences(metadata, _sequences(entries.values()))
    strings = read(STRINGS)
    return OrbaxTree(
        leaves,
        "zarr3" if tree.get("use_zarr3") is True else "zarr",
        tree.get("store_array_data_equal_to_fill_value") is not True,
        frozenset(each for each in scalars if type(each) is str) if type(scalars) is list else frozenset(),
        metadata,
        _json(strings, STRINGS) if strings is not None else {},
    )


def _json(text: bytes, name: str) -> dict[str, Any]:
    try:
        value = read_json(text.decode(), float, minus_zero=-0.0)
    except ValueError as error:
        _refuse(f"{name} is not JSON: {error}", clause="CONV-11")
    if type(value) is not dict:
        _refuse(f"{name} is not an object")
    return value


def _leaf(name: str, entry: Any) -> OrbaxLeaf:
    keys = entry.get("key_metadata") if type(entry) is dict else None
    value = entry.get("value_metadata") if type(entry) is dict else None
    parts = [each.get("key") if type(each) is dict else None for each in keys] if type(keys) is list else [None]
    kind = value.get("value_type") if type(value) is dict else None
    if type(kind) is not str or any(type(part) is not str for part in parts):
        _refuse(f"the entry {printable(name[:100])} of {TREE} does not say the keys and the type of a leaf")
    path = tuple(str(part) for part in parts)
    encode_keypath(path)
    return OrbaxLeaf(path, ".".join(path), kind)


def _sequences(entries: Iterable[Any]) -> list[tuple[str, ...]]:
    """The nodes that are lists or tuples, of entries that are good."""
    found: dict[tuple[str, ...], None] = {}
    for entry in entries:
        keys = entry["key_metadata"]
        path = tuple(each["key"] for each in keys)
        found |= dict.fromkeys(path[:i] for i, each in enumerate(keys) if each.get("key_type") == _INDEX)
        if entry["value_metadata"]["value_type"] in ("List", "Tuple"):
            found[path] = None
    return list(found)


def with_sequences(metadata: dict[str, Any], paths: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Metadata that says which nodes are lists or tuples, by their display forms."""
    return {**metadata, OF_ORBAX: {"sequences": [display(path) for path in paths]}} if paths else metadata


def _custom(holder: Mapping[str, Any]) -> dict[str, Any]:
    custom = holder.get("custom_metadata")
    return dict(custom) if type(custom) is dict else {}


def _step_metadata(text: bytes | None) -> dict[str, Any]:
    """The custom metadata of a step; its other members, which are metrics and times, may hold NaN and are not read."""
    if text is None:
        return {}
    try:
        step = json.loads(text)
    except (ValueError, RecursionError) as error:
        _refuse(f"{STEP} is not JSON: {error}", clause="CONV-11")
    return _custom(step) if type(step) is dict else {}


def _implementations(text: bytes | None) -> dict[str, str]:
    """The implementations of typed PRNG keys, by the names of their arrays."""
    if text is None:
        return {}
    found: dict[str, str] = {}
    entries = _json(text, KEYS).get("array_metadatas")
    for entry in entries if type(entries) is list else ():
        said: Any = entry.get("array_metadata") if type(entry) is dict else None
        more = said.get("ext_metadata") if type(said) is dict else None
        impl = more.get("random_key_impl") if type(more) is dict else None
        if type(impl) is str and type(said.get("param_name")) is str:
            # orbax has the name as a text, or as jax shows it: PRNGSpec('threefry2x32').
            found[said["param_name"]] = re.sub(r"^PRNGSpec\(['\"](.*)['\"]\)$", r"\1", impl)
    return found


# --- writing ------------------------------------------------------------------------------------------


class Described(NamedTuple):
    """What is said of a leaf: that of `OrbaxLeaf`, and of an array its shape and that of a chunk of it."""

    path: tuple[str, ...]
    value_type: str
    shape: tuple[int, ...] = ()
    chunk: tuple[int, ...] = ()
    is_numpy_scalar: bool = False
    text: str | None = None


def name_of(path: tuple[str, ...]) -> str:
    return ".".join(path)


def encode_tree(leaves: Sequence[Described], metadata: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of these leaves by their names; every byte follows from leaves and metadata. Raises ValueError."""
    keys = dict(metadata.get(PRNG_KEYS, {}).items())
    custom: dict[str, Any] = {name: value for name, value in metadata.items() if name not in (PRNG_KEYS, OF_ORBAX)}
    sequences = _sequences_in([leaf.path for leaf in leaves], metadata.get(OF_ORBAX))
    if scalars := [display(leaf.path) for leaf in leaves if leaf.is_numpy_scalar]:
        custom[_OURS] = {"scalars": scalars}
    files = {
        TREE: _encoded(
            {
                "tree_metadata": {repr(leaf.path): _entry(leaf, keys, sequences) for leaf in leaves},
                "use_ocdbt": True,
                "use_zarr3": False,
                "store_array_data_equal_to_fill_value": True,
                "custom_metadata": custom or None,
            }
        ),
        STEP: _encoded(
            {
                "item_handlers": _HANDLER,
                "metrics": {},
                "performance_metrics": {},
                "init_timestamp_nsecs": None,
                "commit_timestamp_nsecs": None,
                "custom_metadata": {},
            }
        ),
    }
    files[_OLD_TREE] = _old_tree(leaves, sequences)
    if texts := {name_of(leaf.path): leaf.text for leaf in leaves if leaf.text is not None}:
        files[STRINGS] = _encoded(texts)
    if typed := [leaf for leaf in leaves if display(leaf.path) in keys]:
        files[KEYS] = _encoded({"array_metadatas": list(_typed(typed, keys))})
    return files


def _old_tree(leaves: Sequence[Described], sequences: set[tuple[str, ...]]) -> bytes:
    """The tree in MessagePack, with the name of its array in the place of each leaf."""
    values: dict[str, Any] = {NONE: None, "Dict": {}}
    nodes = {leaf.path: values.get(leaf.value_type, f"PLACEHOLDER://{name_of(leaf.path)}") for leaf in leaves}
    while (deepest := max(map(len, nodes))) > 0:
        parents: dict[tuple[str, ...], dict[str, Any]] = {}
        for path in [path for path in nodes if len(path) == deepest]:
            node = nodes.pop(path)
            if path in sequences:
                node = [node[str(i)] for i in range(len(node))]
            parents.setdefault(path[:-1], {})[path[-1]] = node
        nodes |= parents
    packed = msgpack.packb(nodes[()])
    assert packed is not None  # as its types have it
    return packed


def _encoded(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


def _sequences_in(paths: Sequence[tuple[str, ...]], said: Any) -> set[tuple[str, ...]]:
    """The nodes that are said to be lists, where their keys are the indices of one."""
    names = said.get("sequences") if isinstance(said, Mapping) else None
    wanted = set(names) if isinstance(names, list | tuple) else set()
    children: dict[tuple[str, ...], dict[str, None]] = {path: {} for path in paths}
    for path in paths:
        for i, part in enumerate(path):
            children.setdefault(path[:i], {})[part] = None
    return {
        path
        for path, parts in children.items()
        if display(path) in wanted and set(parts) == {str(i) for i in range(len(parts))}
    }


def _entry(leaf: Described, keys: Mapping[str, str], sequences: set[tuple[str, ...]]) -> dict[str, Any]:
    is_key = display(leaf.path) in keys
    is_list = leaf.value_type in EMPTY and leaf.path in sequences
    types = [_INDEX if leaf.path[:i] in sequences else _DICT_KEY for i in range(len(leaf.path))]
    return {
        "key_metadata": [{"key": part, "key_type": each} for part, each in zip(leaf.path, types, strict=True)],
        "value_metadata": {
            "value_type": "jax.Array" if is_key else "List" if is_list else leaf.value_type,
            "skip_deserialize": leaf.value_type in EMPTY or leaf.value_type == NONE,
            **({"write_shape": list(leaf.shape)} if is_key else {}),
        },
    }


def _typed(leaves: Iterable[Described], keys: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    for leaf in leaves:
        yield {
            "array_metadata": {
                "param_name": name_of(leaf.path),
                "write_shape": list(leaf.shape),
                "chunk_shape": list(leaf.chunk),
                "ext_metadata": {"random_key_impl": keys[display(leaf.path)]},
            }
        }

"""Spec chapter 08: the standard flax file, one nested map that holds the same leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from .chunked import MARKER, marker_follows
from .errors import FormatError
from .keypaths import MAX_BYTES, MAX_PARTS, KeyPath, encode_keypath
from .leaves import frame, read_leaf_after
from .payloads import Step
from .records import Item, Record, with_path
from .small_records import SeenArrays
from .streams import check_paths
from .trees import unflatten
from .wire import Cursor, Source, encode_str, map_header


# FLAX-8: "The key paths of all leaves, counted as the bytes of their parts and 8 for each part, take at most
#          2^20 bytes more than 64 times the size of the file."
def _most_path_bytes(size: int) -> int:
    return (1 << 20) + 64 * size


_INT_KEYS: Final = (
    "open(), load() and every command but verify read ints as the texts of their digits, and "
    "`streamckpt convert IN flax::OUT` writes a file that has those"
)
_LISTS: Final = "of a file that is there, `streamckpt salvage` takes all but the lists"
_FIRST: Final = "`streamckpt salvage` takes the first of them, and all else"


class _Open(NamedTuple):
    """A map that has been entered: its path, how many of its entries are still due, and its keys so far."""

    path: tuple[str, ...]
    path_bytes: int
    due: Iterator[int]
    keys: dict[str, str]  # and of which kind each is


def read_flax(
    source: Source,
    records: list[Record] | None = None,
    int_key: Callable[[FormatError], None] | None = None,
    skipped: Callable[[int, int, FormatError], None] | None = None,
) -> list[Record]:
    """The leaves of a flax file, depth first, checked against every clause; array payloads are not read.

    A record here is a map's entry: `offset` is that of the leaf. They are appended to `records`, in which those before
    a fault stay. `int_key` is told of each key that is an int by what it is refused, and the key becomes a text, as
    TREE-3 makes it; None refuses them. `skipped` is told of lists and of what has a key that the map had before, where
    they begin and end, and by what they are refused, and they are left out; None refuses them. Raises FormatError.
    """
    records = [] if records is None else records
    cursor = Cursor(source, cut="FLAX-6")
    kind = cursor.kind() if source.size else "nothing"
    count = cursor.header()[1] if kind == "map" else 0
    # FLAX-1: "A flax file is one map of one or more entries, with nothing after it."
    if count == 0:
        found = "a map of no entry" if kind == "map" else kind
        cursor.fail("FLAX-1", f"expected one map of one or more entries, as in a flax file; found {found}", at=0)
    seen = SeenArrays()
    left = _most_path_bytes(source.size)
    stack = [_Open((), 0, iter(range(count)), {})]
    while stack:
        node = stack[-1]
        for _ in node.due:
            try:
                key, size = _read_key(cursor, node, int_key)
            except FormatError as error:
                refusal = with_path(node.path, error) if node.path else error
                if skipped is None or error.clause != "FLAX-5":
                    raise refusal from None
                _skip(cursor)  # its value
                skipped(refusal.offset or 0, cursor.tell(), refusal)
                continue
            path = (*node.path, key)
            try:
                below = _read_value(cursor, path, records, seen, skipped)
            except FormatError as error:
                raise with_path(path, error) from None
            if below is not None:
                stack.append(_Open(path, node.path_bytes + size, iter(range(below)), {}))
                break
            left -= node.path_bytes + size + 8 * len(path)
            if left < 0:
                detail = "the key paths, written out for each leaf, are out of proportion to the file"
                cursor.fail("FLAX-8", detail, at=records[-1].offset)
        else:
            stack.pop()
    if cursor.tell() != source.size:
        cursor.fail("FLAX-1", f"{source.size - cursor.tell()} bytes follow the map")
    return records


def _read_key(cursor: Cursor, node: _Open, int_key: Callable[[FormatError], None] | None) -> tuple[str, int]:
    at = cursor.tell()
    # FLAX-2: "Each key of a map is a str, and each value is a leaf (LEAF-1), an empty node or a map of the
    #          same kind."
    kind = cursor.kind()
    if kind != "str":
        advice = _INT_KEYS if kind == "int" else None
        detail = f"a key is of kind {kind}, not str"
        if kind != "int" or int_key is None:
            cursor.fail("FLAX-2", detail, advice=advice)
        int_key(FormatError("FLAX-2", at, KeyPath(node.path), detail, advice))
    _, size = cursor.header()
    # TREE-3: "A writer turns a key that is not a text into one"
    digits = str(size) if kind == "int" else ""
    size = len(digits) or size
    if len(node.path) == MAX_PARTS:
        cursor.fail("KEY-3", f"a key path has more than {MAX_PARTS} parts", at=at)
    if node.path_bytes + size > MAX_BYTES:
        cursor.fail("KEY-4", f"the parts of a key path take more than {MAX_BYTES} bytes", at=at)
    key = digits or cursor.text(size, at)
    # FLAX-3: "A map whose first key is `__msgpack_chunked_array__` is a chunked array (LEAF-10)."
    if key == MARKER:
        cursor.fail("FLAX-3", f"the key {MARKER} is out of place", at=at)
    # FLAX-5: "No key stands in a map twice."
    if key in node.keys:
        cursor.fail("FLAX-5", _twice(key, kind != node.keys[key]), at=at, advice=_FIRST)
    node.keys[key] = kind
    return key, size


def _twice(key: str, as_text: bool) -> str:
    if as_text:
        return f"a map has the keys {key} (an int) and {key!r} (a text), and both would become {key!r}"
    return f"the key {key!r} occurs twice in a map"


def _read_value(
    cursor: Cursor,
    path: tuple[str, ...],
    records: list[Record],
    seen: SeenArrays,
    skipped: Callable[[int, int, FormatError], None] | None,
) -> int | None:
    """Read a leaf into `records`, or enter a map and return how many entries it has."""
    at = cursor.tell()
    window, pos = cursor.window(min(1, cursor.end - at))
    found = seen.find(window, pos)
    if found and at + found[2] <= cursor.end:
        _, leaf, size = found
        cursor.skip(size)
        records.append(Record(path, leaf, at, at, at + size))
        return None
    # FLAX-4: "A value that is an array MUST be refused."
    if cursor.kind() == "array":
        advice = f"save flax.serialization.to_state_dict(tree) instead; {_LISTS}"
        if skipped is None:
            cursor.fail("FLAX-4", "there is a list in the tree", advice=advice)
        _skip(cursor)
        skipped(at, cursor.tell(), FormatError("FLAX-4", at, KeyPath(path), "there is a list in the tree", advice))
        return None
    kind, value = cursor.header()
    if kind == "map" and value and not marker_follows(cursor):
        return value
    leaf = read_leaf_after(cursor, at, kind, value)
    seen.add(window, pos, leaf)
    records.append(Record(path, leaf, at, at, cursor.tell()))
    return None


def _skip(cursor: Cursor) -> None:
    """Go behind one value, whatever is in it."""
    left = 1
    while left:
        kind, value = cursor.header()
        left -= 1
        if kind in ("array", "map"):
            left += value if kind == "array" else 2 * value
        elif kind in ("str", "bin", "ext"):
            cursor.skip(value[0] if kind == "ext" else value)


# FLAX-7: "A writer emits the entries in the order of TREE-5, with the shortest headers, and empty nodes as
#          empty maps."
def flax_steps(items: Sequence[Item]) -> list[Step]:
    """The flax file of these leaves, refused before anything is written where it cannot be (CONF-7).

    Leaves of one map are brought together. Raises FLAX-3, KEY, LEAF and STREAM clauses.
    """
    for item in items:
        if MARKER in item.path:
            detail = f"a flax file cannot hold a tree with the key {MARKER}"
            raise FormatError("FLAX-3", None, KeyPath(item.path), detail)
        encode_keypath(item.path)
    check_paths([item.path for item in items])
    root = unflatten((item.path, item) for item in items)
    steps = [Step([(map_header(len(root)), 0)])]
    stack = [iter(root.items())]
    while stack:
        for key, child in stack[-1]:
            name = encode_str(key)
            if isinstance(child, dict):
                steps.append(Step([(name + map_header(len(child)), 0)]))
                stack.append(iter(child.items()))
                break
            steps.append(Step([(name, 0), *_frame(child)], child.payload))
        else:
            stack.pop()
    written_out = sum(8 * len(item.path) + sum(map(len, map(str.encode, item.path))) for item in items)
    if written_out > _most_path_bytes(sum(map(Step.size, steps))):
        raise FormatError("FLAX-8", None, None, "the key paths, written out for each leaf, are out of proportion")
    return steps


def _frame(item: Item) -> list[tuple[bytes, int]]:
    try:
        return frame(item.leaf)
    except OverflowError:
        detail = f"a {item.leaf.kind} of {item.leaf.nbytes} bytes fits no header"
        raise FormatError("WIRE-1", None, KeyPath(item.path), detail) from None

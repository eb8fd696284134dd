"""What a mutator does to a sealed stream: it changes records and the index, makes the index lie, and seals it again.

    mutated = changed(data, random.Random(seed), change)

Most of what comes out has checksums, sizes and a footer that fit, so that a reader has nothing to go by but what the
records and the index say.
"""

# What has children is told by its kind, which the type does not say.
# pyright: reportOptionalSubscript=false, reportOptionalIterable=false, reportOptionalMemberAccess=false

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from crc32c import crc32c

from .nodes import Node, encode, of
from .peers.sealer import FOOTER, SIGNATURE, footer
from .seals import Taken, head, number, pad_again, put_together, records_told, sum_again, take_apart, tell_again

Change = Callable[[Node, random.Random], None]  # of any values
_EDGES: Final = (0, 1, 4, 63, 64, 4095, 4096, 1 << 22, (1 << 22) + 1, 1 << 31, 1 << 32, 1 << 53, (1 << 63) - 1, 1 << 63)
_KINDS: Final = ("ndarray", "scalar", "nil", "bool", "int", "float", "complex", "str", "bin", "empty", "map", "")
_WIDTHS: Final = (
    ("int8", "uint8", "bool", "float8_e4m3fn", "int4"),
    ("int16", "uint16", "float16", "bfloat16"),
    ("int32", "uint32", "float32"),
    ("int64", "uint64", "float64", "complex64"),
)


def changed(data: bytes, rng: random.Random, change: Change) -> bytes | None:
    """Another sealed stream, or one that is none any more; None where `data` cannot be taken apart."""
    taken = take_apart(data)
    if taken is None:
        return None
    how = rng.choices(("true", "lies", "kept", "footer"), (4, 4, 1.5, 0.5))[0]
    if rng.random() < (0.3 if how == "lies" else 0.8):
        change(taken.records, rng)
    if how in ("true", "lies"):
        if rng.random() < 0.9 and not taken.detached:
            pad_again(taken)
        tell_again(taken)
    if how == "lies":
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            rng.choice(_LIES)(taken, rng)
    elif rng.random() < (0.15 if how == "true" else 0.6):
        change(rng.choice((taken.index, taken.entry("metadata") or taken.index)), rng)
    if how != "footer" and rng.random() < 0.9:
        sum_again(taken, whole=rng.random() < 0.95)
    return _with_other_footer(taken, rng) if rng.random() < 0.05 else put_together(taken)


def _with_other_footer(taken: Taken, rng: random.Random) -> bytes:
    """The file with a footer that has its checksum, and says something else, or is followed by more."""
    records, index = encode(taken.records), encode(taken.index)
    end = bytearray(footer(index, len(records), rng.choice(((2, 0), (2, 1), (1, 0), (3, 0)))))
    if rng.random() < 0.5:
        at = rng.randrange(16)
        end[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, end[at] ^ 1))
        end[20:24] = crc32c(bytes(end[:20])).to_bytes(4, "big")
    begin = head(taken, index)
    if begin and rng.random() < 0.3:
        size = len(index) + FOOTER + rng.choice((0, 1, 2, 9))
        begin = rng.choice((b"\xc6", b"\xc6", b"\xc5", b"\xdb", b"\xc9")) + size.to_bytes(4, "big")
    more = rng.choice((b"", b"", b"", b"\n", b"\x00", records, index, SIGNATURE, records + begin + index + bytes(end)))
    return records + begin + index + bytes(end) + more


# --- lies: each makes the index say something else ----------------------------------------------------


def _a_row(taken: Taken, rng: random.Random) -> Node:
    rows = [row for row in taken.rows() if len(row.children or ()) == 5]
    return rng.choice(rows) if rows else of([["a"], "nil", None, None, [[1, None, bytes(4)]]])


def _a_record(taken: Taken, rng: random.Random) -> Node:
    records = list(records_told(taken))
    return rng.choice(records) if records else of([1, None, bytes(4)])


def _move_a_border(taken: Taken, rng: random.Random) -> None:
    """One record is longer, its neighbour shorter by as much."""
    records = list(records_told(taken))
    if len(records) < 2:
        return
    i = rng.randrange(len(records) - 1)
    first, second = number(records[i].children[0]), number(records[i + 1].children[0])
    if first is None or second is None:
        return
    more = rng.choice((1, -1, rng.randint(-first, second), second - 1, second, 1 - first, -first))
    records[i].children[0], records[i + 1].children[0] = of(max(0, first + more)), of(max(0, second - more))


def _size(taken: Taken, rng: random.Random) -> None:
    record = _a_record(taken, rng)
    size = number(record.children[0]) or 0
    record.children[0] = of(rng.choice((size + 1, max(0, size - 1), 2 * size, -1, rng.choice(_EDGES))))


def _place(taken: Taken, rng: random.Random) -> None:
    """The payload stands elsewhere in its record."""
    record = _a_record(taken, rng)
    size, place = number(record.children[0]) or 0, number(record.children[1])
    if place is None or rng.random() < 0.15:
        record.children[1] = of(rng.choice((None, 0, 1, rng.randint(0, max(1, size)))))
    else:
        record.children[1] = of(rng.choice((None, place + 1, place - 1, place - 8, 0, size, rng.choice(_EDGES))))


def _kind(taken: Taken, rng: random.Random) -> None:
    row = _a_row(taken, rng)
    row.children[1] = of(rng.choice(_KINDS))
    if rng.random() < 0.5:
        row.children[2:4] = [of(None), of(None)] if rng.random() < 0.5 else [of("float32"), of([])]


def _dtype(taken: Taken, rng: random.Random) -> None:
    """Another dtype, of the same width more often than not."""
    row = _a_row(taken, rng)
    tag = row.children[2].data.decode(errors="replace")
    same = next((tags for tags in _WIDTHS if tag in tags), _WIDTHS[0])
    row.children[2] = of(rng.choice(same if rng.random() < 0.7 else rng.choice(_WIDTHS)))


def _shape(taken: Taken, rng: random.Random) -> None:
    """Another shape, of as many elements more often than not."""
    row = _a_row(taken, rng)
    dims = list(row.children[3].children or ())
    what = rng.randrange(7)
    if what == 0:
        dims.insert(rng.randint(0, len(dims)), of(1))
    elif what == 1:
        dims.reverse()
    elif what == 2 and len(dims) > 1:
        (a, b), at = (number(dims[0]) or 0, number(dims[1]) or 0), 2
        dims = [of(a * b), *dims[at:]]
    elif what == 3 and dims:
        dims[rng.randrange(len(dims))] = of(rng.choice(_EDGES))
    elif what == 4 and dims:
        n = number(dims[0]) or 0
        dims[0:1] = [of(2), of(n // 2)]
    elif what == 5:
        dims = [of(0), *dims]
    else:
        dims = []
    row.children[3] = Node("array", children=dims)


def _path(taken: Taken, rng: random.Random) -> None:
    """Another key path: that of another leaf, a longer or shorter one, one that looks like a part."""
    row, other = _a_row(taken, rng), _a_row(taken, rng)
    path = row.children[0]
    parts = list(path.children or ())
    what = rng.randrange(6)
    if what == 0:
        row.children[0], other.children[0] = other.children[0], row.children[0]
        return
    if what == 1:
        parts.append(of(rng.choice(("a", "__part_0_of_1__", "__part_1_of_2__", "0"))))
    elif what == 2:
        del parts[-1:]
    elif what == 3 and parts:
        parts[-1] = of(rng.choice(("a", "b", "__part_0_of_2__", "__part_0_of_01__", "x" * 300)))
    elif what == 4:
        parts = [one.copy() for one in other.children[0].children or ()]
    else:
        parts.reverse()
    row.children[0] = Node("array", children=parts)


def _rows(taken: Taken, rng: random.Random) -> None:
    """Rows change places, with their records or without; one is dropped, doubled, or takes the records of another."""
    leaves = taken.entry("leaves")
    if leaves is None or not leaves.children:
        return
    rows = leaves.children
    i, k = rng.randrange(len(rows)), rng.randrange(len(rows))
    what = rng.randrange(6)
    if what == 0:
        rows[i], rows[k] = rows[k], rows[i]
    elif what == 1:
        del rows[i]
    elif what == 2:
        rows.insert(k, rows[i].copy())
    elif len(rows[i].children or ()) == len(rows[k].children or ()) == 5:
        if what == 3:
            rows[i].children[4], rows[k].children[4] = rows[k].children[4], rows[i].children[4]
        elif what == 4 and i != k:
            rows[i].children[4].children = [
                *(rows[i].children[4].children or ()),
                *(rows[k].children[4].children or ()),
            ]
            del rows[k]
        else:
            rows[i].children[1:4] = [one.copy() for one in rows[k].children[1:4]]


def _records(taken: Taken, rng: random.Random) -> None:
    """The records of a leaf are more, fewer or in another order; one is cut into two."""
    records = _a_row(taken, rng).children[4].children
    if not records:
        return
    i = rng.randrange(len(records))
    what = rng.randrange(4)
    if what == 0:
        records.reverse()
    elif what == 1:
        del records[i]
    elif what == 2:
        records.insert(i, records[i].copy())
    elif len(records[i].children or ()) == 3 and (size := number(records[i].children[0])):
        cut = rng.randint(0, size)
        second = records[i].copy()
        records[i].children[0], second.children[0] = of(cut), of(size - cut)
        records.insert(i + 1, second)


def _one_leaf_of_several(taken: Taken, rng: random.Random) -> None:
    """Records that are parts become leaves of their own, or leaves become parts."""
    leaves = taken.entry("leaves")
    if leaves is None or not leaves.children:
        return
    i = rng.randrange(len(leaves.children))
    row = leaves.children[i]
    if len(row.children or ()) != 5:
        return
    records = row.children[4].children or []
    n, parts = len(records), []
    for k, record in enumerate(records):
        one = row.copy()
        name = f"__part_{k}_of_{n}__" if rng.random() < 0.5 else f"part_{k}"
        one.children[0].children = [*(one.children[0].children or ()), of(name)]
        one.children[4].children = [record.copy()]
        parts.append(one)
    leaves.children[i : i + 1] = parts


def _checksum(taken: Taken, rng: random.Random) -> None:
    sums = _a_record(taken, rng).children[2]
    what = rng.randrange(4)
    sums.children = None
    sums.data = (sums.data[:-4], sums.data[:-1], sums.data + bytes(4), bytes(len(sums.data)))[what]


def _alignment(taken: Taken, rng: random.Random) -> None:
    if (entry := taken.entry("alignment")) is not None:
        entry.data = encode(of(rng.choice((0, 1, 32, 64, 65, 128, 4096, 8192, -64, 1 << 63, None, 64.0, True))))


def _entries(taken: Taken, rng: random.Random) -> None:
    """The entries of the index change places; one is dropped, doubled or called otherwise."""
    children = (taken.index.children or [Node("raw")])[0].children
    if not children:
        return
    pairs = list(zip(children[::2], children[1::2], strict=False))
    i = rng.randrange(len(pairs))
    what = rng.randrange(4)
    if what == 0:
        rng.shuffle(pairs)
    elif what == 1:
        del pairs[i]
    elif what == 2:
        pairs.insert(i, pairs[i])
    else:
        pairs[i] = (of(rng.choice(("alignment", "digests", "metadata", "Leaves", ""))), pairs[i][1])
    children[:] = [part for pair in pairs for part in pair]


def _digests(taken: Taken, rng: random.Random) -> None:
    index = (taken.index.children or [Node("raw")])[0].children
    if index is None:
        return
    if (digests := taken.entry("digests")) is None:
        index += [of("digests"), of(rng.randbytes(32 * (len(taken.rows()) + rng.choice((0, 1, 1, 1, 2)))))]
    else:
        digests.children, digests.data = None, rng.choice((digests.data[32:], digests.data[::-1], b""))


_LIES: Final = (
    *(_move_a_border, _move_a_border, _size, _place, _place, _kind, _dtype, _shape, _shape, _path, _path, _rows),
    *(_rows, _records, _records, _one_leaf_of_several, _checksum, _alignment, _entries, _digests),
)

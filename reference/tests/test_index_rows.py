"""The rows of an index: what its two readers take, and that they agree (spec 2.0, INDEX-2, INDEX-3)."""

import copy
import functools

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.strategies import keys
from reference.format import index_rows
from reference.format.errors import FormatError
from reference.format.index_rows import CanonicalCursor
from reference.format.keypaths import MAX_BYTES, MAX_PARTS
from reference.format.wire import BytesSource

BLOCK = 1 << 22


def read_slowly(data):
    """The columns of rows as `_read_slowly` has them, or its refusal."""
    return _outcome(data, functools.partial(index_rows._read_slowly, detached=False))


def read_quickly(data):
    """The columns as msgpack gives them, None where `_read_quickly` leaves the rows to the other."""
    cursor = CanonicalCursor(BytesSource(data))
    _, rows = cursor.header()
    columns = index_rows._read_quickly(cursor, rows)
    return None if columns is None else (columns, cursor.tell())


def _outcome(data, read):
    cursor = CanonicalCursor(BytesSource(data))
    try:
        kind, rows = cursor.header()
        assert kind == "array"
        return read(cursor, rows), cursor.tell()
    except FormatError as error:
        return error


def agree(data):
    """Whether the quick reader, where it gives columns, gives those of the slow one, and ends where that ends."""
    slow, quick = read_slowly(data), read_quickly(data)
    if quick is not None:
        assert not isinstance(slow, FormatError), slow
        assert slow == quick
        assert [list(map(type, column)) for column in slow[0]] == [list(map(type, column)) for column in quick[0]]
        assert {type(part) for path in quick[0].paths for part in path} == {str}
    return quick is not None


@st.composite
def rows(draw):
    kind = draw(st.sampled_from(("ndarray", "scalar", "complex", "nil", "bool", "int", "float", "str", "bin", "empty")))
    dtype, shape, width = None, None, 0
    if kind in ("ndarray", "scalar"):
        dtype, width = draw(st.sampled_from([("float32", 4), ("bfloat16", 2), ("bool", 1), ("int4", 1)]))
        shape = [] if kind == "scalar" else draw(st.lists(st.integers(0, 300), max_size=3))
    nbytes = int(np.prod(shape, dtype=object)) * width if shape is not None else 0
    payload = draw(st.sampled_from([None, 30, 200])) if dtype else None
    size = nbytes + (payload or 0) + draw(st.sampled_from([1, 100, 200, BLOCK, 9_000_000]))
    checksums = bytes(4 * -(-size // BLOCK))
    return [draw(st.lists(keys, min_size=1, max_size=4)), kind, dtype, shape, [[size, payload, checksums]]]


@given(st.lists(rows(), min_size=1, max_size=8))
def test_both_readers_take_what_a_writer_could_have_written(leaves):
    data = msgpack.packb(leaves)
    slow = read_slowly(data)
    if isinstance(slow, FormatError):
        assert slow.clause in ("STREAM-4", "STREAM-5")
        assert read_quickly(data) is None
    else:
        assert agree(data)
        assert [list(path) for path in slow[0].paths] == [row[0] for row in leaves]
        assert slow[0].sizes == [row[4][0][0] for row in leaves]


ODD = [None, True, False, 0, 1, -1, 2**63, 2**64 - 1, 0.0, 1.0, "", "a", "ndarray", "\0", b"", b"abcd", [], [[]], {}]
ODD += [{"a": 1}, [1], [True], [1.0], ["a"], [None], 2**40, msgpack.ExtType(1, b""), msgpack.Timestamp(0)]


@given(st.lists(rows(), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_both_readers_agree_where_a_value_is_odd(leaves, rng):
    leaves = copy.deepcopy(leaves)
    for _ in range(rng.choice((1, 1, 2))):
        node = leaves
        while True:
            at = rng.randrange(len(node))
            if isinstance(node[at], list) and node[at] and rng.random() < 0.8:
                node = node[at]
                continue
            change = rng.choice(("replace", "replace", "insert", "remove"))
            if change == "replace":
                node[at] = rng.choice(ODD)
            elif change == "insert":
                node.insert(at, rng.choice(ODD))
            else:
                del node[at]
            break
        if not leaves:
            return
    agree(msgpack.packb(leaves))


@given(st.lists(rows(), min_size=1, max_size=3), st.integers(0, 1 << 20), st.integers(0, 255), st.booleans())
def test_both_readers_agree_where_a_byte_is_another(leaves, at, byte, insert):
    data = bytearray(msgpack.packb(leaves))
    at = 1 + at % (len(data) - 1)
    data[at : at + (not insert)] = bytes((byte,))
    agree(bytes(data))


LONG = [
    [["w"], "int", None, None, [[1 << 22, None, bytes(4)]]],
    [["w"], "int", None, None, [[(1 << 22) + 1, None, bytes(8)]]],
    [["x"] * MAX_PARTS, "int", None, None, [[1, None, bytes(4)]]],
    [["x" * MAX_BYTES], "int", None, None, [[1, None, bytes(4)]]],
    [["x" * 16_000] * 4, "int", None, None, [[1, None, bytes(4)]]],
    [["é" * 32_767], "int", None, None, [[1, None, bytes(4)]]],
    [["__part_x"], "int", None, None, [[1, None, bytes(4)]]],
    [["w"], "ndarray", "uint8", [2**62], [[2**62 + 5, 5, b""]]],
    [["w"], "ndarray", "uint8", [1] * 32, [[105, 104, bytes(4)]]],  # numpy 1 has no more
    [["w"], "ndarray", "uint8", [], [[5, 4, bytes(4)]]],
    [["w"], "ndarray", "uint8", [2**63 - 1, 0], [[5, 5, bytes(4)]]],
    [["w"], "ndarray", "uint8", [3 << 30], [[(3 << 30) + 5, 5, bytes(4 * 769)]]],
]
REFUSED = [
    ("KEY-1", [[], "int", None, None, [[1, None, bytes(4)]]]),
    ("KEY-1", ["w", "int", None, None, [[1, None, bytes(4)]]]),
    ("KEY-1", [[b"w"], "int", None, None, [[1, None, bytes(4)]]]),
    ("KEY-3", [["x"] * (MAX_PARTS + 1), "int", None, None, [[1, None, bytes(4)]]]),
    ("KEY-4", [["x" * MAX_BYTES, "x"], "int", None, None, [[1, None, bytes(4)]]]),
    ("KEY-4", [["é" * 32_768], "int", None, None, [[1, None, bytes(4)]]]),
    ("PART-3", [["__part_0_of_2__"], "int", None, None, [[1, None, bytes(4)]]]),
    ("LEAF-1", [["w"], "array", None, None, [[1, None, bytes(4)]]]),
    ("LEAF-1", [["w"], "", None, None, [[1, None, bytes(4)]]]),
    ("INDEX-2", [["w"], 7, None, None, [[1, None, bytes(4)]]]),
    ("INDEX-2", [["w"], "ndarray", None, [1], [[9, 4, bytes(4)]]]),
    ("INDEX-2", [["w"], "ndarray", "uint8", None, [[9, 4, bytes(4)]]]),
    ("INDEX-2", [["w"], "int", "int64", None, [[9, None, bytes(4)]]]),
    ("INDEX-2", [["w"], "int", None, [], [[9, None, bytes(4)]]]),
    ("INDEX-2", [["w"], "int", None, None]),
    ("INDEX-2", [["w"], "int", None, None, [[1, None, bytes(4)]], None]),
    ("DTYPE-1", [["w"], "ndarray", "uint7", [1], [[9, 4, bytes(4)]]]),
    ("LEAF-6", [["w"], "scalar", "uint8", [1], [[9, 4, bytes(4)]]]),
    ("LEAF-3", [["w"], "ndarray", "uint8", [1] * 65, [[200, 104, bytes(4)]]]),
    ("LEAF-3", [["w"], "ndarray", "uint8", [-1], [[9, 4, bytes(4)]]]),
    ("LEAF-4", [["w"], "ndarray", "uint8", [2**63], [[9, 4, bytes(4)]]]),
    ("LEAF-4", [["w"], "ndarray", "uint64", [2**62], [[9, 4, bytes(4)]]]),
    ("PART-2", [["w"], "int", None, None, []]),
    ("PART-2", [["w"], "int", None, None, [[1, None, bytes(4)]] * 2]),
    ("PART-2", [["w"], "ndarray", "uint8", [3 << 30], [[1, 1, bytes(4)]] * 2]),
    ("INDEX-3", [["w"], "int", None, None, [[1, None]]]),
    ("INDEX-3", [["w"], "int", None, None, [[1, None, bytes(4), None]]]),
    ("INDEX-3", [["w"], "int", None, None, [[0, None, b""]]]),
    ("INDEX-3", [["w"], "int", None, None, [[-5, None, bytes(4)]]]),
    ("INDEX-3", [["w"], "int", None, None, [[2**63, None, bytes(4)]]]),
    ("INDEX-3", [["w"], "int", None, None, [["1", None, bytes(4)]]]),
    ("INDEX-3", [["w"], "int", None, None, [[1, 0, bytes(4)]]]),
    ("INDEX-3", [["w"], "int", None, None, [[1, None, "abcd"]]]),
    ("INDEX-3", [["w"], "ndarray", "uint8", [1], [[9, -1, bytes(4)]]]),
    ("INDEX-3", [["w"], "ndarray", "uint8", [1], [[9, 4.0, bytes(4)]]]),
    ("INDEX-4", [["w"], "ndarray", "uint8", [6], [[9, 4, bytes(4)]]]),
    ("INDEX-4", [["w"], "ndarray", "uint8", [1], [[9, 9, bytes(4)]]]),
    ("INDEX-4", [["w"], "int", None, None, [[1, None, b""]]]),
    ("INDEX-4", [["w"], "int", None, None, [[1, None, bytes(8)]]]),
    ("INDEX-4", [["w"], "int", None, None, [[BLOCK + 1, None, bytes(4)]]]),
    ("INDEX-4", [["w"], "int", None, None, [[BLOCK, None, bytes(8)]]]),
]


@pytest.mark.parametrize("row", LONG, ids=range(len(LONG)))
def test_rows_at_the_limits_are_taken_by_both_readers(row):
    slow = read_slowly(msgpack.packb([row]))
    if row[3] == [2**62]:  # its checksums would take 2^42 bytes
        assert slow.clause in ("INDEX-4", "PART-2")
        return
    assert not isinstance(slow, FormatError), slow
    agree(msgpack.packb([row]))


@pytest.mark.parametrize(("clause", "row"), REFUSED, ids=range(len(REFUSED)))
def test_an_odd_row_is_refused_by_its_clause_behind_good_ones_too(clause, row):
    good = [["a"], "int", None, None, [[9, None, bytes(4)]]]
    for before in ([], [good], [[[str(i)], *good[1:]] for i in range(1000)]):
        data = msgpack.packb([*before, row])
        error = read_slowly(data)
        assert isinstance(error, FormatError)
        assert error.clause == clause, str(error)
        assert len(msgpack.packb([*before, row])) >= error.offset >= len(msgpack.packb(before or [0])) - 1
        assert read_quickly(data) is None


@pytest.mark.parametrize("odd", [True, 1.0])
def test_what_equals_a_value_that_was_seen_is_not_taken_for_it(odd):
    """In Python True and 1.0 are 1, and leaves that are alike are read once."""
    rows = [[[name], "ndarray", "uint8", [n], [[9, 4, bytes(4)]]] for name, n in (("a", 1), ("b", odd))]
    assert read_quickly(msgpack.packb(rows)) is None
    assert isinstance(read_slowly(msgpack.packb(rows)), FormatError)
    rows[1][3], rows[1][4][0][0] = [1], odd
    assert read_quickly(msgpack.packb(rows)) is None


@pytest.mark.parametrize("n", [1000, 30_000])
def test_many_rows_are_read_quickly_in_pieces(n):
    """1 MiB is given to msgpack at a time, and 30,000 rows take more."""
    leaves = [[["layer", str(i), "w"], "ndarray", "float32", [i % 7], [[100, 70, bytes(4)]]] for i in range(n)]
    data = msgpack.packb(leaves)
    assert (len(data) > 1 << 20) == (n > 1000)
    columns, end = read_quickly(data)
    assert (len(columns.paths), end) == (n, len(data))
    assert columns.paths[n - 1] == ("layer", str(n - 1), "w")
    leaves[n - 1][0] = leaves[3][0]
    assert read_quickly(msgpack.packb(leaves)) is None
    if n == 1000:
        assert read_slowly(msgpack.packb(leaves)).clause == "STREAM-4"


# STREAM-4 and STREAM-5 hold in the index (INDEX-6).
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "", "a/b", "\x00"]), min_size=1, max_size=4).map(tuple), min_size=1)
)
def test_clashes_are_found_by_both_readers(paths):
    clash = any(a[: len(b)] == b for i, a in enumerate(paths) for j, b in enumerate(paths) if i != j)
    data = msgpack.packb([[path, "nil", None, None, [[7, None, bytes(4)]]] for path in paths])
    slow = read_slowly(data)
    assert isinstance(slow, FormatError) == clash
    assert (read_quickly(data) is None) == clash
    if clash:
        assert slow.clause in ("STREAM-4", "STREAM-5")
        assert slow.path in paths

"""The index: what a writer says in it, that its two readers agree, and that every lie in it is refused."""

import copy
import functools
import random

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.strategies import keys
from reference.format import index_rows
from reference.format.errors import FormatError
from reference.format.index_rows import CanonicalCursor
from reference.format.indexes import read_index
from reference.format.keypaths import MAX_BYTES, MAX_PARTS
from reference.format.wire import BytesSource
from reference.tests.memory import Meter
from reference.tests.sealed import (
    an_int,
    crc,
    opened,
    rows_of,
    sealed,
    sealed_by_hand,
    sums,
    taken_apart,
    tree_of,
    values,
    with_index,
)

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


# --- the index around the rows ------------------------------------------------------------------------


GOOD = {"alignment": 64, "checksum": bytes(4), "leaves": [[["a"], "int", None, None, [[9, None, bytes(4)]]]]}
GOOD["metadata"] = {}


def with_entry(key, value):
    return {**GOOD, key: value}


INDEXES = [
    ("INDEX-1", b"\x94" + msgpack.packb(GOOD)[1:], 0),
    ("INDEX-1", {key: GOOD[key] for key in ("alignment", "checksum", "leaves")}, 0),
    ("INDEX-1", {**GOOD, "digests": bytes(64), "more": 1}, 0),
    ("INDEX-1", {**GOOD, "digest": bytes(64)}, None),
    ("INDEX-1", {key: GOOD[key] for key in ("checksum", "alignment", "leaves", "metadata")}, 1),
    ("INDEX-1", {key: GOOD[key] for key in ("alignment", "leaves", "checksum", "metadata")}, None),
    ("INDEX-1", {key: GOOD[key] for key in ("alignment", "checksum", "metadata", "leaves")}, None),
    ("INDEX-1", {b"alignment" if key == "alignment" else key: value for key, value in GOOD.items()}, 1),
    ("ALIGN-5", with_entry("alignment", "64"), 11),
    ("ALIGN-5", with_entry("alignment", 1), 11),
    ("INDEX-1", with_entry("checksum", bytes(3)), None),
    ("INDEX-1", with_entry("checksum", bytes(5)), None),
    ("INDEX-1", with_entry("checksum", "abcd"), None),
    ("INDEX-1", with_entry("leaves", {}), None),
    ("STREAM-3", with_entry("leaves", []), None),
    ("INDEX-4", with_entry("leaves", [[["a"], "int", None, None, [[8, None, bytes(4)]]]]), None),
    ("INDEX-4", with_entry("leaves", [[["a"], "int", None, None, [[10, None, bytes(4)]]]]), None),
    ("META-1", with_entry("metadata", []), None),
    ("INDEX-9", with_entry("digests", bytes(63)), None),
    ("INDEX-9", with_entry("digests", bytes(65)), None),
    ("INDEX-9", with_entry("digests", bytes(32)), None),
    ("INDEX-9", with_entry("digests", bytes(96)), None),
    ("INDEX-9", with_entry("digests", "x" * 64), None),
    ("WIRE-6", msgpack.packb(GOOD) + b"\xc0", None),
    ("WIRE-6", msgpack.packb(GOOD) + b"\n", None),
    ("INDEX-5", b"\xde\x00\x04" + msgpack.packb(GOOD)[1:], 0),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\xa9alignment", b"\xd9\x09alignment"), 1),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"alignment\x40", b"alignment\xcc\x40"), 11),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"alignment\x40", b"alignment\xd0\x40"), 11),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\xc4\x04\0\0\0\0\xa6", b"\xc5\x00\x04\0\0\0\0\xa6"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"leaves\x91", b"leaves\xdc\x00\x01"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\x91\xa1a", b"\x91\xd9\x01a"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\x93\x09\xc0", b"\x93\xcc\x09\xc0"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\x93\x09\xc0", b"\x93\xd1\x00\x09\xc0"), None),
    ("INDEX-5", msgpack.packb({**GOOD, "digests": bytes(64)}).replace(b"\xc4\x40", b"\xc5\x00\x40"), None),
]


@pytest.mark.parametrize(("clause", "index", "at"), INDEXES, ids=range(len(INDEXES)))
def test_an_index_that_is_not_as_it_should_be_is_refused(clause, index, at):
    raw = index if isinstance(index, bytes) else msgpack.packb(index)
    if raw == msgpack.packb(GOOD):
        assert read_index(raw, 100, 9).columns.paths == [("a",)]
        return
    with pytest.raises(FormatError) as caught:
        read_index(raw, 100, 9)
    assert caught.value.clause == clause, str(caught.value)
    assert caught.value.offset == 100 + at if at is not None else 100 < caught.value.offset <= 100 + len(raw)


@given(st.integers(0, 1 << 16), st.integers(0, 255))
def test_an_index_with_another_byte_is_refused_or_is_the_one_form_of_what_it_says(at, byte):
    raw = bytearray(msgpack.packb({**GOOD, "metadata": {"a": [1, "b"]}, "digests": bytes(64)}))
    raw[at % len(raw)] = byte
    try:
        found = read_index(bytes(raw), 0, 9)
    except FormatError as error:
        assert 0 <= error.offset <= len(raw)
        return
    assert msgpack.packb(msgpack.unpackb(raw)) == raw
    assert found.columns.sizes == [9]


def test_a_cut_in_an_index_is_refused():
    raw = msgpack.packb({**GOOD, "metadata": {"a": [1, "b"]}, "digests": bytes(64)})
    for cut in range(len(raw)):
        with pytest.raises(FormatError):
            read_index(raw[:cut], 0, 9)


def test_counts_that_lie_allocate_nothing():
    meter = Meter()
    good = msgpack.packb(GOOD)
    for old, new in (
        (b"leaves\x91", b"leaves\xdd\x00\x00\x00\x02"),
        (b"leaves\x91", b"leaves\xdd\x7f\xff\xff\xff"),
        (b"\x91\xa1a", b"\xdd\x7f\xff\xff\xff\xa1a"),
        (b"\xc4\x04\0\0\0\0\xa8", b"\xc6\x7f\xff\xff\xff\xa8"),
    ):
        assert old in good
        with pytest.raises(FormatError):
            read_index(good.replace(old, new), 0, 9)
    many = msgpack.packb([[["w"], "ndarray", "uint8", [2**62], [[1, 1, bytes(4)]] * 50_000]])
    with pytest.raises(FormatError):
        read_index(b"\x84\xa9alignment\x40\xa8checksum\xc4\4\0\0\0\0\xa6leaves" + many + b"\xa8metadata\x80", 0, 50_000)
    assert meter.peak() < 50_000  # kB


# --- the index and its records ------------------------------------------------------------------------

TREE = {
    "w": np.arange(2000, dtype=np.float32).reshape(40, 50),
    "small": np.arange(6, dtype=np.int16).reshape(2, 3),
    "scalar": np.float32(3),
    "int": 7,
    "text": "word",
    "raw": b"bytes",
    "none": None,
    "yes": True,
    "x": 1.5,
    "z": 1 + 2j,
    "big": "x" * 70_000,
    "blob": bytes(70_000),
}


def test_the_index_says_what_stands_in_the_records(tmp_path):
    data = sealed(tmp_path, {**TREE, "node": {}}, keep_empty_nodes=True, digests=True)
    records, index = taken_apart(data)
    assert list(index) == ["alignment", "checksum", "leaves", "metadata", "digests"]
    assert (index["alignment"], index["checksum"], index["metadata"]) == (64, crc(records), {})
    assert data[len(records) + 5 : -40] == msgpack.packb(index)  # INDEX-5: the one form
    plain = tmp_path / "plain"
    reference.save(plain, {**TREE, "node": {}}, keep_empty_nodes=True)
    for leaf, row, record in zip(index["leaves"], rows_of(data), reference.scan(plain), strict=True):
        path, kind, dtype, shape, ((size, payload, checksums),) = leaf
        assert (tuple(path), kind) == (record.path, record.kind)
        assert (dtype, shape) == ((str(record.dtype), list(record.shape)) if record.dtype else (None, None))
        assert (size, checksums) == (len(row), sums(row))
        value = TREE.get(path[0])
        assert (payload is None) == (dtype is None)
        if payload is not None:
            assert row[payload:] == np.asarray(value).tobytes()


def lies():
    """Changes of an index of TREE that leave it well-formed, by a name."""

    def of(name, place, value):
        def change(leaves):
            i = next(i for i, leaf in enumerate(leaves) if leaf[0] == [name])
            leaves[i][place] = value

        return change

    def payload(name, by):
        def change(leaves):
            leaf = next(leaf for leaf in leaves if leaf[0] == [name])
            leaf[4][0][1] = None if by is None else leaf[4][0][1] + by

        return change

    def sizes(i, j, by):
        def change(leaves):
            leaves[i][4][0][0] += by
            leaves[j][4][0][0] -= by

        return change

    def swapped(leaves):
        leaves[3], leaves[4] = leaves[4], leaves[3]

    found = {f"{name} as {path}": of(name, 0, [path]) for name, path in (("w", "v"), ("int", "inu"), ("blob", "bloc"))}
    found |= {f"shape of {name} {shape}": of(name, 3, shape) for name, shape in SHAPES}
    found |= {f"dtype of {name} {tag}": of(name, 2, tag) for name, tag in DTYPES}
    found |= {f"kind of {name} {kind}": of(name, 1, kind) for name, kind in KINDS}
    found |= {f"payload of {name} {by}": payload(name, by) for name in ("w", "small", "scalar") for by in (-1, None)}
    found |= {f"sizes {i} {j} {by}": sizes(i, j, by) for i, j, by in ((0, 1, -1), (1, 2, -1), (3, 4, 1), (4, 3, 1))}
    return {**found, "swapped": swapped}


SHAPES = [("w", [50, 40]), ("w", [2000]), ("w", [40, 49]), ("small", [3, 2]), ("small", []), ("w", [40, 50, 1])]
DTYPES = [("w", "int32"), ("small", "uint16"), ("small", "int8"), ("scalar", "int32"), ("scalar", "float16")]
KINDS = [("scalar", "ndarray"), ("int", "nil"), ("none", "int"), ("text", "bin"), ("raw", "str"), ("yes", "int")]
KINDS += [("int", "float"), ("x", "complex"), ("z", "float"), ("none", "empty"), ("big", "bin"), ("blob", "str")]


# INDEX-7: "What the index says of a leaf MUST be what its records say"
@pytest.mark.parametrize("lie", lies())
def test_every_lie_is_refused_though_all_checksums_are_right(tmp_path, lie):
    records, index = taken_apart(sealed(tmp_path, TREE))
    lies()[lie](index["leaves"])
    at = 0
    for leaf in index["leaves"]:
        size = leaf[4][0][0]
        leaf[4][0][2] = sums(records[at : at + size])
        at += size
    data = with_index(records, index)
    (tmp_path / "lie").write_bytes(data)
    for read in (
        lambda: values(data),
        lambda: values(data, check=False),
        lambda: reference.load(tmp_path / "lie"),
        lambda: reference.load(tmp_path / "lie", mmap=True),
        lambda: reference.load(tmp_path / "lie", check=False),
        lambda: list(reference.records(tmp_path / "lie")),
    ):
        with pytest.raises(FormatError) as caught:
            read()
        assert caught.value.clause in ("INDEX-7", "INDEX-4", "INDEX-5", "INDEX-3"), str(caught.value)
        assert caught.value.offset is not None
        assert caught.value.path


def test_a_record_in_any_form_that_version_1_allows_is_read():
    """Longer headers, keys in many widths, chunks: what INDEX-7 compares is what they say, and where."""
    rng, count = random.Random(3), 0
    from fuzz.files import file_of_tree
    from fuzz.nodes import encode, parse
    from reference.containers.stream import STREAM
    from reference.format.streams import read_stream

    tree = {"a": np.arange(40, dtype=np.int16), "b": {"c": np.float32(2), "d": "text", "e": b"raw", "f": -5}}
    for _ in range(40):
        file = parse(file_of_tree(tree, STREAM))
        for node in file.walk():
            node.width = rng.choice((node.width, 1, 2, 4))
        plain = encode(file)
        records = read_stream(BytesSource(plain))
        shift, rows = 0, []
        for record in records:
            whole = plain[record.offset : record.end]
            head = next(n for n in (1, 3, 5) if whole[:n] in (b"\x92", b"\xdc\0\2", b"\xdd\0\0\0\2"))
            mark = b"\xdd\0\0\0\2" if record.offset == 0 else b"\x92"
            shift = len(mark) - head
            at = record.leaf_offset + record.leaf.extents[0][0] - record.offset + shift if record.dtype else None
            dtype = str(record.dtype) if record.dtype else None
            shape = list(record.shape) if record.dtype else None
            rows.append((mark + whole[head:], list(record.path), record.kind, dtype, shape, at))
        found = tree_of(sealed_by_hand(rows))
        assert found["a"].tolist() == tree["a"].tolist()
        assert (found["b"]["c"], found["b"]["d"], found["b"]["e"], found["b"]["f"]) == (2, "text", b"raw", -5)
        count += any(len(row[0]) > 60 for row in rows)
    assert count


# SEAL-1: "every other record begins with `92`."
@pytest.mark.parametrize("head", [b"\xdd\0\0\0\2", b"\xdc\0\2"])
def test_a_later_record_that_begins_otherwise_is_refused(head):
    first, second = an_int(), an_int(key=b"b", mark=head)
    with pytest.raises(FormatError, match="SEAL-1") as caught:
        tree_of(sealed_by_hand([first, second]))
    assert (caught.value.offset, caught.value.path) == (len(first[0]), ("b",))
    array = head + b"\x91\xa1b\xc4\x0e\xc7\x0b\x01\x93\x91\x02\xa5uint8\xc4\x02\x01\x02"
    array = array.replace(b"\xc4\x0e\xc7\x0b", b"\xc4\x10\xc7\x0d")
    with pytest.raises(FormatError, match="SEAL-1"):
        tree_of(sealed_by_hand([first, (array, ["b"], "ndarray", "uint8", [2], len(array) - 2)]))


# INDEX-8: "The `checksum` of the index MUST be that of all records."
def test_a_wrong_checksum_of_all_records_is_refused_by_verify_alone(tmp_path):
    from reference.verify import verify

    records, index = taken_apart(sealed(tmp_path, TREE))
    index["checksum"] = crc(records + b"x")
    (tmp_path / "x").write_bytes(with_index(records, index))
    assert reference.load(tmp_path / "x")["int"] == 7
    with pytest.raises(FormatError, match="INDEX-8") as caught:
        verify(tmp_path / "x")
    assert caught.value.offset == len(records) + 5


def test_the_columns_of_a_small_and_of_a_large_index_open_the_same_tree(tmp_path):
    tree = {f"{i:05}": np.full(i % 5, i, np.int32) for i in range(5000)}
    data = sealed(tmp_path, tree)
    found = dict(values(data))
    assert len(found) == 5000
    assert all(found[path,].tolist() == value.tolist() for path, value in tree.items())
    assert opened(data).records == reference.scan(tmp_path / "sealed")

"""An index and its records: what a writer says of them, and that every lie is refused (spec 2.0, INDEX-7, INDEX-8)."""

import random

import msgpack
import numpy as np
import pytest

import reference
from reference.format.errors import FormatError
from reference.format.wire import BytesSource
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

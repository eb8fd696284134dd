"""Padding: where it stands, how much there is, that old loaders do not notice, and what is refused."""

import io

import flax.serialization
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.peers.loop import read, written
from reference.containers.stream import planned
from reference.format.aligned import ALIGNMENTS
from reference.format.errors import FormatError, UsageError
from reference.format.leaves import describe
from reference.format.payloads import array_payload, write_steps
from reference.format.records import Item
from reference.format.sealing import SealOptions
from reference.tests.handmade import BytesSink, record
from reference.tests.sealed import MARK, an_int, rows_of, sealed, sealed_by_hand, taken_apart, tree_of, values

MARKER = b"\xb9__msgpack_chunked_array__\xc3"


def written_to_memory(arrays, alignment=64):
    """The bytes of a sealed stream of arrays by key path, and with each where its payload should stand."""
    items = [Item(path, describe(a), lambda a=a: array_payload(a)) for path, a in arrays]
    sink = BytesSink()
    write_steps(sink, planned(items, SealOptions(alignment=alignment)))
    return bytes(sink.data)


def chunked(payload, pad=b"", *, before=MARKER, header=b"\xc4", entries=0x84, shape=b"", more=b""):
    """A chunked array of uint8 in one chunk, with an entry `pad`, whose blob may be spoiled in many ways."""
    n = bytes((len(payload),))
    body = b"\x93\x91" + n + b"\xa5uint8\xc4" + n + payload
    entry = b"\xa3pad" + header + (bytes((len(pad),)) if header == b"\xc4" else len(pad).to_bytes(2, "big")) + pad
    blob = bytes((entries,)) + before + entry + (shape or b"\xa5shape\x81\xa10" + n)
    return blob + b"\xa6chunks\x81\xa10\xc7" + bytes((len(body),)) + b"\x01" + body + more


def one_array(blob, payload=b"01234567", key="w", alignment=64):
    """A sealed stream with this blob as its only leaf, and an index that says what the writer of it would."""
    whole = MARK + record((key,), blob, bin8=False)[1:]
    at = whole.index(payload)
    return sealed_by_hand([(whole, [key], "ndarray", "uint8", [len(payload)], at)], alignment)


def padded_to(alignment, payload=b"01234567", **more):
    """`one_array` with the padding that puts the payload in its place."""
    at = taken_apart(one_array(chunked(payload, **more)))[1]["leaves"][0][4][0][1]
    return one_array(chunked(payload, bytes(-at % alignment), **more), alignment=alignment)


# ALIGN-4: "Around such an array a writer MUST use these headers, whatever the length"
def expected_record(at, key, array, alignment):
    """The record of an array of 4 KiB or more at offset `at`, put together from the table of ALIGN-4."""
    n = array.nbytes
    dims = b"".join(msgpack.packb(str(i)) + msgpack.packb(d) for i, d in enumerate(array.shape))
    tag, elements = msgpack.packb(str(array.dtype)), msgpack.packb(array.size)
    inner = b"\x93\x91" + elements + tag + b"\xc6" + n.to_bytes(4, "big")
    shape = b"\xa5shape" + bytes((0x80 | array.ndim,)) + dims
    after = shape + b"\xa6chunks\x81\xa10\xc9" + (len(inner) + n).to_bytes(4, "big") + b"\x01" + inner
    start = (MARK if at == 0 else b"\x92") + msgpack.packb(list(key))
    before = b"\x84" + MARKER + b"\xa3pad\xc5"
    pad = 0
    while (at + len(start) + 5 + len(before) + 2 + pad + len(after)) % alignment:
        pad += 1
    blob = before + pad.to_bytes(2, "big") + bytes(pad) + after
    return start + b"\xc6" + (len(blob) + n).to_bytes(4, "big") + blob + array.tobytes()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b" * 31, "c" * 32, "d" * 255, "e" * 256, "ö" * 100]),
            st.sampled_from([1, 4095, 4096, 4097, 4160, 65_536, 65_537]),
            st.sampled_from(["uint8", "float32", "complex128"]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(ALIGNMENTS),
)
def test_every_byte_of_a_record_is_that_of_the_table(leaves, alignment):
    arrays = [
        ((str(i), key), np.resize(np.arange(251, dtype="u1"), -(-n // 16) * 16 if dtype != "uint8" else n).view(dtype))
        for i, (key, n, dtype) in enumerate(leaves)
    ]
    data = written_to_memory(arrays, alignment)
    at = 0
    for row, (path, array) in zip(rows_of(data), arrays, strict=True):
        if array.nbytes >= 4096:
            assert row == expected_record(at, path, array, alignment)
            assert (at + len(row) - array.nbytes) % alignment == 0
        else:
            plain = written({path[0]: {path[1]: array}})
            assert row == (MARK + plain[1:] if at == 0 else plain)
        at += len(row)


@pytest.mark.parametrize("shape", [(4096,), (64, 64), (1,) * 15 + (4096,), (1,) * 20 + (4096,), (2**13,)])
def test_arrays_of_many_dimensions_are_padded_too(shape):
    array = np.resize(np.arange(251, dtype="u1"), shape)
    data = written_to_memory([(("k",), array)], 256)
    place = taken_apart(data)[1]["leaves"][0][4][0][1]
    assert place % 256 == 0
    assert data[place : place + array.size] == array.tobytes()
    assert same(tree_of(data)["k"], array)


@pytest.mark.parametrize("nbytes", [4095, 4096, 4097])
def test_only_arrays_of_4096_bytes_and_more_are_padded(tmp_path, nbytes):
    for tree in ({"a": np.zeros(nbytes, np.uint8)}, {"a": bytes(nbytes)}, {"a": "x" * nbytes}):
        data = sealed(tmp_path, tree)
        is_padded = isinstance(tree["a"], np.ndarray) and nbytes >= 4096
        assert (b"\xa3pad" in data) == is_padded
        if not is_padded:
            assert rows_of(data)[0] == MARK + written(tree)[1:]
        assert same(tree_of(data), tree)


TREE = {
    "params": {
        "embed": np.arange(6000, dtype=np.float32).reshape(60, 100),
        "flags": np.resize(np.array([True, False, False]), 5000),
        "small": np.arange(3, dtype=np.int8),
        "empty": np.zeros((0, 7), np.float16),
        "scalar": np.float32(3),
    },
    "é" * 40: np.resize(np.arange(250, dtype=np.uint8), (5, 1000)),
    "n": 7,
    "text": "word",
    "raw": b"\0\1",
    "none": None,
    "z": 1 + 2j,
}


def on_host(tree):
    """The tree with numpy arrays in place of those of jax, which flax 0.8 makes of chunks."""
    if isinstance(tree, dict):
        return {key: on_host(child) for key, child in tree.items()}
    return np.asarray(tree) if hasattr(tree, "addressable_shards") else tree


# ALIGN-1: "The array is the same with it and without."
@pytest.mark.parametrize("alignment", [64, 4096])
def test_flax_and_the_published_loop_read_a_sealed_file(tmp_path, alignment):
    data = sealed(tmp_path, TREE, alignment=alignment, metadata={"step": 1}, digests=True)
    assert data.count(b"\xa3pad\xc5") == 3
    reference.save(tmp_path / "plain", TREE)
    assert same(on_host(read(io.BytesIO(data))), read(io.BytesIO((tmp_path / "plain").read_bytes())))
    for feed in (1, 7, 1 << 20):  # in pieces of any size
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        found = []
        for at in range(0, len(data), feed):
            unpacker.feed(data[at : at + feed])
            found += [(tuple(key), flax.serialization.msgpack_restore(blob)) for key, blob in unpacker]
        assert len(found) == 11
        assert same(on_host(dict(found)["params", "embed"]), TREE["params"]["embed"])


def test_msgpack_written_in_python_reads_a_sealed_file_too(tmp_path):
    fallback = pytest.importorskip("msgpack.fallback")
    data = sealed(tmp_path, TREE)
    found = {tuple(key): flax.serialization.msgpack_restore(blob) for key, blob in fallback.Unpacker(io.BytesIO(data))}
    assert found.keys() == {path for path, _ in values(data)}


def test_padding_is_accepted_at_any_length_and_with_any_chunks():
    payload = b"01234567"
    for alignment in (64, 128, 4096):
        if alignment <= 128:
            assert tree_of(padded_to(alignment))["w"].tobytes() == payload
        assert tree_of(padded_to(alignment, header=b"\xc5"))["w"].tobytes() == payload
    chunks = b"\xa6chunks\x82"
    for i, part in enumerate((b"0123", b"4567")):
        chunks += b"\xa1" + b"%d" % i + b"\xc7\x0f\x01\x93\x91\x04\xa5uint8\xc4\x04" + part
    shape = b"\xa5shape\x81\xa10\x08"
    head = b"\x84" + MARKER + b"\xa3pad\xc4"
    for pad in range(64):
        whole = MARK + record(("w",), head + bytes((pad,)) + bytes(pad) + shape + chunks, bin8=False)[1:]
        data = sealed_by_hand([(whole, ["w"], "ndarray", "uint8", [8], None)])
        if whole.index(b"0123") % 64 == 0:  # ALIGN-5: "the rule is about the first"
            assert tree_of(data)["w"].tobytes() == payload
            break
        with pytest.raises(FormatError, match="ALIGN-5"):
            tree_of(data)
    else:
        raise AssertionError


def spoiled():
    """Padded arrays that a reader has to refuse, each with the clause."""
    n = b"\x08"
    good = chunked(b"01234567")
    shape = b"\xa5shape\x81\xa10" + n
    nonzero = [bytearray(40) for _ in range(3)]
    for i, at in enumerate((0, 17, 39)):
        nonzero[i][at] = 1 << (3 * i)
    return [
        *(("ALIGN-2", chunked(b"01234567", bytes(each))) for each in nonzero),
        ("ALIGN-2", chunked(b"01234567", bytes(4096), header=b"\xc5")),
        ("ALIGN-2", good.replace(b"\xa3pad\xc4\0", b"\xa3pad\xa0")),
        ("ALIGN-2", good.replace(b"\xa3pad\xc4\0", b"\xa3pad\xc0")),
        ("ALIGN-2", good.replace(b"\xa3pad\xc4\0", b"\xa3pad\x90")),
        ("ALIGN-2", good.replace(b"\xa3pad\xc4\0", b"\xa3pad\xc7\0\1")),
        ("ALIGN-1", good.replace(b"\xa3pad\xc4\0", b"\xa3paf\xc4\0")),
        ("ALIGN-1", good.replace(b"\xa3pad\xc4\0" + shape, shape + b"\xa3pad\xc4\0")),  # in another place
        ("LEAF-10", b"\x84" + MARKER + shape + b"\xa3pad\xc4\0" + good[len(MARKER) + 15 :]),
        ("LEAF-10", chunked(b"01234567", entries=0x85, more=b"\xa3pad\xc4\0")),  # twice
        ("LEAF-10", chunked(b"01234567", entries=0x83)),
        ("LEAF-1", b"\x84\xa3pad\xc4\0" + MARKER + good[len(MARKER) + 7 :]),  # before the marker
    ]


@pytest.mark.parametrize("i", range(len(spoiled())))
def test_padding_that_is_not_padding_is_refused(i):
    clause, blob = spoiled()[i]
    with pytest.raises(FormatError) as caught:
        tree_of(one_array(blob))
    error = caught.value
    assert error.clause == clause or {error.clause, clause} <= {"LEAF-10", "ALIGN-1", "LEAF-1", "WIRE-6"}, error
    assert error.offset is not None
    assert error.path == ("w",)


# ALIGN-5: "MUST refuse a padded payload at another offset"
@given(st.integers(0, 200))
def test_a_padded_payload_stands_at_a_multiple_of_the_alignment_or_is_refused(pad):
    data = one_array(chunked(b"01234567", bytes(pad)))
    if data.index(b"01234567") % 64 == 0:
        assert tree_of(data)["w"].tobytes() == b"01234567"
    else:
        with pytest.raises(FormatError, match="ALIGN-5") as caught:
            tree_of(data)
        assert caught.value.offset == data.index(b"01234567")


def test_a_payload_that_fits_one_alignment_is_refused_in_a_file_of_another():
    data = padded_to(64)
    if data.index(b"01234567") % 128 == 0:
        data = one_array(chunked(b"01234567", bytes(64)))
    whole, index = taken_apart(data)
    place = index["leaves"][0][4][0][1]
    row = (whole, ["w"], "ndarray", "uint8", [8], place)
    with pytest.raises(FormatError, match="ALIGN-5"):
        tree_of(sealed_by_hand([row], alignment=4096))


def test_a_padded_array_in_a_plain_stream_is_refused(tmp_path):
    plain = record(("w",), chunked(b"01234567"), bin8=False)
    with pytest.raises(FormatError, match="LEAF-10"):
        tree_of(plain)


@pytest.mark.parametrize("alignment", [0, 1, 32, 63, 65, 96, 8192, -64, 64.0, True, "64"])
def test_an_alignment_that_is_none_is_refused_before_anything_is_written(tmp_path, alignment):
    with pytest.raises(UsageError, match=r"an alignment is one of 64, 128, .*, not") as caught:
        reference.save(tmp_path / "x", {"a": 1}, format="2.0", alignment=alignment)
    assert caught.value.clause == "ALIGN-5"
    assert not (tmp_path / "x").exists()


def test_an_alignment_may_be_a_number_of_numpy(tmp_path):
    assert taken_apart(sealed(tmp_path, {"a": 1}, alignment=np.int64(128)))[1]["alignment"] == 128


@pytest.mark.parametrize("alignment", [0, 1, 63, 96, 8192, 2**40, -1, -64])
def test_an_alignment_that_is_none_is_refused_in_an_index(alignment):
    with pytest.raises(FormatError, match="ALIGN-5"):
        tree_of(sealed_by_hand([an_int()], alignment))

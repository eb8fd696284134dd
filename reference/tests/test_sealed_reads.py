"""Reads from a file with a seal: in whatever pieces, order and threads, every flipped bit is found, and no good one."""

import itertools
import random
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.containers.sealed_file import _COMPARED, SealedFile
from reference.format.errors import FormatError
from reference.format.seals import read_seal
from reference.format.wire import BytesSource
from reference.tests.sealed import crc, rows_of, sealed, taken_apart, values, with_index

SMALL = 256  # bytes of a block, in place of 4 MiB


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Streams whose blocks have 256 bytes, so that small files have many."""
    with pytest.MonkeyPatch.context() as context:
        for module in ("format.checksums", "format.index_rows", "format.indexes", "containers.sealed_file"):
            context.setattr(f"reference.{module}.BLOCK", SMALL)
        context.setattr("reference.containers.sealed_records.BLOCK", SMALL)
        context.setattr("reference.tests.sealed.BLOCK", SMALL)
        context.setattr("reference.containers.sealed_file._READ", 100)
        context.setattr("reference.containers.sealed_records._SMALL", 200)
        context.setattr("reference.format.sealing._SMALL", 100)
        yield


TREE = {
    "long" * 40: np.arange(700, dtype=np.int16),
    "b": np.arange(5, dtype=np.int8),
    "c": np.arange(1200, dtype=np.float32).reshape(30, 40),
    "d": "text" * 100,
    "e": 7,
}


@pytest.fixture(scope="module")
def data(small_blocks, tmp_path_factory):
    return sealed(tmp_path_factory.mktemp("small"), TREE)


def file_of(data):
    source = BytesSource(data)
    file = SealedFile(source, read_seal(source))
    file.records()
    return file


def read_pieces(file, pieces):
    """The bytes of each (offset, bytes), by one way to read or the other in turn."""
    found = []
    for i, (at, n) in enumerate(pieces):
        if i % 2:
            found.append(file.read_at(at, n))
        else:
            memory = bytearray(n)
            file.read_into(at, memoryview(memory))
            found.append(bytes(memory))
    return found


def cut_up(start, stop, cuts):
    """A stretch cut at some places: pieces as (offset, bytes), which cover it once."""
    places = sorted({start, stop, *(cut for cut in cuts if start < cut < stop)})
    return [(a, b - a) for a, b in itertools.pairwise(places)]


def is_all_compared(file):
    """Whether no payload waits to be compared. What is not payload has been compared with the index when the record
    was first read: if it is read last, and by itself, it is noted once more."""
    frames = [part[:2] for parts in file._frames.values() for part in parts]
    waiting = [part[:2] for parts in file._open.values() if parts is not _COMPARED for part in parts]
    return all(any(start <= a and b <= stop for start, stop in frames) for a, b in waiting)


def test_the_bytes_before_a_payload_may_be_read_after_it(data):
    payload = len(rows_of(data)[0])
    records, _ = taken_apart(data)
    file = file_of(data)
    assert read_pieces(file, [(payload, len(records) - payload)]) == [data[payload : len(records)]]
    assert read_pieces(file, [(0, payload)]) == [data[:payload]]
    assert is_all_compared(file)


@given(st.lists(st.integers(0, 9000), max_size=40), st.randoms(use_true_random=False), st.data())
def test_pieces_in_any_order_find_a_flipped_bit(data, cuts, rng, draw):
    records, _ = taken_apart(data)
    pieces = cut_up(0, len(records), cuts)
    rng.shuffle(pieces)
    good = file_of(data)
    assert read_pieces(good, pieces) == [data[at : at + n] for at, n in pieces]
    assert is_all_compared(good)
    spoiled = bytearray(data)
    spoiled[draw.draw(st.integers(5, len(records) - 1))] ^= 1 << rng.randrange(8)
    with pytest.raises(FormatError) as caught:
        read_pieces(file_of(bytes(spoiled)), pieces)
    assert caught.value.path is not None


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 900)), max_size=60))
def test_overlapping_and_repeated_reads_of_a_good_file_raise_no_alarm(data, pieces):
    records, _ = taken_apart(data)
    pieces = [(at % len(records), min(n, len(records) - at % len(records))) for at, n in pieces]
    for check in (True, False):
        file = file_of(data)
        file.check = check
        for _ in range(2):
            assert read_pieces(file, pieces) == [data[at : at + n] for at, n in pieces]


# SUM-3: "A reader that has read all bytes of a leaf MUST compare them"
@pytest.mark.parametrize("order", ["there", "back", "every second first"])
def test_every_byte_by_itself_is_compared_though_there_are_many_segments(data, order):
    records, _ = taken_apart(data)
    start = len(rows_of(data)[0])
    places = list(range(start, len(records)))
    places = {"there": places, "back": places[::-1], "every second first": places[::2] + places[1::2]}[order]
    file = file_of(data)
    assert read_pieces(file, [(at, 1) for at in places]) == [data[at : at + 1] for at in places]
    spoiled = bytearray(data)
    spoiled[start + 3000] ^= 4
    with pytest.raises(FormatError, match="SUM-3"):
        read_pieces(file_of(bytes(spoiled)), [(at, 1) for at in places])


def test_what_was_read_twice_in_part_is_compared_when_all_has_been_read(data):
    """Halves that overlap: no two of them join, and still every byte has been read."""
    at = next(r.extents()[0][0] for r in file_of(data).records() if r.path == ("c",))
    spoiled = bytearray(data)
    spoiled[at + 600] ^= 1
    start = next(r.offset for r in file_of(data).records() if r.path == ("c",))
    block = start + (at + 600 - start) // SMALL * SMALL
    for pieces in (
        [(block, 150), (block + 100, SMALL - 100)],
        [(block + 9, 90), (block + 50, SMALL - 50), (block, 20)],
    ):
        read_pieces(file_of(bytes(data)), pieces)
        with pytest.raises(FormatError, match="SUM-3") as caught:
            read_pieces(file_of(bytes(spoiled)), pieces)
        assert caught.value.offset == block
    for pieces in (
        [(block, 150), (block + 151, SMALL - 151)],
        [(block, 255)] * 3,
        [(block + 1, 254), (block + 1, 255)],
    ):
        assert read_pieces(file_of(bytes(spoiled)), pieces)  # a byte of the block is missing


def test_a_bit_that_changes_between_two_reads_is_found(data):
    """What was good when a block was read once may be bad when it is read again."""
    memory = bytearray(data)
    file = file_of(memory)
    (at, n), *_ = [(r.extents()[0][0], r.nbytes) for r in file.records() if r.path == ("c",)]
    file.read_at(at, n)
    memory[at + 999] ^= 1
    with pytest.raises(FormatError, match="SUM-3"):
        file.read_at(at, n)


def test_what_stands_behind_the_records_is_read_too(data):
    records, _ = taken_apart(data)
    file = file_of(data)
    assert file.read_at(len(records), 40) == data[len(records) : len(records) + 40]
    assert file.read_at(len(records) - 10, 50) == data[len(records) - 10 : len(records) + 40]
    assert file.read_at(len(data) - 3, 3) == data[-3:]
    assert file.read_at(0, 0) == b""
    with pytest.raises(FormatError, match="STREAM-2"):
        file.read_at(len(data) - 3, 4)


def test_threads_that_share_a_file_find_each_flipped_bit_and_raise_no_alarm(data):
    records, _ = taken_apart(data)
    for seed in range(6):
        rng = random.Random(seed)
        pieces = cut_up(0, len(records), [rng.randrange(len(records)) for _ in range(200)])
        rng.shuffle(pieces)
        spoiled = bytearray(data)
        if seed % 2:
            spoiled[rng.randrange(5, len(records))] ^= 1
        file, errors = file_of(data) if not seed % 2 else _lazily(bytes(spoiled)), []

        def some(part, file=file, errors=errors):
            try:
                read_pieces(file, part)
            except FormatError as error:
                errors.append(error)

        threads = [threading.Thread(target=some, args=(pieces[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(errors) >= 1 if seed % 2 else not errors


def _lazily(data):
    """A file whose small leaves have not been read yet."""
    source = BytesSource(data)
    return SealedFile(source, read_seal(source))


def test_blocks_that_end_in_headers_and_chunks_are_compared():
    """Chunks with headers between them that fall anywhere in a block, read in pieces and as a whole."""
    marker = b"\xb9__msgpack_chunked_array__\xc3"
    for first in range(190, 260, 3):
        sizes = (first, 300, 5)
        blob = b"\x83" + marker + b"\xa5shape\x81\xa10\xcd" + sum(sizes).to_bytes(2, "big") + b"\xa6chunks\x83"
        rng, extents = random.Random(first), []
        for i, n in enumerate(sizes):
            body = b"\x93\x91\xcd" + n.to_bytes(2, "big") + b"\xa5uint8\xc5" + n.to_bytes(2, "big")
            blob += b"\xa1%d\xc8" % i + (len(body) + n).to_bytes(2, "big") + b"\x01" + body
            extents.append((len(blob), n))
            blob += rng.randbytes(n)
        record = b"\xdd\0\0\0\2\x91\xa1w\xc5" + len(blob).to_bytes(2, "big") + blob
        sums = b"".join(crc(record[at : at + SMALL]) for at in range(0, len(record), SMALL))
        row = [["w"], "ndarray", "uint8", [sum(sizes)], [[len(record), None, sums]]]
        index = {"alignment": 64, "checksum": crc(record), "leaves": [row], "metadata": {}}
        data = with_index(record, index)
        payload = b"".join(blob[at : at + n] for at, n in extents)
        assert values(data)[0][1].tobytes() == payload
        spoiled = bytearray(data)
        spoiled[len(record) - len(blob) + extents[rng.randrange(3)][0] + rng.randrange(5)] ^= 1
        with pytest.raises(FormatError, match="SUM-3"):
            values(bytes(spoiled))

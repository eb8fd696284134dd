"""What a search for whole records takes: no more for each loss than for the first, whatever the file holds."""

import numpy as np
import pytest

from reference.containers import damaged
from reference.containers.damaged import read_what_is_whole
from reference.format.arrays import array_head
from reference.format.chunked import MARKER
from reference.format.wire import BytesSource, Cursor, encode_int, encode_str
from reference.tests.handmade import array, record

NIL = b"\xc0"


class Counting(BytesSource):
    """A source that counts the bytes that are asked of it."""

    count = 0

    def read_at(self, offset, n):
        self.count += n
        return super().read_at(offset, n)


def arrays(n, between=b"\xc1"):
    """Records with something between them that is none."""
    one = (record((f"{i:05}",), array(b"\x91\4", "float32", bytes(16))) + between for i in range(n))
    return b"".join(one)


def broken_arrays(n):
    """Records of which every other has a length that is wrong."""
    good = [record((f"{i:05}",), array(b"\x91\4", "float32", bytes(16))) for i in range(2 * n)]
    return b"".join(data if i % 2 else data.replace(b"\x91\4\xa7", b"\x91\5\xa7") for i, data in enumerate(good))


def texts_in_texts(n):
    """Each record holds all that follow it, as a text that is none."""
    data = b"\xff"
    for _ in range(n):
        text = b"\xdb" + (len(data) + 9).to_bytes(4, "big") + b"a" * 9 + data
        data = b"\x92\x91\xa1a\xc6" + len(text).to_bytes(4, "big") + text
    return b"\xc1" + data


def chunks_in_chunks(n):
    """Chunked arrays, each in the first chunk of the one before, and all with the same chunks behind it."""
    behind = b"".join(encode_str(str(i)) + array_head(1, (1,), "int8", 1) + b"a" for i in range(1, n)) + b"\xc1"
    data = b""
    for _ in range(n):
        shape = b"\xa5shape\x81\xa10" + encode_int(n)
        chunks = b"\xa6chunks\xde" + n.to_bytes(2, "big") + b"\xa10" + array_head(1, (len(data),), "int8", len(data))
        leaf = b"\x83" + encode_str(MARKER) + b"\xc3" + shape + chunks + data
        data = b"\x92\x91\xa1a\xc6" + (len(leaf) + len(behind)).to_bytes(4, "big") + leaf
    return b"\xc1" + data + behind


FILES = {
    "junk between records": arrays,
    "junk that looks like a record between records": lambda n: arrays(n, b"\x92\x91"),
    "damaged records between records": broken_arrays,
    "records without an array between junk": lambda n: (record(("a",), NIL) + b"\xc1") * n,
    "the beginning of a record at every byte": lambda n: b"\x92\x91" * 20 * n,
    "key paths within key paths": lambda n: b"\x92\xdc\2\0" * 10 * n,
    "key paths that fail at their end": lambda n: b"\xc1" + (b"\x92\xdc\2\0" + b"\xa0" * 511 + b"\xc1") * (n // 10),
    "texts in texts": texts_in_texts,
    "chunks in chunks": chunks_in_chunks,
    "zeros": lambda n: bytes(100 * n),
    "lengths of 4 GiB": lambda n: b"\x92\x91\xa1a\xc6\xff\xff\xff\xff\xc6\xff\xff\xff\xf0" * n,
    "random bytes": lambda n: np.random.default_rng(0).bytes(100 * n),
    "paths that clash": lambda n: record(("a", *["b" * 31] * 500), NIL) + record(("a",), NIL) * n,
}


def work(monkeypatch, data):
    """The bytes and the headers that are read of a file."""
    headers, header = [0], Cursor.header

    def counted(cursor):
        headers[0] += 1
        return header(cursor)

    with monkeypatch.context() as patch:
        patch.setattr(Cursor, "header", counted)
        source = Counting(data)
        _, records, losses, *_ = read_what_is_whole(source)
    edges = sorted([*((r.offset, r.end) for r in records), *((loss.offset, loss.end) for loss in losses)])
    assert [0, *(end for _, end in edges)] == [*(start for start, _ in edges), len(data)]
    return source.count, headers[0]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", FILES)
def test_twice_the_losses_take_twice_the_work(monkeypatch, name):
    monkeypatch.setattr(damaged, "_FEWEST_HEADERS", 1000)
    (bytes_of_one, headers_of_one), (bytes_of_two, headers_of_two) = (
        work(monkeypatch, FILES[name](n)) for n in (1000, 2000)
    )
    small = 1 << 13  # bytes of a window, and headers of a key path at the end
    assert bytes_of_two <= 2.2 * bytes_of_one + small
    assert headers_of_two <= 2.2 * headers_of_one + small
    data = FILES[name](2000)
    assert bytes_of_two <= 40 * len(data)
    assert headers_of_two <= 3 * len(data) + 1000


def test_every_array_between_junk_is_whole():
    _, records, losses, *_ = read_what_is_whole(BytesSource(arrays(3000)))
    assert (len(records), len(losses)) == (3000, 3000)
    assert {loss.end - loss.offset for loss in losses} == {1}


def test_a_search_that_was_given_up_says_so(monkeypatch):
    monkeypatch.setattr(damaged, "_FEWEST_HEADERS", 0)
    data = arrays(2) + (b"\x92\xdc\2\0" + b"\xa0" * 511 + b"\xc1") * 50
    monkeypatch.setattr(damaged, "_HEADERS_PER_BYTE", 0)
    _, records, losses, *_ = read_what_is_whole(BytesSource(data))
    assert len(records) == 1  # the search for the second has been given up
    assert losses[-1].end == len(data)
    assert "was not searched further" in str(losses[-1].error)


def test_an_error_shows_the_beginning_of_a_long_key_path():
    _, records, losses, *_ = read_what_is_whole(BytesSource(FILES["paths that clash"](1)))
    assert len(records) == 1
    assert losses[0].error.detail.startswith("a is a leaf, and a/bbb")
    assert losses[0].error.detail.count("/") <= 16

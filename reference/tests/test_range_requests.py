"""Ranges made into requests, and what will be read into pieces: every byte comes, and few that nobody asked for."""

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.storage import range_requests
from reference.storage.range_requests import pieces_of, requests_of
from reference.storage.reading_ahead import Ahead
from reference.storage.threads import Pool

SIZE = 4000
DATA = bytes(i * i % 251 for i in range(SIZE))
EXTENTS = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, 900)), max_size=12).map(
    lambda found: [(at, min(n, SIZE - at)) for at, n in found]
)


@pytest.fixture(autouse=True, scope="module")
def small():
    """Pieces of 256 bytes, and gaps of 20."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(range_requests, "PIECE", 256)
        patch.setattr(range_requests, "GAP", 20)
        yield


@given(EXTENTS)
def test_requests_fill_every_view(extents):
    memories = [bytearray(n) for _, n in extents]
    found = requests_of([(at, memoryview(memory)) for (at, _), memory in zip(extents, memories, strict=True)])
    for request in found:
        assert 0 < request.size() <= 256
        at = request.offset
        for view in request.views:
            view[:] = DATA[at : at + len(view)]
            at += len(view)
    assert memories == [DATA[at : at + n] for at, n in extents]
    wanted = sum(n for _, n in extents)
    assert sum(request.size() for request in found) <= wanted + 20 * max(len(extents) - 1, 0)


@given(EXTENTS)
def test_pieces_hold_every_extent_in_its_order(extents):
    found = pieces_of(extents)
    for start, end, useful in found:
        assert 0 < end - start <= 256
        assert useful > 0
    for at, n in extents:
        covered = set(itertools.chain.from_iterable(range(start, end) for start, end, _ in found))
        assert covered.issuperset(range(at, at + n))


@given(EXTENTS, st.lists(st.integers(1, 300), min_size=1, max_size=5), st.integers(1, 4))
def test_what_was_announced_is_read_in_whatever_pieces(extents, steps, threads):
    fetched: list[tuple[int, int]] = []

    def fetch(offset, view):
        fetched.append((offset, len(view)))
        view[:] = DATA[offset : offset + len(view)]

    with Pool(threads) as pool:
        ahead = Ahead(extents, fetch, pool, 3)
        sizes = itertools.cycle(steps)
        for offset, n in extents:
            at = offset
            while at < offset + n:
                view = memoryview(bytearray(min(next(sizes), offset + n - at)))
                got = ahead.read(at, view)
                assert view[:got] == DATA[at : at + got]
                at += len(view)  # what it has not got is read without it
            assert len(ahead._held) <= 3
    assert len(fetched) <= len(pieces_of(extents))


def test_several_threads_read_what_was_announced():
    def fetch(offset, view):
        view[:] = DATA[offset : offset + len(view)]

    wrong: list[int] = []
    with Pool(4) as pool:
        ahead = Ahead([(0, SIZE)], fetch, pool, 4)

        def read(first):
            for at in range(first * 50, SIZE, 200):
                view = memoryview(bytearray(50))
                got = ahead.read(at, view)
                if view[:got] != DATA[at : at + got]:
                    wrong.append(at)

        readers = [threading.Thread(target=read, args=(i,)) for i in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    assert not wrong

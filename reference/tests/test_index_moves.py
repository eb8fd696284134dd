"""Index moves on stored bytes give what numpy gives in memory, in any pieces and out of any band."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.strategies import arrays, dtypes
from reference.computing import moved_payloads
from reference.computing.index_moves import Move, moved_array, moved_layout
from reference.computing.layouts import NotStrided, is_as_it_stands, split, whole
from reference.computing.moved_payloads import MovedPayload
from reference.format.payloads import StoredPayload
from reference.format.wire import BytesSource
from reference.tests.examples import at_most
from reference.tests.handmade import BytesSink


class CountingSource(BytesSource):
    """Memory as a source that counts what is asked of it."""

    def __init__(self, data):
        super().__init__(memoryview(data))
        self.reads, self.moved = 0, 0

    def read_into(self, offset, view):
        self.reads += 1
        self.moved += len(view)
        super().read_into(offset, view)


@st.composite
def moves(draw):
    """Any move, and how many sources it has."""
    sizes = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=5)))
    index = draw(st.dictionaries(st.integers(0, len(sizes) - 1), st.just(0), max_size=2))
    index = {position: draw(st.integers(0, sizes[position] - 1)) for position in index}
    stack = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    axes = [*stack, *(size for position, size in enumerate(sizes) if position not in index)]
    order = tuple(draw(st.permutations(range(len(axes)))))
    shape = [axes[i] for i in order]
    while len(shape) > 1 and draw(st.booleans()):  # joined to fewer axes
        shape[-2:] = [shape[-2] * shape[-1]]
    return Move(sizes, index, stack, order, tuple(shape)), int(np.prod(stack))


def moved(layout, stored, cuts=()):
    """The bytes of a layout over arrays that stand in memory as they would in a file."""
    itemsize = stored[0].itemsize
    payload = MovedPayload(
        layout,
        itemsize,
        lambda number: StoredPayload(CountingSource(stored[number].tobytes()), [(0, stored[number].nbytes)]),
    )
    sink = BytesSink()
    left = layout.size * itemsize
    for n in (*cuts, left):
        n = min(n, left)
        payload.move(n, sink)
        left -= n
    return bytes(sink.data)


@at_most(200)
@given(moves(), st.data())
def test_stored_bytes_move_as_arrays_do(case, data):
    move, count = case
    alike = arrays(st.just(data.draw(dtypes)), st.just(move.sizes))
    sources = [data.draw(alike) for _ in range(count)]
    expected = moved_array(move, sources)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moved_payloads, "BAND", data.draw(st.sampled_from([64, 512, 1 << 26])))
        patch.setattr(moved_payloads, "PIECE", data.draw(st.sampled_from([8, 100, 1 << 22])))
        patch.setattr(moved_payloads, "_COPIED", data.draw(st.sampled_from([4, 64, 1 << 16])))
        patch.setattr(moved_payloads, "_ROW", data.draw(st.sampled_from([2, 512])))
        patch.setattr(moved_payloads, "_ROW_COST", data.draw(st.sampled_from([1, 64])))
        patch.setattr(moved_payloads, "_PADDED", data.draw(st.sampled_from([8, 1024])))
        patch.setattr(moved_payloads, "_LONG", data.draw(st.sampled_from([2, 16, 2048])))
        layout = moved_layout(move, [whole(i, source.size) for i, source in enumerate(sources)])
        found = moved(layout, sources, data.draw(st.lists(st.integers(1, 40), max_size=4)))
    assert found == np.ascontiguousarray(expected).tobytes()


@given(moves(), moves(), st.data())
def test_one_move_after_another_is_one_pass(first, second, data):
    """Two moves of one array each, of which the second splits what the first has joined."""
    (move, _), (other, _) = first, second
    move = move._replace(stack=(), fixed={}, order=tuple(data.draw(st.permutations(range(len(move.sizes))))))
    move = move._replace(shape=tuple(move.sizes[i] for i in move.order))
    order = tuple(data.draw(st.permutations(range(len(move.shape)))))
    other = Move(move.shape, {}, (), order, tuple(move.shape[i] for i in order))
    source = np.arange(int(np.prod(move.sizes)), dtype=np.uint16).reshape(move.sizes)
    expected = moved_array(other, [moved_array(move, [source])])
    layout = moved_layout(other, [moved_layout(move, [whole(0, source.size)])])
    assert moved(layout, [source]) == np.ascontiguousarray(expected).tobytes()


def test_a_move_and_its_inverse_are_nothing():
    there = Move((8, 3, 4, 2), {}, (), (1, 3, 2, 0), (24, 8))
    back = Move((3, 2, 4, 8), {}, (), (3, 0, 2, 1), (8, 24))
    layout = moved_layout(back, [moved_layout(there, [whole(0, 192)])])
    assert is_as_it_stands(layout, 192)


def test_what_no_loops_stand_for_is_refused():
    joined = moved_layout(Move((4, 6), {}, (), (1, 0), (24,)), [whole(0, 24)])
    assert split(joined, (6, 4))
    with pytest.raises(NotStrided):
        split(joined, (4, 6))


@pytest.mark.parametrize(
    ("move", "count"),
    [
        (Move((5, 64, 64), {0: 3}, (), (0, 1), (64, 64)), 1),  # one of stacked layers
        (Move((64, 64), {}, (5,), (0, 1, 2), (5, 64, 64)), 5),  # layers stacked
        (Move((64, 64), {}, (), (0, 1), (64, 8, 8)), 1),  # split alone
    ],
)
def test_what_stands_as_it_is_to_be_written_is_copied(monkeypatch, move, count):
    monkeypatch.setattr(moved_payloads, "_COPIED", 1 << 12)
    sources = [CountingSource(np.full(move.sizes, i, np.float32).tobytes()) for i in range(count)]
    layout = moved_layout(move, [whole(i, int(np.prod(move.sizes))) for i in range(count)])
    payload = MovedPayload(layout, 4, lambda number: StoredPayload(sources[number], [(0, sources[number].size)]))
    payload.move(layout.size * 4, BytesSink())  # copy_from of the sink, which reads with read_at
    assert [source.reads for source in sources] == [0] * count


def test_a_transposed_leaf_is_read_in_long_runs_once(monkeypatch):
    monkeypatch.setattr(moved_payloads, "BAND", 1 << 20)
    source = CountingSource(np.arange(2048 * 1024, dtype=np.uint16).tobytes())  # 4 MiB, in five or so bands
    layout = moved_layout(Move((2048, 1024), {}, (), (1, 0), (1024, 2048)), [whole(0, 2048 * 1024)])
    payload = MovedPayload(layout, 2, lambda number: StoredPayload(source, [(0, source.size)]))
    payload.move(source.size, BytesSink())
    assert source.moved == source.size
    assert source.moved / source.reads >= 256


def test_interleaved_rows_are_read_once(monkeypatch):
    """Of rotary pairs, every other element: both halves of a head come with one read."""
    monkeypatch.setattr(moved_payloads, "BAND", 1 << 16)
    source = CountingSource(np.arange(64 * 8 * 128, dtype=np.uint16).tobytes())
    layout = moved_layout(Move((64, 8, 64, 2), {}, (), (1, 3, 2, 0), (8 * 128, 64)), [whole(0, 64 * 8 * 128)])
    payload = MovedPayload(layout, 2, lambda number: StoredPayload(source, [(0, source.size)]))
    payload.move(source.size, BytesSink())
    assert source.moved == source.size


def test_rows_that_follow_one_another_are_read_together(monkeypatch):
    """A leaf that fits the band is read in long stretches, though its rows stand apart in it."""
    monkeypatch.setattr(moved_payloads, "PIECE", 1 << 20)
    source = CountingSource(np.arange(1024 * 2048, dtype=np.uint16).tobytes())  # rows of 4 KiB
    move = Move((8, 2, 64, 2048), {}, (), (3, 0, 2, 1), (2048, 1024))  # and in another order
    layout = moved_layout(move, [whole(0, 1024 * 2048)])
    payload = MovedPayload(layout, 2, lambda number: StoredPayload(source, [(0, source.size)]))
    payload.move(source.size, BytesSink())
    assert (source.reads, source.moved) == (4, source.size)


class FarSource(CountingSource):
    """One that is better asked for many ranges at once."""

    def read_ranges(self, ranges):
        self.asked = getattr(self, "asked", 0) + 1
        for offset, view in ranges:
            self.read_into(offset, view)


def test_a_source_that_is_far_is_asked_for_all_rows_at_once():
    array = np.arange(300 * 2000, dtype=np.uint32).reshape(300, 2000)
    source = FarSource(array.tobytes())
    layout = moved_layout(Move((300, 2000), {}, (), (1, 0), (2000, 300)), [whole(0, array.size)])
    sink = BytesSink()
    MovedPayload(layout, 4, lambda number: StoredPayload(source, [(0, source.size)])).move(source.size, sink)
    assert bytes(sink.data) == array.T.tobytes()
    assert source.asked == 1

"""Which process writes which bytes: from shapes and shardings alone, each byte once, the work spread."""

import itertools
import math

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from reference.devices import exchange_plans, shares
from reference.devices.boxes import count, run_around, run_of, runs, stretch, whole, widened
from reference.devices.exchanges import Exchanger, spread_of
from reference.devices.file_plans import WRITER, FilePlan
from reference.devices.shares import Balance, Spread

SIDES = st.lists(st.sampled_from([1, 2, 3, 4, 6, 8, 16]), max_size=4).map(tuple)


@st.composite
def spreads(draw, devices=8):
    """Arrays on a mesh of (2, 2, 2) devices, in any order of these, of 1 to 8 processes."""
    cuts = draw(st.lists(st.integers(0, 3), min_size=3, max_size=3))  # which dimension each axis of the mesh cuts
    base = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    shape = list(base)
    for axis in cuts:
        if axis < len(shape):
            shape[axis] *= 2
    boxes = []
    for place in itertools.product(range(2), repeat=3):
        box = [(0, n) for n in shape]
        for at, axis in zip(place, cuts, strict=True):
            if axis < len(shape):
                start, stop = box[axis]
                half = (stop - start) // 2
                box[axis] = (start + at * half, start + (at + 1) * half)
        boxes.append(tuple(box))
    order = draw(st.permutations(range(devices)))
    per = draw(st.sampled_from([1, 2, 4, 8]))
    processes = tuple(i // per for i in range(devices))
    return Spread(tuple(shape), draw(st.sampled_from([1, 2, 4])), tuple(boxes[i] for i in order), processes)


@pytest.fixture(autouse=True, params=[1 << 20, 64, 4])
def scale(request, monkeypatch):
    """What is a long run, and a large piece: as it is, and so small that arrays of a test are large."""
    monkeypatch.setattr(shares, "LEAST", request.param)
    monkeypatch.setattr(exchange_plans, "PIECE", request.param * 2)
    monkeypatch.setattr(exchange_plans, "_ROOM", request.param * 8)


@given(SIDES, st.data())
def test_a_stretch_of_a_box_is_boxes_that_are_runs_of_it_in_order(shape, data):
    total = math.prod(shape)
    start = data.draw(st.integers(0, total))
    stop = data.draw(st.integers(start, total))
    found = []
    for part in stretch(whole(shape), start, stop):
        starts, length = runs(part, shape)
        assert len(starts) == 1
        found += range(starts[0], starts[0] + length)
    assert found == list(range(start, stop))


@given(SIDES, st.data())
def test_a_box_is_as_many_runs_as_there_are_starts(shape, data):
    cuts = [sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True))) for n in shape]
    box = tuple(map(tuple, cuts))
    starts, length = runs(box, shape)
    assert run_of(box, shape) == (len(starts), length)
    wide = widened(box, shape, 5)
    assert all(a <= c and d <= b for (a, b), (c, d) in zip(wide, box, strict=True))
    n, length = run_of(wide, shape)
    assert n == 1 or length >= 5


@given(SIDES, st.data())
def test_the_run_around_a_box_is_one_that_the_array_is_made_of(shape, data):
    cuts = [data.draw(st.sampled_from([k for k in range(1, n + 1) if n % k == 0])) for n in shape]
    places = [data.draw(st.integers(0, k - 1)) for k in cuts]
    box = tuple((at * n // k, (at + 1) * n // k) for at, n, k in zip(places, shape, cuts, strict=True))
    least = data.draw(st.integers(1, 20))
    wide = run_around(box, shape, least)
    assert all(a <= c and d <= b for (a, b), (c, d) in zip(wide, box, strict=True))
    assert all(a % (b - a) == 0 and n % (b - a) == 0 for (a, b), n in zip(wide, shape, strict=True))
    assert run_of(wide, shape)[0] == 1
    assert count(wide) >= least or wide == whole(shape)


@given(st.lists(st.one_of(spreads(), st.none()), min_size=1, max_size=6), st.data())
def test_each_byte_of_a_file_is_written_once_and_by_a_process_that_can(found, data):
    sizes = []
    for spread in found:
        head = data.draw(st.integers(1, 40))
        if spread is None:
            sizes.append([(head, data.draw(st.integers(0, 100)))])
            continue
        nbytes = math.prod(spread.shape) * spread.width
        first = data.draw(st.integers(0, nbytes // spread.width)) * spread.width  # a leaf in two records
        sizes.append([(head, first), (head, nbytes - first)] if first and first < nbytes else [(head, nbytes)])
    plan = FilePlan(sizes, found, 8, data.draw(st.sampled_from([None, 1, 16, 64, 1000])))
    written = np.zeros(plan.end, int)
    loads = [0] * 8
    for process, ranges in enumerate(plan.ranges()):
        for at, n in ranges:
            written[at : at + n] += 1
            loads[process] += n
    assert (written == 1).all()
    for leaf in plan.leaves:
        if leaf.shares is None:
            assert leaf.owner == WRITER
            continue
        for process, box in leaf.shares.held:
            here = [b for b, p in zip(leaf.spread.boxes, leaf.spread.processes, strict=True) if p == process]
            assert set(_elements(box, leaf.spread.shape)) <= {e for b in here for e in _elements(b, leaf.spread.shape)}
    heads = sum(head for parts in sizes for head, _ in parts)
    assert sum(plan.loads) + heads >= plan.end >= sum(plan.loads)


def _elements(box, shape):
    starts, length = runs(box, shape)
    return [start + i for start in starts.tolist() for i in range(length)]


@pytest.mark.parametrize("scale", [1 << 20], indirect=True)
def test_large_arrays_are_shared_evenly_however_they_lie():
    shape, n = (64, 1024, 256), 8
    box = whole(shape)
    rows = [((i * 8, i * 8 + 8), *box[1:]) for i in range(n)]
    columns = [(*box[:2], (i * 32, i * 32 + 32)) for i in range(n)]
    halves = [(*box[:2], (i % 2 * 128, i % 2 * 128 + 128)) for i in range(n)]  # each of four processes
    for boxes in ([box] * n, rows, columns, halves):
        balance = Balance(n)
        balance.share(Spread(shape, 4, tuple(boxes), tuple(range(n))))
        assert max(balance.loads) <= 1.07 * math.prod(shape) * 4 / n


@pytest.mark.parametrize("scale", [1 << 20], indirect=True)
def test_many_small_replicated_arrays_are_spread_and_stay_with_their_neighbours():
    spread = Spread((1 << 14,), 4, (((0, 1 << 14),),) * 4, (0, 1, 2, 3))
    plan = FilePlan([[(30, 1 << 16)]] * 400, [spread] * 400, 4)
    assert max(plan.loads) - min(plan.loads) <= 2 << 20
    assert sum(map(len, plan.ranges())) <= 2 * 400 * (1 << 16) // (1 << 20) + 4


# --- the collective, on the devices of this process -------------------------------------------------

ROWS = [PartitionSpec(*axes) for axes in [("a",), ("b",), (("a", "b"),), ("b", None, None), ("a", None)]]
AXES = [PartitionSpec(*axes) for axes in [(None, "a"), (None, "b"), (None, ("a", "b")), ("a", "b"), ("b", "a"), ()]]


DTYPES = ["float32", "bfloat16", "int8", "bool", "complex64", "float8_e4m3fn", "int4"]


@pytest.mark.parametrize("scale", [512], indirect=True)
@pytest.mark.parametrize(
    ("spec", "dtype", "part"),
    [
        *((spec, "float32", None) for spec in AXES),
        *((AXES[0], name, None) for name in DTYPES),
        *((spec, "float32", 2048) for spec in [*AXES, *ROWS]),
    ],
)
def test_devices_are_given_what_they_write(spec, dtype, part):
    mesh = Mesh(np.array(jax.devices()).reshape(2, 4), ("a", "b"))
    values = np.random.default_rng(0).integers(0, 2, (16, 24, 5)) * 3
    host = values.astype(jax.numpy.dtype(dtype))
    array = jax.device_put(host, NamedSharding(mesh, spec))
    real = spread_of(array, host.itemsize)
    spread = real._replace(processes=tuple(range(8)))
    found = Balance(8, part).share(spread)
    taken = np.zeros(host.shape, int)
    for _, box in found.all(spread):
        taken[tuple(slice(*each) for each in box)] += 1
    assert (taken == 1).all()
    if found.exchange is None:
        return
    exchanger = Exchanger(array, real, found.exchange, np.dtype(host.dtype))
    for i in range(found.exchange.rounds):
        given, lost = exchanger.run(i)
        assert lost is None
        for each in given:
            wanted = host[tuple(slice(*side) for side in each.box)]
            assert each.array().tobytes() == wanted.tobytes()
            assert count(each.box) * host.itemsize <= exchange_plans.PIECE


@pytest.mark.parametrize("scale", [512], indirect=True)
def test_a_cast_on_the_way_counts_what_is_lost_once():
    mesh = Mesh(np.array(jax.devices()), ("a",))
    host = np.random.default_rng(0).standard_normal((16, 24, 8)).astype(np.float32)
    host[3, 5, 2], host[9, 23, 7], host[15, 23, 7] = 1e30, -1e30, 1e-30
    array = jax.device_put(host, NamedSharding(mesh, PartitionSpec(None, None, "a")))
    spread = spread_of(array, 2)
    found = Balance(8).share(spread._replace(processes=tuple(range(8))))
    assert found.exchange is not None
    exchanger, losses = Exchanger(array, spread, found.exchange, np.dtype(np.float16)), np.zeros(2, int)
    for i in range(found.exchange.rounds):
        given, lost = exchanger.run(i)
        losses += np.asarray(lost).sum(0)
        with np.errstate(over="ignore"):
            for each in given:
                wanted = host[tuple(slice(*part) for part in each.box)].astype(np.float16)
                assert each.array().tobytes() == wanted.tobytes()
    assert losses.tolist() == [2, 1]

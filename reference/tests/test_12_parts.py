"""Arrays in parts: which arrays, which boxes, which names; and a real one of over 4 GiB, as a sparse file."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.format.errors import FormatError
from reference.format.leaves import Leaf
from reference.format.parts import LARGEST_WHOLE, box_count, boxes, has_part_name, is_in_parts, is_part_name, part_name
from reference.format.records import Item
from reference.format.sealing import SealOptions, sealed_steps
from reference.tests.handmade import record
from reference.tests.sealed import MARK, an_int, sealed_by_hand, tree_of

G = 1 << 30


# PART-2: the table
@pytest.mark.parametrize(
    ("shape", "width", "expected"),
    [
        ((3, G), 1, [(1, G)] * 3),
        ((2 * G + 5,), 1, [(G,), (G,), (5,)]),
        ((2, 3, G // 2), 4, [(1, 1, G // 4)] * 12),
        ((5 * G,), 1, [(G,)] * 5),
        ((G + 1, 3), 1, [(G // 3, 3)] * 3 + [(2, 3)]),
        ((2, G + 1), 1, [(1, G), (1, 1)] * 2),
        ((3 * G // 8 + 1,), 16, [(G // 16,)] * 6 + [(1,)]),
        ((1, 1, 4, G), 1, [(1, 1, 1, G)] * 4),
        ((1, 3, 1, G, 1), 1, [(1, 1, 1, G, 1)] * 3),
        ((4, 2, G // 4), 2, [(1, 2, G // 4)] * 4),
    ],
)
def test_the_boxes_are_those_of_the_table(shape, width, expected):
    assert list(boxes(shape, width)) == expected
    assert box_count(shape, width) == len(expected)
    assert sum(map(math.prod, expected)) == math.prod(shape)


def boxes_by_the_text(shape, width, rows_bytes):
    """PART-2 once more, a sentence at a time."""
    for a in range(len(shape)):
        row = width
        for later in shape[a + 1 :]:
            row *= later
        if row <= rows_bytes:
            break
    rows = rows_bytes // row
    found = []
    for _ in itertools.product(*map(range, shape[:a])):
        left = shape[a]
        while left:
            found.append((1,) * a + (min(rows, left),) + shape[a + 1 :])
            left -= found[-1][a]
    return found


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.sampled_from([1, 2, 4, 8, 16]))
def test_boxes_are_those_of_the_text_and_cut_the_payload_into_ranges(shape, width):
    """With a limit of 64 bytes for 2^30, so that small arrays have parts."""
    shape, patch = tuple(shape), pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr("reference.format.parts._ROWS", 64)
        found = list(boxes(shape, width))
        assert box_count(shape, width) == len(found)
    assert found == boxes_by_the_text(shape, width, 64)
    assert all(math.prod(box) * width <= 64 for box in found)
    array, at = np.arange(math.prod(shape)).reshape(shape), [0] * len(shape)
    joined = []
    for box in found:  # each is a box that begins where the one before it has ended
        joined.append(array[tuple(slice(i, i + n) for i, n in zip(at, box, strict=True))].reshape(-1))
        flat = min(sum(map(len, joined)), array.size - 1)
        at = list(map(int, np.unravel_index(flat, shape)))
    assert np.concatenate(joined).tolist() == list(range(array.size))


# PART-1: "A writer MUST write an array whose payload has more than 2^31 - 2^17 bytes in parts, and no other leaf."
def test_only_arrays_above_the_limit_are_in_parts():
    assert LARGEST_WHOLE == 2**31 - 2**17
    int8 = np.dtype(np.int8)
    for n, is_cut in ((LARGEST_WHOLE, False), (LARGEST_WHOLE + 1, True)):
        leaf = Leaf("ndarray", int8, (n,), n)
        assert is_in_parts(leaf) == is_cut
        step, _ = sealed_steps([Item(("w",), leaf)], SealOptions())
        assert len(step.parts) == (2 if is_cut else 1)
        assert all(len(head) + size < 2**31 for head, size in step.parts)
    for kind in ("str", "bin"):
        step, _ = sealed_steps([Item(("w",), Leaf(kind, nbytes=2**31))], SealOptions())
        assert len(step.parts) == 1
        with pytest.raises(FormatError, match="REC-3"):
            sealed_steps([Item(("w",), Leaf(kind, nbytes=2**32))], SealOptions())


def test_no_record_reaches_2_gib_whatever_its_key_path():
    """Before it: "What the limit leaves free is room for the key path and the headers"."""
    path = ("x" * 65_000, *["y"] * 510)
    step, _ = sealed_steps(
        [Item(path, Leaf("ndarray", np.dtype("u1"), (LARGEST_WHOLE,), LARGEST_WHOLE))], SealOptions()
    )
    ((head, n),) = step.parts
    assert len(head) + n < 2**31


# PART-3: "KEY-3 and KEY-4 hold for the key path of the leaf, without that key"
def test_the_path_of_a_leaf_may_be_as_long_as_any():
    leaf = Leaf("ndarray", np.dtype("u1"), (3 * G,), 3 * G)
    for path in (tuple(map(str, range(512))), ("x" * 65_535,)):
        step, _ = sealed_steps([Item(path, leaf)], SealOptions())
        assert len(step.parts) == 3
    with pytest.raises(FormatError, match="KEY-3"):
        sealed_steps([Item(tuple(map(str, range(513))), leaf)], SealOptions())
    with pytest.raises(FormatError, match="KEY-4"):
        sealed_steps([Item(("x" * 65_536,), leaf)], SealOptions())


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("__part_0_of_1__", (0, 1)),
        ("__part_9_of_10__", (9, 10)),
        ("__part_9999999998_of_9999999999__", (9999999998, 9999999999)),
        ("__part_1_of_1__", None),
        ("__part_0_of_0__", None),
        ("__part_00_of_1__", None),
        ("__part_0_of_01__", None),
        ("__part_0_of_10000000000__", (0, 10**10)),
        ("__part_-1_of_2__", None),
        ("__part_0_of_2_", None),
        ("__part_0_of_2__x", None),
        ("__part_0_of_2__\n", None),
        ("x__part_0_of_2__", None),
        ("__part_٠_of_٢__", None),
        ("__part_0_OF_2__", None),
        ("__part__of_2__", None),
    ],
)
def test_which_names_are_reserved(tmp_path, key, numbers):
    assert is_part_name(key) == (numbers is not None)
    assert has_part_name(("a", key)) == has_part_name((key, "a")) == (numbers is not None)
    if numbers is not None:
        assert part_name(*numbers) == key
    for tree in ({key: 1}, {"a": {key: {"b": 1}}}, {"a": {key: np.zeros(5000)}}):
        if numbers is None:
            reference.save(tmp_path / "x", tree, format="2.0")
            continue
        with pytest.raises(FormatError, match="PART-3") as caught:
            reference.save(tmp_path / "x", tree, format="2.0")
        assert key in caught.value.path
        reference.save(tmp_path / "plain", tree)  # CONF-9: there it "is a key path like any other"
        assert reference.scan(tmp_path / "plain")[0].path == caught.value.path


@pytest.mark.parametrize("path", [["__part_0_of_2__"], ["__part_0_of_2__", "a"], ["a", "__part_1_of_2__"]])
def test_a_reserved_name_in_a_key_path_is_refused_in_reading(path):
    whole = MARK + record(tuple(path), b"\x07")[1:]
    with pytest.raises(FormatError, match="PART-3") as caught:
        tree_of(sealed_by_hand([(whole, path, "int", None, None, None)]))
    assert caught.value.path == tuple(path)
    assert caught.value.offset > len(whole)


def test_a_reserved_name_that_the_index_hides_is_refused():
    row, *said = an_int()
    whole = MARK + record(("a", "__part_0_of_1__"), b"\x07")[1:]
    with pytest.raises(FormatError, match="INDEX-7"):
        tree_of(sealed_by_hand([(whole, *said)]))
    assert row != whole

"""Memory for the arrays of a load: apart from each other, aligned, and in blocks that are not larger than they say."""

import itertools
import mmap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.storage import huge_pages
from reference.storage.huge_pages import rooms

MIB = 1 << 20
has_them = pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="this system has no huge pages to ask for")


@has_them
@given(st.lists(st.sampled_from([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 7, 16 * MIB, 16 * MIB + 1]), max_size=12))
def test_each_array_has_bytes_of_its_own(sizes):
    found = rooms(sizes)
    assert [memory is not None for memory in found] == [MIB <= size <= 16 * MIB for size in sizes]
    given_ = [(memory.ctypes.data, memory.size) for memory in found if memory is not None]
    assert [size for _, size in given_] == [size for size in sizes if MIB <= size <= 16 * MIB]
    assert all(at % 64 == 0 for at, _ in given_)
    given_.sort()
    assert all(at + size <= after for (at, size), (after, _) in itertools.pairwise(given_))


@has_them
def test_who_keeps_an_array_keeps_one_block():
    found = rooms([5 * MIB] * 7)
    owners = [id(memory.base) for memory in found]
    assert len(set(owners)) == 3
    assert owners == sorted(owners, key=owners.index), "neighbours share a block"


def test_where_the_system_gives_none_each_array_has_memory_of_its_own(monkeypatch):
    def refused(*_arguments, **_options):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(huge_pages.mmap, "mmap", refused)
    assert rooms([2 * MIB] * 3) == [None] * 3


@pytest.mark.parametrize("format", ["1.0", "2.0"])
def test_what_is_loaded_is_the_callers_to_write(tmp_path, format):
    tree = {str(i): (np.arange(400_000) % 100 + i).astype(dtype) for i, dtype in enumerate("ifdFehq")}
    reference.save(tmp_path / "a", tree, format=format)
    loaded = reference.load(tmp_path / "a")
    for name, array in tree.items():
        assert loaded[name].dtype == array.dtype
        assert np.array_equal(loaded[name], array)
        assert loaded[name].flags.carray, "it is not contiguous, aligned and writable"
    loaded["0"][:] = 7
    assert np.array_equal(loaded["1"], tree["1"])

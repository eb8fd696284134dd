"""One object of a bucket, sent by several real processes in parts of one upload, is that of one process."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.storage import object_parts
from reference.storage.object_parts import parts_of
from reference.storage.places import place_of
from reference.tests.jobs import Job
from reference.tests.servers.buckets import object_bytes
from reference.tests.servers.fixtures import BUCKETS
from reference.tests.test_writers import OLD_JAX, one_process  # noqa: F401

obstore_stores = pytest.importorskip("obstore.store")
pytest.importorskip("boto3")
pytestmark = [OLD_JAX, pytest.mark.xdist_group("processes")]


# --- the parts, from the ranges ---------------------------------------------------------------------------


@given(st.data())
def test_parts_are_of_sizes_that_servers_take_and_hold_every_byte(data):
    ranges, at = [[], [], []], 0
    for n in data.draw(st.lists(st.integers(1, 4 * object_parts.LEAST), max_size=30)):
        ranges[data.draw(st.integers(0, 2))].append((at, n))
        at += n
    size = at + data.draw(st.sampled_from([0, 100, 50 << 20]))
    about = data.draw(st.integers(8 << 20, 40 << 20))
    parts = parts_of(ranges, size, about)
    assert [part.start for part in parts] == [0, *(part.end for part in parts)][: len(parts)]
    assert (parts[-1].end if parts else 0) == size
    assert all(part.end - part.start >= object_parts.LEAST for part in parts[:-1])
    for part in parts:
        writers = {
            i for i, each in enumerate(ranges) for start, n in each if start < part.end and start + n > part.start
        }
        if part.end > at:
            assert part.owner == 0
        assert part.others == writers - {part.owner}


def test_many_ranges_are_no_more_parts_than_servers_take():
    n, ranges = object_parts.LEAST, [[], []]
    for i in range(3 * object_parts.MOST):
        ranges[i % 2].append((i * n, n))
    parts = parts_of(ranges, 3 * object_parts.MOST * n, 32 << 20)
    assert object_parts.MOST / 4 < len(parts) <= object_parts.MOST
    assert {part.owner for part in parts} == {0, 1}


# --- real processes ---------------------------------------------------------------------------------------


@pytest.fixture
def url(bucket):
    yield f"{bucket.url}/{random.randrange(1 << 60):x}"
    assert bucket.uploads() == 0, "parts are left on the server"


def object_at(url):
    place = place_of(url)
    return object_bytes(place._store, place._key)


on_buckets = pytest.mark.parametrize("bucket", BUCKETS, indirect=True)
on_s3 = pytest.mark.parametrize("bucket", ["s3"], indirect=True)


@pytest.mark.slow
@on_buckets
def test_the_object_is_the_file_of_one_process(url, one_process, tmp_path):  # noqa: F811
    judge(2, "few", 5, url, one_process, tmp_path)


@pytest.mark.thorough
@on_s3
@pytest.mark.parametrize("count", [2, 4, 8])
def test_the_object_of_any_mesh_is_the_file_of_one_process(count, url, one_process, tmp_path):  # noqa: F811
    judge(count, "all", 24, url, one_process, tmp_path)


def judge(count, which, expected, url, one_process, folder):  # noqa: F811
    told = Job("writer_objects.py", count, folder, 2, "same_objects", url, which).told()
    names = {fact["name"]: fact["way"] for fact in told[0] if "way" in fact}
    assert len(names) == expected
    for name, way in names.items():
        assert object_at(f"{url}/{name}") == (one_process / way).read_bytes(), name


@pytest.mark.slow
@on_buckets
@pytest.mark.parametrize("which", ["few", pytest.param("all", marks=pytest.mark.thorough)])
def test_an_error_while_parts_are_sent_leaves_the_old_object_and_no_parts(which, url, tmp_path):
    told = Job("writer_objects.py", 2, tmp_path, 2, "faults", url, which).told()
    for rank, process in enumerate(told):
        *facts, end = process
        assert len(facts) == (16 if which == "all" else 5)
        assert end["good"]
        for fact in facts:
            name, where, _ = fact["name"].split()
            assert fact["whole"], fact
            if rank != int(where):
                assert f"process {where} on " in fact["error"], fact
            cause = {"refused": "there is no such bucket", "broken": "Input/output", "interrupt": "KeyboardInterrupt"}
            assert cause[name] in fact["error"], fact


@pytest.mark.parametrize("bucket", [pytest.param("s3", marks=pytest.mark.thorough), *BUCKETS[1:]], indirect=True)
def test_a_process_that_is_killed_leaves_the_old_object_and_no_parts(url, tmp_path):
    job = Job("writer_objects.py", 2, tmp_path, 2, "killed", url)
    (fact,), last = job.told(ok=False)
    assert (job.codes[-1], last) == (-9, [])
    assert "process 1 has not been heard of" in fact["error"]
    assert np.array_equal(reference.load(f"{url}/kept")["w"], np.arange(5))

"""What several processes hold alike comes once from a store, each of them asking for its part, and an error to all."""

import re
import socket
import threading
from collections import Counter
from itertools import zip_longest

import pytest

from reference.tests.jobs import Job
from reference.tests.servers.files import WebFiles
from reference.tests.test_writers import OLD_JAX

pytestmark = [OLD_JAX, pytest.mark.slow, pytest.mark.xdist_group("processes")]


class Files(dict):
    """The files of a folder as they are when they are first asked for."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.lock = folder, threading.Lock()

    def get(self, path, default=None):
        file = self.folder / path.strip("/")
        with self.lock:
            if path not in self and file.exists():
                self[path] = file.read_bytes()
        return super().get(path, default)


@pytest.fixture(
    scope="module",
    params=[
        (2, 2, "few"),
        *(pytest.param(each, marks=pytest.mark.thorough) for each in [(2, 2, "all"), (4, 2, "all")]),
    ],
    ids=str,
)
def read(request, tmp_path_factory):
    """What each process was told, and the bytes that each has asked for of each file."""
    count, devices, which = request.param
    folder, asked = tmp_path_factory.mktemp("read"), Counter()
    with WebFiles(Files(folder)) as server:
        told = Job("one_reader.py", count, folder, devices, "loads", server.address, which).told()
        for each in server.asked:
            headers = {name.lower(): value for name, value in each.headers.items()}
            if found := re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", "")):
                asked[each.path] += int(found[2]) + 1 - int(found[1])
    return [{fact["name"]: fact for fact in process} for process in told], asked


def test_every_process_has_the_arrays_it_asked_for(read):
    for process in read[0]:
        loads = [fact for fact in process.values() if "once" in fact]
        assert len(loads) in (2, 12)
        assert len(process["dtypes"]["names"]) == 8
        for fact in loads:
            assert fact["right"], fact
            assert 21 <= fact["once"] < fact["leaves"] == 48, fact  # those on all devices but int4, and more


@pytest.mark.parametrize("way", ["plain", "sealed"])
def test_each_process_asks_for_its_part_of_what_all_hold(way, read):
    processes, asked = read
    for rank, process in enumerate(processes):
        assert process[f"counted {way}"]["right"]
        share = asked[f"/large_{way}?process={rank}"] / process[f"counted {way}"]["nbytes"]
        assert 1 / len(processes) <= share < 1.1 / len(processes)


def test_an_error_of_one_is_told_by_all_with_its_name(read):
    *others, last = read[0]
    causes = {"broken": "Input/output error", "interrupt": "was interrupted (KeyboardInterrupt)"}
    for name, cause in causes.items():
        for n in (1, 4):
            assert last[f"{name} {n}"]["error"].startswith("OSError" if name == "broken" else "KeyboardInterrupt")
            for process in others:
                assert f"process {len(others)} on " in process[f"{name} {n}"]["error"]
                assert cause in process[f"{name} {n}"]["error"]
            assert all(process[f"{name} {n}"]["after"] == "nothing" for process in read[0])


def test_damage_in_the_part_of_one_is_told_by_all(read):
    *others, last = read[0]
    assert all(process["cut"]["error"].startswith("FormatError") for process in read[0])
    for process in read[0]:
        assert "block 1 of 2 of the leaf does not match its checksum in the seal (SUM-3" in process["flipped"]["error"]
    assert "process" not in last["flipped"]["error"]
    assert all(f"process {len(others)} on " in process["flipped"]["error"] for process in others)


def test_where_processes_ask_for_different_things_each_reads_its_own(read):
    for process in read[0]:
        assert process["different"]["right"]
        assert process["a copy on its disk"]["right"]
        assert "FileNotFoundError" in process["no file"]["error"]


@pytest.mark.thorough
@pytest.mark.parametrize(("count", "n"), [(2, 1), (2, 6), (3, 2), (3, 4), (4, 3)])
def test_a_process_that_is_killed_is_named(count, n, tmp_path):
    with WebFiles(Files(tmp_path)) as server:
        job = Job("one_reader.py", count, tmp_path, 2, "killed", server.address, n)
        *others, last = job.told(ok=False)
    assert (job.codes[-1], last) == (-9, [])
    for (fact,) in others:
        assert f"process {count - 1} has not been heard of" in fact["error"]


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
def test_a_fault_at_any_moment_is_told_by_all(seed, tmp_path):
    count = 2 + seed % 2
    with WebFiles(Files(tmp_path)) as server:
        job = Job("one_reader.py", count, tmp_path, 2, "at_random", server.address, seed)
        told = job.told(ok=False)
    assert sorted(job.codes) in ([-9, *[0] * (count - 1)], [0] * count), (job.codes, job.errors)
    *interrupts, killed = zip_longest(*told)
    for facts in interrupts:
        victim = facts[0]["victim"]
        own, others = facts[victim], [fact["said"] for rank, fact in enumerate(facts) if rank != victim]
        assert len(set(others)) == 1, facts
        assert own["said"] == "nothing" or (own["struck"] and own["said"].startswith("KeyboardInterrupt")), facts
        # Where it comes when all have met for the last time, the others have their arrays.
        interrupted = f"RuntimeError: process {victim} on {socket.gethostname()} was interrupted (KeyboardInterrupt)"
        assert others[0] == "nothing" or (own["struck"] and others[0] == interrupted), facts
        assert all(fact["after"] == "nothing" for fact in facts), facts
    for fact in filter(None, killed):
        if job.codes[fact["victim"]] == -9:
            assert fact["said"] == "nothing" or f"process {fact['victim']} has not been heard of" in fact["said"], fact

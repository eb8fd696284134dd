"""Every operation by every peer on a tiny tree, and what each did is compared with it. No test here looks at a time."""

import json
import re
import subprocess
import sys

import pytest

import reference
from benchmarks.__main__ import with_cases
from benchmarks.measure import ROOT, Group, environment, measure
from benchmarks.operations import OPERATIONS
from benchmarks.plan import DISK, FULL, QUICK, groups
from benchmarks.trees import WORKS, flatten, leaf_bytes, nbytes

WORK_OF = {"convert with a cast": "tiny-f32", "import": "tiny"}
RUNS = [
    *((operation, peer, WORK_OF.get(operation, "tiny")) for operation, peers in OPERATIONS.items() for peer in peers),
    *((operation, peer, "tiny-state") for operation in ("save jax", "load jax") for peer in OPERATIONS[operation]),
    *((f"{verb} numpy", peer, "tiny-small") for verb in ("save", "load") for peer in OPERATIONS[f"{verb} numpy"]),
    *(("scan", peer, "tiny-sparse") for peer in ("streamckpt", "streamckpt, sealed")),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What each run came to; one process for all of them, since none is timed."""
    folder = tmp_path_factory.mktemp("runs")
    specs = []
    for i, (operation, peer, work) in enumerate(RUNS):
        spec = {"operation": operation, "peer": peer, "work": work, "folder": str(folder)}
        specs.append(json.dumps(spec | {"output": str(folder / f"output-{i}"), "check": True}))
    command = [sys.executable, "-m", "benchmarks.worker", *specs]
    done = subprocess.run(command, cwd=ROOT, env=environment("sharded"), capture_output=True, text=True, check=True)
    return dict(zip(RUNS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("run", RUNS, ids=" ".join)
@pytest.mark.slow
@pytest.mark.xdist_group("operations")  # which are run once, for all of these
def test_an_operation_runs_and_gives_what_it_is_to_give(outcomes, run):
    assert "failure" not in outcomes[run]
    assert outcomes[run]["end"] > outcomes[run]["start"]


@pytest.mark.slow
def test_a_group_is_measured_in_processes_of_their_own(tmp_path):
    group = Group("scan", "tiny-small", "somewhere", ("streamckpt", "usual loop"), 1)
    for case in measure(group, tmp_path):
        assert len(case["seconds"]) == 1
        assert case["memory"] >= 0


def test_what_a_peer_cannot_do_is_a_result(tmp_path):
    group = Group("scan", "tiny-small", "somewhere", ("streamckpt",), 2)
    (tmp_path / "tiny-small.stream").write_bytes(b"this is not a stream")
    (case,) = measure(group, tmp_path)
    assert case["failure"].startswith("WrongKind: ...")
    assert str(tmp_path) not in case["failure"]


def test_a_result_that_is_wrong_is_a_failure_and_not_a_time(tmp_path):
    """The file of another tree is where that of this one should be."""
    from benchmarks.jobs import make

    make("stream", "tiny-f32", tmp_path / "tiny.stream")
    (case,) = measure(Group("load numpy", "tiny", "somewhere", ("streamckpt",), 1), tmp_path)
    assert case["failure"].startswith("wrong result: ")


@pytest.mark.parametrize("plan", [QUICK, FULL, DISK], ids=["quick", "full", "disk"])
def test_a_plan_names_what_there_is(plan):
    for operation, work, peers, turns in plan:
        assert work in WORKS
        assert turns > 0
        assert (
            peers is None
            or set(peers) & set(OPERATIONS[operation]) > {"streamckpt"}
            or operation
            in (
                "memory map",
                "diff",
            )
        )


def test_groups_are_chosen_by_a_glob():
    assert {group.operation for group in groups("tmpfs", "tmpfs", True, "scan/*")} == {"scan"}
    assert {group.work for group in groups("tmpfs", "tmpfs", True, "*/leaf-3gib/*")} == {"leaf-3gib"}


@pytest.mark.parametrize("form", ["stream", "sealed"])
def test_a_file_of_zeros_is_whole_and_takes_no_room(form, tmp_path):
    """Its checksums are right, and only what is not a hole lies on the disk."""
    from benchmarks.jobs import make

    make(form, "tiny-sparse", path := tmp_path / "zeros")
    tree = flatten(reference.load(path))
    assert {key: (value.shape, value.dtype.name) for key, value in tree.items()} == WORKS["tiny-sparse"].shapes()
    assert not any(value.any() for value in tree.values())
    assert path.stat().st_blocks * 512 < path.stat().st_size / 10


@pytest.mark.parametrize("work", ["medium-1gb", "llama-100m", "llama-1b", "layers-7b", "layers-70b", "sparse-100gb"])
def test_a_tree_is_what_its_title_says(work):
    title = WORKS[work].title
    assert f" {len(WORKS[work].shapes())} leaves" in f" {title}"
    said = re.search(r"([0-9.]+) GB", title)[1]
    assert f"{nbytes(work) / 1e9:.{len(said.partition('.')[2])}f}" == said


def test_most_leaves_of_the_medium_tree_are_medium():
    sizes = [leaf_bytes(*what) for what in WORKS["medium-1gb"].shapes().values()]
    assert sum(size for size in sizes if 2e6 <= size <= 6e6) > 0.9 * sum(sizes)


def test_a_group_that_is_measured_again_takes_the_place_of_what_there_was():
    def named(work, peer, seconds):
        return {"operation": "scan", "work": work, "place": "tmpfs", "peer": peer, "seconds": seconds}

    before = [named("a", "x", 1), named("b", "x", 2), named("b", "y", 3), named("c", "x", 4)]
    after = with_cases(before, [named("b", "z", 5)])
    assert after == [before[0], named("b", "z", 5), before[3]]
    assert with_cases(after, [named("d", "x", 6)]) == [*after, named("d", "x", 6)]

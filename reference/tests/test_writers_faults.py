"""What goes wrong in one process of several: all are told, the old file stays, and the next save goes well."""

import json
import os
import random
import signal

import numpy as np
import pytest

import reference
from reference.tests.jobs import Job
from reference.tests.test_writers import OLD_JAX

pytestmark = [OLD_JAX, pytest.mark.xdist_group("processes")]


@pytest.fixture(
    scope="module", params=[pytest.param(2, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.thorough)]
)
def faults(request, tmp_path_factory):
    """What each process was told, by what had gone wrong in the last of them."""
    told = Job("writer_faults.py", request.param, tmp_path_factory.mktemp("faults"), 2, "faults").told()
    return [{fact["name"]: fact for fact in process} for process in told]


def culprit(faults):
    return rf"process {len(faults) - 1} on \S+"


def test_the_old_file_stays_and_the_next_save_goes_well(faults):
    seen = 0
    for process in faults:
        for name, fact in process.items():
            if name.endswith(" after"):
                seen += 1
                assert (fact["whole"], fact["left"], fact["good"]) == (True, [], True), name
    assert seen >= 2 * 25


CAUSES = {
    "full": "No space left on device",
    "broken": "Input/output error",
    "interrupt": "was interrupted (KeyboardInterrupt)",
}


@pytest.mark.parametrize("fault", CAUSES)
def test_an_error_of_one_is_told_by_all_with_its_name(faults, fault):
    *others, last = faults
    names = [name for name in last if name.startswith(fault) and not name.endswith(" after")]
    assert len(names) == (4 if fault == "interrupt" else 6)
    for name in names:
        for process in others:
            assert f"process {len(others)} on " in process[name]["error"]
            assert CAUSES[fault] in process[name]["error"]
        assert last[name]["error"].startswith("KeyboardInterrupt" if fault == "interrupt" else "OSError")


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("path", "the path is"),
        ("float_dtype", "float_dtype is bf16 in process {last}, and None in process 0"),
        ("format", "format is 2.0 in process {last}, and 1.0 in process 0"),
        ("metadata", "metadata is 1 entries"),
        ("writers", "the path is None"),
        ("blocking", "blocking is False in process {last}, and True in process 0"),
        ("tree", "the tree is 9 leaves"),
        ("sharding", "the tree is 8 leaves"),
    ],
)
def test_what_is_not_the_same_in_all_is_one_error(faults, what, text):
    errors = {process[f"different {what}"]["error"] for process in faults}
    assert len(errors) == 1
    assert text.format(last=len(faults) - 1) in errors.pop()


def test_arguments_that_one_process_alone_refuses_are_an_error_of_all(faults):
    *others, last = faults
    assert last["different format unknown"]["error"].startswith("UsageError: '9.9' is not a version")
    assert last["different value"]["error"].startswith("FormatError: a value of type object")
    for process in others:
        assert "'9.9' is not a version" in process["different format unknown"]["error"]
        assert "a value of type object" in process["different value"]["error"]


def test_folders_that_are_not_shared_are_named_by_host(faults):
    for process in faults:
        error = process["apart"]["error"]
        assert "is not seen by process 1 on " in error
        assert "writers='first'" in error
        assert process["apart"]["left"] == []
    assert [process["apart, first"]["there"] for process in faults] == [["x"], *[[]] * (len(faults) - 1)]


def test_a_process_that_comes_late_is_named_and_then_told(faults):
    for process in faults:
        assert f"process {len(faults) - 1} did not come within 1 s" in process["late"]["error"]


KILLS = [(2, 1, {}), (2, 5, {"format": "2.0"})]
RANDOM = random.Random(1)
WAYS = [{}, {"format": "2.0"}, {"float_dtype": "bf16"}]
COUNTS = [RANDOM.choice([2, 3, 4]) for _ in range(12)]
MORE = [(n, RANDOM.randrange(1, 1 + 12 // n), RANDOM.choice(WAYS)) for n in COUNTS]  # of many, each writes less


@pytest.mark.parametrize(
    ("count", "n", "options"),
    [
        pytest.param(*KILLS[0], marks=pytest.mark.slow),
        *(pytest.param(*each, marks=pytest.mark.thorough) for each in [*KILLS[1:], *MORE]),
    ],
)
def test_a_process_that_is_killed_is_named_and_the_old_file_stays(count, n, options, tmp_path):
    job = Job("writer_faults.py", count, tmp_path, 2, "killed", n, json.dumps(options), count - 1)
    *others, last = job.told(ok=False)
    assert job.codes[-1] == -9
    assert last == []
    for facts in others:
        (fact,) = facts
        assert f"process {count - 1} has not been heard of" in fact["error"]
    assert np.array_equal(reference.load(tmp_path / "kept")["w"], np.arange(5))


@pytest.mark.thorough
@pytest.mark.parametrize(("count", "n", "options"), [(2, 1, {}), (3, 4, {"format": "2.0"})])
def test_where_process_0_is_killed_jax_ends_all_and_the_next_save_goes_well(count, n, options, tmp_path):
    """It keeps the store of the job: jax aborts all that lose their connection to it, before any of Python runs."""
    job = Job("writer_faults.py", count, tmp_path, 2, "killed", n, json.dumps(options), 0)
    assert job.told(ok=False) == [[]] * count
    assert job.codes == [-signal.SIGKILL] + [-signal.SIGABRT] * (count - 1)
    assert all("JAX distributed service detected fatal errors" in error for error in job.errors[1:])
    assert np.array_equal(reference.load(tmp_path / "kept")["w"], np.arange(5))
    (left,) = [path for path in tmp_path.iterdir() if path.name.startswith(".streamckpt")]
    os.utime(left, (0, 0))  # what has just been written may be of a save that is still at work
    reference.save(tmp_path / "kept", {"w": np.arange(7)})
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.thorough
def test_where_process_0_does_not_answer_it_is_named_and_the_old_file_stays(tmp_path):
    """As where its host is lost: no connection is closed."""
    job = Job("writer_faults.py", 2, tmp_path, 2, "stopped")
    first, (fact,) = job.told(ok=False)
    assert (job.codes, first) == ([-signal.SIGKILL, 0], [])
    assert "process 0, which keeps the store of jax.distributed, has not answered for 4 s" in fact["error"]
    assert np.array_equal(reference.load(tmp_path / "kept")["w"], np.arange(5))


def test_a_process_that_was_forked_is_told_at_once_and_ends_as_any_other(tmp_path):
    for facts in Job("writer_faults.py", 2, tmp_path, 2, "forked").told():
        found = {fact["name"]: fact for fact in facts}
        for each in ("during _exit", "during exit", "after _exit", "after exit"):
            assert "this process was forked from process" in found[f"child {each}"]["error"]
            assert found[f"parent {each}"]["status"] == 3
        assert found["end"]["good"]


def test_a_save_that_fails_as_the_program_ends_shows_in_every_exit_status(tmp_path):
    job = Job("writer_faults.py", 2, tmp_path, 2, "at_exit")
    job.told(ok=False)
    assert job.codes == [1, 1]
    assert "process 1 on " in job.errors[0]
    for error in job.errors:
        assert "failed, and nobody waited for it" in error
        assert "No space left on device" in error
    assert list(tmp_path.iterdir()) == []

"""A hundred faults at random moments: the old file stays or the new one is whole, and each process has one error."""

import errno
import random

import numpy as np
import pytest

import reference
from reference.tests.jobs import Job
from reference.tests.test_writers import OLD_JAX

pytestmark = [OLD_JAX, pytest.mark.thorough, pytest.mark.xdist_group("processes")]
FAULTS = 9  # of a job, and then one that kills
CAUSES = {errno.EIO: "Input/output error", errno.ENOSPC: "No space left", 2: "KeyboardInterrupt"}


def judge(job, target, count):
    """What each process says of each of ten faults, the last of which kills it."""
    told = job.told(ok=False)
    victim = {fact["victim"] for process in told for fact in process if fact["is_kill"]}
    killed = job.codes.index(-9) if -9 in job.codes else None
    assert [code for code in job.codes if code] == ([] if killed is None else [-9]), (job.codes, job.errors)
    assert killed is None or {killed} == victim
    for facts in zip(*(process[:FAULTS] for process in told), strict=True):
        assert len({fact["name"] for fact in facts}) == 1
        struck = facts[facts[0]["victim"]]["struck"]
        for rank, fact in enumerate(facts):
            assert fact["stands"] == facts[0]["stands"] != "neither", facts
            assert (fact["again"], fact["after"]) == ("nothing", "new"), facts
            if not struck:
                assert (fact["said"], fact["stands"]) == ("nothing", "new"), facts
            elif fact["stands"] == "old":
                assert CAUSES[fact["kind"]] in fact["said"], facts
                assert rank == fact["victim"] or f"process {fact['victim']} on " in fact["said"], facts
    if killed is not None:
        stands = "old" if list(reference.load(target)) == ["w"] else "new"
        for rank, process in enumerate(told):
            assert len(process) == (FAULTS if rank == killed else FAULTS + 1), told
            if rank != killed and stands == "old":
                assert f"process {killed} has not been heard of" in process[FAULTS]["said"], process[FAULTS]
    reference.save(target, {"w": np.arange(7)})
    assert np.array_equal(reference.load(target)["w"], np.arange(7))


@pytest.mark.parametrize("seed", range(8))
def test_faults_on_a_disk(seed, tmp_path):
    count = random.Random(seed).choice([2, 2, 3])
    folder = tmp_path / "shared"
    folder.mkdir()
    target = str(folder / "kept")
    judge(Job("random_faults.py", count, tmp_path, 2, "main", seed, target), target, count)
    assert [path.name for path in folder.iterdir()] == ["kept"]


@pytest.mark.parametrize("seed", range(8, 11))
def test_faults_in_a_bucket(seed, s3, tmp_path):
    pytest.importorskip("boto3")
    count = random.Random(seed).choice([2, 2, 3])
    with s3.known() as url:
        target = f"{url}/random-{seed}"
        judge(Job("random_faults.py", count, tmp_path, 2, "main", seed, target), target, count)
        assert s3.uploads() == 0

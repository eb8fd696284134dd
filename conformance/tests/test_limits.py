"""What limits are made of: a program's work as the system tells it, and what it takes for the smallest file."""

import os

import pytest

from conformance import processes
from conformance.baselines import measured
from conformance.limits import Limits
from conformance.processes import Activity
from conformance.programs import CRASHED, run_program
from conformance.tests.programs import GOOD, program


def test_a_busy_machine_makes_no_program_slow(monkeypatch):
    """Half an hour on the clock, a hundredth of it at work: as where a hundred others run."""
    now, used = 0, 0.0
    with monkeypatch.context() as patch:
        patch.setattr(processes.time, "monotonic", lambda: now)
        patch.setattr(processes, "activity", lambda pid: Activity(used, False))
        effort = processes.Effort(0)
        for now in range(1800):  # both functions above read it
            used = now // 10 / 10
            assert effort.beyond(60) == ""
        now += 1000  # the runner itself was stopped
        assert effort.beyond(60) == ""
        said = ""
        for now in range(2801, 2900):  # noqa: B007
            said = said or effort.beyond(60)
        assert said == "waited for more than 60 s and did nothing"


def test_a_program_that_is_not_let_to_work_does_not_wait(monkeypatch):
    """It is ready to run, or waits for a disk, and others are served: for three hours here."""
    now = 0
    with monkeypatch.context() as patch:
        patch.setattr(processes.time, "monotonic", lambda: now)
        patch.setattr(processes, "activity", lambda pid: Activity(0.5, True))
        effort = processes.Effort(0)
        assert not any(effort.beyond(200) for now in range(10_000))


def test_the_state_of_a_program_is_seen():
    me = processes.activity(os.getpid())
    assert me
    assert me.is_at_work
    assert me.seconds > 0


def test_where_the_system_says_nothing_the_bound_on_the_clock_is_far_off(monkeypatch):
    now = 0
    with monkeypatch.context() as patch:
        patch.setattr(processes.time, "monotonic", lambda: now)
        patch.setattr(processes, "activity", lambda pid: None)
        effort = processes.Effort(0)
        assert not any(effort.beyond(10) for now in range(600))
        now = 601
        assert effort.beyond(10) == "took more than 600 s"


@pytest.mark.slow
def test_the_limit_of_processor_time_holds_where_the_runner_cannot_look(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "activity", lambda pid: None)
    monkeypatch.setattr(processes, "NEVER", 10**6)
    got = run_program(program(tmp_path, "while True: pass").split(), Limits(0.01, 1 << 40))
    assert (got.verdict, got.why) == (CRASHED, "took more than 0.01 s of processor time")


def test_the_baseline_finds_an_address_space_that_suffices(tmp_path):
    file = tmp_path / "smallest"
    file.write_bytes(bytes.fromhex("9291a177c40107"))
    found, crash = measured([*program(tmp_path, GOOD).split(), str(file)], None, 1.0)
    assert crash == ""
    assert found.memory > 0
    assert found.address_space is not None
    assert found.limits(100, 100, False, 1.0).address_space > found.address_space
    large = found.limits(1 << 31, 1 << 31, True, 1.0)
    assert large.address_space is None
    assert large.seconds > 100
    # A writer that is to refuse a leaf of gigabytes may have made its bytes first.
    assert found.limits(0, 1 << 31, True, 1.0).seconds == large.seconds


def test_a_program_that_crashes_on_the_smallest_file_says_how(tmp_path):
    found, crash = measured(program(tmp_path, "import sys; sys.exit(9)").split(), None, 1.0)
    assert found.address_space is None
    assert "exit status 9" in crash

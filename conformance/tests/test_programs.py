"""Programs under limits: what is accepted, rejected, or a crash."""

import pytest

from conformance.programs import ACCEPTED, CRASHED, REJECTED, Limits, baseline, run_program
from conformance.tests.programs import GOOD, program

MIB = 1 << 20
FREE = Limits(20, 1 << 40)


def outcome(tmp_path, text, limits=FREE, stdin=None):
    return run_program(program(tmp_path, text).split(), limits, stdin)


def test_exit_status_0_is_accepted(tmp_path):
    got = outcome(tmp_path, "print('x' * 100)")
    assert (got.verdict, got.output, got.size) == (ACCEPTED, b"x" * 100 + b"\n", 101)


def test_exit_status_1_with_a_rejection_is_rejected(tmp_path):
    said = """{"rejected": "no", "clause": "REC-1"}"""
    got = outcome(
        tmp_path, f"import sys; print('first', file=sys.stderr); print('{said}', file=sys.stderr); sys.exit(1)"
    )
    assert (got.verdict, got.why, got.rejection["clause"]) == (REJECTED, "no", "REC-1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise ValueError('an exception that nobody caught')", "no `rejected`"),
        ('import sys; print(\'{"rejected": ""}\', file=sys.stderr); sys.exit(1)', "no `rejected`"),
        ('import sys; print(\'{"rejected": "no"}\'); sys.exit(1)', "no `rejected`"),
        ("import sys; sys.exit(2)", "exit status 2"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("import os; os.abort()", "signal 6"),
    ],
)
def test_anything_else_is_a_crash(tmp_path, text, told):
    got = outcome(tmp_path, text)
    assert got.verdict == CRASHED
    assert told in got.why


def test_a_hang_is_a_crash(tmp_path):
    got = outcome(tmp_path, "import time; time.sleep(60)", Limits(0.5, 1 << 40))
    assert (got.verdict, "more than" in got.why) == (CRASHED, True)
    assert got.seconds < 20


def test_a_program_that_closes_its_output_and_goes_on_is_a_hang(tmp_path):
    got = outcome(tmp_path, "import os, time; os.close(1); os.close(2); time.sleep(60)", Limits(0.5, 1 << 40))
    assert got.verdict == CRASHED


def test_children_that_hold_the_output_do_not_keep_the_runner(tmp_path):
    text = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('x')"
    got = outcome(tmp_path, text)
    assert (got.verdict, got.output) == (ACCEPTED, b"x\n")
    assert got.seconds < 20


def test_memory_that_is_touched_counts(tmp_path):
    text = "import time; x = bytearray(600 << 20); x[::4096] = b'1' * len(x[::4096]); time.sleep(1)"
    assert outcome(tmp_path, text, Limits(20, 400 * MIB)).verdict == CRASHED
    assert outcome(tmp_path, text, Limits(20, 1000 * MIB)).verdict == ACCEPTED


def test_memory_that_is_reserved_counts(tmp_path):
    """An allocation on the word of a length that is never touched, and an exception that ends the program with 1."""
    text = "x = bytearray(4 << 30); print(len(x))"
    got = outcome(tmp_path, text, Limits(20, 1000 * MIB, 2 << 30))
    assert got.verdict == CRASHED
    assert "MemoryError" in got.why


def test_the_peak_is_that_of_the_program(tmp_path):
    # It holds what it took for a while: what is quicker than a look is known from the runner's own size on alone.
    text = "import time; x = bytearray(300 << 20); x[::4096] = b'1' * len(x[::4096]); time.sleep(1)"
    got = outcome(tmp_path, text)
    assert 280 * MIB < got.peak < 500 * MIB


def test_output_is_counted_and_digested_beyond_what_is_kept(tmp_path):
    import hashlib

    got = outcome(tmp_path, "import sys\nfor _ in range(3): sys.stdout.write('y' * (1 << 20))")
    assert (got.size, len(got.output)) == (3 * MIB, MIB)
    assert got.sha256 == hashlib.sha256(b"y" * 3 * MIB).hexdigest()


def test_the_baseline_finds_an_address_space_that_suffices(tmp_path):
    file = tmp_path / "smallest"
    file.write_bytes(bytes.fromhex("9291a177c40107"))
    found = baseline([*program(tmp_path, GOOD).split(), str(file)], None, 1.0)
    assert found.memory > 0
    assert found.address_space is not None
    assert found.limits(100, 100, False, 1.0).address_space > found.address_space
    assert found.limits(1 << 31, 1 << 31, True, 1.0).address_space is None

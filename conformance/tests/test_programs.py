"""Programs under limits: what is accepted, rejected, or a crash."""

import contextlib
import os

import pytest

from conformance import programs
from conformance.limits import Limits
from conformance.programs import ACCEPTED, CRASHED, REJECTED, run_program
from conformance.tests.programs import program

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


def test_a_rejection_may_spell_what_is_no_text(tmp_path):
    said = r'{"rejected": "no \ud800", "clause": "\udfff"}'
    got = outcome(tmp_path, f"import sys; print(r'{said}', file=sys.stderr); sys.exit(1)")
    assert (got.verdict, got.why, got.rejection["clause"]) == (REJECTED, r"no \ud800", r"\udfff")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise ValueError('an exception that nobody caught')", "without a rejection"),
        (
            'import sys; print(\'{"rejected": ""}\', file=sys.stderr); sys.exit(1)',
            "without a rejection",
        ),
        ('import sys; print(\'{"rejected": "no"}\'); sys.exit(1)', "without a rejection"),
        ("import sys; sys.exit(2)", "exit status 2"),
        (
            "import sys; sys.exit('Error: it is not there\\n    at line 3\\n\\nNode.js v20')",
            "'Node.js v20'; before that, 'Error: it is not there'",
        ),
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("import os; os.abort()", "signal 6"),
    ],
)
def test_anything_else_is_a_crash(tmp_path, text, told):
    got = outcome(tmp_path, text)
    assert got.verdict == CRASHED
    assert told in got.why


def test_a_hang_is_a_crash(tmp_path):
    got = outcome(tmp_path, "import time; time.sleep(10**6)", Limits(0.5, 1 << 40))
    assert (got.verdict, "waited for more than 0.5 s" in got.why) == (CRASHED, True)


def test_a_program_that_works_for_ever_is_a_crash(tmp_path):
    got = outcome(tmp_path, "while True: pass", Limits(0.5, 1 << 40))
    assert (got.verdict, got.why) == (CRASHED, "took more than 0.5 s of processor time")


def test_what_the_children_of_a_program_take_counts(tmp_path):
    """They are what works where the command is a shell or another program that starts the reader."""
    text = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    got = outcome(tmp_path, text, Limits(0.5, 1 << 40))
    assert (got.verdict, got.why) == (CRASHED, "took more than 0.5 s of processor time")


def test_a_program_that_closes_its_output_and_goes_on_is_a_hang(tmp_path):
    got = outcome(tmp_path, "import os, time; os.close(1); os.close(2); time.sleep(10**6)", Limits(0.5, 1 << 40))
    assert got.verdict == CRASHED


def test_children_that_hold_the_output_do_not_keep_the_runner(tmp_path):
    text = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(10**6)']); print('x')"
    )
    got = outcome(tmp_path, text)
    assert (got.verdict, got.output) == (ACCEPTED, b"x\n")


@pytest.fixture
def holds(tmp_path, monkeypatch):
    """A program that touches so many MiB of memory and ends when the runner has seen them."""
    seen, resident = tmp_path / "seen", programs.resident
    os.mkfifo(seen)

    def look(pid):
        found = resident(pid)
        if found > size * MIB:
            with contextlib.suppress(OSError):  # nobody reads yet
                os.close(os.open(seen, os.O_WRONLY | os.O_NONBLOCK))
        return found

    def holding(mib):
        nonlocal size
        size = mib
        return f"x = bytearray({mib} << 20); x[::4096] = b'1' * len(x[::4096]); open({str(seen)!r}).read()"

    size = 0
    monkeypatch.setattr(programs, "resident", look)
    return holding


def test_memory_that_is_touched_counts(tmp_path, holds):
    text = holds(600)
    assert outcome(tmp_path, text, Limits(20, 400 * MIB)).verdict == CRASHED
    assert outcome(tmp_path, text, Limits(20, 1000 * MIB)).verdict == ACCEPTED


def test_memory_that_is_reserved_counts(tmp_path):
    """An allocation on the word of a length that is never touched, and an exception that ends the program with 1."""
    text = "x = bytearray(4 << 30); print(len(x))"
    got = outcome(tmp_path, text, Limits(20, 1000 * MIB, 2 << 30))
    assert got.verdict == CRASHED
    assert "MemoryError" in got.why


def test_the_peak_is_that_of_the_program(tmp_path, holds):
    # It holds what it took until the runner looks: what is quicker is known from the runner's own size on alone.
    got = outcome(tmp_path, holds(300))
    assert 280 * MIB < got.peak < 500 * MIB


def test_output_is_counted_and_digested_beyond_what_is_kept(tmp_path):
    import hashlib

    got = outcome(tmp_path, "import sys\nfor _ in range(3): sys.stdout.write('y' * (1 << 20))")
    assert (got.size, len(got.output)) == (3 * MIB, MIB)
    assert got.sha256 == hashlib.sha256(b"y" * 3 * MIB).hexdigest()


READS = "import sys; print(len(sys.stdin.buffer.read()))"


@pytest.mark.parametrize("size", [0, 1, 3, 4, 6, 7, 8, MIB - 1, MIB, 3 * MIB + 1])
def test_standard_input_comes_whole(tmp_path, size):
    (tmp_path / "input").write_bytes(bytes(size))
    got = outcome(tmp_path, READS, stdin=tmp_path / "input")
    assert (got.verdict, got.output) == (ACCEPTED, f"{size}\n".encode())


@pytest.mark.parametrize("size", [4, 100, 50_000, MIB])
@pytest.mark.parametrize("before", ["", "os.read(0, 3); "], ids=["the first", "the second"])
def test_a_read_of_standard_input_gives_a_part_of_it(tmp_path, size, before):
    """A program that takes a short read for the end of its input does not find the rest."""
    (tmp_path / "input").write_bytes(bytes(size))
    got = outcome(tmp_path, f"import os; {before}print(len(os.read(0, 1 << 22)))", stdin=tmp_path / "input")
    assert got.verdict == ACCEPTED
    assert int(got.output) <= max(3, size // 2)


@pytest.mark.slow
def test_a_sparse_input_of_gigabytes_comes_whole(tmp_path):
    with (tmp_path / "input").open("wb") as file:
        file.truncate(2 << 30)
    text = "import os\nn = 0\nwhile chunk := os.read(0, 1 << 20): n += len(chunk)\nprint(n)"
    got = outcome(tmp_path, text, Limits(120, 1 << 40), stdin=tmp_path / "input")
    assert (got.verdict, got.output) == (ACCEPTED, b"2147483648\n")


@pytest.mark.parametrize(
    "text",
    [
        "import sys; sys.stdin.buffer.seek(0, 2)",
        "import sys; sys.stdin.buffer.read(4); sys.stdin.buffer.seek(0)",
        "import os; os.pread(0, 4, 0)",
        "import mmap; mmap.mmap(0, 0, access=mmap.ACCESS_READ)",
        "import os; assert os.fstat(0).st_size == 4 << 20",
    ],
)
def test_standard_input_has_no_places_and_no_size(tmp_path, text):
    (tmp_path / "input").write_bytes(bytes(4 * MIB))
    got = outcome(tmp_path, text, stdin=tmp_path / "input")
    assert got.verdict == CRASHED
    assert any(told in got.why for told in ("Errno 29", "not seekable", "Errno 22", "Errno 19", "Assertion")), got.why


@pytest.mark.parametrize(
    "reads", ["pass", "os.close(0)", "os.read(0, 10); os.close(0)", "os.read(0, 10)", "os.close(0); sum(range(10**7))"]
)
def test_a_program_need_not_read_to_the_end(tmp_path, reads):
    (tmp_path / "input").write_bytes(bytes(8 * MIB))
    rejects = 'print(\'{"rejected": "no"}\', file=sys.stderr); sys.exit(1)'
    got = outcome(tmp_path, f"import os, sys; {reads}; {rejects}", stdin=tmp_path / "input")
    assert (got.verdict, got.why) == (REJECTED, "no")


def test_output_is_taken_while_input_is_given(tmp_path):
    """A program that prints as it reads, each more than a pipe holds: neither waits for the other."""
    (tmp_path / "input").write_bytes(b"z" * 8 * MIB)
    text = "import os\nwhile chunk := os.read(0, 1 << 16):\n    while chunk: chunk = chunk[os.write(1, chunk):]"
    got = outcome(tmp_path, text, stdin=tmp_path / "input")
    assert (got.verdict, got.size) == (ACCEPTED, 8 * MIB)


def test_input_is_given_where_the_output_has_been_closed(tmp_path):
    (tmp_path / "input").write_bytes(bytes(8 * MIB))
    text = "import os\nos.close(1); os.close(2)\nwhile os.read(0, 1 << 16): pass\nos._exit(0)"
    assert outcome(tmp_path, text, stdin=tmp_path / "input").verdict == ACCEPTED


def test_a_program_that_waits_and_does_not_read_is_a_hang(tmp_path):
    (tmp_path / "input").write_bytes(bytes(8 * MIB))
    text = "import time; time.sleep(10**6)"
    got = outcome(tmp_path, text, Limits(0.5, 1 << 40), stdin=tmp_path / "input")
    assert got.verdict == CRASHED


def test_children_that_hold_the_input_do_not_keep_the_runner(tmp_path):
    (tmp_path / "input").write_bytes(bytes(8 * MIB))
    text = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(10**6)'], stdin=0)"
    got = outcome(tmp_path, text, stdin=tmp_path / "input")
    assert got.verdict == ACCEPTED


def test_a_program_that_prints_without_end_is_ended_by_the_bytes(tmp_path):
    text = "import os\nwhile True: os.write(1, b'x' * 65536)"
    got = outcome(tmp_path, text, FREE._replace(printed=3 * MIB))
    assert (got.verdict, got.why) == (CRASHED, "printed more than 3 MiB")


def test_a_program_that_fills_a_folder_is_ended_by_the_bytes(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made/before").write_bytes(bytes(5 * MIB))
    text = f"f = open({str(tmp_path / 'made/x')!r}, 'wb', 0)\nwhile f.tell() < 4 << 30: f.write(bytes(4096))"
    got = outcome(tmp_path, text, FREE._replace(folder=tmp_path / "made", filed=4 * MIB))
    assert (got.verdict, got.why) == (CRASHED, "wrote files of more than 4 MiB")
    assert outcome(tmp_path, "pass", FREE._replace(folder=tmp_path / "made", filed=4 * MIB)).verdict == ACCEPTED

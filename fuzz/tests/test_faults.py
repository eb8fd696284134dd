"""Every call that can fail, in every way, at every place; interrupts; files that change; disks that are full."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import reference
from fuzz.faults import DONE, INTERRUPT, SHORT, failing
from fuzz.findings import ROOT, Broken
from fuzz.operations import OLD, OPERATIONS, OUTPUT, in_small_pieces, prepare, prepared
from fuzz.targets.changing_file import ALL, CHANGES, check_change
from fuzz.targets.failing_disk import check_fault
from fuzz.targets.interrupted import check_interrupt
from reference.convert import convert
from reference.delta import diff, recover
from reference.tests.waiting import busy

VARYING = ("diff", "recover", "convert")  # their threads, or the faster way of copying, differ in their calls
TELLING = ("EIO", "ENOSPC", "EXDEV", "EOPNOTSUPP", "EEXIST", SHORT, INTERRUPT, DONE)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.slow
def test_every_call_fails_in_some_ways(name):
    """One in three of all calls and faults, so that each call and each fault is among them; fuzzing tries all."""
    for is_nameless in (True, False):
        is_old = is_nameless
        calls = check_fault(prepared(), name, is_nameless, is_old, -1, "EIO")
        assert len(calls) > 8
        for k, fault in itertools.islice(itertools.product(range(len(calls)), TELLING[is_old::2]), 0, None, 3):
            found = check_fault(prepared(), name, is_nameless, is_old, k, fault)
            assert found.failed or len(found) < k or name.startswith(VARYING)


@pytest.mark.parametrize("name", OPERATIONS)
def test_interrupts_anywhere(name):
    struck = [check_interrupt(prepared(), name, k % 2 == 0, k) for k in range(0, 6000, 197)]
    assert struck[0]
    assert not check_interrupt(prepared(), name, True, 10**6)  # a thread that waits may take any number of lines


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", ALL)
def test_files_that_change(name):
    for change, k, at in itertools.product(CHANGES, range(4), (0, 1, 50, 200)):
        check_change(prepared(), name, change, k, at, k % 2 == 1)


@pytest.mark.parametrize("fault", ["a part is written to the output itself", "what is left is not removed"])
def test_a_fault_of_the_reference_is_found(fault, monkeypatch):
    """The checks above do find what they look for."""
    if "itself" in fault:
        take_place = reference.storage.new_files.NewFile.take_place

        def early(new):
            new._target.write_bytes(b"half")
            take_place(new)

        monkeypatch.setattr(reference.storage.new_files.NewFile, "take_place", early)
    else:
        monkeypatch.setattr(reference.storage.new_files.NewFile, "close", lambda new: new._file and new._file.close())
    with pytest.raises(Broken):
        [check_fault(prepared(), "save", True, True, k, "EIO") for k in range(40)]


def test_a_call_fails_once_and_the_others_are_made(tmp_path):
    with failing(0, "EIO", ["writev"]) as calls, pytest.raises(OSError, match="Input/output"):
        reference.save(tmp_path / "x", {"a": 1})
    assert [call.name for call in calls] == ["writev"]
    assert calls.failed.name == "writev"
    assert os.listdir(tmp_path) == []


SAVER = """
import signal, sys, numpy as np, reference
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is not set where a shell's background job is tested
tree = {str(i): np.full(1 << 16, int(sys.argv[2]), np.uint8) for i in range(40)}
print("go", flush=True)
while True:
    reference.save(sys.argv[1], tree)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.slow
def test_two_processes_and_signals(number, tmp_path):
    """Two save to one path without a pause and are ended by signals: the file is one of theirs, whole."""
    path = tmp_path / "x"
    for work in (0, 10, 25):
        command = [sys.executable, "-c", SAVER, str(path)]
        savers = [
            subprocess.Popen([*command, str(i)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
            for i in (1, 2)
        ]
        for saver in savers:
            assert saver.stdout.readline() == b"go\n"
        busy(work)
        for saver in savers:
            saver.send_signal(number)
        for saver in savers:
            assert saver.wait() != 0
            saver.stdout.close()
        if path.exists():
            tree = reference.load(path)
            assert len(tree) == 40
            assert len({array.tobytes() for array in tree.values()}) == 1
        left = [entry for entry in tmp_path.iterdir() if entry != path]
        assert number != signal.SIGINT or not left
        for entry in left:  # of one that was killed between two calls
            assert entry.name.startswith(".streamckpt-")
            os.utime(entry, (0, 0))
    reference.save(path, {"a": 1})
    assert os.listdir(tmp_path) == ["x"]


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk is mounted by root alone")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def full(folder: Path, output: Path) -> dict:
    tree = reference.load(folder / "target")
    base, target = f"params::{folder / 'base'}", f"params::{folder / 'target'}"
    return {
        "save": lambda: reference.save(output, tree),
        "save in the background": lambda: reference.save(output, tree, blocking=False).wait(),
        "convert": lambda: convert(target, f"flax::{output}"),
        "cast": lambda: convert(target, f"params::{output}", float_dtype="fp64"),
        "diff": lambda: diff(base, target, output),
        "recover": lambda: recover(base, folder / "delta", output),
    }


def test_a_full_disk(small_disk, tmp_path):
    """Each operation needs more than is left: the old file stays, and nothing else."""
    prepare(tmp_path)
    output = small_disk / OUTPUT
    output.write_bytes(OLD)
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        for size in (4096, 1):
            try:
                while filler.write(bytes(size)):
                    pass
            except OSError:
                continue
    for name, operation in full(tmp_path, output).items():
        with in_small_pieces(), pytest.raises(OSError, match="No space left") as caught:
            operation()
        assert str(output) in str(caught.value), name
        assert output.read_bytes() == OLD, name
        assert sorted(os.listdir(small_disk)) == ["filler", OUTPUT], name

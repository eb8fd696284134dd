"""The engines find faults that are planted in a copy of the project, tell how they end, and replay them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fuzz import scratch
from fuzz.engines import ATHERIS, RANDOM, best_engine
from fuzz.findings import ROOT, Broken, kept, smaller
from fuzz.targets import names
from fuzz.trials import Trial

EXECUTIONS = 20_000  # in which a planted fault is found: with three seeds, 301 were the most that any took


BOUNDS = ("--executions", str(EXECUTIONS), "--first", "--seed", "1")
# Where something is to be found, which ends the run: threads come in another order each time, and some orders hide it.
UNTIL_FOUND = ("--executions", str(8 * EXECUTIONS), "--first", "--seed", "1")


@pytest.fixture
def project(tmp_path):
    """A copy of the project in which faults can be planted."""
    for name in ("reference", "conformance", "fuzz", "spec"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("tests", "__pycache__", "cases"))
    return tmp_path


def plant(project, file, before, after):
    path = project / file
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


def fuzz(project, *words):
    environment = os.environ | {"PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "fuzz", "--cache", str(project / "cache"), *words]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("target", "file", "before", "after"),
    [
        pytest.param(
            *("corpus", "reference/format/keypaths.py", "MAX_PARTS: Final = 512", "MAX_PARTS: Final = 513"),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            *("agreement", "reference/format/arrays.py", "if nbytes != needed:", "if nbytes < needed:"),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            *("any_tree", "reference/format/wire.py", "if -32 <= value < 0:", "if -33 <= value < 0:"),
            marks=pytest.mark.thorough,
        ),
        (
            "pairs",
            "reference/format/blocks.py",
            "difference += _image(base, dtype)",
            "difference -= _image(base, dtype)",
        ),
        pytest.param(
            *("failing_disk", "reference/storage/sinks.py", "wrote -= len(views.pop(0))", "wrote -= len(views.pop())"),
            marks=pytest.mark.thorough,
        ),
    ],
)
@pytest.mark.parametrize("engine", [best_engine()])
@pytest.mark.slow
def test_a_planted_fault_is_found_and_replayed(project, target, file, before, after, engine):
    plant(project, file, before, after)
    status, told = fuzz(project, "--target", target, *UNTIL_FOUND, "--engine", engine)
    assert status == 1, told
    # The last finding has ended the run, as it breaks the invariant each time: those before it do by chance.
    reproducer = re.findall(r"^replay: python -m fuzz --target \w+ --replay (\S+)$", told, re.MULTILINE)[-1]
    assert os.path.exists(reproducer)
    status, again = fuzz(project, "--target", target, "--replay", reproducer)
    assert status == 1, told + again
    assert "broken by" in again
    plant(project, file, after, before)
    status, again = fuzz(project, "--target", target, "--replay", reproducer)
    assert (status, "does not break it" in again) == (0, True)


CHECK = "    source = BytesSource(data)\n    for kind"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("__import__('os').abort()", "ended by status"),
        ("__import__('time').sleep(1000)", "hang"),
        ("all(True for _ in iter(int, 1))", "TooSlow"),
        ("bytearray(1 << 32)", "MemoryError"),
    ],
)
@pytest.mark.slow
def test_what_ends_a_worker_is_a_finding(project, statement, told):
    plant(project, "fuzz/targets/any_bytes.py", CHECK, f"    if len(data) > 40: {statement}\n{CHECK}")
    plant(project, "fuzz/campaign.py", "HANG: Final = 60.0", "HANG: Final = 2.0")
    plant(project, "fuzz/trials.py", "LIMIT: Final = 10", "LIMIT: Final = 1")
    status, printed = fuzz(project, "--target", "any_bytes", *BOUNDS, "--engine", RANDOM)
    assert status == 1
    assert told in printed
    (reproducer, *_) = (project / "cache" / "any_bytes" / "findings").glob("*.bin")
    assert len(reproducer.read_bytes()) > 40


@pytest.mark.slow
def test_a_target_that_does_not_run_is_a_finding(project):
    plant(project, "fuzz/targets/any_bytes.py", "from fuzz.findings import Broken", "import nothing_of_this_name")
    status, printed = fuzz(project, "--target", "any_bytes", *BOUNDS, "--engine", RANDOM)
    assert status == 1
    assert "nothing_of_this_name" in printed


@pytest.mark.slow
def test_where_atheris_is_missing_random_takes_its_place_and_says_so(project):
    plant(project, "fuzz/engines.py", 'importlib.util.find_spec("atheris")', "False")
    status, printed = fuzz(project, "--target", "any_bytes", "--executions", "100", "--seed", "1")
    assert status == 0
    assert "atheris is not installed" in printed
    assert "engine random, seed 1" in printed


@pytest.mark.slow
def test_all_targets_run_and_find_nothing(tmp_path):
    bounds = ["--executions", "30", "--engine", RANDOM]  # under the other engine they take a minute to be imported
    command = [sys.executable, "-m", "fuzz", *bounds, "--seed", "1", "--cache", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in names():
        assert re.search(rf"^{name} +(?:[\d,]+ |skipped: )", done.stdout, re.MULTILINE), name


def test_the_list_and_wrong_words():
    def run(*words):
        return subprocess.run([sys.executable, "-m", "fuzz", *words], cwd=ROOT, capture_output=True, text=True)

    assert len(run("--list").stdout.splitlines()) == len(names())
    for words in (
        ["--target", "no_such"],
        ["--replay", "x"],
        ["--seconds", "0"],
        ["--executions", "0"],
        ["--target", "cuts", "--replay", "x"],
    ):
        assert run(*words).returncode == 2


def test_a_reproducer_is_made_small():
    assert smaller(b"abcXdefYghi" * 9, lambda data: b"X" in data and b"Y" in data) == b"XY"
    assert ATHERIS != RANDOM


def test_what_breaks_by_chance_is_kept_as_it_is_and_ends_no_run(tmp_path, monkeypatch):
    """Where threads take turns, an input may break the invariant now and never again."""
    ended, tries = [], {}

    def check(data):
        tries[data] = tries.get(data, 0) + 1
        if b"always" in data or (b"once" in data and tries[data] == 1):
            raise Broken("it is broken")

    target = SimpleNamespace(name="any_bytes", check=check, drive=None)
    trial = Trial(target, tmp_path, first=True)
    monkeypatch.setattr(os, "_exit", ended.append)
    trial(b"it fails once")
    trial(b"another that fails once")
    assert ended == []
    trial(b"it fails always")
    assert ended == [0]
    by_chance, steady = kept(tmp_path / "findings")
    assert Path(by_chance.file).read_bytes() == b"it fails once"
    assert Path(steady.file).read_bytes() == b"always"
    assert ["each time" in finding.what for finding in (by_chance, steady)] == [True, False]


def test_what_a_killed_process_has_left_is_removed_by_the_next():
    code = "import os, fuzz.scratch as s; print(s.folder(), flush=True); os._exit(1)"
    environment = {name: value for name, value in os.environ.items() if name != scratch.VARIABLE}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    left = Path(done.stdout.strip())
    assert left.is_dir()
    mine, other = scratch.new_folder(), scratch.new_folder()
    assert not left.exists()
    assert mine.is_dir()
    mine.rmdir()
    other.rmdir()

"""One spelling for one idea, in every public function and in the commands."""

import contextlib
import inspect
import os

import numpy as np
import pytest

import reference
from reference.checkpoints.verification import verify
from reference.convert import convert
from reference.delta import add, compare, diff, recover, subtract
from reference.salvage import salvage
from reference.seal import seal

FUNCTIONS = [
    reference.load,
    reference.save,
    reference.open,
    reference.scan,
    reference.records,
    convert,
    verify,
    salvage,
    seal,
    diff,
    recover,
    subtract,
    add,
    compare,
]
# What each name stands for, and its default wherever it is taken.
NEEDED = inspect.Parameter.empty
DEFAULTS = {
    # inputs and outputs
    "path": NEEDED,
    "tree": NEEDED,
    "a": NEEDED,
    "b": NEEDED,
    "base": NEEDED,
    "target": NEEDED,
    "delta": NEEDED,
    "difference": NEEDED,
    "output": NEEDED,
    # what is wanted of them
    "prefix": None,
    "like": None,
    "streaming": None,
    "float_dtype": None,
    "keep": None,
    "include": None,
    "exclude": None,
    "keep_doubtful": False,
    # how
    "keep_empty_nodes": False,
    "blocking": True,
    "mmap": False,
    "any_kind": True,
    "dialect": None,
    "names": "split",
    "rename": None,
    "map": None,
    "map_parameters": None,
    "max_shard_size": None,
    "dry_run": False,
    "jobs": None,
    "backend": None,
    "progress": False,
    "check": True,
    # how a stream is written
    "format": None,
    "metadata": None,
    "alignment": None,
    "digests": None,
    "keys": None,
    # by whom
    "writers": "all",
    "patience": None,
}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_an_argument_has_the_same_name_default_and_place_everywhere(function):
    parameters = inspect.signature(function).parameters
    assert {name: DEFAULTS.get(name, "unknown") for name in parameters} == {
        name: parameter.default for name, parameter in parameters.items()
    }
    assert list(parameters) == sorted(parameters, key=list(DEFAULTS).index)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("base", "target"):
        reference.save(tmp_path / name, {"w": rng.standard_normal(100).astype(np.float32), "b": np.zeros(3)})
    return tmp_path


def operations(folder):
    """Each operation that shows how far it is, by its name."""
    base, target, output = (folder / name for name in ("base", "target", "output"))
    delta, difference = folder / "delta", folder / "difference"
    return {
        "convert": lambda **more: convert(base, output, streaming=False, **more),
        "verify": lambda **more: verify(base, **more),
        "salvage": lambda **more: salvage(base, output, **more),
        "diff": lambda **more: diff(base, target, delta, **more),
        "recover": lambda **more: recover(base, delta, output, **more),
        "subtract": lambda **more: subtract(base, target, difference, jobs=1, **more),
        "add": lambda **more: add(base, difference, output, jobs=1, **more),
        "compare": lambda **more: compare(base, target, **more),
    }


def test_a_function_shows_nothing_unless_it_is_asked_to(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: asked.append(1), raising=False)
    for operation in operations(folder).values():
        operation()
    assert not asked
    for operation in operations(folder).values():
        operation(progress=True)  # which looks for a terminal
    assert len(asked) == 9  # recover checks its base, too


def test_a_callable_is_told_of_every_byte_that_moves(folder):
    told = []

    @contextlib.contextmanager
    def mine(label, total):
        moved = []
        yield moved.append
        told.append((label, total, sum(moved)))

    for name, operation in operations(folder).items():
        operation(progress=mine)
        label, total, moved = told[-1]
        assert total == moved > 0, name
        assert name == label or label.startswith("stream to ")


def test_paths_are_taken_as_texts_and_as_paths(folder):
    for kind in (str, lambda path: path):
        convert(kind(folder / "base"), kind(folder / "out"))
        assert salvage(kind(folder / "base"), kind(folder / "saved")).leaves == 2
        assert verify(kind(folder / "out")) == []
    assert (folder / "out").read_bytes() == (folder / "base").read_bytes()
    assert os.fspath(folder / "saved")


def test_verify_takes_a_prefix_and_an_opened_checkpoint(folder):
    assert verify(f"params::{folder / 'base'}") == []
    with reference.open(folder / "base") as checkpoint:
        assert verify(checkpoint) == []
    with pytest.raises(reference.FormatError, match="CONV-5"):
        verify(f"trainstate::{folder / 'base'}")


def test_a_recovery_counts_what_a_cast_has_made_infinite(tmp_path):
    reference.save(tmp_path / "base", {"w": np.ones(3, np.float32)})
    diff(tmp_path / "base", {"w": np.array([1, 1e30, -1e30], np.float32)}, tmp_path / "delta")
    report = recover(tmp_path / "base", tmp_path / "delta", tmp_path / "out", float_dtype="fp16")
    assert report.overflowed == 2
    assert report.nbytes == os.path.getsize(tmp_path / "out")


@pytest.mark.parametrize("spelling", ["--include", "--match"])
def test_the_commands_take_both_spellings_of_a_pattern(folder, capsys, spelling):
    from reference.commands import compare, convert, inspect

    assert inspect.main([str(folder / "base"), f"{spelling}=w", "--format=json"]) == 0
    assert '"w"' in (shown := capsys.readouterr().out)
    assert '"b"' not in shown
    assert inspect.main([str(folder / "base"), "--exclude=w", "--format=json"]) == 0
    assert '"b"' in (shown := capsys.readouterr().out)
    assert '"w"' not in shown
    pair = [str(folder / "base"), str(folder / "target")]
    assert compare.main([*pair, f"{spelling}=b"]) == 0
    assert compare.main([*pair, f"{spelling}=*", "--exclude=w"]) == 0
    files = [f"--load_checkpoint={pair[0]}", f"--output_file={folder / 'part'}"]
    assert convert.main([*files, "--streaming=True", f"{spelling}=b"]) == 0
    assert list(reference.load(folder / "part")) == ["b"]

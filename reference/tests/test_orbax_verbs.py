"""Folders of orbax in every command."""

import json
import subprocess
import sys

import numpy as np
import pytest

import streamckpt as sc
from reference.commands import compare, diff, inspect, salvage, verify
from reference.format.errors import FormatError, UsageError
from reference.format.extras import how_to_install
from reference.tests.orbax_folders import (
    flat,
    restored,
    rng,
    same,
    save_by_orbax,
)


def test_every_verb_takes_a_folder_of_orbax(tmp_path, capsys):
    params = {"dense": {"kernel": rng.normal(size=(64, 64)).astype(np.float32)}, "n": np.arange(5)}
    changed = {**params, "n": np.arange(1, 6)}
    save_by_orbax(tmp_path / "a", params)
    save_by_orbax(tmp_path / "b", changed)
    a, b = f"orbax::{tmp_path / 'a'}", f"orbax::{tmp_path / 'b'}"
    assert inspect.main([a]) == 0
    assert "orbax folder, 2 leaves" in capsys.readouterr().out
    assert inspect.main([str(tmp_path / "a"), "--format=json"]) == 0
    assert {"path": ["n"], "kind": "ndarray", "dtype": "int64"}.items() <= json.loads(capsys.readouterr().out)[
        "leaves"
    ][1].items()
    assert verify.main([str(tmp_path / "a")]) == 0
    assert compare.main([a, b]) == 1
    assert compare.main([a, a]) == 0
    delta = tmp_path / "delta"
    arguments = [f"--load_base_checkpoint={a}", f"--load_target_checkpoint={b}", f"--output_file={delta}"]
    assert diff.main(arguments) == 0
    arguments = [f"--load_base_checkpoint={a}", f"--load_target_checkpoint={delta}"]
    assert diff.main([*arguments, "--recover_diff=True", f"--output_file=orbax::{tmp_path / 'c'}"]) == 0
    same(flat(restored(tmp_path / "c")), flat(changed))
    assert salvage.main([f"--load_checkpoint={tmp_path / 'a'}", f"--output_file={tmp_path / 'x'}"]) == 1
    assert "this is an orbax folder, and only streams and flax files can be salvaged (CONV-6" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    with pytest.raises(FormatError, match="this is an orbax folder, not a stream"):
        sc.load(f"params::{tmp_path / 'a'}")
    same(flat(sc.load(tmp_path / "a")), flat(sc.load(a)))
    with pytest.raises(UsageError, match="leave mmap=True out"):
        sc.load(a, mmap=True)


def test_a_file_is_no_folder_of_orbax(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    sc.save(tmp_path / "s", {"a": np.ones(2)})
    with pytest.raises(NotADirectoryError, match="a checkpoint of orbax is a folder"):
        sc.load(f"orbax::{tmp_path / 's'}")
    with pytest.raises(FileNotFoundError):
        sc.load(f"orbax::{tmp_path / 'none'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="there is no _METADATA in it"):
        sc.load(f"orbax::{tmp_path / 'empty'}")


def test_without_tensorstore_the_extra_is_named(tmp_path):
    save_by_orbax(tmp_path / "o", {"a": np.ones(2)})
    code = (
        "import sys; sys.modules['tensorstore'] = None\n"
        "from reference.commands import convert\n"
        "sys.exit(convert.main(sys.argv[1:]))"
    )
    for given, output in ((f"orbax::{tmp_path / 'o'}", tmp_path / "s"), (tmp_path / "s2", f"orbax::{tmp_path / 'p'}")):
        sc.save(tmp_path / "s2", {"a": np.ones(2)})
        words = [sys.executable, "-c", code, f"--load_checkpoint={given}", f"--output_file={output}"]
        run = subprocess.run(words, capture_output=True, text=True)
        assert run.returncode == 2
        assert how_to_install("orbax") in run.stderr

"""A delta is taken for no checkpoint: it is refused by name, and the refusal says of which base it is (DELTA-13)."""

import re

import numpy as np
import pytest

import reference
from reference.checkpointer import StreamingCheckpointer
from reference.commands import verbs
from reference.containers import delta_file
from reference.containers.registry import read_contents
from reference.convert import convert
from reference.delta import diff
from reference.differences.arithmetic_difference import add, subtract
from reference.differences.comparison import compare
from reference.differences.exact_recovery import recover
from reference.format import manifests
from reference.format.blocks import BLOCK
from reference.format.errors import WrongKind
from reference.format.wire import BytesSource
from reference.tests.delta_files import Files, pair

HOW = "recover its target first, with its base: streamckpt recover BASE DELTA TARGET"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    made = Files(tmp_path_factory.mktemp("delta"))
    made.diff(*pair(shape=(300, 100)))
    return made


def named(files):
    return f"this is a delta against base {files.manifest()[0].base.hex()[:16]}, for a target of 2 leaves"


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_the_name_of_a_base_is_what_inspect_shows(files, capsys):
    assert verbs.main(["inspect", files.delta]) == 0
    assert f"base   {named(files).split()[6][:-1]}" in capsys.readouterr().out


COMMANDS = {
    "convert": ("convert", "--load_checkpoint={delta}", "--output_file={out}"),
    "convert with a prefix": ("convert", "--load_checkpoint=params::{delta}", "--output_file={out}"),
    "verify with a prefix": ("verify", "params::{delta}"),
    "inspect with a prefix": ("inspect", "flax::{delta}"),
    "compare, A": ("compare", "{delta}", "{base}"),
    "compare, B": ("compare", "{base}", "{delta}"),
    "diff, base": (
        "diff",
        "--load_base_checkpoint={delta}",
        "--load_target_checkpoint={target}",
        "--output_file={out}",
    ),
    "diff, target": (
        "diff",
        "--load_base_checkpoint={base}",
        "--load_target_checkpoint={delta}",
        "--output_file={out}",
    ),
    "diff, subtracted": (
        "diff",
        "--method=subtract",
        "--load_base_checkpoint={base}",
        "--load_target_checkpoint={delta}",
        "--output_file={out}",
    ),
    "recover, base": (
        "diff",
        "--recover_diff=True",
        "--load_base_checkpoint={delta}",
        "--load_target_checkpoint={delta}",
        "--output_file={out}",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_the_base_and_says_how_to_recover(name, files, tmp_path, capsys):
    verb, *flags = COMMANDS[name]
    names = {"base": files.base, "target": files.target, "delta": files.delta, "out": tmp_path / "out"}
    assert verbs.main([verb, *(flag.format(**names) for flag in flags)]) == (2 if verb == "compare" else 1)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{files.delta}: {named(files)}" in error
    assert error.endswith(f"; {HOW}\n")
    assert not (tmp_path / "out").exists()


FUNCTIONS = {
    "load": lambda files, prefix, out: reference.load(prefix + files.delta),
    "load into": lambda files, prefix, out: reference.load(prefix + files.delta, like={"w": np.zeros(2)}),
    "open": lambda files, prefix, out: reference.open(prefix + files.delta),
    "scan": lambda files, prefix, out: reference.scan(prefix + files.delta),
    "records": lambda files, prefix, out: list(reference.records(prefix + files.delta)),
    "convert": lambda files, prefix, out: convert(prefix + files.delta, out),
    "compare": lambda files, prefix, out: compare(files.base, prefix + files.delta),
    "diff": lambda files, prefix, out: diff(files.base, prefix + files.delta, out),
    "recover": lambda files, prefix, out: recover(prefix + files.delta, files.delta, out),
    "subtract": lambda files, prefix, out: subtract(prefix + files.delta, files.target, out),
    "add": lambda files, prefix, out: add(files.base, prefix + files.delta, out),
    "load_trainstate_checkpoint": lambda files, prefix, out: StreamingCheckpointer.load_trainstate_checkpoint(
        f"{prefix or 'params::'}{files.delta}"
    ),
}


@pytest.mark.parametrize("prefix", ["", "params::", "trainstate::", "flax::", "safetensors::"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_names_the_base_and_says_how_to_recover(name, prefix, files, tmp_path):
    with pytest.raises(WrongKind, match=re.escape(named(files))) as caught:
        FUNCTIONS[name](files, prefix, str(tmp_path / "out"))
    assert caught.value.kind == "delta"
    assert caught.value.advice == HOW
    assert caught.value.file == files.delta
    assert not (tmp_path / "out").exists()


def test_a_delta_that_is_cut_off_is_refused_by_name_and_as_cut_off(files):
    whole = content(files.delta)
    mark = len(manifests.MARK)
    for cut in {*range(19, mark + 40), *range(mark, len(whole), 97), len(whole) - 1}:
        with pytest.raises(WrongKind, match=r"this is a delta that has been cut off \(.*; get it again; recover"):
            read_contents(BytesSource(whole[:cut]), None)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (b'{"base"', b'{"bade"', "that cannot be read (the manifest has no 'base'"),
        (b'"blocks":1', b'"blocks":2', "that cannot be read (w has 2 blocks"),
        (b"\xa8manifest", b"\xa8manifesu", "that has been cut off (there is no manifest at the end)"),
        (b"\xa31.0", b"\xa32.0", "that cannot be read (a delta of version '2.0'; this reader knows 1.0)"),
    ],
)
def test_a_delta_that_is_damaged_is_refused_by_name_and_as_damaged(old, new, text, files):
    whole = content(files.delta)
    assert old in whole
    with pytest.raises(WrongKind) as caught:
        read_contents(BytesSource(whole.replace(old, new, 1)), "stream")
    assert f"this is a delta {text}" in str(caught.value)
    assert "not a stream (REC-1" in str(caught.value)
    assert ("get it again" in caught.value.advice) == ("version" not in text)


class Counting(BytesSource):
    """A source that counts the bytes which are read of it."""

    count = 0

    def read_at(self, offset, n):
        self.count += n
        return super().read_at(offset, n)


def test_no_block_is_read_for_a_refusal(tmp_path):
    files = Files(tmp_path)
    random = np.random.default_rng(0)
    files.diff({"w": 1}, {"w": random.integers(0, 256, 5 * BLOCK, np.uint8)})
    source = Counting(content(files.delta))
    with pytest.raises(WrongKind, match=r"this is a delta against base [0-9a-f]{16}, for a target of 1 leaf \("):
        read_contents(source, None)
    assert source.count < 100_000


def test_a_manifest_that_is_too_long_is_not_read_for_a_refusal(files, monkeypatch):
    monkeypatch.setattr(delta_file, "_LONGEST_MANIFEST", 100)
    monkeypatch.setattr(manifests, "decode_manifest", None)
    with pytest.raises(WrongKind, match=r"this is a delta, whose base .* shows"):
        reference.load(files.delta)

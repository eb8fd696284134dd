"""An output that is one of the inputs, under whatever name, is refused where that loses something."""

import os
from pathlib import Path

import numpy as np
import pytest

import reference
from reference.commands import verbs
from reference.convert import convert
from reference.delta import add, diff, recover, subtract
from reference.format.errors import UsageError
from reference.salvage import salvage
from reference.seal import seal
from reference.storage import same_files

TREE = {"a": np.arange(3000, dtype=np.float32)}


@pytest.fixture
def folder(tmp_path):
    reference.save(tmp_path / "base", TREE)
    reference.save(tmp_path / "target", {"a": TREE["a"] * 2})
    diff(tmp_path / "base", tmp_path / "target", tmp_path / "delta", backend="numpy")
    subtract(tmp_path / "base", tmp_path / "target", tmp_path / "difference", backend="numpy")
    return tmp_path


OPERATIONS = {
    "diff": (diff, "base", "target"),
    "recover": (recover, "base", "delta"),
    "subtract": (subtract, "base", "target"),
    "add": (add, "base", "difference"),
    "salvage": (lambda damaged, _, output: salvage(damaged, output), "base", "base"),
}


def names_of(path):
    """Names of a file beside its own: links and a URL."""
    hard, soft, far = (path.with_name(f"{kind} link") for kind in ("hard", "soft", "far"))
    os.link(path, hard)
    soft.symlink_to(path.name)
    far.symlink_to(soft)
    dotted = f"{path.parent}/../{path.parent.name}/./{path.name}"
    return [str(path), hard, soft, str(far), dotted, f"file://{path}"]


@pytest.mark.parametrize("which", [1, 2])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_input_is_not_written_to_by_any_name(folder, operation, which):
    run, *inputs = OPERATIONS[operation]
    paths = [folder / name for name in inputs]
    before = [path.read_bytes() for path in paths]
    for name in names_of(paths[which - 1]):
        with pytest.raises(UsageError, match="would be replaced and lost; name another output") as caught:
            run(*paths, name)
        assert "\n" not in str(caught.value)
    assert [path.read_bytes() for path in paths] == before


def test_the_prefixes_of_inputs_and_output_do_not_hide_it(folder):
    with pytest.raises(UsageError, match="is the base"):
        recover(f"params::{folder / 'base'}", f"params::{folder / 'delta'}", f"flax::{folder / 'base'}")


@pytest.mark.parametrize("descriptor", ["/proc/self/fd/{}", "/dev/fd/{}"])
def test_nor_by_a_descriptor(folder, descriptor):
    with (folder / "base").open("r+b") as file:
        name = descriptor.format(file.fileno())
        with pytest.raises(UsageError, match="is the base"):
            diff(folder / "base", folder / "target", name)
        with pytest.raises(UsageError, match="is the target"):
            diff(folder / "target", name, folder / "base")
        with pytest.raises(UsageError, match="would be written over while it is"):
            convert(folder / "base", name, float_dtype="bf16")
    assert reference.load(folder / "base")["a"][5] == 5


def test_nor_the_seal_beside_it(folder):
    seal(folder / "base")
    with pytest.raises(UsageError, match="is the seal of the base"):
        diff(folder / "base", folder / "target", folder / "base.seal")


def test_a_seal_does_not_replace_the_stream_that_its_name_is_a_link_to(folder):
    (folder / "base.seal").symlink_to("base")
    with pytest.raises(UsageError, match="remove the link"):
        seal(folder / "base")
    (folder / "base.seal").unlink()
    os.link(folder / "base", folder / "base.seal")
    with pytest.raises(UsageError, match="remove the link"):
        seal(folder / "base")


def test_a_conversion_in_place_stays(folder):
    (folder / "link").symlink_to("base")
    convert(folder / "link", f"params::{folder / 'base'}", float_dtype="bf16")
    assert str(reference.load(folder / "base")["a"].dtype) == "bfloat16"


def test_a_conversion_in_place_does_not_lose_leaves(folder):
    reference.save(folder / "both", {"a": TREE["a"], "b": TREE["a"]})
    before = (folder / "both").read_bytes()
    with pytest.raises(
        UsageError, match="is what is read, and the leaves that are left out would be lost; name another"
    ):
        convert(folder / "both", f"params::{folder / 'both'}", include="a")
    assert (folder / "both").read_bytes() == before


@pytest.mark.parametrize(("options", "text"), [([], "it has taken"), (["--dry_run"], "it would take")])
def test_a_conversion_in_place_is_noted(folder, capsys, options, text):
    assert verbs.main(["convert", f"{folder}/base", f"params::{folder}/../{folder.name}/base", *options]) == 0
    assert f"note: {text} the place of the input, which is the same file\n" in capsys.readouterr().err
    assert verbs.main(["convert", f"{folder}/base", f"{folder}/other"]) == 0
    assert "the place of" not in capsys.readouterr().err


def test_trees_are_no_files(folder):
    diff(TREE, {"a": TREE["a"] + 1}, folder / "base", backend="numpy")
    assert Path(folder / "base").stat().st_size


class Remote:
    """A place of another machine."""

    def __init__(self, name):
        self.name = name.partition("?")[0]


def test_what_is_far_away_is_known_by_its_name_and_no_secret_is_told(monkeypatch):
    real = same_files.place_of
    monkeypatch.setattr(same_files, "place_of", lambda path: Remote(path) if "://" in str(path) else real(path))
    with pytest.raises(UsageError, match="is the base") as caught:
        same_files.refuse_an_input(Remote("s3a://bucket/x?secret"), {"the base": "S3://bucket/x?secret"})
    assert "secret" not in str(caught.value)
    same_files.refuse_an_input(Remote("s3://bucket/y"), {"the base": "s3://bucket/x", "the target": "x"})
    same_files.refuse_an_input(real("x"), {"the base": "s3://bucket/x"})

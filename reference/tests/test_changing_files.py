"""Files that change while they are read: the old contents, or an error; never half of two files."""

import itertools
import os

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.convert import convert
from reference.delta import compare, diff, subtract
from reference.format.errors import FormatError
from reference.storage.atomic_files import replace
from reference.verify import verify


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "x"
    reference.save(path, {"a": np.zeros(1 << 20)})
    with reference.open(path) as checkpoint:
        os.truncate(path, 1 << 20)
        with pytest.raises(FormatError) as caught:
            checkpoint["a"]
        assert caught.value.path == ("a",)
        with pytest.raises(FormatError), replace(tmp_path / "y") as sink:
            sink.copy_from(checkpoint.source, 100, 1 << 22)
    assert not (tmp_path / "y").exists()


def test_a_text_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "x"
    reference.save(path, {"a": "word" * 30_000})
    with reference.open(path) as checkpoint:
        at = checkpoint.records[0].extents()[0][0]
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"\xff")
        with pytest.raises(FormatError, match="changed while it was read") as caught:
            checkpoint["a"]
        assert (caught.value.clause, caught.value.offset, caught.value.path) == ("WIRE-5", at, ("a",))
        with pytest.raises(FormatError, match="changed while it was read"):
            checkpoint.tree()


def overwrite(path, at=-1, data=b"\xff", moment=1):
    """Write into a file as one does that saves in place; `moment` is how many ns later its clock ticks."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + moment))


@pytest.fixture
def changed_while_read(tmp_path, monkeypatch):
    """A file that somebody writes to before the first of its payload is read."""
    path = tmp_path / "changing"
    reference.save(path, {"a": np.arange(100_000, dtype=np.float32), "b": np.zeros(100_000, np.float32)})
    for name, at in (("preadv", 2), ("copy_file_range", 3)):
        real = getattr(os, name)

        def change(*arguments, real=real, at=at):
            assert len(arguments) > at
            overwrite(path)
            return real(*arguments)

        monkeypatch.setattr(os, name, change)
    return path


def _converted(path, output):
    convert(str(path), f"params::{output}")


def _verified(path, output):
    with reference.open(path) as checkpoint:
        verify(checkpoint)


def _loaded_like(path, output):
    reference.load(path, like={key: np.zeros(100_000, np.float32) for key in "ab"})


def _compared(path, output):
    compare(str(path), {"a": np.zeros(100_000, np.float32)})


def _differed(path, output):
    diff({"a": np.zeros(3)}, str(path), output)


def _based(path, output):
    diff(str(path), {"a": np.zeros(100_000, np.float32)}, output)


def _subtracted(path, output):
    subtract({key: np.zeros(100_000, np.float32) for key in "ab"}, str(path), output)


READERS = {
    "load": lambda path, output: reference.load(path),
    "load like": _loaded_like,
    "records": lambda path, output: list(reference.records(path)),
    "verify": _verified,
    "compare": _compared,
    "convert": _converted,
    "diff of it": _differed,
    "diff to it": _based,
    "subtract": _subtracted,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_written_to_while_it_is_read_is_refused(changed_while_read, reader):
    """What is read may be the half of two files; a saver that writes in place leaves no other trace."""
    output = changed_while_read.with_name("output")
    with pytest.raises(OSError, match="changed while it was read") as caught:
        READERS[reader](changed_while_read, output)
    assert caught.value.filename == str(changed_while_read)
    assert os.listdir(output.parent) == ["changing"]


def test_records_refuse_a_changed_file_before_the_last_leaf_is_given(changed_while_read):
    """A loop that takes as many leaves as `scan` counts never asks for one more."""
    with pytest.raises(OSError, match="changed while it was read"):
        list(itertools.islice(reference.records(changed_while_read), 2))


def test_a_file_that_another_takes_the_place_of_is_read_to_its_end(tmp_path, monkeypatch):
    path, real = tmp_path / "x", os.preadv
    reference.save(path, {"a": np.zeros(100_000)})

    def replaced(*arguments):
        reference.save(path, {"a": np.ones(100_000)})
        return real(*arguments)

    monkeypatch.setattr(os, "preadv", replaced)
    assert same(reference.load(path), {"a": np.zeros(100_000)})
    monkeypatch.undo()
    assert same(reference.load(path), {"a": np.ones(100_000)})

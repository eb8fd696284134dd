"""The intact leaves of a damaged checkpoint are written, every bit of them; what is lost is listed, byte by byte."""

import os

import flax.serialization
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.strategies import streams
from reference.commands import salvage
from reference.containers.damaged import read_what_is_whole
from reference.format.wire import BytesSource

TREE = {"layers": {str(i): {"kernel": np.arange(40, dtype=np.float32) + i, "step": i} for i in range(6)}}


@pytest.fixture
def file(tmp_path):
    reference.save(tmp_path / "x", TREE)
    return tmp_path / "x"


def damage(file, at, data=b"\xc1"):
    whole = bytearray(file.read_bytes())
    whole[at : at + len(data)] = data
    file.write_bytes(whole)


def run(file, *more):
    output = file.with_name("out")
    return salvage.main([f"--load_checkpoint={file}", f"--output_file={output}", *more]), output


def lost(output):
    """The key paths that the output does not hold; all others have their bits."""
    left = dict(reference.records(output))
    for path, leaf in left.items():
        assert same(leaf, TREE["layers"][path[1]][path[2]])
    every = {("layers", i, name) for i in TREE["layers"] for name in ("kernel", "step")}
    return every - set(left)


def test_a_whole_file_is_salvaged_to_the_same_bytes(file, capsys):
    assert run(file) == (0, file.with_name("out"))
    assert file.with_name("out").read_bytes() == file.read_bytes()
    assert "12 leaves are intact, and no damage is seen; a plain stream has no end mark" in capsys.readouterr().out


def test_of_a_file_that_was_cut_off_all_whole_leaves_are_left(file, capsys):
    records = reference.scan(file)
    os.truncate(file, records[7].end + 20)
    status, output = run(file)
    assert status == salvage.PARTLY
    assert lost(output) == {record.path for record in records[8:]}
    printed = capsys.readouterr()
    assert f"lost: bytes {records[7].end} to {records[7].end + 20}, 20 B" in printed.out
    assert "STREAM-2" in printed.out
    assert "nothing in it says so" in printed.err


@pytest.mark.parametrize("what", ["record", "key path", "blob", "leaf"])
def test_reading_goes_on_behind_a_damaged_record(file, what):
    record = reference.scan(file)[4]
    at = {"record": record.offset, "key path": record.offset + 1, "blob": record.leaf_offset - 2}
    damage(file, at.get(what, record.leaf_offset))
    status, output = run(file)
    assert status == salvage.PARTLY
    assert lost(output) == {record.path}


def test_two_damaged_records_in_a_row_and_a_hole_of_zeros(file):
    records = reference.scan(file)
    damage(file, records[2].leaf_offset)
    damage(file, records[3].leaf_offset)
    damage(file, records[6].offset + 3, bytes(records[8].offset - records[6].offset))
    status, output = run(file)
    assert status == salvage.PARTLY
    assert lost(output) == {records[i].path for i in (2, 3, 6, 7, 8)}


def test_a_damaged_first_byte_does_not_hide_what_the_file_is(file):
    damage(file, 0, b"\x00\x00")
    status, output = run(file)
    assert status == salvage.PARTLY
    assert lost(output) == {("layers", "0", "kernel")}


def test_of_two_records_with_one_path_the_first_is_kept(file, capsys):
    data = file.read_bytes()
    file.write_bytes(data + data[: reference.scan(file)[0].end])
    status, output = run(file)
    assert status == salvage.PARTLY
    assert output.read_bytes() == data
    assert "STREAM-4" in capsys.readouterr().out


def test_of_a_flax_file_what_stands_before_the_fault(tmp_path):
    file = tmp_path / "flax"
    file.write_bytes(flax.serialization.msgpack_serialize(TREE)[:-300])
    status, output = run(file)
    assert status == salvage.PARTLY
    assert lost(f"flax::{output}") == {("layers", i, name) for i in "45" for name in ("kernel", "step")}


def test_the_output_may_be_of_another_kind(file):
    os.truncate(file, file.stat().st_size - 1)
    output = file.with_name("out.msgpack")
    assert salvage.main([f"--load_checkpoint={file}", f"--output_file=flax::{output}"]) == salvage.PARTLY
    assert len(flax.serialization.msgpack_restore(output.read_bytes())["layers"]) == 6


def test_a_dry_run_writes_nothing(file, capsys):
    damage(file, 0)
    status, output = run(file, "--dry_run")
    assert status == salvage.PARTLY
    assert not output.exists()
    assert "11 leaves are intact" in capsys.readouterr().out
    assert salvage.main([f"--load_checkpoint={file}", "--dry_run"]) == salvage.PARTLY


def test_without_an_output_it_is_wrong_usage(file, capsys):
    assert salvage.main([f"--load_checkpoint={file}"]) == 2
    assert "--dry_run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty file"),
        (b"PK\3\4" + bytes(100), "zip archive"),
        (bytes(100), "file of zeros"),
        (b"\x92\x91\xa1a\xc4\x02\xcc", "there is nothing to salvage"),
        (b"<html>", "HTML"),
        (b"\x92\x92\xb0streamckpt-delta\xa31.0\xa0", "delta"),
    ],
)
def test_where_nothing_is_whole_it_says_what_the_file_is(tmp_path, data, said, capsys):
    (tmp_path / "x").write_bytes(data)
    assert run(tmp_path / "x")[0] == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(streams(), st.data())
def test_whole_records_and_losses_tile_the_file(made, data):
    """Whatever is changed: what is not lost is a record, and one that no change touched is there with all its bits."""
    _, good = made
    at = data.draw(st.integers(0, len(good) - 1))
    size = data.draw(st.integers(1, 8))
    bad = good[:at] + data.draw(st.binary(min_size=0, max_size=size)) + good[at + size :]
    kind, records, losses, *_ = read_what_is_whole(BytesSource(bad))
    if kind == "stream":
        edges = sorted([*((r.offset, r.end) for r in records), *((loss.offset, loss.end) for loss in losses)])
        assert [0, *(end for _, end in edges)] == [*(start for start, _ in edges), len(bad)]
        _, before, *_ = read_what_is_whole(BytesSource(good))
        untouched = [r for r in before if r.end <= at]
        assert [(r.path, r.offset, r.end) for r in records][: len(untouched)] == [
            (r.path, r.offset, r.end) for r in untouched
        ]

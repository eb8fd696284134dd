"""What is rescued of a sealed stream that is damaged, with its seal and without."""

import pytest

import reference
from fuzz.equality import same
from reference import salvage as salvage_command
from reference.checkpoints.verification import verify as findings
from reference.salvage import salvage
from reference.tests.sealed import rows_of, taken_apart, with_index
from reference.tests.sealed_example import METADATA, TREE, leaf_at, run, said, saved, spoiled


@pytest.fixture
def path(tmp_path):
    return saved(tmp_path)


def test_a_damaged_leaf_is_left_out_and_the_rest_is_sealed_again(path, capsys):
    for record in reference.scan(path):
        bad = spoiled(path, record.end - 1)
        run(salvage_command, f"--load_checkpoint={bad}", f"--output_file={path}.out", code=3)
        assert f"{'/'.join(record.path)}: the leaf does not match its checksum" in capsys.readouterr().out
        missing = {"complete": False, "bytes_lost": record.end - record.offset, "doubtful_left_out": []}
        salvaged = {**missing, "leaves_lost": ["/".join(record.path)]}
        assert said(f"{path}.out") == (256, {**METADATA, "salvaged": salvaged}, True)
        assert findings(f"{path}.out") == []
        found = dict(reference.records(f"{path}.out"))
        assert len(found) == 4
        assert all(same(value, leaf_at(key)) for key, value in found.items())


def test_a_whole_sealed_file_is_salvaged_to_the_same_bytes(path):
    assert salvage(path, f"{path}.out").losses == []
    assert path.with_name("x.out").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("lost", ["the footer", "the index", "all of the seal", "a bit of the footer", "the head"])
def test_what_is_whole_of_a_file_whose_seal_is_lost_is_salvaged(path, lost):
    data = path.read_bytes()
    end = len(taken_apart(data)[0])
    cut = {
        "the footer": data[:-40],
        "the index": data[: end + 100],
        "all of the seal": data[:end],
        "the head": data[: end + 3],
        "a bit of the footer": data[:-33] + b"\xff" + data[-32:],
    }[lost]
    path.write_bytes(cut)
    report = salvage(path, f"{path}.out")
    assert report.leaves == 5
    assert same(reference.load(f"{path}.out"), TREE)
    with reference.open(f"{path}.out") as checkpoint:
        assert checkpoint.contents.seal is None
    assert (lost == "all of the seal") == (report.losses == [])


def test_the_records_of_a_file_that_is_cut_off_are_salvaged(path):
    rows = rows_of(path.read_bytes())
    for n in range(1, 5):
        whole = b"".join(rows[:n])
        (path.parent / "cut").write_bytes(whole + rows[n][: len(rows[n]) // 2])
        report = salvage(path.parent / "cut", f"{path}.out")
        assert (report.leaves, len(report.losses)) == (n, 1)
        assert report.losses[0].offset == len(whole)


@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_flip_in_the_mark_loses_the_first_leaf_alone(path, at):
    """What follows is found by the seal, though the file no longer begins as a sealed one does."""
    report = salvage(spoiled(path, at), f"{path}.out")
    assert report.leaves == 4
    assert [str(loss.error.path) for loss in report.losses] == ["model/w"]
    assert same(reference.load(f"{path}.out")["model"]["ids"], TREE["model"]["ids"])


def test_salvage_refuses_to_hand_over_what_the_index_lies_about(path):
    records, index = taken_apart(path.read_bytes())
    index["leaves"][0][0] = ["model", "v"]
    path.write_bytes(with_index(records, index))
    report = salvage(path, f"{path}.out")
    assert report.leaves == 4
    assert report.losses[0].error.clause == "INDEX-7"

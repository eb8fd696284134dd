"""Compare, diff, recover, subtract and add: either version on either side."""

import pytest

import reference
from fuzz.equality import same
from reference import diff as diff_command
from reference.checkpoints.verification import verify as findings
from reference.delta import add, compare, diff, recover, subtract
from reference.format.errors import FormatError
from reference.tests.sealed import sealed, taken_apart, with_index
from reference.tests.sealed_example import TREE, run, saved, spoiled


@pytest.fixture
def path(tmp_path):
    return saved(tmp_path)


NEXT = {**TREE, "model": {**TREE["model"], "w": TREE["model"]["w"] + 1}}


@pytest.fixture
def files(path):
    sealed(path.parent, NEXT, name="next.2", digests=True)
    reference.save(path.with_name("next.1"), NEXT)
    reference.save(path.with_name("x.1"), TREE)
    return {("x", "2.0"): path, ("x", "1.0"): f"{path}.1"} | {
        ("next", version): path.with_name(f"next.{version[0]}") for version in ("1.0", "2.0")
    }


def with_a_digest_that_lies(path):
    records, index = taken_apart(path.read_bytes())
    digests = bytearray(index["digests"])
    digests[64] ^= 1
    index["digests"] = bytes(digests)
    liar = path.with_name("liar")
    liar.write_bytes(with_index(records, index))
    return liar


@pytest.mark.parametrize("base", ["1.0", "2.0"])
@pytest.mark.parametrize("target", ["1.0", "2.0"])
def test_either_version_stands_on_either_side(files, path, base, target):
    a, b = str(files["x", base]), str(files["next", target])
    assert compare(a, b).count("changed") == 1
    diff(a, b, f"{path}.d")
    deltas = path.with_name("x.d").read_bytes()
    for version in ("1.0", "2.0"):  # the delta is of what they hold, and fits both
        recover(str(files["x", version]), f"{path}.d", f"{path}.r", format="2.0")
        assert path.with_name("x.r").read_bytes() == sealed(path.parent, NEXT, name="wanted")
        recover(str(files["x", version]), f"{path}.d", f"{path}.r")
        assert path.with_name("x.r").read_bytes() == files["next", "1.0"].read_bytes()
    diff(str(files["x", "1.0"]), str(files["next", "1.0"]), f"{path}.d")
    assert path.with_name("x.d").read_bytes() == deltas
    subtract(a, b, f"{path}.s", format="2.0")
    add(a, f"{path}.s", f"{path}.sum", format="2.0")
    assert same(reference.load(f"{path}.sum"), NEXT)
    assert findings(f"{path}.s") == findings(f"{path}.sum") == []


def test_a_damaged_side_is_refused(files, path):
    bad = spoiled(files["next", "2.0"], 2000)
    for call in (
        lambda: diff(str(path), str(bad), f"{path}.d"),
        lambda: diff(str(bad), str(path), f"{path}.d"),
        lambda: compare(str(path), str(bad)),
        lambda: subtract(str(path), str(bad), f"{path}.d"),
    ):
        with pytest.raises(FormatError, match="SUM-3"):
            call()
        assert not path.with_name("x.d").exists()
    diff(str(path), str(files["next", "2.0"]), f"{path}.d")
    with pytest.raises(FormatError, match="SUM-3"):
        recover(str(spoiled(path, 2000)), f"{path}.d", f"{path}.r")
    assert not path.with_name("x.r").exists()


def test_the_digests_of_a_seal_spare_hashing_and_are_compared_with_the_delta(files, path):
    """INDEX-9: taken for those of the base. A digest that lies makes a base that the delta does not fit."""
    diff(str(path), str(files["next", "2.0"]), f"{path}.d")
    liar = with_a_digest_that_lies(path)
    with pytest.raises(FormatError, match="DELTA"):
        recover(str(liar), f"{path}.d", f"{path}.r")
    assert not path.with_name("x.r").exists()
    with pytest.raises(FormatError, match="INDEX-9"):
        findings(liar)


def test_a_base_that_is_another_tree_with_the_digests_of_the_right_one_gives_no_wrong_target(files, path):
    """The seal says the digests of TREE, and the records hold another: what is recovered is compared, too."""
    diff(str(path), str(files["next", "2.0"]), f"{path}.d")
    other = {**TREE, "model": {**TREE["model"], "w": TREE["model"]["w"] * 2}}
    records, index = taken_apart(sealed(path.parent, other, name="other", digests=True))
    index["digests"] = taken_apart(path.read_bytes())[1]["digests"]
    liar = path.with_name("liar")
    liar.write_bytes(with_index(records, index))
    with pytest.raises(FormatError, match="DELTA"):
        recover(str(liar), f"{path}.d", f"{path}.r")
    assert not path.with_name("x.r").exists()


def test_a_delta_made_from_a_base_whose_digests_lie(files, path):
    """Either it says nothing of them, or it fits no honest base; it is never applied to a wrong one in silence."""
    liar = with_a_digest_that_lies(path)
    try:
        diff(str(liar), str(files["next", "2.0"]), f"{path}.d")
    except FormatError:
        return
    try:
        recover(str(files["x", "1.0"]), f"{path}.d", f"{path}.r")
    except FormatError as error:
        assert error.clause.startswith("DELTA")
        assert not path.with_name("x.r").exists()
    else:
        assert same(reference.load(f"{path}.r"), NEXT)


def test_the_commands_take_a_format(files, path, capsys):
    options = (f"--load_base_checkpoint={path}", f"--load_target_checkpoint={files['next', '1.0']}", "--streaming")
    run(diff_command, *options, f"--output_file={path}.d")
    options = (f"--load_base_checkpoint={path}", f"--load_target_checkpoint={path}.d", "--streaming")
    run(diff_command, *options, "--recover_diff=True", f"--output_file={path}.r", "--format=2.0")
    assert path.with_name("x.r").read_bytes() == sealed(path.parent, NEXT, name="wanted")

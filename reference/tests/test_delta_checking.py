"""A delta is verified: by itself as far as that goes, and with its base every leaf of the target."""

import json

import jsonschema
import numpy as np
import pytest

import streamckpt as sc
from reference.commands.schemas import SCHEMAS
from reference.format.manifests import read_delta
from reference.format.wire import BytesSource
from reference.tests.typed_verbs import said

random = np.random.default_rng(0)
BASE = {
    "frozen": random.normal(size=(30, 30)).astype(np.float32),
    "tuned": random.normal(size=(300, 30)).astype(np.float32),
    "step": 1,
}
TARGET = {
    "frozen": BASE["frozen"],
    "tuned": BASE["tuned"] + np.float32(1e-4),
    "wider": random.normal(size=3000).astype(np.float16),
    "step": 2,
    "name": "a name " * 30,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sc.save("base", BASE)
    sc.save("target", TARGET)
    sc.diff("base", "target", "delta")
    return tmp_path


def damaged(folder, leaf, at):
    """The delta with a bit changed in the block of a leaf, `at` bytes before its end."""
    data = bytearray((folder / "delta").read_bytes())
    manifest, blocks, tail = read_delta(BytesSource(bytes(data)))
    number = [entry.path for entry in manifest.leaves].index((leaf,))
    data[tail.start + blocks["blocks", str(number), "0"].end - at] ^= 4
    (folder / "bad").write_bytes(data)


# --- what is good ----------------------------------------------------------------------------------------


def test_by_itself_what_the_delta_holds_whole_is_compared(folder):
    report = sc.verify_delta("delta")
    assert (report.leaves, report.compared, report.changed, report.unchanged) == (5, 3, 1, 1)
    assert (report.with_base, report.nbytes) == (False, (folder / "delta").stat().st_size)


@pytest.mark.parametrize("base", ["base", "params::base", BASE])
def test_with_its_base_every_leaf_is_compared(folder, base):
    report = sc.verify_delta("delta", base)
    assert (report.leaves, report.compared, report.changed, report.unchanged) == (5, 5, 0, 0)
    assert report.with_base
    assert sorted(path.name for path in folder.iterdir()) == ["base", "delta", "target"]


def test_a_large_leaf_has_several_blocks(folder):
    large = {"a": np.arange(3 << 20, dtype=np.float32), "b": np.zeros(3 << 20, np.float32)}
    sc.diff({**large, "b": large["b"].astype(np.float64)}, {"a": large["a"] + 1, "b": large["b"]}, "large")
    assert sc.verify_delta("large")[3:7] == (2, 1, 1, 0)


@pytest.mark.parametrize("more", [[], ["--base=base"]])
def test_the_verb_takes_it(folder, capsys, more):
    status, out, error = said(capsys, "verify", "delta", *more)
    assert (status, error) == (0, "")
    assert ("good delta, for a target of 5 leaves" in out) == bool(more)
    assert ("good delta as far as it can be told without its base, for a target of 5 leaves" in out) == (not more)
    report = sc.verify_delta("delta")
    assert f"  base   {report.base.hex()}\n  target {report.target.hex()}\n" in out
    found = json.loads(said(capsys, "verify", "delta", *more, "--json")[1])
    jsonschema.validate(found, SCHEMAS["verify"])
    assert (found["compared"], found["with_base"], found["base"]) == (5 if more else 3, bool(more), report.base.hex())


# --- what is damaged -------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaf", ["wider", "name"])
def test_damage_in_a_leaf_that_it_holds_whole_is_found(folder, capsys, leaf):
    damaged(folder, leaf, 8)
    status, _, error = said(capsys, "verify", "bad")
    assert status == 1
    assert "error: bad: " in error
    assert f"leaf {leaf}); the delta is damaged; get it again" in error


def test_damage_in_a_difference_is_found_with_the_base(folder, capsys):
    """zstd's frames have no checksum of their own: what they give is compared with the digest of the leaf."""
    found = set()
    for at in range(20, 200, 20):
        damaged(folder, "tuned", at)
        status, out, _ = said(capsys, "verify", "bad")
        assert status == 1 or "not compared: 1 leaf" in out
        found.add(status)
        status, _, error = said(capsys, "verify", "bad", "--base=base")
        assert (status, "leaf tuned); the delta is damaged; get it again" in error) == (1, True)
    assert 0 in found


def test_a_frame_that_is_not_one_is_found_without_the_base(folder, capsys):
    data = (folder / "delta").read_bytes()
    _, blocks, tail = read_delta(BytesSource(data))
    block = blocks["blocks", "1", "0"]
    magic = data.index(b"\x28\xb5\x2f\xfd", tail.start + block.offset)
    (folder / "bad").write_bytes(data[:magic] + b"\0" + data[magic + 1 :])
    status, _, error = said(capsys, "verify", "bad")
    assert (status, "leaf tuned); the delta is damaged; get it again" in error) == (1, True)


def test_a_delta_is_not_sent_to_salvage(folder, capsys):
    data = (folder / "delta").read_bytes()
    _, blocks, tail = read_delta(BytesSource(data))
    at = tail.start + blocks["blocks", "1", "0"].offset
    for byte in range(8):
        (folder / "bad").write_bytes(data[: at + byte] + b"\xc1" + data[at + byte + 1 :])
        status, _, error = said(capsys, "verify", "bad")
        assert (status, "get it again" in error, "salvage" in error) == (1, True, False), error


@pytest.mark.parametrize("verb", ["verify", "inspect", "recover"])
def test_a_delta_that_is_cut_off_is_to_be_got_again(folder, capsys, verb):
    data = (folder / "delta").read_bytes()
    for size in (len(data) - 1, len(data) - 700, len(data) // 2, 200):
        (folder / "cut").write_bytes(data[:size])
        words = ["base", "cut", "out"] if verb == "recover" else ["cut"]
        status, _, error = said(capsys, verb, *words)
        assert status == 1
        assert f"streamckpt {verb}: error: cut: " in error
        assert "get it again" in error
        assert "blocks/" not in error


# --- what is not meant -----------------------------------------------------------------------------------


def test_a_wrong_base_is_refused(folder, capsys):
    status, _, error = said(capsys, "verify", "delta", "--base=target")
    assert (status, "is the target of this delta, not its base" in error) == (1, True)


def test_base_and_delta_that_are_swapped_are_told(folder, capsys):
    status, _, error = said(capsys, "recover", "delta", "base", "out")
    assert (status, (folder / "out").exists()) == (2, False)
    assert "BASE and DELTA are swapped: delta is a delta, and base is not" in error
    with pytest.raises(sc.UsageError, match="BASE and DELTA are swapped"):
        sc.recover("delta", "base", "out")
    with pytest.raises(sc.WrongKind, match="this is a delta"):
        sc.recover("delta", "delta", "out")


def test_a_base_that_was_cast_is_told_by_its_dtypes(folder, capsys):
    only = {"include": ["frozen", "tuned"]}
    sc.convert("base", "params::floats", **only)
    sc.convert("target", "params::tuned", **only)
    sc.diff("floats", "tuned", "delta")
    sc.convert("floats", "params::cast", float_dtype="bf16")
    _, _, error = said(capsys, "recover", "cast", "delta", "out")
    assert "all of them are bfloat16 here, and the base had float32: a cast made another base of it" in error
    sc.save("other", {**sc.load("cast"), "frozen": BASE["frozen"] + 1})
    assert "all of them are" not in said(capsys, "recover", "other", "delta", "out")[2]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("delta --match=tuned", "is a delta, which is checked as a whole"),
        ("delta --fail_on=nan", "is a delta, which is checked as a whole"),
        ("target --base=base", "target is not a delta, and only a delta has a --base"),
        ("params::delta", "this is a delta against base"),
    ],
)
def test_what_has_no_meaning_for_a_delta_is_refused(folder, capsys, words, text):
    status, _, error = said(capsys, "verify", *words.split())
    assert (status, text in error) == (1 if "::" in words else 2, True)


# --- the digest of a base --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["params::", "flax::", "sealed", "digests"])
def test_inspect_tells_the_digest_by_which_a_delta_names_its_base(folder, capsys, form):
    if form in ("sealed", "digests"):
        sc.save("again", BASE, format="2.0", digests=form == "digests")
    else:
        sc.save(f"{form}again", BASE)
    base = sc.verify_delta("delta").base.hex()
    assert f"\ndigest {base}\n" in said(capsys, "inspect", "again", "--digest")[1]
    found = json.loads(said(capsys, "inspect", "again", "--digest", "--json")[1])
    jsonschema.validate(found, SCHEMAS["inspect"])
    assert found["tree_digest"] == base
    assert base not in said(capsys, "inspect", "target", "--digest")[1]


def test_a_part_has_no_digest(folder, capsys):
    status, _, error = said(capsys, "inspect", "base", "--digest", "--match=step")
    assert (status, "--digest is that of the whole tree" in error) == (2, True)

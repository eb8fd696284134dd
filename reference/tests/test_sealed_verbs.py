"""Convert, verify, inspect and seal on sealed streams: what they keep, say and refuse."""

import json

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference import convert as convert_command
from reference import inspect, verify
from reference import seal as seal_command
from reference.checkpoints.verification import verify as findings
from reference.convert import convert
from reference.format.errors import FormatError, UsageError
from reference.tests.sealed import rows_of, sealed, taken_apart, with_index
from reference.tests.sealed_example import METADATA, TREE, leaf_at, run, said, saved, spoiled


@pytest.fixture
def path(tmp_path):
    return saved(tmp_path)


# --- convert -------------------------------------------------------------------------------------------


def test_convert_keeps_version_metadata_alignment_and_digests(path):
    run(convert_command, f"--load_checkpoint={path}", f"--output_file={path}.1", "--streaming")
    assert path.with_name("x.1").read_bytes() == path.read_bytes()
    convert(f"{path}", f"params::{path}.2", include="model/*", metadata={"step": 8, "more": None})
    assert said(f"{path}.2") == (256, {**METADATA, "step": 8, "more": None}, True)
    convert(f"{path}", f"params::{path}.3", alignment=64, digests=False)
    assert said(f"{path}.3") == (64, METADATA, False)
    convert(f"{path}", f"params::{path}.4", prefix="model", float_dtype="bf16")
    assert said(f"{path}.4") == (256, METADATA, True)
    assert findings(f"{path}.4") == []
    assert list(reference.load(f"{path}.4")) == ["w", "b", "ids"]


def test_convert_takes_the_seal_off_and_says_what_it_leaves_out(path, capsys):
    options = (f"--load_checkpoint={path}", f"--output_file={path}.1", "--streaming", "--format=1.0")
    run(convert_command, *options)
    output = capsys.readouterr()
    assert "no place for the metadata config, note, raw, step; --format=2.0 keeps it" in output.err
    reference.save(path.with_name("plain"), TREE)
    assert path.with_name("x.1").read_bytes() == path.with_name("plain").read_bytes()
    run(convert_command, f"--load_checkpoint={path}", f"--output_file=flax::{path}.2")
    assert "no place for the metadata" in capsys.readouterr().err
    assert same(reference.load(f"flax::{path}.2"), TREE)


def test_convert_puts_a_seal_on(path, capsys):
    reference.save(path.with_name("plain"), TREE)
    run(
        convert_command,
        f"--load_checkpoint={path.with_name('plain')}",
        f"--output_file={path}.1",
        "--streaming",
        "--format=2.0",
        "--metadata",
        "step=7",
        "--metadata=config=" + json.dumps({"layers": 2}),
        "--metadata=text=not json",
        "--alignment=4096",
        "--digests",
    )
    assert "wrote" in (text := capsys.readouterr().out)
    assert "a sealed stream of 5 leaves" in text
    assert said(f"{path}.1") == (4096, {"step": 7, "config": {"layers": 2}, "text": "not json"}, True)
    for more in (["--metadata=x"], ["--alignment=100"], ["--format=3.0"], ["--format=1.0", "--metadata=a=1"]):
        arguments = [f"--load_checkpoint={path}", f"--output_file={path}.2", "--streaming", *more]
        try:
            assert convert_command.main(arguments) == 2
        except SystemExit as error:  # of argparse
            assert error.code == 2
        assert not path.with_name("x.2").exists()
    with pytest.raises(UsageError, match="a standard flax file holds no metadata; write a sealed stream"):
        convert(f"{path}", f"flax::{path}.2", metadata={"a": 1})


def test_the_metadata_of_safetensors_goes_into_the_seal(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({"w": TREE["model"]["w"]}, tmp_path / "s", metadata={"format": "pt", "who": "me"})
    convert(f"{tmp_path}/s", f"params::{tmp_path}/x", format="2.0", metadata={"step": 1})
    with reference.open(tmp_path / "x") as checkpoint:
        assert checkpoint.metadata == {"safetensors": {"format": "pt", "who": "me"}, "step": 1}
        assert same(checkpoint["w"], TREE["model"]["w"])
    convert(f"{tmp_path}/x", f"safetensors::{tmp_path}/again")


def test_a_convert_of_a_damaged_file_leaves_no_output(path):
    for at in range(7, path.stat().st_size, 1999):
        with pytest.raises(FormatError):
            convert(f"{spoiled(path, at)}", f"params::{path}.out")
        assert not path.with_name("x.out").exists()


# --- verify, inspect -------------------------------------------------------------------------------------


def test_verify_says_what_it_found(path, capsys):
    run(verify, path)
    assert "good sealed stream, a tree of 5 leaves" in capsys.readouterr().out
    run(verify, spoiled(path, 2000), code=1)
    error = capsys.readouterr().err
    assert "SUM-3" in error
    assert "model/w" in error
    run(verify, spoiled(path, path.stat().st_size - 1), code=1)
    assert "SEAL-5" in capsys.readouterr().err


@pytest.mark.parametrize("which", [0, 2, 4, "tree"])
def test_a_wrong_digest_is_refused_by_verify(path, which):
    records, index = taken_apart(path.read_bytes())
    digests = bytearray(index["digests"])
    digests[-1 if which == "tree" else 32 * which + 31] ^= 1
    index["digests"] = bytes(digests)
    path.write_bytes(with_index(records, index))
    with pytest.raises(FormatError, match="INDEX-9") as caught:
        findings(path)
    paths = [record.path for record in reference.scan(path)]
    assert caught.value.path == (None if which == "tree" else paths[which])
    assert caught.value.offset == len(records) + 5


def test_verify_notes_what_a_writer_would_have_written_otherwise(path):
    rows = rows_of(path.read_bytes())
    _, index = taken_apart(path.read_bytes())
    index["leaves"][3:] = index["leaves"][:2:-1]  # the last two leaves change places
    from reference.tests.sealed import crc

    records = b"".join([*rows[:3], rows[4], rows[3]])
    del index["digests"]
    index["checksum"] = crc(records)
    path.write_bytes(with_index(records, index))
    assert findings(path) == []  # depth-first order is that of the file
    reference.save(path, {"a": np.array([1.0, np.nan], np.float32), "b": np.zeros(3000, np.float16)}, format="2.0")
    assert [(note.note, note.first) for note in findings(path)] == [("holds NaN", ("a",))]


def test_a_leaf_of_the_wrong_form_in_a_sealed_stream_is_noted(path):
    from reference.tests.sealed import an_int, sealed_by_hand

    long = an_int()[0].replace(b"\xc4\x01\x07", b"\xc4\x02\xcc\x07")
    path.write_bytes(sealed_by_hand([(long, *an_int()[1:])]))
    assert [note.note for note in findings(path)] == ["is the first leaf that is not in canonical form"]
    # An array of 4 KiB that is not padded
    array = np.zeros(5000, np.uint8)
    reference.save(path, {"a": array})
    plain = b"\xdd\0\0\0\2" + path.read_bytes()[1:]
    at = len(plain) - 5000
    path.write_bytes(sealed_by_hand([(plain, ["a"], "ndarray", "uint8", [5000], at)]))
    assert same(reference.load(path)["a"], array)
    assert [note.note for note in findings(path)] == ["is the first leaf that is not in canonical form"]


def test_inspect_shows_the_seal(path, capsys):
    run(inspect, path)
    text = capsys.readouterr().out
    assert "sealed stream, 5 leaves" in text
    assert "seal: version 2.0, aligned to 256 bytes, CRC-32C of all records" in text
    assert "tree digest: " in text
    assert "metadata config/layers: 2\n" in text
    run(inspect, path, "--format=json")
    found = json.loads(capsys.readouterr().out)
    assert found["metadata"]["config"] == {"layers": 2}
    assert found["metadata"]["raw"] == {"base64": "AAE="}
    assert (found["seal"]["version"], found["seal"]["alignment"], found["seal"]["detached"]) == ("2.0", 256, False)
    assert found["seal"]["checksum"] == taken_apart(path.read_bytes())[1]["checksum"].hex()
    plain = path.with_name("plain")
    reference.save(plain, TREE)
    shown = {tuple(leaf["path"]): leaf for leaf in found["leaves"]}
    for record in reference.scan(plain):
        (payload,) = shown[record.path]["payload"] or [[0, 0]]
        if record.dtype is not None:
            assert path.read_bytes()[payload[0] : sum(payload)] == np.asarray(leaf_at(record.path)).tobytes()
    assert found["totals"]


def test_hostile_metadata_steers_no_terminal(path, capsys):
    hostile = {
        "\x1b[2J\r": "\x1b]0;title\x07\u202e",
        "lines\n": {"\x9b": ["\x1b[31m", "\n"]},
        "long": "x" * 100_000,
        "many": list(range(10_000)),
        "nan": [float("nan"), float("inf"), -float("inf")],
        "bytes": bytes(range(256)),
        "deep": {"a": {"b": {"c": []}}},
        "empty": {},
    }
    reference.save(path, {"a": 1}, format="2.0", metadata=hostile)
    run(inspect, path)
    text = capsys.readouterr().out
    assert not {char for char in text if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0} | (
        {"\u202e"} & set(text)
    )
    assert len(text) < 5000
    lines = [line for line in text.splitlines() if not line.startswith(("metadata", "seal", str(path), "total"))]
    assert len(lines) == 2  # the head of the table, and the leaf
    run(inspect, path, "--format=json")
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["metadata"]["nan"] == ["nan", "inf", "-inf"]
    assert found["metadata"]["long"] == hostile["long"]
    run(convert_command, f"--load_checkpoint={path}", f"--output_file=flax::{path}.f")
    assert "\x1b" not in capsys.readouterr().err


# --- seal, load prefixes ---------------------------------------------------------------------------------


def test_the_command_seal(path, capsys):
    plain = path.with_name("plain")
    reference.save(plain, TREE)
    run(seal_command, plain, "--metadata=step=3", "--metadata", "name=x", "--digests")
    assert f"wrote {plain}.seal" in capsys.readouterr().out
    run(inspect, plain)
    text = capsys.readouterr().out
    assert "seal: version 2.0, in a file of its own" in text
    assert "metadata step: 3" in text
    run(verify, plain)
    run(seal_command, path, code=2)
    assert "is already sealed" in capsys.readouterr().err
    convert(f"{plain}", f"params::{path}.out", format="2.0")
    assert said(f"{path}.out")[:2] == (64, {"step": 3, "name": "x"})


def test_load_prefixes_choose_from_a_sealed_stream(tmp_path):
    state = {"step": 3, "params": {"params": TREE["model"]}, "opt_state": {"0": {"mu": TREE["model"]["w"]}}}
    data = sealed(tmp_path, state, name="x", digests=True)
    assert same(reference.load(f"trainstate_params::{tmp_path}/x"), TREE["model"])
    assert same(reference.load(f"trainstate::{tmp_path}/x"), state)
    assert same(reference.load(tmp_path / "x", ("params", "params")), TREE["model"])
    assert same(
        dict(reference.records(f"trainstate_params::{tmp_path}/x")), {(k,): v for k, v in TREE["model"].items()}
    )
    with pytest.raises(FormatError, match="CONV-5"):
        reference.load(f"params::{tmp_path}/x")
    assert list(reference.load(tmp_path / "x", include="*/w", exclude="opt*")["params"]["params"]) == ["w"]
    with reference.open(tmp_path / "x") as checkpoint:
        assert len(checkpoint.leaf_digests()) == 5
        assert same(checkpoint["params/params/ids"], TREE["model"]["ids"])
        assert ("step",) in checkpoint
        assert checkpoint["step"] == 3
    with reference.open(f"trainstate_params::{tmp_path}/x") as checkpoint:
        assert checkpoint.leaf_digests() == {}
        assert findings(checkpoint) == []
    # what is not read is not compared
    at = data.index(TREE["model"]["ids"].tobytes()) + 9
    bad = spoiled(tmp_path / "x", at)
    assert list(reference.load(bad, exclude="*/ids")["params"]["params"]) == ["w", "b"]
    with pytest.raises(FormatError, match="SUM-3"):
        reference.load(f"trainstate_params::{bad}")


def test_prefixes_that_ask_for_another_kind_refuse_a_sealed_stream(path):
    for prefix in ("flax_params", "flax", "safetensors"):
        with pytest.raises(FormatError, match="this is a stream"):
            reference.load(f"{prefix}::{path}")

"""The commands: exit codes, one-line errors, spellings, what they print."""

import json
import os
import pty
import subprocess
import sys

import flax.serialization
import numpy as np
import pytest

import reference
from reference import convert, inspect, verify
from reference.checkpoints.verification import _first_not_canonical
from reference.commands import verbs
from reference.format.casts import FLOAT_TAGS
from reference.format.dtypes import PARTS, dtype_of

TREE = {"params": {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1.0, np.nan], np.float16)}, "n": 3}


@pytest.fixture
def file(tmp_path):
    reference.save(tmp_path / "x", TREE)
    return tmp_path / "x"


def run(command, *arguments):
    code = command.main([str(argument) for argument in arguments])
    assert code in (0, 1, 2)
    return code


def test_leaves_are_chosen_by_more_than_one_glob(file):
    options = (f"--load_checkpoint={file}", f"--output_file={file}.out", "--streaming")
    assert run(convert, *options, "--match", "params/*", "--match=n", "--exclude", "*/w") == 0
    tree = reference.load(f"{file}.out")
    assert (list(tree), list(tree["params"])) == (["params", "n"], ["b"])


@pytest.mark.parametrize("spelling", ["--streaming", "--streaming=True", "--streaming=true", "--streaming=1"])
def test_streaming_is_spelled_as_people_spell_it(file, spelling, capsys):
    assert run(convert, f"--load_checkpoint=params::{file}", f"--output_file={file}.out", spelling) == 0
    assert (file.parent / "x.out").read_bytes() == file.read_bytes()
    assert "wrote" in capsys.readouterr().out


@pytest.mark.parametrize("spelling", [[], ["--streaming=False"], ["--nostreaming"], ["--streaming", "False"]])
def test_a_flax_file_is_the_default(file, spelling):
    assert run(convert, "--load_checkpoint", file, "--output_file", f"{file}.out", *spelling) == 0
    assert flax.serialization.msgpack_restore((file.parent / "x.out").read_bytes())["n"] == 3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--load_checkpoint=x"], "output_file"),
        (["--load_checkpoint=foo::x", "--output_file=y"], "foo::"),
        (["--load_checkpoint=x", "--output_file=y", "--float_dtype=bf17"], "bf17"),
        (["--load_checkpoint=x", "--output_file=y", "--streaming=maybe"], "maybe"),
        (["--load_checkpoint=params::", "--output_file=y"], "path"),
        (["--load_checkpoint=x", "--output_file=y", "--nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_exits_2(arguments, word, capsys):
    assert run(convert, *arguments) == 2
    assert word in capsys.readouterr().err


def test_a_refused_input_exits_1_with_one_line(file, capsys):
    data = file.read_bytes()
    cut = file.parent / "cut"
    cut.write_bytes(data[:-1])
    for command, arguments in (
        (convert, [f"--load_checkpoint={cut}", f"--output_file={cut}.out"]),
        (inspect, [cut]),
        (verify, [cut]),
        (verify, [file.parent / "missing"]),
        (verify, [file.parent]),
        (convert, [f"--load_checkpoint={file}", f"--output_file={file.parent}"]),
        (convert, [f"--load_checkpoint={file}", f"--output_file={file.parent}/no/x"]),
        (convert, [f"--load_checkpoint=trainstate::{file}", f"--output_file={file}.out"]),
    ):
        assert run(command, *arguments) == 1
        said = capsys.readouterr()
        assert said.out == "" or command is inspect  # which lists the leaves in front of the fault
        assert said.err.count("\n") == 1
        assert "error:" in said.err
    assert not (file.parent / "cut.out").exists()


def test_a_dry_run_lists_what_would_be_written(file, capsys):
    assert (
        run(convert, f"--load_checkpoint={file}", f"--output_file={file}.out", "--float_dtype=bf16", "--dry_run") == 0
    )
    said = capsys.readouterr().out
    assert "params/w  bfloat16[2,3]  12 B" in said
    assert "would write" in said
    assert not (file.parent / "x.out").exists()


def test_overflows_are_reported(tmp_path, capsys):
    reference.save(tmp_path / "x", {"a": np.array([1e30, 1.0], np.float32)})
    assert run(convert, f"--load_checkpoint={tmp_path}/x", f"--output_file={tmp_path}/y", "--float_dtype=fp16") == 0
    assert "1 finite value became infinite" in capsys.readouterr().out


def test_inspect_shows_the_tree(file, capsys):
    assert run(inspect, file) == 0
    said = capsys.readouterr().out
    assert "float32[2,3]" in said
    assert "int 3" in said
    assert "total float16: 1 leaf, 2 elements, 4 B" in said
    assert run(inspect, file, "--depth", 1) == 0
    assert "params/...  2 leaves" in capsys.readouterr().out
    assert run(inspect, file, "--match", "*/w") == 0
    said = capsys.readouterr().out
    assert "params/w" in said
    assert "params/b" not in said
    assert run(inspect, file, "--depth", 0) == 2


def test_inspect_speaks_json(file, capsys):
    assert run(inspect, file, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "stream"
    leaf = found["leaves"][0]
    assert (leaf["path"], leaf["dtype"], leaf["shape"], leaf["bytes"]) == (["params", "w"], "float32", [2, 3], 24)
    (at, n), *_ = leaf["payload"]
    assert file.read_bytes()[at : at + n] == TREE["params"]["w"].tobytes()
    assert found["leaves"][2]["value"] == "3"


def test_verify_says_what_it_found(file, capsys):
    assert run(verify, file) == 0
    said = capsys.readouterr().out
    assert "good stream" in said
    assert "params/b holds NaN" in said
    assert "canonical" not in said


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda d: b"\xdc\0\2" + d[1:], "not in canonical form"),
        (
            lambda d: d.replace(b"\x92\x91\xa1n\xc4\x01\x03", b"\x92\x91\xa1n\xc4\x02\xcc\x03"),
            "n is the first leaf that is not",
        ),
        (lambda d: d + b"\x92\x92\xa6params\xa1z\xc4\x01\xc0", "not in canonical form"),
        (
            lambda d: d + b"\x92\x91\xa1z\xc4\x0e\xc7\x0b\x01\x93\x91\x01\xa4bool\xc4\x01\x07",
            "bool bytes other than 0 and 1",
        ),
        (
            lambda d: d + b"\x92\x91\xa1z\xc4\x0e\xc7\x0b\x01\x93\x91\x01\xa4int4\xc4\x01\xff",
            "high bits that are not zero",
        ),
    ],
)
def test_verify_notes_what_a_writer_would_not_emit(file, change, note, capsys):
    file.write_bytes(change(file.read_bytes()))
    assert run(verify, file) == 0
    assert note in capsys.readouterr().out


@pytest.mark.parametrize("tag", [*FLOAT_TAGS, "float8_e5m2", "complex64", "complex128"])
@pytest.mark.parametrize(("value", "note"), [(np.nan, "NaN"), (-np.inf, "infinities"), (-1.5, None)])
def test_verify_finds_the_one_element_that_is_not_finite(tmp_path, tag, value, note, capsys):
    array = np.zeros(1 << 22, dtype_of(tag))
    array.view(dtype_of(PARTS.get(tag, tag)))[-1] = value
    reference.save(tmp_path / "x", {"w": array})
    assert run(verify, tmp_path / "x") == 0
    said = capsys.readouterr().out
    noted = [f"  note: w holds {note}: 1 of 4,194,304 elements"] if note else []
    assert [line for line in said.splitlines() if "note" in line] == noted


def test_verify_of_a_part_is_no_stream_out_of_form(tmp_path, capsys):
    reference.save(tmp_path / "x", {"step": 1, "params": {"params": {"w": np.zeros(2)}}, "opt_state": {"0": 2}})
    assert run(verify, f"trainstate_params::{tmp_path}/x") == 0
    said = capsys.readouterr().out
    assert "1 leaf," in said
    assert "canonical" not in said


def test_verify_takes_every_container(file, capsys):
    run(convert, f"--load_checkpoint={file}", f"--output_file=flax::{file}.flax")
    reference.save(f"{file}.w", TREE["params"])
    run(convert, f"--load_checkpoint={file}.w", f"--output_file=safetensors::{file}.st")
    for name in (f"{file}.flax", f"flax::{file}.flax", f"{file}.st", f"safetensors::{file}.st"):
        assert run(verify, name) == 0
        said = capsys.readouterr().out
        assert "good" in said
        assert "canonical" not in said
        assert run(inspect, name) == 0


def test_the_verbs_of_one_command(file, capsys):
    assert verbs.main(["verify", str(file)]) == 0
    assert "good stream" in capsys.readouterr().out
    assert verbs.main(["--help"]) == 0
    assert "convert" in capsys.readouterr().out
    assert verbs.main([]) == 2
    assert verbs.main(["nonsense"]) == 2


@pytest.mark.parametrize("module", ["convert", "inspect", "verify"])
def test_help_shows_three_examples(module):
    run = subprocess.run(
        [sys.executable, "-m", f"reference.{module}", "--help"], capture_output=True, text=True, check=True
    )
    assert run.stdout.count("python -m reference.") >= 3 + 1
    assert "exit status" in run.stdout


def test_a_pipe_is_silent_and_a_terminal_has_a_bar(file, tmp_path):
    reference.save(tmp_path / "big", {str(i): np.zeros(1 << 22, np.float32) for i in range(8)})
    command = [sys.executable, "-m", "reference.verify", str(tmp_path / "big")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the other side has been closed
        pass
    assert process.wait() == 0
    os.close(ours)
    assert b"verify" in shown
    assert b"MB" in shown


def test_a_reader_that_leaves_early_is_no_error(file):
    reference.save(file, {str(i): i for i in range(20_000)})
    command = f"{sys.executable} -m reference.inspect {file} | head -1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert run.stdout.startswith(str(file))
    assert run.stderr == ""


def command(*words, **more):
    return subprocess.run([sys.executable, "-m", *map(str, words)], capture_output=True, text=True, **more)


def test_names_that_the_terminal_cannot_show_end_nothing(tmp_path):
    reference.save(tmp_path / "x", {"é": 1})
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = command("reference.inspect", tmp_path / "x", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\xe9" in done.stdout
    os.rename(tmp_path / "x", os.fsencode(tmp_path) + b"/\xff")
    assert subprocess.run([sys.executable, "-m", "reference.verify", os.fsencode(tmp_path) + b"/\xff"]).returncode == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_end_nothing(file, closed):
    shell = f"{sys.executable} -m reference.convert --load_checkpoint={file} --output_file={file}.out {closed}"
    assert subprocess.run(shell, shell=True).returncode == 0
    assert (file.parent / "x.out").exists()


def test_nothing_in_a_file_steers_the_terminal(tmp_path):
    root = "\x1b[2J\rok\u202e"
    reference.save(tmp_path / "x", {root: 1, "step": 1, "params": {"a": 1}})
    header = json.dumps({"a": {"dtype": "\x1b[31m\r", "shape": [], "data_offsets": [0, 0]}}).encode()
    (tmp_path / "y").write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / "z").write_bytes(b"\x92\x91\xa2\x1b\n\x07")
    for name in (f"trainstate_params::{tmp_path}/x", f"{tmp_path}/y", f"{tmp_path}/z"):
        done = command("reference.inspect", name)
        assert done.returncode == (0 if name.endswith("/y") else 1)  # what cannot be held is listed
        assert done.stderr.count("\n") == 1
        assert not any(char in done.stdout for char in "\x1b\r\u202e")
        assert not any(ord(char) < 32 or char == "\u202e" for char in done.stderr.rstrip("\n"))
        assert len(done.stderr) < 1000


def test_a_leaf_whose_canonical_form_fits_no_record_is_still_good(tmp_path):
    from reference.tests.test_large import sparse

    blob = (1 << 32) - 1
    head = sparse(tmp_path / "x", 1000)
    sparse(tmp_path / "x", blob - head)
    with reference.open(tmp_path / "x") as checkpoint:
        assert _first_not_canonical(checkpoint) == ("a",)

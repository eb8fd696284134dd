"""The program as people type it: verbs, spellings, places, help, what is one line, JSON."""

import json
import os
import re
import subprocess
import sys

import jsonschema
import numpy as np
import pytest

import reference
from reference import delta
from reference.commands.schemas import SCHEMAS
from reference.commands.spellings import did_you_mean
from reference.commands.statuses import EXIT_STATUSES
from reference.commands.verbs import VERBS
from reference.tests.typed_verbs import TREE, said, save_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_files(tmp_path)
    return tmp_path


def typed(*words, **more):
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, **more)


# --- how it is called ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["streamckpt", "reference"])
def test_it_is_the_same_program_by_each_name(name, folder):
    assert typed(name, "--version").stdout == f"streamckpt {reference.__version__} (specification 2.0)\n"
    shown = typed(name, "help")
    assert shown.stdout.startswith(f"usage: python -m {name} VERB")
    assert all(f"\n  {verb} " in shown.stdout for verb in VERBS)
    usage = typed(name, "help", "convert").stdout
    assert usage.startswith(f"usage: python -m {name} convert [options] IN OUT\n")
    assert f"\n  python -m {name} convert safetensors::llama/" in usage
    assert typed(name, "convert", "--nonsense").stderr.startswith(f"{name} convert: error: unknown option --nonsense")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_a_module_too(verb):
    shown = typed(f"reference.{verb}", "--help")
    assert shown.stdout.startswith(f"usage: python -m reference.{verb} [options] ")
    assert "streamckpt " not in shown.stdout.partition("examples:")[2]
    assert "exit status:\n  0 " in shown.stdout
    assert shown.stderr == ""


def test_the_help_of_all_has_one_table_of_statuses(capsys):
    _, shown, _ = said(capsys, "--help")
    statuses = re.findall(r"^  (\d+) ", shown.partition("exit status:\n")[2], re.M)
    assert list(map(int, statuses)) == list(EXIT_STATUSES)
    assert said(capsys, "help")[1] == shown
    status, out, error = said(capsys)
    assert (status, out, error) == (2, "", shown)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["convret"], "streamckpt: error: unknown verb 'convret'; did you mean convert? (see `streamckpt --help`)"),
        (["vverify"], "unknown verb 'vverify'; did you mean verify?"),
        (["qqqq"], "unknown verb 'qqqq' (see"),
        (["ls", "x"], "unknown verb 'ls'; did you mean inspect?"),
        (["patch", "x", "y", "z"], "did you mean recover?"),
        (["x"], "'x' is a file and not a verb; did you mean `streamckpt inspect x`?"),
        (["params::x"], "did you mean `streamckpt inspect params::x`?"),
        (["--json", "inspect", "x"], "unknown option --json: the verb comes first, and its options follow, as in"),
        (["convert", "x", "params:z"], "params:z: two colons follow a load prefix: params::z (a file of this name is"),
        (
            ["diff", "x", "y", "z.safetensors"],
            "is the name of a safetensors file, and a delta is written; name it other",
        ),
        (["recover", "x", "y", "z/"], "z/ is a folder, and a stream is one file; drop the / at the end, or write safe"),
        (["help", "inspct"], "unknown verb 'inspct'; did you mean inspect?"),
        (["convert", "x", "z", "--flaot_dtype=bf16"], "unknown option --flaot_dtype; did you mean --float_dtype? (see"),
        (["convert", "x", "z", "--float-type=bf16"], "did you mean --float_dtype?"),
        (["convert", "x", "z", "--max"], "did you mean --max_shard_size?"),
        (["convert", "x", "z", "-z"], "unknown option -z (see"),
        (["convert", "x", "z", "--format=2.1"], "argument --format: '2.1' is not one of 1.0, 2.0"),
        (
            ["diff", "x", "y", "z", "--method=substract"],
            "'substract' is not one of exact, subtract; did you mean subtract?",
        ),
        (["convert", "x"], "OUT is missing: give it as an argument, or as --output_file (see `streamckpt convert"),
        (["convert"], "IN is missing"),
        (["convert", "x", "z", "more"], "unexpected argument 'more'"),
        (["convert", "x", "z", "--streaming=maybe"], "'maybe' is neither True nor False"),
        (["convert", "x", "z", "--nostreaming=True"], "--nostreaming takes no value"),
        (["convert", "x", "z", "--float_dtype"], "--float_dtype needs a value"),
        (["verify"], "error: FILE is missing (see `streamckpt verify --help`)"),
        (["seal"], "error: STREAM is missing (see"),
        (["--versio"], "unknown option --versio; did you mean --version? (see"),
        (["--hlep"], "unknown option --hlep; did you mean --help? (see"),
        (["recover", "x", "y"], "OUT is missing"),
    ],
)
def test_wrong_usage_is_one_line(words, error, folder, capsys):
    status, out, told = said(capsys, *words)
    assert (status, out) == (2, "")
    assert error in told
    assert told.count("\n") == 1
    assert not (folder / "z").exists()


def test_what_is_far_from_all_words_is_not_guessed():
    assert did_you_mean("xyzzy", VERBS) == ""
    assert did_you_mean("dry", ["dry_run", "v"], "--") == "; did you mean --dry_run?"


# --- places and spellings --------------------------------------------------------------------------------


def test_inputs_and_outputs_are_given_in_order(folder, capsys):
    assert said(capsys, "convert", "x", "params::again")[0] == 0
    assert (folder / "again").read_bytes() == (folder / "x").read_bytes()
    assert said(capsys, "diff", "x", "y", "delta")[0] == 0
    assert said(capsys, "recover", "x", "delta", "recovered")[0] == 0
    assert (folder / "recovered").read_bytes() == (folder / "y").read_bytes()
    assert said(capsys, "salvage", "cut", "rescued")[0] == 3
    assert list(reference.load("rescued")) == ["params"]


@pytest.mark.parametrize(
    "words",
    [
        ["--load_checkpoint=x", "params::z"],
        ["params::z", "--load-checkpoint", "x"],
        ["--output-file=params::z", "x"],
        ["--streaming", "x", "z"],
        ["x", "--streaming", "z"],
        ["x", "z", "--streaming", "True"],
        ["x", "--nodry_run", "z", "--no-dry-run", "--streaming=TRUE"],
        ["--no_progress", "x", "--", "params::z"],
        ["x", "--include", "*", "params::z"],
        ["-q", "x", "params::z"],
    ],
)
def test_places_and_options_mix(words, folder, capsys):
    status, _, error = said(capsys, "convert", *words)
    assert (status, error) == (0, "")
    assert (folder / "z").read_bytes() == (folder / "x").read_bytes()


def test_what_begins_with_a_dash_is_named_behind_two(folder, capsys):
    os.rename("x", "-x")
    assert said(capsys, "verify", "--", "-x")[0] == 0
    assert said(capsys, "convert", "--", "-x", "params::-z")[0] == 0
    assert (folder / "-z").read_bytes() == (folder / "-x").read_bytes()


def test_quiet_prints_errors_alone(folder, capsys):
    assert said(capsys, "verify", "-q", "x") == (0, "", "")
    assert said(capsys, "compare", "--quiet", "x", "y") == (1, "", "")
    assert said(capsys, "convert", "-q", "x", "z", "--float_dtype=fp16") == (0, "", "")
    status, out, error = said(capsys, "verify", "-q", "cut", "x")
    assert (status, out, error.count("\n")) == (1, "", 1)
    status, out, error = said(capsys, "salvage", "-q", "cut", "rescued", "--json")
    assert (status, error) == (3, "")
    assert json.loads(out)["leaves"] == 2


def test_progress_is_shown_unless_it_is_not_wanted(folder, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: asked.append(1), raising=False)
    assert said(capsys, "verify", "x", "--no-progress")[0] == 0
    assert not asked
    assert said(capsys, "verify", "x")[0] == 0
    assert asked


# --- several files ---------------------------------------------------------------------------------------


def test_each_of_several_files_is_judged(folder, capsys):
    status, out, error = said(capsys, "verify", "x", "cut", "y", "missing")
    assert status == 1
    assert [line.split(":")[0] for line in out.splitlines() if "good stream" in line] == ["x", "y"]
    assert [line.split(": ")[2] for line in error.splitlines()] == ["cut", "missing"]
    status, out, error = said(capsys, "inspect", "x", "cut", "y", "--json")
    assert status == 1
    found = [json.loads(line) for line in out.splitlines()]
    assert [each["file"] for each in found] == ["x", "cut", "y"]
    assert found[1]["error"]["clause"] == "STREAM-2"
    assert error.startswith("streamckpt inspect: error: cut: ")


# --- JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("convert x z.safetensors --include params/*", 0),
        ("convert x z --float_dtype=fp16 --format=2.0 --streaming", 0),
        ("convert x z --dry_run", 0),
        ("convert x safetensors::shards/ --include params/*", 0),
        ("diff x y z", 0),
        ("diff x y z --float_dtype=bf16", 0),
        ("diff floats more z --method=subtract", 0),
        ("recover x delta z", 0),
        ("recover floats difference z", 0),
        ("diff --recover_diff x delta z", 0),
        ("compare x y", 1),
        ("compare x x", 0),
        ("compare floats more", 1),
        ("inspect x", 0),
        ("inspect delta", 0),
        ("inspect sealed", 0),
        ("inspect cut", 1),
        ("inspect missing", 1),
        ("verify x", 0),
        ("verify sealed", 0),
        ("verify cut", 1),
        ("seal x", 0),
        ("salvage cut z", 3),
        ("salvage x --dry_run", 0),
    ],
)
def test_reports_are_json_of_the_schema(words, status, folder, capsys):
    floats = np.linspace(-1, 1, 100, dtype=np.float32)
    reference.save("floats", {"w": floats, "c": floats.astype(np.complex64)})
    reference.save("more", {"w": floats + np.float32(1e-9), "c": (floats * 2).astype(np.complex64)})
    reference.save("sealed", TREE, format="2.0", metadata={"step": 3}, digests=True)
    delta.diff("x", "y", "delta")
    delta.subtract("floats", "more", "difference")
    found, out, error = said(capsys, *words.split(), "--json")
    assert found == status, error
    assert bool(error) == (" error: " in error) == (words.split()[1] in ("cut", "missing") and status == 1)
    jsonschema.validate(json.loads(out), SCHEMAS[words.split()[0]])


def test_the_schemas_refuse_what_they_do_not_name(folder, capsys):
    _, out, _ = said(capsys, "verify", "x", "--json")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(out), "more": 1}, SCHEMAS["verify"])
    assert set(SCHEMAS) == set(VERBS)

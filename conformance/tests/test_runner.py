"""The command: selection, verdicts, wrong usage."""

import pytest

from conformance import VERSION
from conformance import __main__ as command
from conformance.tests.programs import GOOD, ONE, finds_one, program
from conformance.tests.programs import run_here as run


@pytest.fixture
def reads_one(tmp_path):
    return finds_one(tmp_path)


def test_a_wrong_value_is_named(tmp_path):
    eight = program(
        tmp_path, "import json; print(json.dumps({'records': [{'path': ['a'], 'kind': 'int', 'value': '8'}]}))"
    )
    status, printed = run("run", "--decoder", eight, "--match", ONE)
    assert status == 1
    assert "value '1'" in printed
    assert "value '8'" in printed


@pytest.mark.parametrize(
    "printed_records",
    [
        "[]",
        "[{'path': ['a'], 'kind': 'int', 'value': '1'}] * 2",
        "[{'path': ['a'], 'kind': 'int', 'value': 1}]",
        "[{'path': ['a'], 'kind': 'float', 'value': '1'}]",
        "[{'path': 'a', 'kind': 'int', 'value': '1'}]",
        "[{'path': ['a'], 'kind': 'int', 'value': '1'}, {'path': ['b'], 'kind': 'nil'}]",
        "None",
    ],
)
def test_wrong_records_are_not_passed(tmp_path, printed_records):
    text = f"import json; print(json.dumps({{'records': {printed_records}}}))"
    status, _ = run("run", "--decoder", program(tmp_path, text), "--match", ONE)
    assert status == 1


def test_other_members_and_orders_are_passed(tmp_path):
    text = (
        "import json; print(json.dumps({'records': [{'note': 1, 'path': ['a'], 'kind': 'int', 'value': '1'}], 'x': 2}))"
    )
    assert run("run", "--decoder", program(tmp_path, text), "--match", ONE)[0] == 0


def test_a_crash_is_not_a_rejection(tmp_path):
    crash = program(tmp_path, GOOD.replace('print(json.dumps({"rejected"', 'raise ValueError(({"rejected"'))
    status, printed = run("run", "--decoder", crash, "--match", "06-streams/a-file-of-no-byte")
    assert status == 1
    assert "crashed: ended with exit status 1" in printed


def test_should_and_dialects_do_not_fail_a_run(tmp_path, reads_one):
    status, printed = run("run", "--decoder", reads_one, "--match", "dialects/a-leaf-split-over-records")
    assert status == 0, printed
    assert "advised" in printed


def test_input_on_standard_input(tmp_path):
    status, printed = run(
        "run", "--decoder", program(tmp_path, GOOD), "--stdin", "--match", "06-streams/a-file-of-no-byte"
    )
    assert status == 0, printed


@pytest.mark.parametrize(("goes_back", "status"), [("pass", 0), ("sys.stdin.buffer.seek(0)", 1)])
def test_standard_input_is_a_pipe(tmp_path, goes_back, status):
    """A decoder that goes back in its input fails, as it would after `cat`; one that does not passes."""
    text = f"""
import json, sys
if b"w" not in sys.stdin.buffer.read():
    {goes_back}
print(json.dumps({{"records": [{{"path": ["a"], "kind": "int", "value": "1"}}]}}))
"""
    found, printed = run("run", "--decoder", program(tmp_path, text), "--stdin", "--match", ONE)
    assert found == status, printed
    assert ("crashed" in printed) == (f"--match {ONE} --stdin" in printed) == bool(status)


def test_a_decoder_that_closes_its_input_and_rejects_has_rejected(tmp_path):
    """It has read enough to know. That nobody takes the rest of its 4 GiB does not matter."""
    text = """
import os, sys
os.read(0, 100)
os.close(0)
print('{"rejected": "cut off"}', file=sys.stderr)
sys.exit(1)
"""
    words = ("--stdin", "--match", "06-streams/a-record-cut-off-beyond-4-gib")
    status, printed = run("run", "--decoder", program(tmp_path, text), *words)
    assert status == 0, printed


def test_an_encoder_that_writes_before_it_rejects_fails(tmp_path):
    text = "import sys; print('x', flush=True); print('{\"rejected\": \"no\"}', file=sys.stderr); sys.exit(1)"
    encoder = program(tmp_path, text)
    status, printed = run("run", "--encoder", encoder, "--match", "00-introduction/last-leaf-cannot-be-written")
    assert status == 1
    assert "CONF-7" in printed


def test_a_converter_that_takes_the_old_file_away_fails(tmp_path):
    text = """
import sys
out = next(word for word in sys.argv if word.startswith("--output_file=")).split("=", 1)[1]
open(out, "w").close()
print('{"rejected": "no"}', file=sys.stderr); sys.exit(1)
"""
    name = "06-streams/a-failed-conversion-leaves-the-old-file"
    status, printed = run("run", "--converter", program(tmp_path, text), "--match", name)
    assert status == 1
    assert "the old file has been changed" in printed


@pytest.mark.slow
def test_list_show_copy_and_coverage(tmp_path):
    status, printed = run("list", "--match", "06-*")
    assert status == 0
    assert ONE in printed
    status, printed = run("show", "05-records/a-blob-of-2-gib", "--output", tmp_path / "made")
    assert status == 0
    assert (tmp_path / "made").stat().st_size == (1 << 31) + 9
    status, printed = run("copy", tmp_path / "vendored")
    assert status == 0
    assert "version" in (tmp_path / "vendored/PROVENANCE").read_text()
    assert (tmp_path / "vendored/CLIENT.md").exists()
    assert run("copy", tmp_path / "vendored")[0] == 2
    status, printed = run("coverage")
    assert status == 0
    assert "NO CASE" not in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run",), "name a program"),
        (("run", "--decoder", "./no-such-program"), ""),
        (("run", "--decoder", "true", "--match", "nothing/*"), "no case matches"),
        (("run", "--decoder", "true", "--spec", "9.9"), "no specification 9.9"),
        (("run", "--recoverer", "true", "--match", ONE), "nothing to check"),
        (("show", "nothing"), "no case matches 'nothing'; `python -m conformance list` shows all"),
        (("show", "16-seal/one-small-leaf"), "it is of specification 2.0: add --spec 2.0"),
        (("show", "04-leaves"), "for the cases in it give '04-leaves/*'\n"),
        (("list", "--match", "16-seal/"), "for the cases in it give '16-seal/*' --spec 2.0"),
    ],
)
def test_wrong_usage_is_told_in_a_line(words, told):
    status, printed = run(*words)
    assert status in (1, 2)
    assert "Traceback" not in printed
    assert told in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shw",), "invalid choice: 'shw'"),
        (("show",), "required: case (see `python -m conformance show --help`)"),
        (("run", "--decodr=x"), "unrecognized arguments: --decodr=x"),
        (("run", "--jobs=x"), "--jobs: invalid int value: 'x'"),
    ],
)
def test_wrong_arguments_are_told_in_one_line_without_the_usage(words, told, capfd):
    with pytest.raises(SystemExit) as ended:
        command.main([*words])
    error = capfd.readouterr().err
    assert (ended.value.code, error.count("\n")) == (2, 1)
    assert error.startswith("conformance: error: ")
    assert told in error


def test_without_a_verb_the_help_is_shown(capfd):
    assert command.main([]) == 2
    assert "python -m conformance run --decoder" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["--version"])
    assert capfd.readouterr().out == f"conformance {VERSION} (specifications 1.0, 2.0)\n"


def test_a_reader_of_the_list_may_stop_early():
    import subprocess
    import sys

    shell = f"{sys.executable} -m conformance list | head -1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""

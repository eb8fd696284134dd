"""The command: selection, expectations, reports, what a failure tells."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from conformance.tests.programs import GOOD, program, run
from conformance.xfails import read_xfails

ONE = "06-streams/one-record"  # one record, "a": 1


@pytest.fixture
def reads_one(tmp_path):
    """A decoder that accepts everything and finds the int 1 in it."""
    return program(
        tmp_path, "import json; print(json.dumps({'records': [{'path': ['a'], 'kind': 'int', 'value': '1'}]}))"
    )


def test_success_takes_no_more_than_six_lines(reads_one):
    status, printed = run("run", "--decoder", reads_one, "--match", ONE)
    assert status == 0, printed
    lines = printed.splitlines()
    assert len(lines) <= 6
    assert lines[-1].startswith("PASS")


def test_a_failure_tells_all_that_is_needed(reads_one):
    status, printed = run("run", "--decoder", reads_one, "--match", "06-streams/cut-within-a-shape")
    assert status == 1
    for part in (
        "FAIL 06-streams/cut-within-a-shape (decode), specification 1.0, STREAM-2",
        "STREAM-2: The end of the input MUST fall on the end of a record.",
        "want: rejected",
        "got:  accepted",
        "00000000  92 91 a1 61",
        "--match 06-streams/cut-within-a-shape",
    ):
        assert part in printed, printed


def test_the_command_that_is_printed_runs_that_case_alone(reads_one):
    import shlex

    _, printed = run("run", "--decoder", reads_one, "--match", "06-streams/cut-*")
    again = next(line.split("again: ")[1] for line in printed.splitlines() if "again: " in line)
    words = shlex.split(again)[3:]
    status, printed = run(*words)
    assert status == 1
    assert printed.count("FAIL 06-") == 1


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


def test_a_crash_is_no_rejection(tmp_path):
    crash = program(tmp_path, "raise ValueError")
    status, printed = run("run", "--decoder", crash, "--match", "06-streams/a-file-of-no-byte")
    assert status == 1
    assert "crashed: ended with exit status 1" in printed


def test_expected_failures_pass_and_unexpected_passes_fail(tmp_path, reads_one):
    xfails = tmp_path / "xfails"
    xfails.write_text("# known\ndecode 06-streams/cut-*: it reads nothing\n")
    status, printed = run("run", "--decoder", reads_one, "--match", "06-streams/cut-*", "--xfails", xfails)
    assert status == 0, printed
    assert "expected to fail" in printed
    xfails.write_text(f"decode {ONE}: it reads nothing\n")
    status, printed = run("run", "--decoder", reads_one, "--match", ONE, "--xfails", xfails)
    assert status == 1
    assert "UNEXPECTED PASS" in printed


def test_an_expectation_that_matches_nothing_fails(tmp_path, reads_one):
    xfails = tmp_path / "xfails"
    xfails.write_text("decode 06-streams/no-such-*: gone\n")
    status, printed = run("run", "--decoder", reads_one, "--match", ONE, "--xfails", xfails)
    assert status == 1
    assert "matches no case" in printed


@pytest.mark.parametrize("line", ["decode", "decode 06-*", "decode 06-*:", "write 06-*: why"])
def test_a_line_of_expectations_needs_part_glob_and_reason(tmp_path, line):
    file = tmp_path / "xfails"
    file.write_text(line + "\n")
    with pytest.raises(ValueError, match="a line is"):
        read_xfails(file)


def test_should_and_dialects_do_not_fail_a_run(tmp_path, reads_one):
    status, printed = run("run", "--decoder", reads_one, "--match", "dialects/a-leaf-split-over-records")
    assert status == 0, printed
    assert "advised" in printed


def test_input_on_standard_input(tmp_path):
    status, printed = run(
        "run", "--decoder", program(tmp_path, GOOD), "--stdin", "--match", "06-streams/a-file-of-no-byte"
    )
    assert status == 0, printed


@pytest.mark.parametrize(
    ("reads", "status"), [("sys.stdin.buffer.read()", 0), ("sys.stdin.buffer.read(); sys.stdin.buffer.seek(0)", 1)]
)
def test_standard_input_is_a_pipe(tmp_path, reads, status):
    """A decoder that goes back in its input fails, as it would after `cat`; one that does not passes."""
    text = f"""
import json, sys
{reads}
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
    assert "the old file is gone" in printed


class Elements(HTMLParser):
    """The elements of a page, the places in it that have a name, and what it refers to."""

    def __init__(self, page):
        super().__init__()
        self.names, self.ids, self.links = set(), [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.names.add(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links |= {attrs[name] for name in ("href", "src") if name in attrs}


def test_reports(tmp_path, reads_one):
    names = {form: tmp_path / form for form in ("junit", "json", "markdown", "html", "badge")}
    options = [word for form, file in names.items() for word in (f"--{form}", file)]
    chosen = ("--match", "06-streams/cut-*", "--match", ONE, "--no-large")
    status, _ = run("run", "--decoder", reads_one, *chosen, "--name", "<&>", *options)
    assert status == 1
    suites = ElementTree.parse(names["junit"]).getroot()
    failures = suites.findall(".//failure")
    assert int(suites.find("testsuite").get("failures")) == len(failures) > 5
    told = json.loads(names["json"].read_text())
    assert {check["state"] for check in told["checks"]} == {"passed", "failed"}
    assert "| STREAM-2 | **no**" in names["markdown"].read_text()
    page = names["html"].read_text()
    assert "&lt;&amp;&gt;" in page
    assert "STREAM-2<dd>The end of the input MUST fall on the end of a record." in page
    assert "--match 06-streams/cut-within-a-shape</pre>" in page
    assert "92 91 a1 61" in page
    found = Elements(page)
    assert not {"script", "link", "img", "iframe"} & found.names
    assert found.links
    assert found.links <= {f"#{id}" for id in found.ids}
    assert len(set(found.ids)) == len(found.ids)
    assert ElementTree.parse(names["badge"]).getroot().tag.endswith("svg")
    status, table = run("table", names["json"], names["json"])
    assert status == 0
    assert "| clause | <&> | <&> |" in table


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
        (("show", "nothing"), "no case matches"),
    ],
)
def test_wrong_usage_is_told_in_a_line(words, told):
    status, printed = run(*words)
    assert status in (1, 2)
    assert "Traceback" not in printed
    assert told in printed


def test_a_reader_of_the_list_may_stop_early():
    import subprocess
    import sys

    shell = f"{sys.executable} -m conformance list | head -1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""

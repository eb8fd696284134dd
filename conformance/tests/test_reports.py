"""What is told of a run: the text of it, one screen of failures, and the reports that are files."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from conformance.tests.programs import ONE, finds_one, program
from conformance.tests.programs import run_here as run


@pytest.fixture
def reads_one(tmp_path):
    return finds_one(tmp_path)


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


@pytest.fixture(scope="module")
def all_red(tmp_path_factory):
    """A decoder that takes whatever it gets, and finds in it what is never there."""
    record = "{'records': [{'path': ['never'], 'kind': 'nil'}]}"
    return program(tmp_path_factory.mktemp("red"), f"import json; print(json.dumps({record}))")


def test_a_run_that_fails_everywhere_reads_in_one_screen(all_red):
    status, printed = run("run", "--decoder", all_red, "--match", "0*-*/a*", "--every", 0, "--no-large", "--advice")
    assert status == 1
    lines = printed.splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith("FAIL 0")
    told = sum(line.startswith("FAIL 0") for line in lines)
    (more,) = (line for line in lines if "more failure" in line)
    assert more.endswith("(`--all` tells each in full, `--match` chooses cases):")
    assert f"FAIL         {told + int(more.split()[0])} failures" in lines[-1]
    assert any(line.startswith("  decode 04-leaves: ") for line in lines)
    assert all(len(line) < 250 for line in lines if not line.startswith(("  again", "decode", "slowest")))


def test_all_failures_are_told_where_that_is_asked_for(all_red):
    words = ("run", "--decoder", all_red, "--match", "06-streams/a*", "--every", 0)
    _, printed = run(*words, "--all")
    assert printed.count("again: ") == int(printed.splitlines()[-1].split()[1]) > 5
    assert "more failure" not in printed


def test_advice_is_a_line_for_each_case(tmp_path):
    text = """
import json, sys
print(json.dumps({"rejected": "no", "clause": "KEY-1", "offset": "3"}), file=sys.stderr)
sys.exit(1)
"""
    words = ("run", "--decoder", program(tmp_path, text), "--advice", "--match", "01-wire/array-of-4-gib*")
    status, printed = run(*words)
    assert status == 0, printed
    lines = [line for line in printed.splitlines() if line.startswith("ADVICE 01-wire/array-of-4-gib")]
    assert len(lines) == 2
    assert "(decode): named KEY-1; expected WIRE-3" in lines[0]
    assert lines[1].endswith("(decode): named byte 3; expected byte 4")


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
    words = ("--match", "06-streams/*", "--every", 0, "--no-large", "--name", "<&>")
    status, _ = run("run", "--decoder", reads_one, *words, *options)
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

"""What the runner gives to programs and takes from them: JSON in both directions, and files at an output's name."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.asking import spellings, stands_already
from conformance.compare import judge_reading
from conformance.model import load_corpus
from conformance.programs import ACCEPTED, Outcome
from conformance.tests.programs import GOOD, ONE, program
from conformance.tests.programs import run_here as run

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "printed_json",
    [
        '{"records": [{"path": ["a"], "kind": "int", "value": "1", "x": NaN}]}',
        '{"records": [{"path": ["a"], "kind": "int", "value": "1"}], "x": Infinity}',
        '{"records": [{"path": ["a"], "kind": "int", "value": "2", "value": "1"}]}',
        '{"records": [], "records": [{"path": ["a"], "kind": "int", "value": "1"}]}',
        '\ufeff{"records": [{"path": ["a"], "kind": "int", "value": "1"}]}',
        '{"records": [{"path": ["a"], "kind": "int", "value": "1"}]} x',
        '["records"]',
        '{"records": [null]}',
        '{"records": null}',
        # Its own text as its name would be too long for the environment of a program, in which pytest puts the name.
        pytest.param('{"records": [' + "[" * 100_000 + "]" * 100_000 + "]}", id="lists 100,000 deep"),
        "{}",
    ],
)
def test_what_is_printed_is_json_to_the_letter(tmp_path, printed_json):
    text = f"import sys; sys.stdout.buffer.write({printed_json!r}.encode())"
    status, printed = run("run", "--decoder", program(tmp_path, text), "--match", ONE)
    assert status == 1
    assert "standard output is not what CLIENT.md describes" in printed


@pytest.mark.parametrize(
    ("printed_json", "status"),
    [
        ('{"records":[{"value":"1","kind":"int","path":["a"]}]}', 0),
        ('\r\n{\t"records" :\n[ {"path":\t["a"],\r"kind": "int", "value": "1"}\n]\t}\n\n', 0),
        (r'{"\u0072ecords": [{"path": ["\u0061"], "k\u0069nd": "int", "value": "\u0031"}]}', 0),
        (r'{"records": [{"path": ["a"], "kind": "int", "value": "1", "x": "\/ \u00E9 \u00e9 \ud83d\uDE00"}]}', 0),
        ('{"records": [{"path": ["a"], "kind": "int", "value": "01"}]}', 1),
        ('{"records": [{"path": ["a"], "kind": "int", "value": "+1"}]}', 1),
        ('{"records": [{"path": ["a"], "kind": "int", "value": "1.0"}]}', 1),
        ('{"records": [{"path": ["a"], "kind": "int", "value": "1e0"}]}', 1),
        ('{"records": [{"path": ["a"], "kind": "int", "value": " 1"}]}', 1),
        ('{"records": [{"path": ["a"], "kind": "int", "value": "1"}], "x": 01}', 1),
        ('{"records": [{"path": ["a"], "kind": "int", "value": "1"},]}', 1),
        ('{"records": [{"path": ["a"], "kind": "int", "value": "1", "x": "\t"}]}', 1),
        ('\f{"records": [{"path": ["a"], "kind": "int", "value": "1"}]}', 1),
    ],
)
def test_json_is_taken_in_any_spelling_and_its_texts_are_compared(tmp_path, printed_json, status):
    text = f"import sys; sys.stdout.buffer.write({printed_json!r}.encode())"
    assert run("run", "--decoder", program(tmp_path, text), "--match", ONE)[0] == status


def test_digits_in_upper_case_are_others():
    records = {
        case.id: [*case.wanted()] for case in load_corpus().cases if len(case.records) == 1 and case.part == "stream"
    }
    id, told = next(
        (id, told) for id, told in records.items() if told[0]["kind"] == "float" and "f" in told[0]["value"]
    )
    case = next(case for case in load_corpus().cases if case.id == id)
    for change, passes in ((str.lower, True), (str.upper, False)):
        data = json.dumps({"records": [{**told[0], "value": change(told[0]["value"])}]})
        outcome = Outcome(ACCEPTED, "", {}, data.encode(), len(data), "", 0, 0.0)
        assert judge_reading(case, outcome).passed == passes


def test_what_is_given_has_one_spelling():
    """But in what is to be rejected."""
    decimal, digits = re.compile("0|-?[1-9][0-9]*"), re.compile("([0-9a-f]{2})*")
    seen = 0
    for case in load_corpus(spec="2.0").cases:
        if case.encode is None or case.want != "accept":
            continue
        for record in case.encode["records"]:
            numbers = [*record.get("shape", []), *(record[name] for name in ("bytes",) if name in record)]
            numbers += [record["value"]] if record["kind"] == "int" else []
            texts = [record[name] for name in ("payload", "fill") if name in record]
            texts += [record["value"]] if record["kind"] in ("bin", "float") and "value" in record else []
            assert all(map(decimal.fullmatch, numbers)), case.id
            assert all(map(digits.fullmatch, texts)), case.id
            assert record.get("byte_order", "big") == "big", case.id
            seen += len(numbers) + len(texts)
    assert seen > 1000
    for spelling in spellings({"records": [{"path": ["a/b", "é"], "kind": "nil"}]}):
        assert b"a/b" in spelling
        assert not re.search(rb"[\n\t]|  |\\u[0-9a-f]*[A-F]", spelling)


@pytest.mark.parametrize("limit", [600, 1000, 1_000_000])
@pytest.mark.parametrize(
    "deep", ["[" * 100_000 + "]" * 100_000, '{"a":' * 300 + "1" + "}" * 300], ids=["lists", "maps"]
)
def test_how_deep_json_may_be_does_not_depend_on_the_process(deep, limit):
    """A limit that is high would let Python's own reader end the process."""
    text = f"""
import sys
sys.setrecursionlimit({limit})
from conformance.strict_json import parsed
deepest = "[" * 255 + '"[[\\\\"[["' + "]" * 255
assert len(parsed(deepest.encode())) == 1
try:
    parsed(sys.stdin.buffer.read())
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", text], input=deep, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "lists and objects are nested more than 256 deep\n"


@pytest.mark.parametrize("depth", [90, 450, 700, 940])
def test_lists_in_lists_are_a_failure_and_no_error_of_the_judge(depth):
    (case,) = (case for case in load_corpus().cases if case.id == ONE)
    deep = "[" * depth + "]" * depth
    for record in (f'{{"path": {deep}}}', f'{{"path": ["a"], "kind": "int", "value": {deep}}}', deep):
        data = f'{{"records": [{record}]}}'.encode()
        assert not judge_reading(case, Outcome(ACCEPTED, "", {}, data, len(data), "", 0, 0.0)).passed


def test_an_integer_of_many_digits_is_json(tmp_path):
    text = """
print('{"records": [{"path": ["a"], "kind": "int", "value": "1", "x": ' + "9" * 5000 + "}]}")
"""
    status, printed = run("run", "--decoder", program(tmp_path, text), "--match", ONE)
    assert status == 0, printed


def test_output_that_is_too_long_is_said_to_be(tmp_path):
    text = GOOD + "\nsys.stdout.flush()\nfor _ in range(65): sys.stdout.write(' ' * (1 << 20))\n"
    status, printed = run("run", "--decoder", program(tmp_path, text), "--match", "00-introduction/example-*")
    assert status in (1, 2)
    assert "printed more than 64 MiB" in printed


def converter_that(tmp_path, does):
    """A converter that does this with `out`, and then rejects."""
    return program(
        tmp_path,
        f"""
import os, sys
out = next(word for word in sys.argv if word.startswith("--output_file=")).split("=", 1)[1].split("::")[-1]
{does}
print('{{"rejected": "no"}}', file=sys.stderr); sys.exit(1)
""",
    )


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("", {True: "", False: ""}),
        ("open(out, 'w').close()", {True: "the old file has been changed", False: "where there was none"}),
        ("open(out, 'a').close()", {True: "", False: "where there was none"}),
        ("os.path.exists(out) and os.unlink(out)", {True: "the old file is gone", False: ""}),
        ("os.path.exists(out) or os.symlink('nothing', out)", {True: "", False: "where there was none"}),
        ("os.stat(out)", {True: "", False: "crashed"}),
    ],
)
def test_an_output_is_there_before_or_is_not(tmp_path, does, told):
    cases = [case for case in load_corpus().cases if case.part == "convert" and case.want == "reject"]
    half = {stands_already(case): case.id for case in cases}
    assert 0.35 < sum(map(stands_already, cases)) / len(cases) < 0.65
    for already, case in half.items():
        status, printed = run("run", "--converter", converter_that(tmp_path, does), "--match", case)
        assert status == (1 if told[already] else 0), printed
        assert told[already] in printed


def test_an_encoder_gets_text_as_it_is_and_escaped():
    asked = {"records": [{"path": ["é\ud800"], "kind": "str", "value": "\u2028\U0001f600 \udfff"}]}
    ascii, raw = spellings(asked)
    assert json.loads(ascii) == json.loads(raw.decode()) == asked
    assert ascii.isascii()
    assert "é" in raw.decode()
    assert rb"\ud800" in raw
    assert len(spellings({"records": [{"path": ["a\ud800"]}]})) == len(spellings({"records": []})) == 1


def test_an_encoder_that_knows_ascii_alone_fails(tmp_path):
    text = """
import json, sys
given = json.loads(sys.stdin.buffer.read().decode("ASCII"))
if given["records"][0]["path"] != ["w"]:
    sys.stdout.buffer.write(open(PATH, "rb").read())
"""
    case = next(
        case
        for case in load_corpus().cases
        if case.want == "accept" and case.encode and len(spellings(case.encode)) > 1
    )
    stored = case.stored("want.bin" if "want.bin" in case.files else "bin")
    option = "--flax-encoder" if case.part.startswith("flax") else "--encoder"
    for coding, status in (("ASCII", 1), ("UTF-8", 0)):
        text_now = text.replace("PATH", repr(str(stored))).replace("ASCII", coding)
        found, printed = run("run", option, program(tmp_path, text_now), "--match", case.id)
        assert found == status, printed
        assert ("(for JSON that is UTF-8 and not ASCII)" in printed) == bool(status)


@pytest.mark.parametrize("client", ["reference_client.py", "loop_client.py"])
def test_what_is_given_is_utf_8_whatever_the_locale(client):
    given = '{"records":[{"path":["é"],"kind":"int","value":"7"}],"empty_nodes":"keep"}'.encode()
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, ROOT / "conformance/clients" / client, "encode"]
    done = subprocess.run(command, input=given, capture_output=True, env={**os.environ, **locale}, cwd=ROOT)
    assert done.stdout.hex() == "9291a2c3a9c40107", done.stderr

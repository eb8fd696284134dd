"""The corpus is what its cases give, every clause has its cases, and what they ask for is what CLIENT.md describes."""

import ast
import hashlib
import json
import re
from pathlib import Path

import jsonschema
import pytest

from conformance.assembly import raw
from conformance.cases.large import ZEROS
from conformance.clauses import read_clauses
from conformance.compile import _check_mark, compiled, drift
from conformance.coverage import UNBREAKABLE, coverage
from conformance.declare import Source
from conformance.digests import sha256
from conformance.model import CORPUS, load_corpus, sampled

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus():
    return load_corpus()


@pytest.fixture(scope="module")
def sealed():
    return load_corpus(spec="2.0")


@pytest.fixture(scope="module")
def schema():
    return json.loads((ROOT / "conformance/client.schema.json").read_text())


def part_of(schema, name):
    return jsonschema.Draft202012Validator({"$defs": schema["$defs"], "$ref": f"#/$defs/{name}"})


@pytest.mark.slow
def test_the_corpus_on_disk_is_what_the_cases_give():
    """Which was compiled by another process: what the cases give does not depend on the run."""
    assert drift(compiled()) == [], "run python -m conformance.compile"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_clause_has_its_cases(corpus, sealed, version):
    lines, whole = coverage({"1.0": corpus, "2.0": sealed}[version])
    assert whole, "\n".join(lines)


def test_a_clause_without_a_case_is_noticed(corpus):
    cut = corpus._replace(cases=[case for case in corpus.cases if "LEAF-9" not in case.clauses])
    lines, whole = coverage(cut)
    assert not whole
    assert any(line.startswith("LEAF-9") and "NO CASE" in line for line in lines)


def test_what_is_said_to_be_unbreakable_exists(sealed):
    assert set(UNBREAKABLE) <= set(sealed.sentences)


def test_a_case_holds_since_its_clauses_do(corpus, sealed):
    """What 1.0 judges stays as it was; the few cases that 2.0 judges otherwise begin with the mark."""
    before, after = ({(case.id, case.part): case for case in each.cases} for each in (corpus, sealed))
    assert not [case.id for case in corpus.cases if set(case.clauses) - set(corpus.sentences)]
    assert all(case.since == "2.0" for key, case in after.items() if key not in before)
    dropped = [case for key, case in before.items() if key not in after]
    assert {case.until for case in dropped} == {"1.0"}
    assert {case.data("bin")[:5].hex() for case in dropped} == {"dd00000002"}
    assert len(dropped) == 6


def test_a_case_that_begins_with_the_mark_says_until_when_it_holds():
    source = Source("m", "n", "Told.", ("WIRE-2",), (), "MUST", None, None, "stream", "accept", False, lambda: None)
    with pytest.raises(ValueError, match=r"until='1\.0'"):
        _check_mark(source, {"bin": raw("dd 00 00 00 02")}, read_clauses("2.0"))
    _check_mark(source._replace(clauses=("SEAL-5",)), {"bin": raw("dd 00 00 00 02")}, read_clauses("2.0"))


def test_there_are_cases_of_every_kind(corpus):
    assert len(corpus.cases) > 300
    assert {case.part for case in corpus.cases} == {
        "stream",
        "stream-encode",
        "flax",
        "flax-encode",
        "convert",
        "diff",
        "recover",
    }
    assert {case.level for case in corpus.cases} == {"MUST", "SHOULD", "dialect"}


@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.slow)])  # of the cases of a rule
def test_what_decoders_are_to_print_and_encoders_get_follows_the_schema(sealed, schema, every):
    decoded, asked = part_of(schema, "decoded"), part_of(schema, "encode")
    for case in sampled(sealed.cases, every):
        if len(case.records) > 1000 or any("series" in record for record in case.records):
            continue
        if re.search('"(fill|each)"', json.dumps([case.seal, case.encode])):
            continue  # it stands for 16 MiB, or for 65,536 values
        decoded.validate({"records": case.records, "seal": case.seal})
        if case.encode is not None and "/values-of-another-type/" not in case.id:  # which are to be refused for that
            asked.validate(case.encode)


def test_the_schema_refuses_what_is_not_meant(schema):
    decoded = part_of(schema, "decoded")
    for wrong in (
        {"path": [], "kind": "nil"},
        {"path": ["a"], "kind": "int", "value": 7},
        {"path": ["a"], "kind": "ndarray", "dtype": "int8", "shape": [2], "sha256": "0" * 64},
        {"path": ["a"], "kind": "float", "value": "1.5"},
        {"path": ["a"], "kind": "timestamp"},
    ):
        assert not decoded.is_valid({"records": [wrong]}), wrong


def test_offsets_of_faults_lie_in_the_input(corpus):
    marked = [case for case in corpus.cases if case.offset is not None]
    assert len(marked) > 100
    for case in marked:
        assert 0 <= case.offset <= case.files["bin"]["size"], case.id


@pytest.mark.slow
def test_the_digests_of_zeros_are_right():
    digest, done, block = hashlib.sha256(), 0, bytes(1 << 24)
    for size, wanted in sorted(ZEROS.items()):
        while size - done >= len(block):
            digest.update(block)
            done += len(block)
        whole = digest.copy()
        whole.update(bytes(size - done))
        assert whole.hexdigest() == wanted, size


def test_the_digest_of_repeated_pieces_is_that_of_the_whole():
    pieces = [(b"", 3), (b"ab", 0), (b"abc", 700_001), (b"x" * (1 << 21), 2), (b"z", 1)]
    whole = b"".join(data * times for data, times in pieces)
    assert sha256(pieces) == hashlib.sha256(whole).hexdigest()


def test_no_stored_file_is_large():
    assert max(file.stat().st_size for file in CORPUS.rglob("*")) < 4 << 20


def test_commented_bytes_keep_their_comments_and_places():
    made = raw("92 # a\n# b\n01 02 # ! c")
    assert made.data() == b"\x92\x01\x02"
    assert list(made.notes()) == [(0, 1, "a"), (1, 0, "b"), (1, 2, "! c")]
    assert made.fault() == 1


def test_the_judge_owes_nothing_to_the_judged():
    """No module of the suite imports the reference, msgpack, flax or numpy; clients and tests are programs apart."""
    for file in (ROOT / "conformance").rglob("*.py"):
        if {"clients", "tests"} & set(file.parts):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {"reference", "msgpack", "flax", "numpy", "jax"} & {n.split(".")[0] for n in names}, file


def test_modules_of_the_suite_stay_small():
    for file in (ROOT / "conformance").rglob("*.py"):
        assert len(file.read_text().splitlines()) <= 300, file

"""Sealed streams: what the cases put together is what the text says, and what the judge compares of them."""

import json

import pytest

from conformance.asking import asked, stored_or_made
from conformance.assembly import hexed, patterned
from conformance.cases.metadata_values import Long, described, encoded, long_entry, nested, shuffled
from conformance.cases.parts_assembly import GIB, boxes
from conformance.cases.sealed_assembly import MAGIC, detached, sealed
from conformance.cases.sealed_leaves import number, tensor
from conformance.checksums import crc
from conformance.compare import judge_printed
from conformance.judge import checks
from conformance.model import load_corpus, spelled
from conformance.products.values import assembled
from conformance.recovering.contents import contents


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(spec="2.0")


@pytest.fixture(scope="module")
def case(corpus):
    return next(case for case in corpus.cases if case.id == "15-index/digests-and-metadata")


# --- what is put together ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alignment", [64, 128, 4096])
@pytest.mark.parametrize("key", [1, 2, 30, 31, 32, 63, 64, 300])
def test_a_padded_payload_stands_at_a_multiple_of_the_alignment(alignment, key):
    """ALIGN-3: no more padding than is needed."""
    whole = sealed([number("n" * key, 1), tensor("k", "uint8", (4096,), patterned(4096), alignment)], alignment)
    data = whole.data().data()
    at = data.index(patterned(4096).data())
    assert at % alignment == 0
    zeros = int.from_bytes(data[data.index(b"\xa3pad\xc5") + 5 :][:2], "big")
    assert zeros < alignment
    assert whole.records[0].data.size + whole.records[1].payload == at


def test_the_footer_ties_the_seal_to_the_file():
    """SEAL-4."""
    whole = sealed([number("a", 1), number("b", 2)], metadata={"step": 1})
    data = whole.data().data()
    footer = data[-40:]
    offset, size = int.from_bytes(footer[:8], "big"), int.from_bytes(footer[8:12], "big")
    assert footer[24:] == MAGIC
    assert len(MAGIC) == 16
    assert offset + 5 + size + 40 == len(data)
    assert data[offset] == 0xC6
    assert int.from_bytes(data[offset + 1 : offset + 5], "big") == size + 41
    assert int.from_bytes(footer[12:16], "big") == crc(data[offset + 5 : offset + 5 + size])
    assert int.from_bytes(footer[20:24], "big") == crc(footer[:20])
    assert data[:5].hex() == "dd00000002"


def test_a_detached_seal_has_what_an_attached_one_has_behind_its_length():
    """DETACHED-1."""
    whole = detached([number("a", 1)])
    assert whole.before().data()[:1] == b"\x92"
    assert whole.seal_file().data()[:1] == b"\x84"
    assert int.from_bytes(whole.seal_file().data()[-40:-32], "big") == whole.before().size


@pytest.mark.parametrize(
    ("shape", "width", "expected"),
    [
        ((3, GIB), 1, [(1, GIB)] * 3),
        ((2 * GIB + 5,), 1, [(GIB,), (GIB,), (5,)]),
        ((2, 3, GIB // 2), 4, [(1, 1, GIB // 4)] * 12),
        ((2, 3, GIB // 8), 4, [(1, 2, GIB // 8), (1, 1, GIB // 8)] * 2),
    ],
)
def test_the_boxes_of_the_text(shape, width, expected):
    """PART-2: the table."""
    assert [*boxes(shape, width)] == expected


def test_metadata_is_encoded_in_the_order_of_its_keys_and_told_in_any():
    content = {"b": 1, "a": [True, {"d": None, "c": b"\0"}]}
    assert assembled(encoded(content)).data() == hexed("82 a1 61 92 c3 82 a1 63 c4 01 00 a1 64 c0 a1 62 01").data()
    assert [key for key, _ in described(content)["value"]] == ["a", "b"]
    assert [key for key, _ in shuffled(described(content))["value"]] == ["b", "a"]


def test_what_is_too_long_is_spelled_out_when_it_is_needed():
    assert assembled(encoded(long_entry("str", 70_000))).size == 70_000
    told = spelled(described({"k": [Long("bin", 255, 3)], "t": Long("str", 0x78, 2)}))
    assert told["value"] == [
        ["k", {"kind": "list", "value": [{"kind": "bin", "value": "ffffff"}]}],
        ["t", {"kind": "str", "value": "xx"}],
    ]


@pytest.mark.parametrize("depth", [1, 2, 3, 64, 65])
def test_metadata_is_as_deep_as_it_says(depth):
    """META-3: "The map itself is at depth 1"."""
    content, found = nested(depth), 0
    while isinstance(content, dict | list):
        content, found = next(iter(content.values() if isinstance(content, dict) else content)), found + 1
    assert found == depth


# --- what is compared --------------------------------------------------------------------------------------------


def printed(case, **seal):
    return {"records": [*case.wanted()], "seal": json.loads(json.dumps(case.wanted_seal())) | seal}


def judged(case, told):
    return judge_printed(case, told["records"], told)


def test_what_is_wanted_is_passed(case):
    assert judged(case, printed(case)).passed


@pytest.mark.parametrize(
    "seal",
    [
        {"version": "2.1"},
        {"version": 2.0},
        {"alignment": 64},
        {"alignment": "128"},
        {"checksum": "00000000"},
        {"digests": None},
        {"metadata": None},
        {"metadata": {"kind": "map", "value": []}},
        {"metadata": {"kind": "map", "value": [["step", {"kind": "int", "value": 1000}]]}},
    ],
)
def test_a_member_of_a_seal_that_is_another_is_named(case, seal):
    found = judged(case, printed(case, **seal))
    assert not found.passed
    assert f"seal.{next(iter(seal))}" in found.got


def test_true_is_not_1_in_metadata(case):
    changed = case._replace(seal=case.seal | {"metadata": described({"k": True})})
    assert judged(changed, printed(changed)).passed
    told = {"kind": "map", "value": [["k", {"kind": "bool", "value": 1}]]}
    assert not judged(changed, printed(changed, metadata=told)).passed


def test_a_seal_that_is_missing_or_too_many_is_noticed(case, corpus):
    assert not judged(case, printed(case) | {"seal": None}).passed
    plain = next(case for case in corpus.cases if case.id == "06-streams/one-record")
    assert judged(plain, {"records": [*plain.wanted()]}).passed
    assert not judged(plain, {"records": [*plain.wanted()], "seal": {"version": "2.0"}}).passed
    of_1_0 = plain._replace(spec="1.0")  # where other members are ignored
    assert judged(of_1_0, {"records": [*plain.wanted()], "seal": {"version": "2.0"}}).passed


def test_checksums_are_a_member_of_each_record(case):
    records = [dict(record) for record in case.wanted()]
    del records[0]["checksums"]
    assert not judged(case, printed(case) | {"records": records}).passed


# --- what programs are given -------------------------------------------------------------------------------------


def test_a_detached_seal_lies_beside_its_stream(corpus, tmp_path):
    case = next(case for case in corpus.cases if case.id == "17-detached-seals/a-stream-and-its-detached-seal")
    made = stored_or_made(case, "bin", tmp_path)
    assert made.read_bytes() == case.data("bin")
    assert made.with_name(f"{made.name}.seal").read_bytes() == case.data("bin.seal")
    assert [check.part for check in checks([case], ("decode",))] == ["decode"]
    assert not [*checks([case], ("decode",), stdin=True)]


def test_programs_are_told_which_version_they_are_to_write(corpus, tmp_path):
    """Where the output is a stream, and there are two versions."""
    cases = {case.id: case for case in (*corpus.cases,) if case.part in ("convert", "recover") and not case.is_large}
    for case in [*cases.values()][::40]:
        words = [*asked(case, case.part, tmp_path / "in", tmp_path / "out", tmp_path)][-1]
        goes_there_alone = case.part == "recover" or case.want == "reject"
        is_stream = case.convert["streaming"] and not (goes_there_alone and case.convert["via"])
        assert sum(word.startswith("--format=") for word in words) == is_stream, case.id
    before = load_corpus()
    for case in [case for case in before.cases if case.part == "convert"][::40]:
        for words in asked(case, "convert", tmp_path / "in", tmp_path / "out", tmp_path):
            assert not any(word.startswith("--format") for word in words)


def test_the_contents_of_a_sealed_stream_are_those_of_its_records():
    items = [number("a", 1), tensor("k", "uint8", (4096,), patterned(4096))]
    found = contents(sealed(items, metadata={"step": 1}).data().data(), "params")
    assert found == {("a",): b"\1", ("k",): patterned(4096).data()}


def test_cases_of_products_have_names_for_a_shell_and_say_where(corpus):
    import re

    for case in corpus.cases:
        if case.rule is not None:
            assert re.fullmatch(r"[0-9a-z-]+/[0-9a-z-]+/[0-9a-z-]+", case.id), case.id
            assert re.fullmatch(r"[A-Z].+\.( Here: .+\.)?", case.about), case.id

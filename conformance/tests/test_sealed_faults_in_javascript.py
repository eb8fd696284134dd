"""What the client in JavaScript refuses in sealed streams whose checksums fit, and what it does not write."""

import json
import struct

import pytest

from conformance.sealed_by_hand import (
    METADATA,
    Leaf,
    around,
    array_,
    bin_,
    closed,
    crc32c,
    entry,
    index,
    int_,
    map_,
    record,
    str_,
    sums,
    value_,
)
from conformance.tests.javascript_client import asked, client, needs_node, read_many

pytestmark = needs_node


# --- files that fit their checksums, and break a rule ---------------------------------------------------------------

A, B = Leaf(["a"], "ndarray", "uint8", [16], bytes(range(16)), is_padded=True), Leaf(["b"], "int", blob=b"\x07")
RECORDS = [record(A, 0, 64, True), b""]
RECORDS[1] = record(B, len(RECORDS[0]), 64, True)
ENTRIES = [entry(A, RECORDS[0]), entry(B, RECORDS[1])]
JOINED = b"".join(RECORDS)
PAD = RECORDS[0].index(b"\xa3pad") + 4


def with_record(n, data, leaf=None):
    """The file in which record `n` is another one, and the index fits it."""
    records, entries = [*RECORDS], [*ENTRIES]
    records[n] = data
    entries[n] = entry(leaf or (A, B)[n], data)
    return around(records, entries)


def with_entry(n, data):
    entries = [*ENTRIES]
    entries[n] = data
    return around(RECORDS, entries)


def with_index(content):
    return closed(JOINED, content)


GOOD = index(JOINED, ENTRIES, b"\x80", 64, None)
SUM = sums(RECORDS[1])


def entry_of(path=("b",), kind="int", dtype=b"\xc0", shape=b"\xc0", records=None):
    one = array_([int_(len(RECORDS[1])), b"\xc0", bin_(SUM)])
    records = array_([one]) if records is None else records
    return array_([array_(map(str_, path)), str_(kind), dtype, shape, records])


def moved_padding():
    """The padding behind the shape."""
    data = RECORDS[0]
    start, end = data.index(b"\xa3pad"), data.index(b"\xa5shape")
    chunks = data.index(b"\xa6chunks")
    return data[:start] + data[end:chunks] + data[start:end] + data[chunks:]


FAULTS = {
    "a second record with the mark": ("SEAL-1", with_record(1, b"\xdd\0\0\0\2" + RECORDS[1][1:])),
    "a record with a header of 3 bytes": ("SEAL-1", with_record(1, b"\xdc\0\2" + RECORDS[1][1:])),
    "a padding behind the shape": ("ALIGN-1", with_record(0, moved_padding())),
    "a padding of a str": ("ALIGN-2", with_record(0, RECORDS[0].replace(b"\xa3pad\xc5", b"\xa3pad\xda"))),
    "a padding that is not zero": ("ALIGN-2", with_record(0, RECORDS[0][: PAD + 3] + b"\1" + RECORDS[0][PAD + 4 :])),
    "a payload beside the alignment": ("ALIGN-5", around(RECORDS, ENTRIES, alignment=4096)),
    "an alignment of 96": ("ALIGN-5", around(RECORDS, ENTRIES, alignment=96)),
    "an alignment of 32": ("ALIGN-5", around(RECORDS, ENTRIES, alignment=32)),
    "an alignment of 8192": ("ALIGN-5", around(RECORDS, ENTRIES, alignment=8192)),
    "another key path in the index": ("INDEX-7", with_entry(1, entry_of(path=("c",)))),
    "another kind in the index": ("INDEX-7", with_entry(1, entry_of(kind="nil"))),
    "another shape in the index": ("INDEX-7", with_entry(0, entry(A._replace(shape=[4, 4]), RECORDS[0]))),
    "another dtype in the index": ("INDEX-7", with_entry(0, entry(A._replace(dtype="int8"), RECORDS[0]))),
    "another place of the payload": (
        "INDEX-7",
        with_entry(0, entry(A, RECORDS[0]).replace(int_(len(RECORDS[0]) - 16), int_(len(RECORDS[0]) - 17))),
    ),
    "no place of the payload": (
        "INDEX-7",
        with_entry(
            0,
            entry(A, RECORDS[0]).replace(
                b"\x93" + int_(len(RECORDS[0])) + int_(len(RECORDS[0]) - 16), b"\x93" + int_(len(RECORDS[0])) + b"\xc0"
            ),
        ),
    ),
    "a payload that reaches beyond its record": (
        "INDEX-4",
        with_entry(0, entry(A, RECORDS[0]).replace(int_(len(RECORDS[0]) - 16), int_(len(RECORDS[0]) - 15))),
    ),
    "a record too few in the index": ("INDEX-4", around(RECORDS, ENTRIES[:1])),
    "a record too many in the index": ("INDEX-4", around(RECORDS[:1], ENTRIES)),
    "two records as one": (
        {"INDEX-7", "WIRE-6"},
        around(
            RECORDS,
            [
                array_(
                    [
                        array_([str_("b")]),
                        str_("int"),
                        b"\xc0",
                        b"\xc0",
                        array_([array_([int_(len(JOINED)), b"\xc0", bin_(sums(JOINED))])]),
                    ]
                )
            ],
        ),
    ),
    "no checksum": (
        "INDEX-4",
        with_entry(1, entry_of(records=array_([array_([int_(len(RECORDS[1])), b"\xc0", bin_(b"")])]))),
    ),
    "no record": ("INDEX-2", with_entry(1, entry_of(records=b"\x90"))),
    "two records of an int": (
        "PART-1",
        with_entry(1, entry_of(records=array_([array_([int_(1), b"\xc0", bin_(SUM)])] * 2))),
    ),
    "the key of a part in the index": ("PART-3", with_entry(1, entry_of(path=("__part_0_of_1__", "b")))),
    "a part that is an int": (
        {"PART-1", "INDEX-7"},
        with_record(1, record(B._replace(path=["b", "__part_0_of_1__"]), len(RECORDS[0]), 64, True)),
    ),
    "a part before the last place": (
        "PART-3",
        with_record(1, record(B._replace(path=["__part_0_of_2__", "b"]), len(RECORDS[0]), 64, True)),
    ),
    "a key path twice": (
        "STREAM-4",
        around([RECORDS[0], RECORDS[1], RECORDS[1]], [ENTRIES[0], ENTRIES[1], ENTRIES[1]]),
    ),
    "a kind that is none": ("LEAF-1", with_entry(1, entry_of(kind="list"))),
    "a dtype that is none": ("DTYPE-1", with_entry(0, ENTRIES[0].replace(str_("uint8"), str_("uint9"), 1))),
    "a dtype for an int": ("INDEX-2", with_entry(1, entry_of(dtype=str_("int8")))),
    "a key path without a part": ("KEY-1", with_entry(1, entry_of(path=()))),
    "an index in the wrong order": (
        "INDEX-5",
        with_index(
            map_(
                {
                    "checksum": bin_(struct.pack(">I", crc32c(JOINED))),
                    "alignment": int_(64),
                    "leaves": array_(ENTRIES),
                    "metadata": b"\x80",
                }
            )
        ),
    ),
    "an entry more": ("INDEX-5", with_index(b"\x85" + GOOD[1:] + str_("more") + b"\xc0")),
    "an entry less": ("INDEX-5", with_index(b"\x83" + GOOD[1:])),
    "a byte left over": ("WIRE-6", with_index(GOOD + b"\xc0")),
    "a longer header": ("INDEX-5", with_index(GOOD.replace(int_(64), b"\xcc\x40", 1))),
    "an int of another sign": (
        "INDEX-5",
        with_entry(1, entry_of().replace(b"\x93" + int_(len(RECORDS[1])), b"\x93\xd0" + int_(len(RECORDS[1])))),
    ),
    "a checksum of all that is wrong": (
        "INDEX-8",
        with_index(GOOD.replace(bin_(struct.pack(">I", crc32c(JOINED))), bin_(b"\1\2\3\4"))),
    ),
    "digests of another length": ("INDEX-9", with_index(b"\x85" + GOOD[1:] + str_("digests") + bin_(bytes(64)))),
    "no leaf": ({"STREAM-3", "KEY-1"}, closed(b"\xdd\0\0\0\2", index(b"\xdd\0\0\0\2", [], b"\x80", 64, None))),
}
METADATA_FAULTS = {
    "an ext": ("META-1", b"\x81\xa1a\xd4\x01\x00"),
    "a float 32": ("META-1", b"\x81\xa1a\xca\0\0\0\0"),
    "a key that is an int": ("META-1", b"\x81\x01\xc0"),
    "a list": ("META-1", b"\x90"),
    "a key twice": ("META-2", b"\x82\xa1a\xc0\xa1a\xc0"),
    "keys in the wrong order": ("META-2", b"\x82\xa1b\xc0\xa1a\xc0"),
    "a key that begins another, behind it": ("META-2", b"\x82\xa2ab\xc0\xa1a\xc0"),
    "a longer header": ("META-2", b"\x81\xa1a\xcc\x01"),
    "a signed form": ("META-2", b"\x81\xa1a\xd1\x01\x00"),
    "65 levels": ("META-3", b"\x81\xa1a" + b"\x91" * 63 + b"\x90"),
    "a text that is not UTF-8": ("WIRE-5", b"\x81\xa1a\xa1\xff"),
    "a value that is missing": ({"WIRE-3", "WIRE-6"}, b"\x81\xa1a"),
}


def test_what_fits_its_checksums_and_breaks_a_rule_is_refused():
    faults = FAULTS | {name: (want, around(RECORDS, ENTRIES, data)) for name, (want, data) in METADATA_FAULTS.items()}
    found = read_many(around(RECORDS, ENTRIES), *(data for _, data in faults.values()))
    assert found[0] == [2, 2]
    wrong = []
    for (name, (want, _)), pair in zip(faults.items(), found[1:], strict=True):
        wanted = want if isinstance(want, set) else {want}
        wrong += [(name, way, one) for way, one in enumerate(pair) if not isinstance(one, list) or one[0] not in wanted]
    assert wrong == []


def test_metadata_may_be_64_levels_deep_and_hold_all_that_it_can():
    deep = b"\x81\xa1a" + b"\x91" * 62 + b"\x90"
    assert read_many(around(RECORDS, ENTRIES, deep), around(RECORDS, ENTRIES, value_(METADATA))) == [[2, 2]] * 2


def test_a_seal_of_another_version_is_refused_by_its_version():
    from conformance.sealed_by_hand import footer

    body = closed(JOINED, GOOD)[:-40]
    for version in ((3, 0), (2, 1), (1, 0)):
        for clause, _, message, _ in read_many(body + footer(len(JOINED), GOOD, version))[0]:
            assert (clause, f"{version[0]}.{version[1]}" in message) == ("SEAL-6", True)


@pytest.mark.parametrize(
    ("settings", "clause"),
    [
        ({"alignment": "96"}, "ALIGN-5"),
        ({"alignment": "32"}, "ALIGN-5"),
        ({"alignment": "8192"}, "ALIGN-5"),
        ({"metadata": {"kind": "map", "value": [["a", {"kind": "int", "value": str(1 << 64)}]]}}, "META-1"),
        ({"metadata": {"kind": "map", "value": [["a", {"kind": "nil"}]] * 2}}, "META-2"),
        ({"metadata": {"kind": "map", "value": [["\ud800", {"kind": "nil"}]]}}, "WIRE-5"),
        ({"metadata": {"kind": "list", "value": []}}, "META-1"),
        ({"records": [{"path": ["a", "__part_0_of_2__"], "kind": "nil"}]}, "PART-3"),
        ({"records": [{"path": ["__part_0_of_2__", "a"], "kind": "nil"}]}, "PART-3"),
        ({"records": []}, "STREAM-3"),
    ],
)
def test_what_cannot_be_held_is_not_written(settings, clause):
    done = client("encode", given=asked(**settings))
    assert (done.returncode, done.stdout) == (1, b""), done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["clause"] == clause


def test_a_key_that_only_resembles_that_of_a_part_is_written():
    records = [{"path": [f"__part_{text}__"], "kind": "nil"} for text in ("2_of_2", "00_of_2", "0_of_02", "0_of_0")]
    done = client("encode", given=asked(records=records))
    assert done.returncode == 0
    assert read_many(done.stdout) == [[4, 4]]

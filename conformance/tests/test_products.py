"""Cases that are made of rules, places and sizes: what multiplies is right, and what is kept short comes out whole."""

import hashlib
import re
import struct
import zlib
from collections import Counter
from fractions import Fraction

import pytest

from conformance.assembly import LETTERS, PATTERN, Bytes, Part, data, fill, patterned
from conformance.model import expanded, load_corpus, sampled
from conformance.products.floats import FORMATS, cast, nearest, value
from conformance.products.keys import HASHES, NOTIONS
from conformance.products.places import PLACES
from conformance.products.values import assembled, ended_before
from conformance.repetition import Counted, Listed


@pytest.fixture(scope="module")
def corpus():
    return load_corpus()


@pytest.fixture(scope="module")
def of_rules(corpus):
    return [case for case in corpus.cases if case.rule is not None]


def test_names_are_words_for_a_shell_and_a_glob(of_rules):
    assert len({case.id for case in of_rules}) == len(of_rules) > 5000
    for case in of_rules:
        assert re.fullmatch(r"[0-9a-z-]+/[0-9a-z-]+/[0-9a-z-]+", case.id), case.id


def test_a_rule_says_what_it_is_about_and_each_of_its_cases_where(of_rules):
    for case in of_rules:
        assert re.fullmatch(r"[A-Z].+\.( Here: .+\.)?", case.about), case.id


def test_a_sample_has_all_that_was_made_by_hand_and_so_many_of_each_rule(corpus, of_rules):
    by_hand = len(corpus.cases) - len(of_rules)
    assert len(sampled(corpus.cases, 0)) == by_hand
    assert sampled(corpus.cases, 1) == corpus.cases
    counts = Counter(case.rule for case in of_rules)
    for rule, n in Counter(case.rule for case in sampled(corpus.cases, 7) if case.rule).items():
        assert n == (counts[rule] + 3) // 7, rule


def test_what_an_encoder_gets_in_full_is_what_is_repeated(corpus):
    """Up to 1 MiB a payload of a pattern is given as it is: its digest is that of the record."""
    names = re.compile("array-of-uint8-in-a-record-5[0-9]{5}|text-in-a-record-4096|bin-in-a-flax-file-3[0-9]{4}")
    found = 0
    for case in corpus.cases:
        if not case.encode or not names.fullmatch(case.name):
            continue
        for wanted, given in zip(case.wanted(), case.given()["records"], strict=True):
            if "fill" in wanted:
                whole = given["value"].encode() if wanted["kind"] == "str" else None
                whole = whole or bytes.fromhex(given["payload" if "shape" in wanted else "value"])
                assert hashlib.sha256(whole).hexdigest() == wanted["sha256"], case.id
                assert "fill" not in given
                found += 1
    assert found >= 2


def test_a_series_is_so_many_records():
    series = {"path": ["a", "b%06x"], "kind": "nil", "series": 300}
    records = list(expanded([{"path": ["z"], "kind": "nil"}, series]))
    assert len(records) == 301
    assert records[-1] == {"path": ["a", "b00012b"], "kind": "nil"}


# --- bytes --------------------------------------------------------------------------------------------------------


def test_what_is_counted_has_each_number_once():
    made = Bytes(Part(b"<000000>", "", 5000, counted=Counted(1))).data()
    assert made == b"".join(b"<%06x>" % i for i in range(5000))
    made = Bytes(Part(b"<00>", "", 90, counted=Counted(1, 2, 10, 10))).data()
    assert made == b"".join(b"<%d>" % i for i in range(10, 100))


def test_what_is_listed_has_each_value_in_its_turn():
    values = [i.to_bytes(2, "big") for i in range(5000)]
    listed = Listed(7, b"".join(values).hex())
    made = Bytes(Part(b"<000000__>", "", 5000, counted=Counted(1), listed=listed)).data()
    assert made == b"".join(b"<%06x%s>" % (i, value) for i, value in enumerate(values))
    assert Bytes(Part(b"-_", "", 1, listed=Listed(0, "0a"))).data() == b"\x0a_"
    assert Bytes(Part(b"_-_", "", 3, listed=Listed(1, "0a0b0c"))).data() == b"_\x0a__\x0b__\x0c_"


@pytest.mark.parametrize("start", [0, 1, 5, 250, 251, 252, 700, 1000])
@pytest.mark.parametrize("size", [0, 1, 250, 251, 503, 2000])
def test_a_piece_is_what_stands_there(start, size):
    whole = data(b"head!") + patterned(900) + fill(7, 300) + data(b"tail")
    assert whole.piece(start, size).data() == whole.data()[start : start + size]


@pytest.mark.parametrize("pattern", [PATTERN, LETTERS])
def test_a_pattern_is_never_the_same_at_powers_of_two(pattern):
    whole = patterned(1 << 16, pattern).data()
    for power in range(4, 15):
        block = 1 << power
        blocks = [whole[at : at + block] for at in range(0, min(len(whole), 250 * block), block)]
        assert len(set(blocks)) == len(blocks)


# --- places -------------------------------------------------------------------------------------------------------


def test_a_place_stands_in_its_file_once():
    for place in PLACES:
        marked = place.put(lambda value, body: data(b"\xc1\xc1\xc1", "! here"))
        assert marked.data().count(b"\xc1\xc1\xc1") == 1, place.name
        assert [note for _, _, note in marked.notes()].count("! here") == 1, place.name


def test_what_ends_before_a_value_begins_as_the_whole_does_but_for_lengths():
    for place in PLACES:
        if place.encloses():
            around = place.container.around(place.specimen.value)
            assert ended_before(around, place.value.slot).size < assembled(around).size, place.name


# --- keys ---------------------------------------------------------------------------------------------------------


def _fnv_1a(key):
    h = 0x811C9DC5
    for byte in key:
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return h


def _jenkins(key):
    h = 0
    for byte in key:
        h = (h + byte) * 1025 & 0xFFFFFFFF
        h ^= h >> 6
    h = h * 9 & 0xFFFFFFFF
    h ^= h >> 11
    return h * 32769 & 0xFFFFFFFF


def _djb2(key):
    h = 5381
    for byte in key:
        h = (h * 33 + byte) & 0xFFFFFFFF
    return h


def _murmur3(key):
    h, n = 0, len(key)
    words = [int.from_bytes(key[at : at + 4], "little") for at in range(0, n, 4)]
    for i, word in enumerate(words):
        k = word * 0xCC9E2D51 & 0xFFFFFFFF
        k = (k << 15 | k >> 17) * 0x1B873593 & 0xFFFFFFFF
        h ^= k
        if 4 * i + 4 <= n:
            h = ((h << 13 | h >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    h ^= n
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


@pytest.mark.parametrize(
    ("name", "hashed"),
    [
        ("fnv-1a", _fnv_1a),
        ("crc-32", zlib.crc32),
        ("adler-32", zlib.adler32),
        ("jenkins-one-at-a-time", _jenkins),
        ("djb2", _djb2),
        ("murmur3", _murmur3),
    ],
)
def test_the_keys_of_a_pair_have_one_hash(name, hashed):
    first, *encoded = HASHES[name]
    a, b = (key.encode() for key in first.split())
    assert a != b
    assert hashed(a) == hashed(b)
    for pair, head in zip(encoded, (b"\x91\xa7", b"\xa7"), strict=False):
        if len(encoded) == 2:
            a, b = (head + key.encode() for key in pair.split())
            assert hashed(a) == hashed(b), pair


def test_the_keys_of_a_notion_are_two():
    assert len(NOTIONS) > 60
    for name, (a, b) in NOTIONS.items():
        assert a != b, name


# --- floats -------------------------------------------------------------------------------------------------------


def test_the_nearest_float_is_that_of_the_machine():
    """Python rounds a float64 to a float32 and a float16 as IEEE 754 says; what is too large for it is left out."""
    for bits in range(0, 0x7FF << 52, 0x0003_F0F1_2345_6789):
        (number,) = struct.unpack("<d", bits.to_bytes(8, "little"))
        for tag, form in (("float32", "<f"), ("float16", "<e")):
            try:
                due = int.from_bytes(struct.pack(form, number), "little")
            except OverflowError:
                due = FORMATS[tag].infinity
            assert cast(FORMATS["float64"], FORMATS[tag], bits) == due, (hex(bits), tag)


def test_every_bfloat16_is_itself():
    form = FORMATS["bfloat16"]
    for bits in range(form.infinity):
        assert nearest(form, value(form, bits)) == bits
    assert nearest(form, Fraction(2) ** 200) == form.infinity

"""The explorer's reading, in its worker: the whole corpus, what is wrong behind the first violation, other kinds."""

import json

import ml_dtypes
import numpy as np
import pytest

from conformance.assembly import map_, ndarray_, raw, record_, str_, together
from conformance.model import SIDES, load_corpus, sampled
from docs.tests.conftest import is_trouble
from docs.tests.ranged import serving

MARK = bytes.fromhex("dd00000002")  # with which a file is a sealed stream, and no longer one of 1.0


def is_marked(case):
    file = case.input()
    return file is not None and file.read_bytes().startswith(MARK)


# Those of rules, which are many and alike, are put to the client on which the explorer runs.
CASES = [
    case
    for case in sampled(load_corpus().cases, 0)
    if case.part in ("stream", "flax") and not case.is_large and not is_marked(case)
]
READ = """async (files) => {
    const { Engine } = await import('/explorer/engine.mjs');
    const engine = new Engine();
    const found = [];
    for (const { url, bytes, as } of files) {
        const file = bytes && new File([Uint8Array.from(bytes)], 'a');
        found.push(await engine.call('open', { file, url, base: location.href, as }));
    }
    engine.close();
    return found;
}"""


@pytest.fixture(scope="module")
def page(site, browser, tmp_path_factory):
    """A page of the explorer, from a server with ranges and a strict policy."""
    with serving(site, tmp_path_factory.mktemp("made")) as server:
        page = browser.new_page()
        troubles = []
        page.on("console", lambda message: is_trouble(message) and troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{server.address}/explorer/")
        page.server = server
        yield page
        page.close()
        assert troubles == []


def read(page, *files, kind=None):
    """What the worker says of some files."""
    return page.evaluate(READ, [{"bytes": list(file), "as": kind} for file in files])


@pytest.fixture(scope="module")
def read_cases(page):
    files = []
    for case in CASES:
        url = f"../conformance/files/{SIDES[case.want]}/{case.id}.bin"
        if case.input() is None:
            made = page.server.made / f"{case.id.replace('/', '-')}.bin"
            made.write_bytes(b"".join(piece * times for piece, times in case.pieces("bin")))
            url = f"/made/{made.name}"
        files.append({"url": url, "as": case.part})
    return list(zip(CASES, page.evaluate(READ, files), strict=True))


def test_every_good_file_of_the_corpus_is_opened(read_cases):
    good = [(case, found) for case, found in read_cases if case.want == "accept"]
    assert len(good) > 230
    for case, found in good:
        assert (found["violations"], found.get("ended")) == ([], None), case.id
        assert found["leaves"] == sum(1 for _ in case.wanted()), case.id


def test_of_every_bad_file_of_the_corpus_the_clause_is_named(read_cases):
    bad = [(case, found) for case, found in read_cases if case.want == "reject"]
    assert len(bad) > 530
    for case, found in bad:
        assert found["violations"], case.id
    named = {case.id: (found["violations"][0]["clause"], {*case.clauses, *case.also}) for case, found in bad}
    assert [id for id, (clause, wanted) in named.items() if clause not in wanted] == []
    marked = [(case, found) for case, found in bad if case.offset is not None]
    assert [case.id for case, found in marked if found["violations"][0]["offset"] != case.offset] == []


GOOD = ndarray_("int8", (2,), "01 02")


def violations(found):
    return [(one["clause"], one["offset"]) for one in found["violations"]]


def test_reading_goes_on_behind_a_bad_record(page):
    parts = [
        record_("a", GOOD),
        record_("b", ndarray_("int9", (2,), "01 02")),
        record_("a", raw("90")),  # twice, and a leaf that is none
        record_(("a", "b"), GOOD),
        record_(("c", "d"), raw("90")),
        record_("c", GOOD),  # clashes with a bad record alone: that is not a fault
        raw("92 91 01 c4 01 c0"),
        raw("93 91 a1 78 c4 01 c0 c0"),
        record_("e", GOOD),
        record_("e", GOOD),
        raw("0a"),
    ]
    at = [sum(part.size for part in parts[:n]) for n in range(len(parts))]
    (found,) = read(page, together(parts).data())
    assert violations(found) == [
        ("DTYPE-1", at[1] + 12),
        ("STREAM-4", at[2]),
        ("LEAF-1", at[2] + 6),
        ("STREAM-5", at[3]),
        ("LEAF-1", at[4] + 8),
        ("KEY-1", at[6] + 2),
        ("REC-1", at[7]),
        ("STREAM-4", at[9]),
        ("REC-1", at[10]),
    ]
    assert found["leaves"] == 3  # a, c, e
    assert found["violations"][3]["earlier"] == 0
    assert found["ended"]["at"] == at[10]


def test_reading_goes_on_at_the_next_whole_record_where_the_end_of_a_bad_one_is_not_known(page):
    good = {name: record_(name, GOOD) for name in "abc"}
    parts = [good["a"], raw("00" * 700), good["b"], good["c"], raw("0a"), good["b"], raw("92 91")]
    at = [sum(part.size for part in parts[:n]) for n in range(len(parts))]
    (found,) = read(page, together(parts).data())
    assert violations(found) == [("REC-1", at[1]), ("REC-1", at[4]), ("STREAM-4", at[5]), ("STREAM-2", at[6])]
    assert [one.get("next") for one in found["violations"]] == [at[2], at[5], None, None]
    assert found["leaves"] == 3
    assert found["ended"]["at"] == at[6]


def test_a_hundred_violations_are_enough(page):
    (found,) = read(page, (record_("a", raw("90")) * 150).data())
    assert len(found["violations"]) == 100
    assert "100 violations" in found["ended"]["why"]


def test_reading_goes_on_behind_a_bad_entry_of_a_flax_file(page):
    entries = [
        str_("a") + GOOD,
        str_("b") + raw("92 01 02"),
        raw("a2 c3 28") + GOOD,
        raw("07") + GOOD,
        str_("a") + raw("01"),
        str_("c") + map_(2) + str_("x") + ndarray_("f4", (1,), "00 00 80 3f") + str_("y") + GOOD,
    ]
    at = [1 + sum(part.size for part in entries[:n]) for n in range(len(entries))]
    (found,) = read(page, (map_(6) + together(entries)).data())
    assert violations(found) == [
        ("FLAX-4", at[1] + 2),
        ("WIRE-5", at[2]),
        ("FLAX-2", at[3]),
        ("FLAX-5", at[4]),
        ("DTYPE-1", at[5] + 5 + 3 + 3),
    ]
    assert found["leaves"] == 2  # a, c/y
    assert found.get("ended") is None


def test_longer_headers_are_noted_and_no_violation(page):
    (found,) = read(page, (raw("dc 00 02 91 a1 61 c4 01 07") + record_("b", raw("ca 3f c0 00 00"))).data())
    assert found["violations"] == []
    assert [(note["clause"], note["offsets"]) for note in found["notes"]] == [("WIRE-2", [0]), ("LEAF-8", [9])]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "an empty file"),
        (b"\x80\x04\x95\x00", "a pickle"),
        (b"PK\x03\x04", "a zip archive (a torch .pth or a numpy .npz)"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"\x93NUMPY\x01", "a numpy .npy or HDF5 file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "a numpy .npy or HDF5 file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a picture"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "a picture"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a git-lfs pointer"),
        (b' {"error": "not found"}', "JSON text"),
        (b"<!DOCTYPE html><html>", "an HTML or XML page"),
        (bytes(1000), "a file of zeros"),
        (b"\xff\xff", "a file of an unknown kind"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_to_do(page, content, name):
    (found,) = read(page, content)
    assert found["kind"]["name"] == name
    assert found["kind"]["advice"].endswith((".", "git lfs pull"))


def test_the_tree_of_a_safetensors_file_is_shown(page):
    header = {"__metadata__": {"format": "pt"}, "a.w": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}
    text = json.dumps(header).encode()
    (found,) = read(page, len(text).to_bytes(8, "little") + text + bytes(12))
    assert (found["leaves"], found["elements"], found["totals"][0]["name"]) == (1, 6, "bfloat16")
    assert ["format", "pt"] in found["facts"]
    assert found["problems"] == []


def test_the_manifest_of_a_delta_is_shown(page):
    recovered = (case for case in load_corpus().cases if (case.part, case.want) == ("recover", "accept"))
    case = next(case for case in recovered if case.rule is None)
    content = case.stored("bin").read_bytes()
    whole, cut = read(page, content, content[: len(content) // 2])
    facts = dict(whole["facts"])
    assert facts["version of chapter 10"] == "1.0"
    assert len(facts["base"]) == len(facts["target"]) == 64
    assert whole["violations"] == []
    assert whole.get("problems") is None
    assert "cut off" in cut["problems"][0]


PARTS = {"complex32": "float16", "bcomplex32": "bfloat16", "complex64": "float32", "complex128": "float64"}


def test_every_element_of_every_dtype_is_read_as_numpy_reads_it(page):
    every_byte, every_word = bytes(range(256)), np.arange(1 << 16, dtype="<u2").tobytes()
    some = np.random.default_rng(0).integers(0, 256, 8192, dtype=np.uint8).tobytes()
    tables = page.evaluate(
        """async (contents) => {
            const { dtypes, elementsOf, widthOf } = await import('/explorer/reading/dtypes.mjs');
            const shown = (value) => (Object.is(value, -0) ? '-0' : String(value));
            const text = (value) => Array.isArray(value) ? value.map(shown) : shown(value);
            return dtypes().map((dtype) => {
                const bytes = Uint8Array.from(contents[Math.min(2, widthOf(dtype) - 1)]);
                return [dtype, widthOf(dtype), elementsOf(bytes, dtype).map(text)];
            });
        }""",
        [list(every_byte), list(every_word), list(some)],
    )
    assert len(tables) == 34
    for dtype, width, found in tables:
        content = np.frombuffer({1: every_byte, 2: every_word}.get(width, some), np.uint8)
        values = [value for pair in found for value in pair] if dtype in PARTS else found
        if dtype.startswith(("float4_", "float6_")):
            content = content & ((1 << int(dtype[5])) - 1)  # DTYPE-4
        inner = PARTS.get(dtype, dtype).replace("bool", "bool_")
        if dtype in ("int1", "uint1"):
            wanted = (content & 1).astype(np.int8) * (-1 if dtype == "int1" else 1)
        else:
            wanted = content.view(getattr(ml_dtypes, inner, None) or getattr(np, inner))
        assert_same(values, wanted, dtype)


def assert_same(values, wanted, dtype):
    if "int" in dtype or dtype == "bool":
        assert [int(value) for value in values] == [int(value) for value in wanted], dtype
        return
    with np.errstate(invalid="ignore"):  # of signalling NaNs
        due = wanted.astype(np.float64)
    came = np.array([float(value) for value in values])
    assert np.array_equal(came, due, equal_nan=True), dtype
    assert np.array_equal(np.signbit(came[came == 0]), np.signbit(due[due == 0])), dtype

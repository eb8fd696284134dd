"""The format as data: what is made of it is as it is made, and the tables of the reference say the same."""

import re
import shutil
from collections import Counter

import pytest

from conformance.clauses import SPEC, read_clauses
from conformance.format import __main__ as command
from conformance.format import data, tables
from reference.containers.flax_file import FLAX
from reference.containers.load_prefixes import PREFIXES
from reference.containers.orbax_folder import ORBAX
from reference.containers.safetensors_file import SAFETENSORS
from reference.containers.safetensors_file import TAGS as SAFETENSORS_TAGS
from reference.containers.stream import STREAM
from reference.format import (
    aligned,
    arrays,
    blocks,
    checksums,
    chunked,
    dtypes,
    indexes,
    json_texts,
    keypaths,
    leaves,
    manifests,
    metadata,
    parts,
    records,
    seals,
    wire,
)

CACHED = (data.load, data.headers, data.widths, data.prefixes)


def test_everything_that_is_made_of_the_data_is_as_it_is_made(capsys):
    assert command.main(["--check"]) == 0, capsys.readouterr().out


MAGIC = ["spec/streamckpt.magic", "spec/streamckpt.xml"]
KSY = ["spec/1.0/streamckpt.ksy", "spec/2.0/streamckpt.ksy"]
FAULTS = {
    "a width": ("1.0", "width = 16", "width = 8", ["spec/1.0/03-dtypes.md", *KSY]),
    "a header": ("1.0", 'number = ["u2", "u4"]\nvalue = "map"', 'number = ["u4", "u2"]\nvalue = "map"', [*KSY, *MAGIC]),
    "a limit": ("1.0", "most = 512", "most = 511", KSY),
    "a prefix": ("1.0", '["trainstate"]', '["train_state"]', ["spec/1.0/09-conversion.md"]),
    "a field of the manifest": ("1.0", '"digest or null"', '"digest"', ["spec/1.0/10-delta.md"]),
    "a key of the index": ("2.0", 'key = "digests"', 'key = "digest"', ["spec/2.0/15-index.md", KSY[1]]),
    "a field of the footer": ("2.0", '"8 to 11"', '"8 to 12"', ["spec/2.0/16-seal.md"]),
    "the mark": ("2.0", 'mark = "dd 00 00 00 02"', 'mark = "dd 00 00 00 03"', [KSY[1], *MAGIC, "spec/media-types.md"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_data_shows_in_all_that_is_made_of_it(fault, tmp_path, capsys, monkeypatch):
    version, old, new, stale = FAULTS[fault]
    shutil.copytree(SPEC, tmp_path / "spec")
    source = tmp_path / "spec" / version / "format.toml"
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    for module in (data, tables, command):
        monkeypatch.setattr(module, "SPEC", tmp_path / "spec")
    try:
        for cached in CACHED:
            cached.cache_clear()
        assert command.main(["--check"]) == 1
    finally:
        for cached in CACHED:
            cached.cache_clear()
    told = capsys.readouterr().out.splitlines()
    assert sorted(line.removeprefix("not as it is made: ") for line in told) == sorted(stale)


def test_a_table_whose_head_is_gone_is_named(monkeypatch):
    gone = tables.TABLES[0]._replace(head=("first", "value", "then"))
    monkeypatch.setattr(tables, "TABLES", (gone,))
    with pytest.raises(ValueError, match=r"occurs 0 times in spec/1\.0/01-wire\.md"):
        list(tables.chapters())


# --- the clauses -----------------------------------------------------------------------------------------------------


def spellings(n):
    """The ways in which a clause may write a number."""
    yield f"{n:,}"
    for k in range(8, 64):
        for text, value in ((f"2^{k}", 1 << k), (f"2^{k} - 1", (1 << k) - 1), (f"2^{k} - 2^17", (1 << k) - (1 << 17))):
            if value == n:
                yield text


@pytest.mark.parametrize(("name", "limit"), [*data.limits()], ids=[name for name, _ in data.limits()])
def test_the_clause_of_a_limit_states_it(name, limit):
    text = read_clauses("2.0")[limit["clause"]].text
    for bound in ("least", "most"):
        if bound in limit:
            written = "|".join(map(re.escape, spellings(limit[bound])))
            assert re.search(rf"(?<![\d^])(?<!\d,)({written})(?!,?\d)", text), (name, bound)


def test_every_clause_that_the_data_names_exists():
    named = set(
        re.findall(r"\b[A-Z]+-[1-9][0-9]*\b", "".join((SPEC / v / "format.toml").read_text() for v in data.VERSIONS))
    )
    assert named - set(read_clauses("2.0")) <= {"SHA-256"}


# --- the reference ---------------------------------------------------------------------------------------------------


def test_the_reference_has_the_same_headers():
    forms = {"u": wire._unsigned_of, "s": wire._signed_of}
    for header, (kind, width, number) in zip(data.headers(), wire._HEADERS, strict=True):
        assert kind == (header.kind or "")
        if isinstance(header.number, str):
            assert width == int(header.number[1:])
            assert header.number[0] == "f" or number is forms[header.number[0]]
        else:
            assert (width, number) == (0, header.number)


def test_the_reference_has_the_same_dtypes():
    assert data.widths() == dtypes.WIDTHS
    assert {*Counter(tag for row in data.load("1.0")["dtypes"] for tag in row["tags"]).values()} == {1}
    pairs = [pair for row in data.load("1.0")["safetensors"] for pair in zip(row["names"], row["tags"], strict=True)]
    assert dict(pairs) == SAFETENSORS_TAGS


def test_the_reference_has_the_same_leaves_and_prefixes():
    found = data.load("1.0")["leaves"]
    assert {row["kind"] for row in found} == set(leaves.KINDS)
    types = {row["kind"]: row["type"] for row in found if "type" in row}
    assert types == {"ndarray": arrays.NDARRAY, "complex": arrays.COMPLEX, "scalar": arrays.SCALAR}
    files = {"stream": STREAM, "flax file": FLAX, "safetensors": SAFETENSORS}
    files["a folder that orbax has written"] = ORBAX
    assert {prefix: files[file] for prefix, file in data.prefixes().items()} == PREFIXES


def test_the_reference_has_the_same_names():
    old, new = (data.load(version) for version in data.VERSIONS)
    assert old["names"]["chunked_array"] == chunked.MARKER
    assert manifests.DELTA_NAME.endswith(old["names"]["delta"].encode())
    names = {name: new["names"][name] for name in ("mark", "signature")}
    assert {name: bytes.fromhex(text) for name, text in names.items()} == {
        "mark": seals.MARK,
        "signature": seals.SIGNATURE,
    }
    assert (new["names"]["padding"], new["names"]["detached"]) == (chunked.PAD, seals.DETACHED_SUFFIX)
    assert tuple(row["key"] for row in new["index"]) == indexes._KEYS
    assert new["names"]["part"].partition("I")[0] == parts.PREFIX
    numbers = [row["number"] for row in new["footer"] if "number" in row]
    assert sum(int(number[1:]) for number in numbers) + len(seals.SIGNATURE) == seals.FOOTER
    assert [row["value"] for row in new["footer"] if "value" in row] == [int(n) for n in seals.VERSION.split(".")]


def test_the_reference_has_the_same_limits():
    known = {
        "path_parts": keypaths.MAX_PARTS,
        "path_bytes": keypaths.MAX_BYTES,
        "dimensions": arrays.MAX_DIMS,
        "chunk_bytes": chunked.CHUNK,
        "blob_bytes": records.MAX_BLOB,
        "delta_mark_bytes": manifests._LONGEST_TEXT,
        "delta_block_bytes": blocks.BLOCK,
        "json_depth": json_texts.DEEPEST,
        "padding_bytes": chunked._LONGEST_PAD,
        "alignment": aligned.ALIGNMENTS[-1],
        "detached_alignment": indexes.DETACHED,
        "whole_array_bytes": parts.LARGEST_WHOLE,
        "row_bytes": parts._ROWS,
        "checksum_block_bytes": checksums.BLOCK,
        "metadata_bytes": metadata.MAX_BYTES,
        "metadata_values": metadata.MAX_VALUES,
        "metadata_depth": metadata.MAX_DEPTH,
        "seal_length": seals._LONGEST,
    }
    stated = dict(data.limits())
    assert {name: stated[name]["most"] for name in known} == known
    assert (stated["alignment"]["least"], stated["aligned_bytes"]["least"]) == (aligned.ALIGNMENTS[0], aligned.LEAST)
    # The others are judged by the cases of their clauses alone: the reference has no name for them.
    assert set(stated) - set(known) == {"array_bytes", "flax_path_bytes", "safetensors_header_bytes", "aligned_bytes"}

"""Manifests of deltas that lie are refused, whatever they promise (DELTA-2, DELTA-3)."""

import json
import os
import re

import jsonschema
import numpy as np
import pytest

from reference.delta import diff as exact_diff
from reference.format import manifests
from reference.format.dtypes import WIDTHS
from reference.format.errors import FormatError
from reference.format.manifests import encode_manifest, read_delta
from reference.format.wire import BytesSource
from reference.tests.delta_files import Files, pair


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def edited(files, change):
    """The delta with its manifest changed."""
    with open(files.delta, "rb") as file:
        whole = file.read()
    manifest, _, _ = read_delta(BytesSource(whole))
    text = encode_manifest(manifest)
    value = json.loads(text)
    change(value)
    new = json.dumps(value).encode()
    start = whole.index(b"\x92\x91\xa8manifest")
    head = b"\xdb" + len(new).to_bytes(4, "big") + new
    data = whole[:start] + b"\x92\x91\xa8manifest\xc6" + len(head).to_bytes(4, "big") + head
    with open(files.delta, "wb") as file:
        file.write(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("base"),
        lambda m: m.update(base="00"),
        lambda m: m.update(leaves={}),
        lambda m: m["leaves"][0].update(kind="tensor"),
        lambda m: m["leaves"][0].update(dtype="float33"),
        lambda m: m["leaves"][0].update(shape=[1 << 62, 1 << 62]),
        lambda m: m["leaves"][0].update(bytes=1 << 60, blocks=1 << 38, shape=[1 << 58]),
        lambda m: m["leaves"][0].update(blocks=7),
        lambda m: m["leaves"][0].update(like_base=1),
        lambda m: m["leaves"][0].update(path=["a", 1]),
        lambda m: m["leaves"][0].update(path=[]),
        lambda m: m["leaves"].append(m["leaves"][0]),
        lambda m: m["leaves"].reverse(),
        lambda m: m.update(leaves=m["leaves"][::-1], order=m["order"]),
        lambda m: m["leaves"].pop(),
        lambda m: m["leaves"][0].update(like_base=False),
        lambda m: m["leaves"][0].update(blocks=1.0),
        lambda m: m["leaves"][0].update(bytes=float("nan")),
        lambda m: m["leaves"][0].update(kind="scalar"),
        lambda m: m.pop("order"),
        lambda m: m["leaves"][0].update(target="0" * 64),
        lambda m: m["leaves"][1].update(base=None, like_base=False),
        lambda m: m["removed"].append({"path": ["x"], "base": 3}),
        lambda m: m.update(removed={}),
        lambda m: m["removed"].append({"path": m["leaves"][0]["path"], "base": m["leaves"][0]["base"]}),
        lambda m: m["leaves"][0].update(base="00" * 32),
    ],
)
def test_a_manifest_that_lies_is_refused(change, files):
    files.diff(*pair(shape=(30, 10)))
    edited(files, change)
    with pytest.raises(FormatError):
        files.recover()
    assert not os.path.exists(files.recovered)


def test_what_an_unchanged_leaf_says_of_itself_is_held_against_the_base(files):
    """It has no blocks, so that nothing in the delta ties its size to anything."""
    files.diff({"a": np.ones(3), "s": "x", "n": None}, {"a": np.ones(3), "s": "x", "n": 1})
    kept = content(files.delta)

    def huge(manifest):
        manifest["leaves"][0].update(shape=[1 << 56], bytes=1 << 59, like_base=False)

    def long(manifest):
        manifest["leaves"][1].update(bytes=1 << 62)

    def longer(manifest):
        manifest["leaves"][2].update(bytes=10**400)

    for change in (huge, long, longer):
        with open(files.delta, "wb") as file:
            file.write(kept)
        edited(files, change)
        with pytest.raises(FormatError, match="DELTA-3"):
            files.recover()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_json_that_is_deep_is_refused(files, monkeypatch):
    with pytest.raises(FormatError, match="DELTA-2"):
        manifests.decode_manifest("[" * 100_000)


# --- the specification ------------------------------------------------------------------------------------------------


def blocks_of_bytes(root, clause):
    """The examples under a clause, as what they are marked with and their bytes."""
    text = (root / "spec/1.0/10-delta.md").read_text().split(f"#### {clause}\n")[1].split("\n#### ")[0]
    for info, body in re.findall(r"^```hex ([^\n]*)\n(.*?)^```", text, flags=re.M | re.S):
        yield info, bytes.fromhex(re.sub(r"#.*", "", body))


def test_the_delta_of_the_specification_is_recovered_and_is_what_diff_makes(root, files):
    (_, base), (info, delta), (_, target) = blocks_of_bytes(root, "DELTA-3")
    assert info == "recover"
    for path, data in ((files.base, base), (files.target, target), (files.delta, delta)):
        with open(path, "wb") as file:
            file.write(data)
    files.recover()
    assert files.is_recovered()
    written, _, _ = read_delta(BytesSource(delta))
    exact_diff(files.base, files.target, files.delta)
    made, _, _ = files.manifest()
    assert made == written


@pytest.fixture(scope="module")
def schema(root):
    return json.loads((root / "spec/1.0/delta-manifest.schema.json").read_text())


def test_what_is_written_follows_the_schema(schema, files):
    state = {"s": "x", "n": None, "z": np.float32(1), "c": 1j, "e": {}, "b": b"1", "f": 0.5, "t": True}
    files.diff(pair(shape=(3, 1))[0] | state, pair(shape=(3, 1))[1] | state | {"new": 1, "s": "y"})
    jsonschema.validate(json.loads(encode_manifest(files.manifest().manifest)), schema)


def test_the_schema_knows_the_dtypes_and_fields_that_the_reader_knows(schema, root):
    assert schema["$defs"]["dtype"]["enum"] == list(dict.fromkeys(schema["$defs"]["dtype"]["enum"]))
    assert set(schema["$defs"]["dtype"]["enum"]) == set(WIDTHS)
    text = (root / "spec/1.0/10-delta.md").read_text()
    named = {*schema["required"], *(f"leaves[].{name}" for name in schema["$defs"]["leaf"]["required"])}
    named |= {f"removed[].{name}" for name in schema["$defs"]["removed"]["required"]}
    assert set(re.findall(r"^\| `([a-z_.\[\]]+)` \| (?:digest|list|text|count|true)", text, flags=re.M)) == named


WRONG = ("0" * 63, 7.5, {}, -1, 1, True, [-1])
MISSING = object()


def test_every_field_that_is_missing_or_of_another_type_is_refused_by_reader_and_schema(schema, files):
    files.diff(pair(shape=(3, 1))[0] | {"old": 1}, pair(shape=(3, 1))[1] | {"s": "x"})
    text = encode_manifest(files.manifest().manifest)
    whole = json.loads(text)
    assert manifests.decode_manifest(text)
    validator = jsonschema.Draft202012Validator(schema)
    places = [(), *((name, i) for name in ("leaves", "removed") for i in range(len(whole[name])))]
    for place in places:
        for name in node_at(whole, place):
            for wrong in (MISSING, *WRONG):
                value = json.loads(text)
                before = node_at(value, place).pop(name)
                if wrong is not MISSING:
                    node_at(value, place)[name] = wrong
                if type(wrong) is type(before) and wrong in (before, True, 1):
                    continue  # of the right type, and for more than the schema to judge
                assert not validator.is_valid(value), (place, name, wrong)
                with pytest.raises(FormatError):
                    manifests.decode_manifest(json.dumps(value))


def node_at(value, place):
    for step in place:
        value = value[step]
    return value

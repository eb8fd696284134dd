"""Manifests of deltas that lie are refused, whatever they promise (DELTA-2, DELTA-3)."""

import json
import os

import numpy as np
import pytest

from reference.format import manifests
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
    with pytest.raises(FormatError, match="DELTA-3"):
        manifests.decode_manifest("[" * 100_000)

"""A set of shards in a bucket that takes the place of another: at every moment one of the two is there, whole."""

import contextlib
import itertools
import json

import numpy as np
import pytest

import streamckpt as sc
from fuzz.equality import same
from reference.checkpoints import outputs
from reference.containers.shard_index import read_index
from reference.format.errors import UsageError
from reference.storage.object_places import ObjectPlace
from reference.tests.servers.faults import Answer
from reference.tests.servers.fixtures import BUCKETS

pytest.importorskip("reference.storage.object_outputs", reason="the extra `remote` is not installed")
pytestmark = pytest.mark.xdist_group("servers")  # one of each server is enough
on_buckets = pytest.mark.parametrize("bucket", BUCKETS, indirect=True)

INDEX = "model.safetensors.index.json"
SIZES = (1100, 1100, 600, None, None, 1100, 100_000)  # the last gives one file, as None does


def tree(seed):
    return {"h": {str(i): {"w": np.full((8, 16), 100 * seed + i, np.float32)} for i in range(6)}}


def names(url):
    from obstore import list as listed

    place = outputs.place_of(f"{url}x")
    assert isinstance(place, ObjectPlace)
    prefix = place._key.rpartition("/")[0]
    return {each["path"].rpartition("/")[2] for page in listed(place._store, prefix=prefix) for each in page}


def put(name, data):
    with outputs.place_of(name).replace() as sink:
        sink.write(data)


def index(url):
    with contextlib.closing(outputs.place_of(url + INDEX).open()) as source:
        return set(read_index(source).files.values())


@on_buckets
@pytest.mark.parametrize("kind", ["safetensors", "flax"])
def test_a_set_takes_the_place_of_another_as_on_a_disk(bucket, tmp_path, kind):
    url = f"{bucket.url}/replaced {kind}/"
    put(f"{url}config.json", b"{}")
    found = []
    for seed, most in enumerate(SIZES):
        sc.save(f"{kind}::{url}", tree(seed), max_shard_size=most)
        sc.save(f"{kind}::{tmp_path}/here/", tree(seed), max_shard_size=most)
        assert same(sc.load(f"{kind}::{url}"), tree(seed))
        found.append(names(url) - {"config.json"})
        assert len(found[-1]) == len(list((tmp_path / "here").iterdir()))  # nothing old is left, and all else
        assert "config.json" in names(url)
    assert all(len(a & b) <= 1 for a, b in itertools.pairwise(found))  # the index, or the one file there is


@pytest.mark.parametrize(("before", "after"), [(1100, 1100), (1100, 600), (1100, None), (None, 1100), (None, None)])
def test_at_every_moment_one_of_the_two_is_there(s3, monkeypatch, before, after):
    seen = []

    def watched(call):
        def watching(*given, **named):
            result = call(*given, **named)
            found = sc.load(f"safetensors::{url}")
            seen.append(same(found, tree(1)))
            assert seen[-1] or same(found, tree(0))
            return result

        return watching

    with s3.known() as there:
        url = f"{there}/watched {before} {after}/"
        sc.save(f"safetensors::{url}", tree(0), max_shard_size=before)
        monkeypatch.setattr(outputs, "write_steps", watched(outputs.write_steps))
        monkeypatch.setattr(outputs, "_write", watched(outputs._write))
        monkeypatch.setattr(ObjectPlace, "remove", watched(ObjectPlace.remove))
        sc.save(f"safetensors::{url}", tree(1), max_shard_size=after)
        assert same(sc.load(f"safetensors::{url}"), tree(1))
    assert seen == sorted(seen)
    assert len(seen) > 1 or (before, after) == (None, None)


@on_buckets
@pytest.mark.parametrize("fails", [1, 3, "index", "last"])
def test_a_write_that_fails_leaves_the_old_set(bucket, monkeypatch, fails):
    calls = []
    write, write_index = outputs.write_steps, outputs._write

    def failing(*given):
        calls.append(1)
        if fails in ("index", len(calls)):
            raise OSError(5, "Input/output error")
        return write(*given)

    def interrupted(*given):
        write_index(*given)
        raise KeyboardInterrupt

    url = f"{bucket.url}/failed again {fails}/"
    sc.save(f"safetensors::{url}", tree(0), max_shard_size=1100)
    old = names(url)
    if fails == "last":  # the index has been sent, and the save is told too late that it need not be
        monkeypatch.setattr(outputs, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sc.save(f"safetensors::{url}", tree(1), max_shard_size=1100)
        assert same(sc.load(f"safetensors::{url}"), tree(1))
        return
    monkeypatch.setattr(outputs, "_write" if fails == "index" else "write_steps", failing)
    with pytest.raises(OSError, match="Input/output error"):
        sc.save(f"safetensors::{url}", tree(1), max_shard_size=1100)
    assert (names(url), bucket.uploads()) == (old, 0)
    assert same(sc.load(f"safetensors::{url}"), tree(0))


def test_a_folder_is_converted_in_place_and_never_in_part(s3, tmp_path):
    with s3.known() as there:
        url = f"{there}/in place/"
        sc.save(f"safetensors::{url}", tree(3), max_shard_size=1100)
        shard = sorted(index(url))[0]
        for name, more, says in (
            (url, {"include": "h/0/*"}, "holds what is read, and the leaves that are left out would be lost"),
            (url[:-1] + f"/{INDEX}", {"include": "h/0/*"}, "holds what is read"),
            (url + shard, {}, "is one of several files of the checkpoint in .*, and the others would be lost"),
        ):
            with pytest.raises(UsageError, match=says):
                sc.convert(f"safetensors::{name}", f"safetensors::{url}", **more)
        sc.save(tmp_path / "base", tree(2))
        with pytest.raises(UsageError, match="holds the target, which would be replaced and lost"):
            sc.subtract(tmp_path / "base", f"safetensors::{url}", f"safetensors::{url}")
        sc.convert(f"safetensors::{url}", f"safetensors::{url}", float_dtype="fp64", max_shard_size=1100)
        assert same(sc.load(f"safetensors::{url}", "h/1"), {"w": tree(3)["h"]["1"]["w"].astype(np.float64)})
        assert names(url) == index(url) | {INDEX}


def test_what_is_no_index_is_replaced_and_nothing_of_another_name_is_removed(s3):
    with s3.known() as there:
        for data in (b"<html>", b"{}", json.dumps({"weight_map": {"a": "other.safetensors"}}).encode()):
            url = f"{there}/strange {len(data)}/"
            for name in (INDEX, "other.safetensors", "model-00001-of-00002.safetensors"):
                put(url + name, data)
            sc.save(f"safetensors::{url}", tree(1), max_shard_size=1100)
            assert same(sc.load(f"safetensors::{url}"), tree(1))
            assert names(url) == index(url) | {INDEX, "other.safetensors", "model-00001-of-00002.safetensors"}


def test_old_shards_that_cannot_be_removed_are_spoken_of(behind):
    url = f"{behind.url}/stays/"
    sc.save(f"safetensors::{url}", tree(0), max_shard_size=1100)

    def answer(asked, ask):
        return Answer(403, {}, b"") if asked.method == "DELETE" or "delete" in asked.path else ask(asked)

    behind.proxy.begin(answer)
    text = r"the save is complete, and of the older set .*model-00001-of-00003.* could not be removed"
    with pytest.warns(UserWarning, match=text):
        sc.save(f"safetensors::{url}", tree(1), max_shard_size=1100)
    assert same(sc.load(f"safetensors::{url}"), tree(1))


def test_a_set_of_a_file_system_of_fsspecs_is_replaced_too():
    fsspec = pytest.importorskip("fsspec")
    url = "safetensors::memory://replaced/"
    for seed in range(3):
        sc.save(url, tree(seed), max_shard_size=1100)
        assert same(sc.load(url), tree(seed))
        assert len(fsspec.filesystem("memory").ls("/replaced")) == 4

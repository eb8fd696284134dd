"""Folders of shards that are not on this machine: read by every verb, and written with the index last."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import streamckpt as sc
from fuzz.equality import same
from reference.checkpoints import outputs
from reference.commands import verbs
from reference.containers.shard_index import read_index
from reference.format.errors import FormatError, UsageError
from reference.format.wire import BytesSource
from reference.storage.object_places import ObjectPlace
from reference.tests.servers.faults import Answer
from reference.tests.servers.files import WebFiles
from reference.tests.servers.fixtures import BUCKETS
from reference.tests.tiny_llama import easylm

object_outputs = pytest.importorskip("reference.storage.object_outputs", reason="the extra `remote` is not installed")
pytestmark = pytest.mark.xdist_group("servers")  # one of each server is enough
on_buckets = pytest.mark.parametrize("bucket", BUCKETS, indirect=True)

INDEX = "model.safetensors.index.json"
RNG = np.random.default_rng(8)
TREE = {"z": {"w": RNG.normal(size=300)}, "h": {str(i): {"w": np.full((8, 16), i, np.float32)} for i in range(6)}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sc.save("stream", TREE)
    sc.convert("stream", "safetensors::local/", max_shard_size=1100)
    return tmp_path / "local"


def files(url):
    """What stands below a URL, by name."""
    from obstore import get
    from obstore import list as listed

    place = outputs.place_of(f"{url}x")
    assert isinstance(place, ObjectPlace)
    found = [each["path"] for page in listed(place._store, prefix=place._key.rpartition("/")[0]) for each in page]
    return {name.rpartition("/")[2]: bytes(get(place._store, name).bytes()) for name in found}


def run(*words):
    return verbs.main([str(word) for word in words])


@on_buckets
def test_every_verb_takes_a_folder_in_a_bucket(bucket, folder, capsys):
    url = f"{bucket.url}/every/"
    assert run("convert", "stream", f"safetensors::{url}", "--max_shard_size=1100B") == 0
    assert f"wrote {url}: a safetensors file in 4 shards of 7 leaves" in capsys.readouterr().out
    assert files(url) == {each.name: each.read_bytes() for each in folder.iterdir()}
    for name in (url, url + INDEX):
        assert same(sc.load(f"safetensors::{name}"), TREE)
        assert same(sc.load(f"safetensors::{name}", "h/2")["w"], TREE["h"]["2"]["w"])
        assert run("verify", name) == run("compare", name, "stream") == run("inspect", name) == 0
        assert "model-00003-of-00004.safetensors" in capsys.readouterr().out
        assert run("convert", name, "params::back") == 0
        assert Path("back").read_bytes() == Path("stream").read_bytes()
    with sc.open(url, any_kind=True) as checkpoint:
        assert (len(checkpoint), checkpoint.kind) == (7, "safetensors file")
    pytest.importorskip("zstandard")
    assert run("diff", url, "local", "delta") == run("recover", url, "delta", "recovered") == 0


@on_buckets
def test_save_writes_a_folder_in_a_bucket(bucket, folder):
    for most, to in ((1100, "several"), (None, "one")):
        sc.save(f"safetensors::{bucket.url}/saved {to}/", TREE, max_shard_size=most)
        assert same(sc.load(f"safetensors::{bucket.url}/saved {to}/"), TREE)
    assert list(files(f"{bucket.url}/saved one/")) == ["model.safetensors"]
    sc.convert("stream", f"flax::{bucket.url}/flax/", max_shard_size=1100)
    assert same(sc.load(f"flax::{bucket.url}/flax/flax_model.msgpack.index.json"), TREE)


def test_a_map_puts_its_config_beside_the_shards_and_finds_it_there(s3, capsys):
    sc.save("easylm", easylm())
    with s3.known() as url:
        there = f"safetensors::{url}/mapped/"
        words = ["--map=llama-easylm-to-hf", "--map_parameter=heads=4", "--max_shard_size=20kB"]
        assert run("convert", "easylm", there, *words) == 0
        assert json.loads(files(f"{url}/mapped/")["config.json"])["num_attention_heads"] == 4
        assert run("convert", there, "params::back", "--map=llama-hf-to-easylm") == 0
        assert f"heads=4, kv_heads=2 ({url}/mapped/config.json)" in capsys.readouterr().out
    assert run("compare", "easylm", "back") == 0


@on_buckets
@pytest.mark.parametrize("fails", [1, 3, "index"])
def test_a_write_that_fails_leaves_no_shards(bucket, monkeypatch, fails):
    calls = []
    write = outputs.write_steps

    def failing(*given):
        calls.append(1)
        if fails in ("index", len(calls)):
            raise OSError(5, "Input/output error")
        return write(*given)

    monkeypatch.setattr(outputs, "_write" if fails == "index" else "write_steps", failing)
    url = f"{bucket.url}/failed {fails}/"
    with pytest.raises(OSError, match="Input/output error"):
        sc.convert("stream", f"safetensors::{url}", max_shard_size=1100)
    assert (len(calls), files(url), bucket.uploads()) == (1 if fails == "index" else fails, {}, 0)


def test_shards_that_cannot_be_removed_are_spoken_of(behind, monkeypatch):
    def fails(name, data):
        raise OSError(5, "Input/output error")

    def answer(asked, ask):
        return Answer(403, {}, b"") if asked.method == "DELETE" or "delete" in asked.path else ask(asked)

    monkeypatch.setattr(outputs, "_write", fails)
    behind.proxy.begin(answer)
    with (
        pytest.warns(UserWarning, match=r"the save has failed, and .*model-00001-of-00004.* could not be removed"),
        pytest.raises(OSError, match="Input/output error"),
    ):
        sc.convert("stream", f"safetensors::{behind.url}/left/", max_shard_size=1100)


def test_what_is_wrong_with_a_folder_is_said_in_every_verb(s3, capsys):
    with s3.known() as url:
        sc.convert("stream", f"safetensors::{url}/wrong/", max_shard_size=1100)
        outputs.place_of(f"{url}/wrong/model-00002-of-00004.safetensors").remove()
        with pytest.raises(FormatError, match=r"model-00002-of-00004\.safetensors is missing") as caught:
            sc.load(f"safetensors::{url}/wrong/")
        assert str(caught.value).startswith(f"{url}/wrong/: the shards and their index do not match: ")
        for name, says in (
            ("wrong", "there is no such object; the name of a folder in a bucket ends in /"),
            ("nothing/", f"it does not contain {INDEX} or flax_model.msgpack.index.json"),
        ):
            for verb in (["inspect"], ["verify"], ["compare", "stream"], ["convert", "out"]):
                assert run(verb[0], f"{url}/{name}", *verb[1:]) > 0
                printed = capsys.readouterr()
                assert says in printed.err, verb
                assert (printed.out, printed.err.count("\n")) == ("", 1)
        with pytest.raises(FileNotFoundError, match="there is no such bucket"):
            sc.save("safetensors::s3://no-such-bucket/x/", TREE)
        with pytest.raises(UsageError, match="is a folder, and a stream is one file"):
            sc.save(f"{url}/x/", TREE)


# --- web servers and the Hub --------------------------------------------------------------------------------


def test_a_folder_of_a_web_server(web, folder):
    web.objects |= {f"/a%20b/{each.name}": each.read_bytes() for each in folder.iterdir()}
    shards = read_index(BytesSource(memoryview((folder / INDEX).read_bytes()))).files
    for name in ("a b/", f"a b/{INDEX}", f"a b/{INDEX}?download=true&token=x"):
        assert same(sc.load(f"safetensors::{web.address}/{name}"), TREE)
        assert not sc.verify(f"{web.address}/{name}")
    asked = {each.path for each in web.asked if "token" in each.path}
    assert asked == {f"/a%20b/{name}?download=true&token=x" for name in (INDEX, *shards.values())}
    with pytest.raises(UsageError, match="can be read but not written to; save to a disk or a bucket"):
        sc.save(f"safetensors::{web.address}/new/", TREE)


@pytest.fixture
def hub(folder, monkeypatch):
    """The Hub with the folder as a repository, and as a folder of another; gives the revisions that were asked for."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(folder))
    monkeypatch.setenv("no_proxy", "*")
    revisions = []

    def answer(asked, ask):
        found = re.fullmatch(r"/(org/model|datasets/org/data)/resolve/([^/]+)/(?:sub/)?([^/?]+)", asked.path)
        if found is None:
            return Answer(401, {}, b"")
        revisions.append(found[2])
        return ask(asked._replace(path=f"/{found[3]}"))

    with WebFiles({f"/{each.name}": each.read_bytes() for each in folder.iterdir()}) as server:
        server.begin(answer)
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield revisions


@pytest.mark.parametrize(
    "name", ["org/model", "org/model/", "org/model@v2", "org/model/sub/", f"org/model/{INDEX}", "datasets/org/data"]
)
def test_a_repository_of_the_hub_is_a_folder(hub, name, capsys):
    assert same(sc.load(f"safetensors::hf://{name}"), TREE)
    assert set(hub) == {"v2" if "@" in name else "main"}
    assert run("verify", f"hf://{name}") == run("compare", f"hf://{name}", "stream") == 0
    assert run("convert", f"hf://{name}", "params::back") == 0
    assert run("convert", "stream", f"safetensors::hf://{name}/new/") == 2
    assert "can be read but not written to" in capsys.readouterr().err


def test_a_repository_is_not_a_file(hub):
    for url in ("hf://org/model", "hf://org/model/"):
        with pytest.raises(UsageError, match="is a folder of the Hub; name a file in it"):
            outputs.place_of(url).open()

"""What a URL names: the Hub, stores of the caller, other file systems, and buckets with what their tools say."""

import itertools
import os
import re
import sys
from types import SimpleNamespace

import pytest

import reference
from reference.checkpoints.conversion import convert
from reference.checkpoints.detached_seals import seal
from reference.checkpoints.salvaging import salvage
from reference.commands import verbs
from reference.delta import diff
from reference.format.errors import FormatError, UsageError
from reference.format.extras import how_to_install
from reference.storage.places import in_store, place_of
from reference.storage.same_files import is_same_file

from .far_files import SECRET, TOKEN, TREE, alike, content, put
from .servers.faults import Answer
from .servers.files import WebFiles

pytest.importorskip("obstore", reason="the extra `remote` is not installed")
from obstore.store import MemoryStore

# --- the Hub -------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(web, monkeypatch):
    """The Hub, which says where a file is kept, and `web`, which keeps it."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    commit = itertools.count(1)

    def answer(asked, ask):
        found = re.fullmatch(r"/(org/model)/resolve/([^/]+)/dir/x", asked.path)
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if found is None or (server.private and headers.get("authorization") != f"Bearer {TOKEN}"):
            return Answer(401, {}, b"")
        server.revisions.append(found[2])
        location = f"{web.address}/kept?Signature={next(commit)}"
        return Answer(302, {"Location": location, "X-Repo-Commit": "abc123"}, b"")

    with WebFiles({}) as server:
        server.begin(answer)
        server.private, server.revisions = False, []
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("HF_HOME", os.getcwd())
        reference.save("x", TREE)
        web.objects["/kept"] = content("x")
        yield server


def test_a_file_of_the_hub_is_read_where_it_is_kept(web, hub):
    assert alike(reference.load("hf://org/model/dir/x"), TREE)
    assert hub.revisions == ["main"] * 1
    hub.revisions.clear()
    for revision in ("v1", "refs/pr/3", "refs%2Fpr%2F3"):
        assert alike(reference.load(f"trainstate::hf://org/model@{revision}/dir/x", "params"), TREE["params"])
    assert set(hub.revisions) == {"v1", "refs%2Fpr%2F3"}


@pytest.mark.parametrize("where", ["HF_TOKEN", "file"])
def test_the_token_goes_to_the_hub_alone(web, hub, monkeypatch, where):
    hub.private = True
    with pytest.raises(PermissionError, match="set HF_TOKEN") as caught:
        reference.load("hf://org/model/dir/x")
    assert caught.value.filename == "hf://org/model/dir/x"
    if where == "file":
        with open("token", "w") as file:
            file.write(f"{TOKEN}\n")
    else:
        monkeypatch.setenv(where, TOKEN)
    assert alike(reference.load("hf://org/model/dir/x"), TREE)
    assert any(TOKEN in str(asked.headers) for asked in hub.asked)
    assert not any(TOKEN in str(asked.headers) for asked in web.asked)


def test_an_address_that_expires_is_asked_for_again(web, hub):
    expired = set()
    web.begin(lambda asked, ask: Answer(403, {}, b"") if asked.path in expired else ask(asked))
    with reference.open("hf://org/model/dir/x") as checkpoint:
        expired |= {asked.path for asked in web.asked}
        assert alike(checkpoint["params/big"], TREE["params"]["big"])
    assert hub.revisions[0] == "main"
    assert set(hub.revisions[1:]) == {"abc123"}, "it is not the same commit that is read"


def test_names_that_the_hub_has_not_are_refused(web, hub):
    for url in ("hf://model", "hf://", "hf:///x"):
        with pytest.raises(UsageError, match="does not name a file on the Hub"):
            place_of(url)
    with pytest.raises(PermissionError):
        reference.load("hf://org/other/x")


# --- what a URL names ---------------------------------------------------------------------------------------


def test_a_store_of_the_callers_is_a_place(web):
    store = MemoryStore()
    url = in_store(store, "run/x")
    reference.save(url, TREE)
    assert alike(reference.load(url), TREE)
    assert alike(reference.load(f"trainstate::{url}", "params"), TREE["params"])
    assert in_store(store, "run/x") == url
    assert in_store(MemoryStore(), "run/x") != url
    with pytest.raises(UsageError, match="neither get nor head"):
        in_store(object(), "x")
    with pytest.raises(UsageError, match="does not name a store"):
        reference.load("obspec://MemoryStore-99999/x")


class Ranges:
    """Another store than obstore's, with two of obspec's methods."""

    def __init__(self, objects):
        self.objects = objects

    def head(self, path):
        if path not in self.objects:
            raise FileNotFoundError(path)
        return {"size": len(self.objects[path]), "e_tag": str(hash(self.objects[path])), "last_modified": None}

    def get_range(self, path, *, start, end=None, length=None):
        return memoryview(self.objects[path])[start:end]


def test_an_object_with_ranges_alone_is_a_place(web):
    reference.save("x", TREE)
    store = Ranges({"k": content("x")})
    url = in_store(store, "k")
    assert alike(reference.load(url), TREE)
    with pytest.raises(FileNotFoundError) as missing:
        reference.load(in_store(store, "other"))
    assert missing.value.filename == in_store(store, "other")
    with pytest.raises(UsageError, match="only obstore's are written to"):
        reference.save(url, TREE)
    with reference.open(url) as checkpoint:
        store.objects["k"] = b"x" * len(store.objects["k"])
        with pytest.raises(OSError, match="was replaced"):
            checkpoint.source.refuse_changes()


def test_other_schemes_are_those_of_fsspec(web):
    fsspec = pytest.importorskip("fsspec")
    reference.save("memory://run/x", TREE)
    assert alike(reference.load("memory://run/x"), TREE)
    with pytest.raises(FileNotFoundError) as missing:
        reference.load("memory://run/y")
    assert missing.value.filename == "memory://run/y"
    system = fsspec.filesystem("memory")
    assert list(system.ls("/run", detail=False)) == ["/run/x"]
    with pytest.raises(FormatError):
        reference.save("memory://run/x", {"a": {"b": 1}, ("a", "b"): 2, "c": object()})
    assert alike(reference.load("memory://run/x"), TREE)
    with pytest.raises(UsageError, match="zzz:// is not supported here, nor by fsspec"):
        reference.load("zzz://x/y")


def test_a_web_server_and_the_hub_are_not_written_to(web, hub):
    from reference.checkpointer import StreamingCheckpointer

    state = SimpleNamespace(step=3, params={"params": TREE["params"]})
    for url in (f"{web.address}/y", "hf://org/model/dir/y"):
        for call in (
            lambda url=url: reference.save(url, TREE),
            lambda url=url: reference.save(url, TREE, blocking=False),
            lambda url=url: convert("x", url),
            lambda url=url: salvage("x", url),
            lambda url=url: diff("x", "x", url),
            lambda url=url: seal(url.replace("dir/y", "dir/x").replace("/y", "/kept")),
            lambda url=url: StreamingCheckpointer({}, url).save_all(state),
            lambda url=url: StreamingCheckpointer.save_train_state_to_file(TREE, url),
        ):
            with pytest.raises(UsageError, match="can be read but not written to") as caught:
                call()
            assert url.split("/y")[0].split("/dir")[0] in str(caught.value)


def test_an_output_that_is_an_input_is_refused_whatever_its_scheme(web, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = MemoryStore()
    url = in_store(store, "x")
    reference.save(url, TREE)
    reference.save("y", TREE)
    with pytest.raises(UsageError, match="would be replaced and lost"):
        diff(url, "y", url)
    assert is_same_file(place_of("s3://b/x"), "s3a://b/x")
    assert is_same_file(place_of("gs://b/x"), "gcs://b/x")
    assert not is_same_file(place_of("s3://b/x"), "s3://c/x")
    signed = f"{put(web, 'x')}?a=b&{SECRET}"
    with pytest.raises(UsageError) as caught:
        diff(signed, "y", signed)
    assert SECRET not in str(caught.value)


def test_a_map_of_it_is_refused_in_one_line(web):
    for options in ({}, {"format": "2.0"}):
        url = put(web, "x", **options)
        web.begin()
        with pytest.raises(UsageError, match="cannot be mapped into memory: leave mmap out") as caught:
            reference.load(url, mmap=True)
        assert url in str(caught.value)
        assert len(web.asked) == 1
        with pytest.raises(UsageError, match="cannot be mapped"):
            reference.load(url, like=TREE, mmap=True)


def test_a_tilde_is_the_home(web, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    reference.save("~/x", TREE)
    assert os.listdir() == ["x"]
    assert alike(reference.load("trainstate::~/x", "params"), TREE["params"])


def test_without_obstore_the_extra_is_named_everywhere(web, monkeypatch):
    from reference.checkpointer import StreamingCheckpointer

    from .test_places import calls

    for name in [name for name in sys.modules if name.split(".")[0] == "obstore"]:
        monkeypatch.setitem(sys.modules, name, None)
    for url in ("gs://b/x", "s3://b/x", "az://b/x"):
        for what, call in calls(url).items():
            with pytest.raises(UsageError, match=re.escape(how_to_install("remote"))):
                call()
                raise AssertionError(what)
        assert verbs.main(["verify", url]) == 2
    with pytest.raises(UsageError):
        StreamingCheckpointer({}, "gs://b")


# --- credentials --------------------------------------------------------------------------------------------


@pytest.fixture
def clouds(tmp_path, monkeypatch):
    """No credentials, and a home of one's own."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_", "STORAGE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def store_of(url):
    return place_of(url)._store


def test_s3_takes_profiles_regions_and_endpoints(clouds, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        "[default]\naws_access_key_id = ID\naws_secret_access_key = KEY\n"
        "[other]\naws_access_key_id = ID2\naws_secret_access_key = KEY2\naws_session_token = T\n"
    )
    (tmp_path / ".aws/config").write_text("[profile other]\nregion = eu-north-1\nendpoint_url = http://127.0.0.1:9\n")
    clouds.setitem(sys.modules, "boto3", None)
    assert store_of("s3://b/x").config["access_key_id"] == "ID"
    clouds.setenv("AWS_PROFILE", "other")
    config = store_of("s3://b/x").config
    assert (config["access_key_id"], config["session_token"]) == ("ID2", "T")
    assert (config["region"], config["endpoint"]) == ("eu-north-1", "http://127.0.0.1:9")
    clouds.setenv("AWS_ACCESS_KEY_ID", "ID3")
    clouds.setenv("AWS_SECRET_ACCESS_KEY", "KEY3")
    clouds.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8")
    clouds.setenv("AWS_DEFAULT_REGION", "us-west-2")
    config = store_of("s3a://b/x").config
    assert "access_key_id" not in config, "obstore takes those of the environment by itself"
    assert (config["endpoint"], config["region"]) == ("http://127.0.0.1:8", "us-west-2")
    clouds.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.org")
    assert store_of("s3://b/x").config["endpoint"] == "https://s3.example.org"


def test_a_profile_of_any_kind_is_taken_where_boto3_is(clouds, tmp_path):
    pytest.importorskip("boto3")
    (tmp_path / ".aws").mkdir()
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho \'{"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "S"}\'\n')
    program.chmod(0o755)
    (tmp_path / ".aws/config").write_text(f"[default]\ncredential_process = {program}\nregion = eu-west-1\n")
    store = store_of("s3://b/x")
    assert store.credential_provider()["access_key_id"] == "P"


def test_azure_takes_the_names_of_its_tools(clouds):
    clouds.setenv("AZURE_STORAGE_ACCOUNT", "acc")
    clouds.setenv("AZURE_STORAGE_KEY", "a2V5")
    assert store_of("az://c/x").config["account_name"] == "acc"
    config = store_of("abfss://c@other.dfs.core.windows.net/a/x").config
    assert (config["account_name"], config["container_name"]) == ("other", "c")
    clouds.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=conn;AccountKey=a2V5;EndpointSuffix=core.windows.net")
    assert store_of("az://c/x").config["account_name"] == "conn"
    clouds.setenv("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true")
    assert store_of("az://c/x").config["endpoint"].startswith("http://127.0.0.1:10000/")


def test_google_takes_its_emulator(clouds, web):
    clouds.setenv("STORAGE_EMULATOR_HOST", web.address)
    reference.save("x", TREE)
    web.objects["/b/run%2Fx"] = content("x")
    web.begin(lambda asked, ask: ask(asked).changed(x_goog_generation="3"))
    assert alike(reference.load("gs://b/run/x"), TREE)
    assert alike(reference.load("gcs://b/run/x"), TREE)
    assert not any("authorization" in str(asked.headers).lower() for asked in web.asked)


@pytest.mark.parametrize("url", ["s3://b/x", "gs://b/x", "az://c/x"])
def test_a_store_is_kept_for_the_same_settings(clouds, url):
    clouds.setenv("AZURE_STORAGE_ACCOUNT", "acc")
    assert store_of(url) is store_of(url)


def test_a_url_without_a_name_is_refused(clouds):
    for url in ("s3://", "s3:///x", "gs://b", "gs://b/", "gs://b/x/", "https://"):
        with pytest.raises(UsageError, match="does not name"):
            place_of(url).open()

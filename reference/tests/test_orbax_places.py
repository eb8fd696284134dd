"""Folders of orbax in buckets: read by every verb as those on disks are, and refused by name where they cannot be."""

from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import streamckpt as sc
from reference.commands import verbs
from reference.containers import orbax_places
from reference.format.errors import FormatError, UsageError
from reference.storage.stores import kvstore_of
from reference.tests.servers.gcs import put_by_json
from reference.tests.servers.s3 import client

pytest.importorskip("obstore", reason="the extra `remote` is not installed")
orbax = pytest.importorskip("orbax.checkpoint")
if tuple(map(int, orbax.__version__.split(".")[:2])) < (0, 11):
    pytest.skip(f"orbax {orbax.__version__} writes other folders; 0.11 and newer are tried", allow_module_level=True)
pytestmark = pytest.mark.xdist_group("servers")  # one of each server is enough
TREE = {"params": {"w": np.arange(12, dtype=np.float32).reshape(3, 4), "b": [np.ones(2, np.int8)]}, "step": 7}


@pytest.fixture
def upload(s3, tmp_path, monkeypatch):
    """Copies a folder into the bucket, which the environment knows; gives its URL."""
    monkeypatch.chdir(tmp_path)

    def copy(folder):
        for path in Path(folder).rglob("*"):
            if path.is_file():
                client(s3).upload_file(str(path), "bucket", str(path))
        return f"s3://bucket/{folder}"

    with s3.known():
        yield copy


def save(folder, tree, **options):
    with orbax.Checkpointer(orbax.PyTreeCheckpointHandler(**options)) as checkpointer:
        checkpointer.save(Path(folder).resolve(), args=orbax.args.PyTreeSave(tree))


def run(*words):
    return verbs.main([str(word) for word in words])


@pytest.mark.parametrize("ocdbt", [True, False])
def test_every_verb_reads_a_folder_in_a_bucket(upload, capsys, ocdbt):
    save(f"tree {ocdbt}", TREE, use_ocdbt=ocdbt)
    url = f"orbax::{upload(f'tree {ocdbt}')}"
    for name in (url, f"{url}/"):
        loaded = sc.load(name)
        assert loaded["step"] == 7
        np.testing.assert_array_equal(loaded["params"]["w"], TREE["params"]["w"])
    assert run("inspect", url) == run("verify", url) == run("compare", url, f"orbax::tree {ocdbt}") == 0
    assert "equal: 3 leaves" in capsys.readouterr().out
    assert run("convert", url, "params::out", "--prefix=params") == 0
    assert list(sc.load("out")) == ["b", "w"]
    like = {"w": jax.ShapeDtypeStruct((3, 4), jnp.float32), "b": {"0": jax.ShapeDtypeStruct((2,), jnp.int8)}}
    assert sc.load(url, "params", like=like)["w"][2, 3] == 11


def test_the_tree_is_asked_for_once_and_once_more_to_see_that_it_is_the_same(upload, monkeypatch):
    save("once", TREE)
    url, asked, place_of = upload("once"), [], orbax_places.place_of
    monkeypatch.setattr(orbax_places, "place_of", lambda url: asked.append(url.rpartition("/")[2]) or place_of(url))
    with sc.open(f"orbax::{url}"):
        assert sorted(asked).count("_METADATA") == asked.count("manifest.ocdbt") == 2


@pytest.mark.remote
@pytest.mark.parametrize("ocdbt", [True, False])
def test_every_verb_reads_a_folder_of_google(gcs_read, tmp_path, monkeypatch, capsys, ocdbt):
    monkeypatch.chdir(tmp_path)
    save(f"tree {ocdbt}", TREE, use_ocdbt=ocdbt)
    for path in Path(f"tree {ocdbt}").rglob("*"):
        if path.is_file():
            put_by_json(gcs_read, str(path), path.read_bytes())
    with gcs_read.known() as bucket:
        url = f"orbax::{bucket}/tree {ocdbt}"
        assert run("inspect", url) == 2
        says = f"asks Google whatever STORAGE_EMULATOR_HOST says; set TENSORSTORE_GCS_HTTP_URL={gcs_read.address} too"
        assert says in capsys.readouterr().err
        monkeypatch.setenv("TENSORSTORE_GCS_HTTP_URL", gcs_read.address)
        assert run("inspect", url) == run("verify", url) == run("compare", url, f"orbax::tree {ocdbt}") == 0
        assert "equal: 3 leaves" in capsys.readouterr().out
        assert run("convert", url, "params::out", "--prefix=params") == 0
        np.testing.assert_array_equal(sc.load("out")["w"], TREE["params"]["w"])


def test_the_items_of_a_step_are_found_and_named(upload):
    with orbax.CheckpointManager(Path("run").resolve()) as manager:
        manager.save(1, args=orbax.args.StandardSave(TREE))
    with orbax.CheckpointManager(Path("two").resolve()) as manager:
        items = {name: orbax.args.StandardSave({"x": np.ones(2)}) for name in ("params", "state")}
        manager.save(1, args=orbax.args.Composite(**items))
    run_url, two = upload("run"), upload("two")
    assert sc.load(f"orbax::{run_url}/1")["step"] == sc.load(f"orbax::{run_url}/1/default/")["step"] == 7
    with pytest.raises(UsageError, match=r"holds the trees params, state: name one, as in orbax::s3://.*/two/1/params"):
        sc.load(f"orbax::{two}/1")
    assert sc.load(f"orbax::{two}/1/state")["x"][1] == 1
    with pytest.raises(FormatError, match="this is not an orbax folder: there is no _METADATA in it"):
        sc.load("orbax::s3://bucket/nothing/here")


def test_what_is_damaged_or_changed_there_is_told(upload, s3):
    save("tree", TREE, use_ocdbt=False)
    url = f"orbax::{upload('tree')}"
    with sc.open(url) as checkpoint:
        client(s3).put_object(Bucket="bucket", Key="tree/_METADATA", Body=b"{}")
        with pytest.raises(OSError, match="changed while it was read"):
            checkpoint.source.refuse_changes()
    upload("tree")
    client(s3).delete_object(Bucket="bucket", Key="tree/params.w/0.0")
    with pytest.raises(FormatError, match="leaf params/w"):
        sc.load(url)


@pytest.mark.parametrize("place", ["az://c/x", "http://127.0.0.1:1/x", "hf://org/model/x"])
def test_other_places_are_refused_by_name_in_every_verb(place, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "acc")
    sc.save("stream", TREE["params"])
    for verb in (["inspect"], ["verify"], ["compare", "stream"], ["convert", "out"]):
        assert run(verb[0], f"orbax::{place}", *verb[1:]) == 2
        printed = capsys.readouterr()
        assert "orbax folders are read from disks, s3:// and gs://; copy the folder to one of these" in printed.err
        assert printed.err.count("\n") == 1
    assert run("convert", "stream", f"orbax::{place}") == 2
    assert "orbax folders are written to this machine alone" in capsys.readouterr().err


def test_what_tensorstore_is_told(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert kvstore_of("gs://bkt/x/") == {"driver": "gcs", "bucket": "bkt", "path": "x/"}
    s3 = {"driver": "s3", "bucket": "bkt", "path": "x y/", "aws_region": "eu-west-1"}
    assert kvstore_of("s3://bkt/x y/") == s3
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    assert kvstore_of("s3://bkt/x y/") == {**s3, "aws_credentials": {"type": "environment"}}
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert kvstore_of("s3://bkt/x y/") == {**s3, "aws_credentials": {"type": "anonymous"}}


def test_an_older_tensorstore_is_not_told_what_it_does_not_know(monkeypatch, s3):
    def refuse(spec):
        if "aws_credentials" in spec:
            raise ValueError('Error parsing object member "aws_credentials"')

    monkeypatch.setattr(orbax_places, "tensorstore", lambda: SimpleNamespace(KvStore=SimpleNamespace(Spec=refuse)))
    monkeypatch.setattr(orbax_places.FarOrbax, "read", lambda self, name: b"{}")
    with s3.known():
        found = orbax_places.FarOrbax("s3://bucket/x").kvstore()
    assert (found["path"], found["endpoint"]) == ("x/", s3.address)
    assert "aws_credentials" not in found

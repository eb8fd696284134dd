"""Every verb on buckets: the same trees, the same bytes and the same words as on local disks."""

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from reference.checkpointer import StreamingCheckpointer
from reference.checkpoints.conversion import convert
from reference.checkpoints.detached_seals import seal
from reference.checkpoints.salvaging import salvage
from reference.checkpoints.verification import verify
from reference.commands import verbs
from reference.delta import add, compare, diff, recover, subtract
from reference.format.errors import FormatError, UsageError
from reference.format.extras import how_to_install
from reference.storage.places import place_of
from reference.tests.bucket_trees import CHANGED, TREE, alike
from reference.tests.servers.fixtures import BUCKETS
from streamckpt.testing import PlaceJudge
from streamckpt.testing.places import read, write

object_outputs = pytest.importorskip("reference.storage.object_outputs", reason="the extra `remote` is not installed")
pytestmark = pytest.mark.xdist_group("servers")  # one of each server is enough
on_buckets = pytest.mark.parametrize("bucket", BUCKETS, indirect=True)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to be in, in which no file with the name of a URL may appear; parts are small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(object_outputs, "PART", 1 << 18)
    yield tmp_path
    assert not [name for name in os.listdir() if ":" in name]


@pytest.mark.remote
class TestGCS(PlaceJudge):
    @pytest.fixture(autouse=True)
    def known(self, gcs):
        with gcs.known():
            yield
        assert gcs.uploads() == 0, "parts are left on the server"

    def new_place(self, folder):
        return place_of(f"gs://bucket/judged {folder}/é +%20&")


@pytest.mark.remote
class TestAzure(PlaceJudge):
    @pytest.fixture(autouse=True)
    def known(self, azure):
        with azure.known():
            yield

    def new_place(self, folder):
        return place_of(f"az://bucket/judged {folder}/é +%20&")


SHARDED = NamedSharding(Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y")), PartitionSpec("x", "y"))


def on_devices(tree):
    put = lambda leaf: jax.device_put(leaf, SHARDED) if np.ndim(leaf) and leaf.shape[1] % 2 == 0 else leaf
    return jax.tree.map(put, tree)


OUTPUTS = {
    "plain": lambda to, at: reference.save(to, TREE),
    "sealed": lambda to, at: reference.save(to, TREE, format="2.0", metadata={"a": 1}, digests=True),
    "behind": lambda to, at: reference.save(to, TREE, blocking=False).wait(),
    "cast": lambda to, at: reference.save(to, TREE, "bf16"),
    "sharded": lambda to, at: reference.save(to, on_devices(TREE)),
    "sharded behind": lambda to, at: reference.save(to, on_devices(TREE), blocking=False).wait(),
    "flax": lambda to, at: reference.save(f"flax::{to}", TREE),
    "safetensors": lambda to, at: reference.save(f"safetensors::{to}", TREE["params"]),
    "gathered": lambda to, at: StreamingCheckpointer.save_train_state_to_file(
        TREE, to, jax.tree.map(lambda leaf: lambda value: value, TREE)
    ),
    "convert": lambda to, at: convert(f"{at}/base", to, float_dtype="fp16"),
    "convert to 2.0": lambda to, at: convert(f"{at}/base", to, format="2.0"),
    "diff": lambda to, at: diff(f"{at}/base", f"{at}/target", to),
    "recover": lambda to, at: recover(f"{at}/base", f"{at}/delta", to),
    "subtract": lambda to, at: subtract(f"{at}/base", f"{at}/target", to),
    "add": lambda to, at: add(f"{at}/base", f"{at}/difference", to),
    "salvage": lambda to, at: salvage(f"{at}/damaged", to),
    "seal": lambda to, at: (reference.save(to.removesuffix(".seal"), TREE), seal(to.removesuffix(".seal"))),
}


@pytest.fixture
def inputs(folder):
    """What the verbs read, in a local folder."""
    reference.save("base", TREE)
    reference.save("target", CHANGED)
    diff("base", "target", "delta")
    subtract("base", "target", "difference")
    whole = Path("base").read_bytes()
    Path("damaged").write_bytes(whole[:-200])
    return folder


def upload(bucket, folder):
    for file in folder.iterdir():
        write(place_of(f"{bucket.url}/in/{file.name}"), file.read_bytes())


@on_buckets
@pytest.mark.slow
def test_every_output_has_the_bytes_of_a_local_one(bucket, inputs):
    upload(bucket, inputs)
    for name, call in OUTPUTS.items():
        ending = ".seal" if name == "seal" else ""
        local = Path(f"out {name}{ending}")
        call(os.fspath(local), ".")
        expected = local.read_bytes()
        for at in (".", f"{bucket.url}/in"):  # from a disk to the bucket, and from the bucket to it
            remote = f"{bucket.url}/out/{name} {len(at)}{ending}"
            call(remote, at)
            assert read(place_of(remote)) == expected, name
        if name != "seal":
            local.unlink()
            call(os.fspath(local), f"{bucket.url}/in")  # and from the bucket to a disk
            assert local.read_bytes() == expected, name
    assert bucket.uploads() == 0


@on_buckets
def test_what_stands_in_a_bucket_is_read_by_every_verb(bucket, inputs, capsys):
    upload(bucket, inputs)
    at = f"{bucket.url}/in"
    assert alike(reference.load(f"{at}/base"), TREE)
    assert alike(reference.load(f"{at}/base", "params/layers"), TREE["params"]["layers"])
    like = on_devices(jax.tree.map(jnp.zeros_like, TREE["params"]))
    found = reference.load(f"{at}/base", "params", like=like)
    assert alike(found, TREE["params"])
    assert found["big"].sharding == like["big"].sharding
    assert [record.path for record in reference.scan(f"{at}/base")] == [r.path for r in reference.scan("base")]
    assert len(list(reference.records(f"{at}/target"))) == 43
    assert verify(f"{at}/base") == verify("base")
    assert [(p.path, p.change) for p in compare(f"{at}/base", "target").pairs] == [
        (p.path, p.change) for p in compare("base", "target").pairs
    ]
    with pytest.raises(FormatError, match="ends too early"):
        reference.load(f"{at}/damaged")
    for verb in (["inspect"], ["verify"], ["compare", "base"]):
        told = []
        for name in ("base", f"{at}/base"):
            status = verbs.main([*verb, name])
            told.append((status, capsys.readouterr().out.replace(f"{at}/", "")))
        assert told[0] == told[1], verb


@on_buckets
def test_the_trainers_class_writes_upstreams_names_and_resumes_from_them(bucket):
    run = f"{bucket.url}/run 1"
    for step in (3, 5):
        state = SimpleNamespace(step=step, params={"params": TREE["params"]})
        checkpointer = StreamingCheckpointer({"float_dtype": ""}, run)
        checkpointer.save_all(state, metadata={"step": step}, dataset={"at": step}, milestone=True)
    for name in ("streaming_params", "metadata.json", "dataset.json"):
        root, ending = os.path.splitext(name)
        for suffix in ("", "_3", "_5"):
            assert read(place_of(f"{run}/{root}{suffix}{ending}"))
    assert read(place_of(f"{run}/streaming_params")) == read(place_of(f"{run}/streaming_params_5"))
    _, weights = StreamingCheckpointer.load_trainstate_checkpoint(f"params::{run}/streaming_params")
    assert alike(weights["params"], TREE["params"])
    assert StreamingCheckpointer.load_json(f"{run}/metadata.json")["step"] == 5
    assert json.loads(read(place_of(f"{run}/dataset_3.json")))["at"] == 3
    handle = checkpointer.save_all(state, metadata={"step": 6}, blocking=False)
    handle.wait()
    assert StreamingCheckpointer.load_json(f"{run}/metadata.json")["step"] == 6
    checkpointer.save_json({"a": [1]}, "notes.json")
    assert StreamingCheckpointer.load_json(f"{run}/notes.json") == {"a": [1]}


@on_buckets
def test_a_run_that_is_not_there_makes_no_folder(bucket):
    with pytest.raises(FileNotFoundError) as caught:
        StreamingCheckpointer.load_json(f"{bucket.url}/nothing/metadata.json")
    assert caught.value.filename == f"{bucket.url}/nothing/metadata.json"


@on_buckets
def test_a_bucket_that_is_not_there_is_refused_before_the_work(bucket, inputs):
    to = f"{bucket.url}-of-nobody/x"
    for name, call in OUTPUTS.items():
        if name == "seal":
            continue
        with pytest.raises(FileNotFoundError, match="no such bucket") as caught:
            call(to, ".")
        assert caught.value.filename == to, name


@on_buckets
def test_an_input_that_changes_meanwhile_leaves_the_old_output(bucket, inputs):
    """What was read may be of two files; the upload is aborted, and what stood there stands there."""
    to = place_of(f"{bucket.url}/old")
    write(to, b"old")

    def grow(*_):
        with open("base", "ab") as file:
            file.write(b"x")

    @contextlib.contextmanager
    def growing(label, total):
        yield grow

    with pytest.raises(OSError, match="changed"):
        convert("base", to.name, float_dtype="fp16", progress=growing)
    assert read(to) == b"old"
    assert bucket.uploads() == 0


@on_buckets
def test_the_last_checkpoints_of_a_run_are_kept(bucket):
    kept = reference.Checkpoints(f"{bucket.url}/a run", keep=2)
    assert kept.latest() is None
    for step in (1, 2, 10):
        kept.save(step, {"w": np.arange(4.0), "step": step}, blocking=step != 2)
        if step == 1:
            seal(kept.path(1))
    assert kept.steps() == [2, 10]
    assert reference.load(kept.latest())["step"] == 10
    for gone in ("step_1", "step_1.seal"):
        with pytest.raises(FileNotFoundError):
            place_of(f"{bucket.url}/a run/{gone}").open()


def test_a_sidecar_is_a_request_that_writes_and_two_that_look(behind):
    checkpointer = StreamingCheckpointer({}, f"{behind.url}/run")
    checkpointer.save_json({"a": 1}, "x.json")
    assert sorted(behind.proxy.steps()) == ["look", "look", "put"]


def test_the_extra_is_named_where_obstore_is_not_installed(s3, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    monkeypatch.delitem(sys.modules, "reference.storage.object_outputs", raising=False)
    with s3.known() as url, pytest.raises(UsageError, match=re.escape(how_to_install("remote"))):
        reference.save(f"{url}/x", TREE)

"""Files in buckets and on web servers, read by every verb: the same as local ones."""

import jax
import ml_dtypes
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import reference
from reference.checkpoints.conversion import convert
from reference.checkpoints.detached_seals import seal
from reference.checkpoints.salvaging import salvage
from reference.checkpoints.verification import verify
from reference.commands import verbs
from reference.delta import add, compare, diff, recover, subtract
from reference.format.errors import FormatError

from .far_files import CHANGED, TREE, alike, content, leaf_of, put
from .servers.faults import Answer

KINDS = {
    "stream": ("x", {}),
    "sealed": ("x", {"format": "2.0", "digests": True, "metadata": {"a": 1}}),
    "flax": ("flax::x", {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_the_tree(web, kind):
    name, options = KINDS[kind]
    prefix = name.rpartition("x")[0]
    url = prefix + put(web, name, **options)
    assert alike(reference.load(url), TREE)
    assert alike(dict(reference.records(url)), dict(reference.records(f"{prefix}x")))
    with reference.open(url) as checkpoint, reference.open(f"{prefix}x") as local:
        assert alike(checkpoint["params/big"], TREE["params"]["big"])
        assert alike(checkpoint.tree(), TREE)
        assert [record.path for record in checkpoint.records] == [record.path for record in local.records]
        assert checkpoint.requests > 0
        assert local.requests == 0
        assert checkpoint.metadata == local.metadata
    assert reference.scan(f"{prefix}x") == reference.scan(url)
    assert alike(reference.load(url, "params/layers"), TREE["params"]["layers"])
    assert alike(reference.load(url, include="*/bf16"), {"params": {"bf16": TREE["params"]["bf16"]}})


def test_a_safetensors_file_is_read(web):
    url = put(web, "safetensors::x", TREE["params"])
    assert alike(reference.load(f"safetensors::{url}"), TREE["params"])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", KINDS)
def test_every_verb_reads_it_as_it_reads_a_file(web, kind):
    name, options = KINDS[kind]
    prefix = name.rpartition("x")[0]
    url = prefix + put(web, name, **options)
    changed = put(web, "y", CHANGED)
    for to in ("out", "flax::out"):
        convert(url, to, float_dtype="bf16")
        convert(f"{prefix}x", to.replace("out", "local"), float_dtype="bf16")
        assert content("out") == content("local")
    assert verify(url) == verify(f"{prefix}x")
    salvage(url, "out")
    assert content("out") == content("x")
    compared = compare(url, changed)
    assert compared == compare(f"{prefix}x", "y")
    assert compared.count("changed") == 1
    for make in (diff, subtract):
        make(url, changed, "out")
        make(f"{prefix}x", "y", "local")
        assert content("out") == content("local")
    diff("y", f"{prefix}x", "delta")
    web.objects["/delta"] = content("delta")
    recover(changed, f"{web.address}/delta", "out")
    recover("y", "delta", "local")
    assert content("out") == content("local")
    subtract("y", f"{prefix}x", "difference")
    web.objects["/difference"] = content("difference")
    add(changed, f"{web.address}/difference", "out")
    add("y", "difference", "local")
    assert content("out") == content("local")


@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_commands_take_a_url(web, verb, capsys):
    url = put(web, "x", format="2.0")
    assert verbs.main([verb, url]) == 0
    far = capsys.readouterr().out
    assert verbs.main([verb, "x"]) == 0
    assert far.replace(url, "x") == capsys.readouterr().out


def test_a_seal_beside_it_is_found(web):
    url = put(web, "x")
    seal("x")
    web.objects["/x.seal"] = content("x.seal")
    with reference.open(url) as checkpoint:
        assert checkpoint.version == "2.0"
        assert alike(checkpoint.tree(), TREE)
    data = bytearray(content("x"))
    data[len(data) // 2] ^= 1
    web.objects["/x"] = bytes(data)
    with pytest.raises(FormatError, match="SUM-3"):
        reference.load(url)


def test_a_page_in_place_of_a_seal_is_none(web):
    """A web server may give a page, with status 200, for whatever it does not have."""
    url = put(web, "x")
    page = Answer(200, {"Content-Type": "text/html"}, b"<html>" * 100)
    for answer in (page, Answer(403, {}, b""), Answer(404, {}, b"")):
        web.begin(lambda asked, ask, answer=answer: answer if asked.path.endswith(".seal") else ask(asked))
        assert alike(reference.load(url), TREE)
    web.objects["/x.seal"] = b"<html>" * 100
    web.begin()
    assert alike(reference.load(url), TREE)


def test_damage_is_found_where_it_is(web):
    url = put(web, "x", format="2.0")
    data = bytearray(content("x"))
    with reference.open("x") as checkpoint:
        record = checkpoint.record("params/layers/7/w")
    data[record.extents()[0][0] + 5] ^= 1
    web.objects["/x"] = bytes(data)
    for call in (
        lambda: reference.load(url),
        lambda: leaf_of(url, "params/layers/7/w"),
        lambda: dict(reference.records(url)),
        lambda: verify(url),
        lambda: convert(url, "out"),
    ):
        with pytest.raises(FormatError) as caught:
            call()
        assert caught.value.clause == "SUM-3"
        assert caught.value.path == ("params", "layers", "7", "w")
    assert alike(leaf_of(url, "params/layers/8/w"), TREE["params"]["layers"]["8"]["w"])


@pytest.mark.parametrize("name", ["xa", "a b", "a%20b", "ü", "a+b", "a&b=c"])
def test_a_name_is_quoted_as_it_stands_in_a_url(web, name):
    from urllib.parse import quote

    reference.save("x", {"a": np.arange(3)})
    web.objects[f"/{quote(name)}"] = content("x")
    assert reference.load(f"{web.address}/{quote(name)}")["a"].tolist() == [0, 1, 2]


def test_an_empty_file_is_refused_as_one(web):
    web.objects["/x"] = b""
    with pytest.raises(FormatError, match="STREAM-3"):
        reference.load(f"{web.address}/x")


# --- like= ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"format": "2.0"}], ids=["stream", "sealed"])
@pytest.mark.parametrize("spec", [("a",), (None, "a"), ()], ids=str)
def test_a_target_on_devices_is_filled(web, options, spec):
    url = put(web, "x", TREE, **options)
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("a",))

    def target(leaf):
        leaf = np.asarray(leaf)
        fits = len(spec) <= leaf.ndim and all(not axis or n % 8 == 0 for axis, n in zip(spec, leaf.shape, strict=False))
        sharding = NamedSharding(mesh, PartitionSpec(*(spec if fits else ())))
        return jax.ShapeDtypeStruct(
            leaf.shape, np.float32 if leaf.dtype == ml_dtypes.bfloat16 else leaf.dtype, sharding=sharding
        )

    like = {"params": jax.tree.map(target, TREE["params"]), "step": np.int64(0)}
    found, local = reference.load(url, like=like), reference.load("x", like=like)
    assert alike(found, local)
    assert alike(found["params"]["big"], TREE["params"]["big"])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("spec", [("a", None), (None, "a")], ids=str)
@pytest.mark.parametrize("options", [{}, {"format": "2.0", "check": True}], ids=["stream", "sealed"])
def test_only_the_bytes_of_its_own_devices_are_fetched(web, monkeypatch, spec, options):
    """As in one of eight processes: the others' devices are not addressable."""
    rows, columns = (4096, 4096)
    options.pop("check", None)
    big = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    url = put(web, "x", {"w": big}, **options)
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("a",))
    sharding = NamedSharding(mesh, PartitionSpec(*spec))
    from reference.devices import slices
    from reference.devices.boxes import box_of

    box = box_of(sharding.addressable_devices_indices_map(big.shape)[jax.devices()[3]], big.shape)
    with reference.open(url) as checkpoint:
        web.begin()
        record = checkpoint.record("w")
        source = checkpoint.source
        (found,) = slices.read_boxes(source, record.leaf_offset, record.leaf, [box], np.dtype(np.float32))
        assert np.array_equal(found, big[box[0][0] : box[0][1], box[1][0] : box[1][1]])
        fetched = sum(stop - start for start, stop in web.ranges("/x"))
    share = big.nbytes // 8
    # Columns of a row stand 16 KiB apart, which a request bridges; rows are fetched alone.
    assert fetched <= (share + (1 << 16) if spec[0] else big.nbytes + (1 << 16))
    expected = list(slices.extents_read(record.leaf, record.leaf_offset, [box]))
    assert sum(n for _, n in expected) == share

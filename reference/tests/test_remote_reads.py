"""Files in buckets and on web servers, read by every verb: the same as local ones, in few requests, or refused."""

import itertools
import math
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import ml_dtypes
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from reference.checkpoints.conversion import convert
from reference.checkpoints.detached_seals import seal
from reference.checkpoints.salvaging import salvage
from reference.checkpoints.verification import verify
from reference.commands import verbs
from reference.delta import add, compare, diff, recover, subtract
from reference.format.errors import FormatError, UsageError
from reference.format.leaves import describe
from reference.format.payloads import Step
from reference.format.records import Item
from reference.format.sealing import sealed_steps
from reference.format.streams import stream_steps
from reference.storage import object_sources
from reference.storage.places import in_store, place_of

from .servers.faults import Answer, once, shifted, shortened, since, stale, truncated, whole
from .servers.files import Sparse, WebFiles

pytest.importorskip("obstore", reason="the extra `remote` is not installed")
from obstore.store import MemoryStore

RNG = np.random.default_rng(7)
TREE = {
    "params": {
        "big": RNG.standard_normal((2300, 1000)).astype(np.float32),  # 9.2 MB: more than a request
        "bf16": RNG.standard_normal((64, 513)).astype(ml_dtypes.bfloat16),
        "layers": {
            str(i): {"w": np.full((40, 30), i, np.float32), "b": np.arange(i + 1, dtype=np.float32)} for i in range(60)
        },
    },
    "step": np.int64(7),
}
CHANGED = {**TREE, "params": {**TREE["params"], "bf16": TREE["params"]["bf16"] + ml_dtypes.bfloat16(1)}}
TOKEN = "hf_abcdefghijklmnop"
SECRET = "X-Amz-Signature=0123456789abcdef"


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web server, and a folder to be in, in which no file with the name of a URL may appear."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(object_sources, "_WAIT", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    with WebFiles({}) as server:
        yield server
    assert not [name for name in os.listdir() if ":" in name]


def put(web, name, tree=TREE, **options):
    """Save a tree locally and put the file on the server; gives its URL."""
    reference.save(name, tree, **options)
    text = name.rpartition("::")[2]
    with open(text, "rb") as file:
        web.objects[f"/{text}"] = file.read()
    return f"{web.address}/{text}"


def alike(a, b):
    return same(jax.tree.map(np.asarray, a), jax.tree.map(np.asarray, b))


def leaf_of(url, path):
    with reference.open(url) as checkpoint:
        return checkpoint[path]


def content(name):
    with open(name, "rb") as file:
        return file.read()


# --- the same as local files --------------------------------------------------------------------------------

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


# --- few requests --------------------------------------------------------------------------------------------


def sparse(items, metadata=None):
    """A file of leaves whose payloads are zeros, with headers alone in memory."""
    steps = stream_steps(items) if metadata is None else sealed_steps(items, metadata)
    at, stretches = 0, {}
    for step in steps:
        assert isinstance(step, Step)
        for head, n in step.parts:
            stretches[at] = head
            at += len(head) + n
    return Sparse(at, stretches)


def test_a_scan_takes_a_request_for_each_large_tensor(web):
    """300 tensors of 100 MB, each with two small ones beside it."""
    large, small = describe(np.empty((5000, 5000), np.float32)), describe(np.empty(1024, np.float32))
    items = [
        Item(("layers", str(i), name), leaf)
        for i in range(300)
        for name, leaf in (("a", small), ("b", large), ("c", small))
    ]
    web.objects["/x"] = sparse(items)
    assert len(web.objects["/x"]) > 30_000_000_000
    with reference.open(f"{web.address}/x") as checkpoint:
        assert len(checkpoint) == 900
        assert checkpoint.requests <= 302
        assert len(web.ranges("/x")) == checkpoint.requests
        assert not checkpoint["layers/299/b"][4999].any()
        assert checkpoint.requests <= 302 + math.ceil(100_000_000 / (1 << 23))
    assert sum(stop - start for start, stop in web.ranges("/x")) < 100_000_000 + 302 * (1 << 17)


def test_small_leaves_are_scanned_and_read_by_large_windows(web):
    tree = {str(i): np.full(250 + i % 7, i, np.float32) for i in range(5_000)}  # 5 MB
    url = put(web, "x", tree)
    with reference.open(url) as checkpoint:
        scanned = checkpoint.requests
        assert scanned <= 8
        assert alike(checkpoint.tree(), tree)
        assert checkpoint.requests - scanned <= 2
    web.begin()
    assert alike(reference.load(url), tree)
    assert len(web.asked) <= 9
    convert(url, "out")
    web.begin()
    verify(url)
    assert len(web.asked) <= 20


@pytest.mark.parametrize("mib", [0.02, 0.2, 2])
def test_leaves_of_any_size_are_read_together(web, mib):
    n = int(48 / mib) if mib > 0.1 else 600
    tree = {f"{i:04}": np.full(int(mib * (1 << 18)), i, np.float32) for i in range(n)}
    url = put(web, "x", tree)
    pieces = math.ceil(len(web.objects["/x"]) / (1 << 23))
    with reference.open(url) as checkpoint:
        scanned = checkpoint.requests
        assert scanned <= n + 2
        assert alike(checkpoint.tree(), tree)
        assert checkpoint.requests - scanned <= pieces + 2
    web.begin()
    for path, leaf in reference.records(url):
        assert leaf[0] == int(path[0])
    convert(url, "out")
    assert content("out") == content("x")
    compare(url, "x")
    assert len(web.asked) <= 3 * (scanned + 2) + (n if mib > 1 else pieces) + 2 * pieces + 12


def test_a_sealed_stream_is_opened_by_its_index(web):
    tree = {"x": {str(i): np.full((300, 300), i, np.float32) for i in range(200)}}
    url = put(web, "x", tree, format="2.0")
    with reference.open(url) as checkpoint:
        assert checkpoint.requests <= 3
        assert alike(checkpoint.tree(), tree)
        assert checkpoint.requests <= 3 + math.ceil(len(web.objects["/x"]) / (1 << 23)) + 1
    with reference.open(url) as checkpoint:
        checkpoint["x/77"]
        assert checkpoint.requests <= 5


def test_a_safetensors_file_is_opened_by_its_header(web):
    url = put(web, "safetensors::x", {str(i): np.zeros(3000, np.float32) for i in range(8000)})
    with reference.open(f"safetensors::{url}") as checkpoint:
        assert len(checkpoint) == 8000
        assert checkpoint.requests <= 3


def test_one_leaf_takes_no_other_bytes(web):
    url = put(web, "x", {str(i): np.full((1 << 20), i, np.float32) for i in range(8)})
    with reference.open(url) as checkpoint:
        web.begin()
        assert checkpoint["5"][0] == 5
        assert sum(stop - start for start, stop in web.ranges("/x")) == 1 << 22


# --- answers are compared with what was asked for -----------------------------------------------------------

READS = {
    "load": lambda url: reference.load(url),
    "leaf": lambda url: leaf_of(url, "params/big"),
    "records": lambda url: dict(reference.records(url)),
    "convert": lambda url: convert(url, "out"),
}


def read_whole(url):
    with reference.open(url) as checkpoint:
        return alike(checkpoint.tree(), TREE)


@pytest.mark.parametrize("fault", [truncated, shortened, Answer], ids=["cut", "short", "503"])
def test_what_passes_is_tried_again(web, fault, hasty):
    url = put(web, "x")
    if fault is Answer:
        fault = lambda asked, ask: Answer(503, {}, b"")
    assert read_whole(url)
    for number in range(1, len(web.asked) + 1):
        web.begin(once(number, fault))
        assert read_whole(url), f"at request {number} of {len(web.asked)}"


@pytest.mark.parametrize("fault", [whole, shifted, stale, truncated, shortened], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("verb", READS)
def test_what_does_not_pass_is_refused(web, fault, verb, hasty):
    """Never misread: the tree is right, or there is an error that names the file."""
    url = put(web, "x")
    of_file = lambda asked, ask: fault(asked, ask) if asked.path == "/x" else ask(asked)
    for number in range(1, 8):
        web.begin(since(number, of_file))
        try:
            found = READS[verb](url)
        except OSError as error:
            assert error.filename == url
            assert "\n" not in str(error)
        else:
            assert verb != "load" or alike(found, TREE)
            assert number > 1
    assert not os.path.exists("out") or content("out") == content("x")


def test_an_object_that_is_replaced_is_refused(web, hasty):
    url = put(web, "x")
    with reference.open(url) as checkpoint:
        assert alike(checkpoint["params/bf16"], TREE["params"]["bf16"])
        put(web, "x", CHANGED)
        with pytest.raises(OSError, match="was replaced while it was read") as caught:
            checkpoint["params/big"]
        assert caught.value.filename == url
    # And so by servers that do not look at If-Match, and give no ETag that could be compared by them.
    with reference.open(url) as checkpoint:
        web.begin(
            lambda asked, ask: ask(
                asked._replace(headers={k: v for k, v in asked.headers.items() if k.lower() != "if-match"})
            )
        )
        put(web, "x", TREE)
        with pytest.raises(OSError, match="was replaced"):
            checkpoint["params/big"]


def test_a_server_without_ranges_is_refused_by_name(web):
    url = put(web, "x")
    web.begin(whole)
    with pytest.raises(OSError, match="no parts of them; download it first"):
        reference.load(url)


def test_errors_are_of_their_kind_and_name_the_file(web, capsys, hasty):
    url = f"{web.address}/x"
    with pytest.raises(FileNotFoundError) as missing:
        reference.load(url)
    assert missing.value.filename == url
    for status in (401, 403):
        web.begin(lambda asked, ask, status=status: Answer(status, {}, b""))
        with pytest.raises(PermissionError) as refused:
            reference.load(url)
        assert refused.value.filename == url
    web.begin(lambda asked, ask: Answer(500, {}, b""))
    with pytest.raises(OSError, match="500 Internal Server Error"):
        reference.load(url)
    assert verbs.main(["verify", url]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert url in said
    with pytest.raises(OSError, match="cannot be reached: connection refused"):
        reference.load("http://127.0.0.1:1/x")
    with pytest.raises(OSError, match="the name of the server is not known"):
        reference.load("http://nowhere.invalid/x")


@pytest.mark.xdist_group("servers")
def test_large_ranges_of_a_bucket_are_read_by_signed_urls(behind):
    url, proxy = f"{behind.url}/signed", behind.proxy
    reference.save(url, TREE)
    large = {"big": TREE["params"]["big"]}

    def signed():
        return [asked for asked in proxy.asked if "X-Amz-Signature" in asked.path]

    proxy.begin()
    assert alike(reference.load(url, "params", include="big"), large)
    assert len(signed()) == 1, "the rest is less than 1 MiB"
    assert all("authorization" not in str(asked.headers).lower() for asked in signed())
    for status in (403, 500):  # what a bucket that refuses them says, and one that is busy
        answer = Answer(status, {}, b"")
        proxy.begin(lambda asked, ask, answer=answer: answer if "X-Amz-Signature" in asked.path else ask(asked))
        assert alike(reference.load(url, "params", include="big"), large)
        assert signed()
    for fault in (truncated, shortened, shifted, whole):
        proxy.begin(
            lambda asked, ask, fault=fault: fault(asked, ask) if "X-Amz-Signature" in asked.path else ask(asked)
        )
        assert alike(reference.load(url, "params", include="big"), large)
        assert signed()
    proxy.begin()
    with reference.open(url) as checkpoint:
        assert alike(checkpoint["params/big"], large["big"])
        reference.save(url, CHANGED)
        with pytest.raises(OSError, match="was replaced while it was read") as caught:
            checkpoint["params/big"]
        assert caught.value.filename == url


# --- secrets -------------------------------------------------------------------------------------------------


def told(call):
    """All that an error says, its causes among it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    texts, error = [], caught.value
    while error is not None:
        texts += [str(error), repr(error), *map(str, vars(error).values())]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)


def test_a_signed_url_is_read_and_its_signature_never_said(web, capsys, hasty):
    from reference.checkpointer import StreamingCheckpointer

    signed = f"{put(web, 'x')}?a=b&{SECRET}"
    web.begin(lambda asked, ask: ask(asked) if SECRET in asked.path else Answer(403, {}, b""))
    assert alike(reference.load(signed), TREE)
    with reference.open(signed) as checkpoint:
        assert SECRET not in checkpoint.source.name
        with pytest.raises(ValueError, match="closed"):
            checkpoint.close()
            checkpoint["step"]
    assert SECRET not in str(convert(signed, "out"))
    for fault in (
        whole,
        stale,
        lambda asked, ask: Answer(500, {}, b""),
        lambda asked, ask: Answer(403, {}, b""),
        lambda asked, ask: None,
    ):
        web.begin(fault)
        for call in (lambda: reference.load(signed), lambda: verify(signed), lambda: reference.save(signed, TREE)):
            assert SECRET not in told(call)
        verbs.main(["inspect", signed])
        verbs.main(["convert", f"--load_checkpoint={signed}", "--output_file=out"])
        found = capsys.readouterr()
        assert SECRET not in found.out + found.err
    web.begin()
    damaged = bytearray(content("x"))
    damaged[0] = 0xC1
    web.objects["/x"] = bytes(damaged)
    assert SECRET not in told(lambda: reference.load(signed))
    assert SECRET not in told(lambda: salvage(signed, "out") and reference.load(signed))
    web.objects["/x"] = content("x")
    for command in (
        ["inspect", signed],
        ["inspect", "--format=json", signed],
        ["verify", signed],
        ["compare", signed, "x"],
        ["compare", "--format=json", signed, "x"],
        ["salvage", f"--load_checkpoint={signed}", "--output_file=out"],
        ["seal", signed],
    ):
        status = verbs.main(command)
        found = capsys.readouterr()
        assert found.out + found.err
        assert SECRET not in found.out + found.err
        assert status == (2 if command[0] == "seal" else 0), found.err
    assert SECRET not in told(lambda: StreamingCheckpointer.load_trainstate_checkpoint(signed))
    assert SECRET not in told(lambda: reference.load(signed.replace("//", "/", 1)))
    assert SECRET not in told(lambda: reference.load(f"http://127.0.0.1:1/x?{SECRET}"))
    assert "secret" not in told(lambda: reference.load("http://user:secret@127.0.0.1:1/x"))


def test_a_proxy_is_asked_where_the_environment_names_one(web, monkeypatch):
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", web.address.replace("//", "//user:pass@"))
    reference.save("x", TREE)
    web.objects["http://nowhere.invalid/x"] = content("x")
    assert alike(reference.load("http://nowhere.invalid/x"), TREE)
    assert "dXNlcjpwYXNz" in str(web.asked[0].headers)
    monkeypatch.setenv("no_proxy", "nowhere.invalid")
    with pytest.raises(OSError, match="the name of the server is not known"):
        reference.load("http://nowhere.invalid/x")


def test_a_certificate_is_looked_at(web, monkeypatch, tmp_path):
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("there is no openssl to make a certificate with")
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-subj", "/CN=localhost"]
    subprocess.run([openssl, *made, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    url = put(web, "x").replace("http://127.0.0.1", "https://localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert", "key")
    web._server.socket = context.wrap_socket(web._server.socket, server_side=True)
    monkeypatch.setattr(web._server, "handle_error", lambda *_: None)
    with pytest.raises(OSError, match="the certificate of the server is not good"):
        reference.load(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
    assert alike(reference.load(url), TREE)


def test_a_forked_process_asks_by_connections_of_its_own(tmp_path):
    """In a program without jax, whose threads a fork would leave behind."""
    program = """
import os, sys
import numpy as np, reference
from reference.tests.servers.files import WebFiles
reference.save("x", {"a": np.arange(5_000_000)})
with WebFiles({"/x": open("x", "rb").read()}) as web, reference.open(web.address + "/x") as checkpoint:
    assert checkpoint["a"][4_000_000] == 4_000_000
    child = os.fork()
    found = [checkpoint["a"].sum() == 12499997500000 for _ in range(3)]
    if not child:
        os._exit(0 if all(found) else 1)
    assert all(found) and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    root = Path(reference.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(root), "no_proxy": "*"}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment, timeout=300)


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
    for url in ("hf://org/model", "hf://model/x", "hf://"):
        with pytest.raises(UsageError, match="names no file of the Hub"):
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
    with pytest.raises(UsageError, match="names no store"):
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
    with pytest.raises(UsageError, match="zzz:// is not served here, and fsspec does not know it"):
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
            with pytest.raises(UsageError, match="can be read, and not be written to") as caught:
                call()
            assert url.split("/y")[0].split("/dir")[0] in str(caught.value)


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
            with pytest.raises(UsageError, match=re.escape("pip install 'streamckpt[remote]'")):
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
        with pytest.raises(UsageError, match="names no"):
            place_of(url)

"""Reads from servers that do wrong: what passes is tried again, all else refused, and no secret is ever said."""

import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import reference
from reference.checkpoints.conversion import convert
from reference.checkpoints.salvaging import salvage
from reference.checkpoints.verification import verify
from reference.commands import verbs

from .far_files import CHANGED, SECRET, TREE, alike, content, leaf_of, put
from .servers.faults import Answer, once, shifted, shortened, since, stale, truncated, whole

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
    with pytest.raises(OSError, match="not parts of them; download the file first"):
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


@pytest.mark.xdist_group("servers")
def test_threads_share_one_signed_url(behind, monkeypatch):
    """And its connections with it: those of a second one would never be closed."""
    obstore = pytest.importorskip("obstore")
    url, sign, n = f"{behind.url}/shared", obstore.sign, 4
    reference.save(url, TREE)
    begun, made = threading.Barrier(n), []

    def slowly(*arguments):
        made.append(arguments)
        time.sleep(0.02)  # another thread may have its turn
        return sign(*arguments)

    def read(checkpoint):
        begun.wait()
        return checkpoint["params/big"]

    monkeypatch.setattr(obstore, "sign", slowly)
    with reference.open(url) as checkpoint, ThreadPoolExecutor(n) as pool:
        leaves = list(pool.map(read, [checkpoint] * n))
    assert all(alike(leaf, TREE["params"]["big"]) for leaf in leaves)
    assert len(made) == 1


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

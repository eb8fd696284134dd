"""What sends the parts of several processes, found with the credentials that one process would have."""

import importlib
import json
import sys
import urllib.parse
from datetime import timedelta
from types import SimpleNamespace

import pytest

import reference
from reference.format.errors import UsageError
from reference.storage import object_uploads
from reference.storage.object_errors import named
from reference.storage.places import place_of
from reference.tests.jobs import Job
from reference.tests.servers.azure import ACCOUNT, KEY
from reference.tests.servers.buckets import object_bytes
from reference.tests.servers.faults import Answer, Proxy, once, refused
from reference.tests.servers.fixtures import BUCKETS
from reference.tests.test_writers import OLD_JAX

obstore = pytest.importorskip("obstore")
pytest.importorskip("boto3")
pytestmark = pytest.mark.xdist_group("servers")

ODD = "odd key/é +%20&"


def whole_object(url, uploads, pieces):
    """Sent by two processes in turn: what stands there then."""
    first, second = uploads
    name = first.begin({"streamckptsave": "7"})
    tags = {i: (first, second)[i % 2].send(name, i, bytearray(piece)) for i, piece in enumerate(pieces, 1)}
    first.complete(name, dict(reversed(tags.items())))
    place = place_of(url)
    return object_bytes(place._store, place._key)


@pytest.mark.parametrize("bucket", BUCKETS, indirect=True)
def test_parts_that_two_send_are_one_object_in_their_order(bucket):
    url = f"{bucket.url}/{ODD}"
    uploads = [place_of(url)._upload() for _ in range(2)]
    assert whole_object(url, uploads, [b"a" * 1000, b"b", b"c" * 10]) == b"a" * 1000 + b"b" + b"c" * 10
    assert bucket.uploads() == 0


@pytest.mark.parametrize("behind", BUCKETS, indirect=True)
def test_a_part_that_is_refused_for_a_moment_is_sent_again(behind, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    upload = place_of(f"{behind.url}/again")._upload()
    name = upload.begin({})
    behind.proxy.begin(once(1, refused(503)))
    tag = upload.send(name, 1, bytearray(b"x" * 5000))
    assert behind.proxy.steps() == ["part", "part"]
    upload.complete(name, {1: tag})
    assert len(slept) == 1


@pytest.mark.parametrize("bucket", BUCKETS, indirect=True)
def test_what_a_library_raises_is_an_error_of_one_line(bucket):
    scheme = bucket.url.partition("://")[0]
    upload = place_of(f"{scheme}://none/x")._upload()
    with pytest.raises(FileNotFoundError, match=r"^[^\n]*$"), named("x"):
        upload.send("0" * 24, 1, bytearray(1))


# --- credentials ------------------------------------------------------------------------------------------


def test_google_is_asked_with_its_own_tokens_and_names_of_headers(gcs, tmp_path, monkeypatch):
    pytest.importorskip("google.auth")
    given = []

    def tokens(asked, ask):
        given.append(urllib.parse.parse_qs(asked.body.decode())["grant_type"])
        return Answer(200, {"Content-Type": "application/json"}, b'{"access_token": "the token", "expires_in": 3600}')

    with Proxy("") as authority, Proxy(gcs.address) as proxy:
        authority.begin(tokens)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", service_account(tmp_path, authority.address))
        monkeypatch.setattr(object_uploads, "_GOOGLE", proxy.address)
        monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
        url = f"{gcs.url}/signed"
        uploads = [object_uploads.gcs_upload(url) for _ in range(2)]
        with gcs.known():
            assert whole_object(url, uploads, [b"a", b"b"]) == b"ab"
    assert proxy.steps() == ["begin", "part", "part", "complete"]
    for asked in proxy.asked:
        names = {name.lower() for name in asked.headers}
        assert {value for name, value in asked.headers.items() if name.lower() == "authorization"} == {
            "Bearer the token"
        }
        assert not any(name.startswith("x-amz-") for name in names)
        assert ("x-goog-meta-streamckptsave" in names) == (asked.what() == "begin")
    assert len(given) == 2, "a token is asked for once"


def service_account(folder, authority):
    """A file as Google gives it, of a key that is made here, whose tokens come from that address."""
    rsa = importlib.import_module("cryptography.hazmat.primitives.asymmetric.rsa")
    forms = importlib.import_module("cryptography.hazmat.primitives.serialization")
    key = rsa.generate_private_key(65537, 2048)
    text = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()).decode()
    account = {"type": "service_account", "client_email": "a@b.c", "private_key": text, "private_key_id": "1"}
    path = folder / "account.json"
    path.write_text(json.dumps({**account, "project_id": "p", "token_uri": f"{authority}/token"}))
    return str(path)


def test_without_credentials_google_is_not_asked(tmp_path, monkeypatch):
    pytest.importorskip("google.auth")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none"))
    with pytest.raises(PermissionError, match="no credentials for this bucket"):
        object_uploads.gcs_upload("gs://bucket/x")


@pytest.mark.remote
@pytest.mark.parametrize("way", ["key", "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN", "connection", "signed"])
def test_azure_takes_the_credentials_that_obstore_takes(way, azure, monkeypatch):
    key = "a/plain-name"  # obstore signs no others
    with azure.known():
        store = place_of(f"{azure.url}/{key}")._store
    signature = obstore.sign(store, "PUT", key, timedelta(hours=1)).partition("?")[2]
    endpoint = f"{azure.address}/{ACCOUNT}"
    settings = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ENDPOINT": endpoint}
    if way == "connection":
        text = f"AccountName={ACCOUNT};SharedAccessSignature={signature};BlobEndpoint={endpoint}"
        settings = {"AZURE_STORAGE_CONNECTION_STRING": text}
    elif way == "key":
        settings |= {"AZURE_STORAGE_ACCOUNT_KEY": KEY}
    elif way != "signed":
        settings |= {way: signature}
    else:  # as with a token, which is not taken over a plain connection: it signs without showing a key
        store = SimpleNamespace(config={"container_name": "bucket"})
        monkeypatch.setattr(object_uploads, "azure_object", lambda url: (store, key))
        monkeypatch.setattr(obstore, "sign", lambda *_: f"{endpoint}/bucket/{key}?{signature}")
    with azure._replace(environment=settings).known() as url:
        uploads = [object_uploads.azure_upload(f"{url}/{key}") for _ in range(2)]
    name = uploads[0].begin({})
    tags = {i: each.send(name, i, bytearray(b"x")) for i, each in enumerate(uploads, 1)}
    uploads[0].complete(name, tags)
    with azure.known() as url:
        assert place_of(f"{url}/{key}").open().size == 2


# --- where there is none ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "variables", "says"),
    [
        ("s3://b/k", {"AWS_SERVER_SIDE_ENCRYPTION": "AES256"}, "AWS_SERVER_SIDE_ENCRYPTION is set"),
        (
            "gs://b/k",
            {"GOOGLE_SERVICE_ACCOUNT_KEY": "{}"},
            "GOOGLE_SERVICE_ACCOUNT_KEY is set, which only obstore knows",
        ),
        ("r2://b/k", {}, "parts of one size alone"),
        ("s3://b/k", {"AWS_ENDPOINT_URL": "https://1.r2.cloudflarestorage.com"}, "parts of one size alone"),
    ],
)
def test_what_only_obstore_can_do_is_named(url, variables, says, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=says):
        UPLOADS[url.partition("://")[0]](url)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("s3://b/k", "boto3", "s3"),
        ("gs://b/k", "boto3", "gcs"),
        ("gs://b/k", "google.auth", "gcs"),
        ("az://b/k", "azure.storage.blob", "azure"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(url, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "account")
    with pytest.raises(UsageError, match=rf"not installed: pip install .*\[{extra}\]"):
        UPLOADS[url.partition("://")[0]](url)


UPLOADS = {
    "s3": object_uploads.s3_upload,
    "r2": object_uploads.s3_upload,
    "gs": object_uploads.gcs_upload,
    "az": object_uploads.azure_upload,
}


@OLD_JAX
@pytest.mark.thorough
@pytest.mark.parametrize("bucket", ["s3"], indirect=True)
def test_where_no_parts_can_be_shared_process_0_writes_and_says_so(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "AES256")
    first, second = Job("writer_objects.py", 2, tmp_path, 2, "not_shared", bucket.url).told()
    (said,) = first[0]["said"]
    assert "AWS_SERVER_SIDE_ENCRYPTION is set" in said
    assert "writers='first'" in said
    assert second[0]["said"] == []
    assert float(reference.load(f"{bucket.url}/first")["0"].min()) == 1.0

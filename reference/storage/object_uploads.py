"""Uploads of one object whose parts several processes send: four calls, and a library of each cloud behind them."""

from __future__ import annotations

import functools
import importlib
import os
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote

from ..format.errors import UsageError
from ..format.extras import how_to_install
from .object_errors import named, without_secrets
from .stores import CLIENT, RETRIES, azure_object, bucket_and_key, google_emulator, is_open, s3_settings


class Upload(Protocol):
    """The upload of an object. One process begins and completes it; all send parts, which count from 1.

    Each call may raise an error of the library's, which `object_errors.named` translates.
    """

    def begin(self, attributes: Mapping[str, str]) -> str:
        """Begin an upload of an object with these attributes. Returns the name by which all call it."""
        ...

    def send(self, name: str, number: int, data: bytearray) -> str:
        """Send a part. Returns its tag."""
        ...

    def complete(self, name: str, tags: Mapping[int, str]) -> None:
        """Have the object appear, of the parts with these tags by their numbers."""
        ...

    def abort(self, name: str) -> None:
        """Remove what was sent."""
        ...


class MultipartUpload:
    """By S3's protocol, with boto3's client."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client, self._where = client, {"Bucket": bucket, "Key": key}

    def begin(self, attributes: Mapping[str, str]) -> str:
        return self._client.create_multipart_upload(**self._where, Metadata=dict(attributes))["UploadId"]

    def send(self, name: str, number: int, data: bytearray) -> str:
        return self._client.upload_part(**self._where, UploadId=name, PartNumber=number, Body=data)["ETag"]

    def complete(self, name: str, tags: Mapping[int, str]) -> None:
        parts = [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]
        self._client.complete_multipart_upload(**self._where, UploadId=name, MultipartUpload={"Parts": parts})

    def abort(self, name: str) -> None:
        self._client.abort_multipart_upload(**self._where, UploadId=name)


class BlockUpload:
    """Blocks of Azure, with the client of one blob that its library has."""

    def __init__(self, blob: Any) -> None:
        self._blob = blob
        self._attributes: Mapping[str, str] = {}

    def begin(self, attributes: Mapping[str, str]) -> str:
        self._attributes = attributes
        return os.urandom(12).hex()

    def send(self, name: str, number: int, data: bytearray) -> str:
        # As long as obstore's: Azure takes no two lengths in one blob, and may still have blocks of a save that failed.
        tag = f"{name}{number:08x}"
        self._blob.stage_block(tag, data, length=len(data))
        return tag

    def complete(self, name: str, tags: Mapping[int, str]) -> None:
        block = importlib.import_module("azure.storage.blob").BlobBlock
        blocks = [block(tags[number]) for number in sorted(tags)]
        self._blob.commit_block_list(blocks, metadata=dict(self._attributes))

    def abort(self, name: str) -> None:
        """Azure has no such call: it drops blocks when another save is completed, or after a week."""


# --- of each cloud ----------------------------------------------------------------------------------------


def s3_upload(url: str) -> Upload:
    """That of `s3://BUCKET/KEY`, with the credentials that obstore has. Raises UsageError where there is none."""
    _refuse("AWS_SERVER_SIDE_ENCRYPTION", "AWS_S3_EXPRESS", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST")
    settings, _ = s3_settings()
    endpoint = settings.get("endpoint")
    if url.lower().startswith("r2:") or "r2.cloudflarestorage" in (endpoint or ""):
        raise UsageError("R2 takes parts of one size alone")
    client = _boto3_client(url, "s3", endpoint, settings.get("region"), unsigned=is_open("AWS"))
    return MultipartUpload(client, *bucket_and_key(url))


def gcs_upload(url: str) -> Upload:
    """That of `gs://BUCKET/KEY`, whose XML API speaks S3's protocol with names of its own for headers.

    The credentials are Google's application default ones, as its own library finds them. Raises UsageError where there
    are others, or a library is missing; OSError without credentials.
    """
    _refuse("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_SERVICE_ACCOUNT_KEY")
    _refuse("GOOGLE_BEARER_TOKEN", "GOOGLE_BASE_URL")
    emulator = google_emulator()
    client = _boto3_client(url, "gcs", emulator or _GOOGLE, "auto", unsigned=True)
    signed = emulator is None and not is_open("GOOGLE")
    with named(without_secrets(url)):
        sign = _google_signature(url) if signed else None
    client.meta.events.register("before-sign.s3", functools.partial(_as_google, sign))
    return MultipartUpload(client, *bucket_and_key(url))


def azure_upload(url: str) -> Upload:
    """That of `az://CONTAINER/KEY`: with the key of the account, a signature, or one that obstore makes for this blob.

    Raises UsageError where its credentials make none, or the library is missing.
    """
    store, key = azure_object(url)
    blobs = _imported(url, "azure.storage.blob", "azure")
    account, credential = _azure_account(store, key)
    blob = blobs.BlobClient(
        account,
        store.config["container_name"],
        key,
        credential=credential,
        connection_timeout=CLIENT["connect_timeout"].total_seconds(),
        read_timeout=CLIENT["timeout"].total_seconds(),
        # Tries again after 1, 3, 5, 9, 17 and 33 seconds, and one more or less.
        retry_policy=blobs.ExponentialRetry(1, 2, RETRIES["max_retries"], random_jitter_range=1),
    )
    return BlockUpload(blob)


def _azure_account(store: Any, key: str) -> tuple[str, Any]:
    """The URL of the account of a store of Azure's, and what signs requests for one blob if the URL does not."""

    def setting(option: str, *variables: str) -> str | None:
        return store.config.get(option) or next(filter(None, map(os.environ.get, variables)), None)

    name = setting("account_name", "AZURE_STORAGE_ACCOUNT_NAME")
    endpoint = setting("endpoint", "AZURE_STORAGE_ENDPOINT") or f"https://{name}.blob.core.windows.net"
    keys = "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_MASTER_KEY"
    if secret := setting("account_key", *keys):
        return endpoint, {"account_name": name, "account_key": secret}
    if signature := setting("sas_key", "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN"):
        return f"{endpoint}?{signature.removeprefix('?')}", None
    if quote(key) != key:  # obstore signs it as a URL has it, and Azure compares the name itself
        raise UsageError("credentials that are not a key or a signature sign no names with such characters")
    try:
        signed = importlib.import_module("obstore").sign(store, "PUT", key, _GOOD_FOR)
    except Exception:
        raise UsageError("these credentials sign no URLs; give the key of the account, or a signature") from None
    address, _, signature = signed.partition("?")
    return f"{address.rsplit('/', 2 + key.count('/'))[0]}?{signature}", None


_GOOGLE: Final = "https://storage.googleapis.com"
_GOOD_FOR: Final = timedelta(days=1)  # of such a signature: how long a save may take
_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"


def _refuse(*names: str) -> None:
    """Raises UsageError where one of these variables is set."""
    for name in names:
        if os.environ.get(name):
            raise UsageError(f"{name} is set, which only obstore knows")


def _imported(url: str, module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        scheme, library = url.partition("://")[0].lower(), _LIBRARIES[module]
        text = f"{scheme}:// takes parts of several processes with {library}, which is not installed"
        raise UsageError(f"{text}: {how_to_install(extra)}") from None


_LIBRARIES: Final = {
    "boto3": "boto3",
    "google.auth": "google-auth",
    "azure.storage.blob": "azure-storage-blob",
}


def _boto3_client(url: str, extra: str, endpoint: str | None, region: str | None, unsigned: bool) -> Any:
    boto3 = _imported(url, "boto3", extra)
    config = importlib.import_module("botocore.config").Config(
        connect_timeout=CLIENT["connect_timeout"].total_seconds(),
        read_timeout=CLIENT["timeout"].total_seconds(),
        retries={"mode": "standard", "max_attempts": RETRIES["max_retries"] + 1},
        # A part carries its SHA-256, as obstore's do; other sums would have to be said again at the end.
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path" if endpoint else "auto"},
        **({"signature_version": importlib.import_module("botocore").UNSIGNED} if unsigned else {}),
    )
    with named(without_secrets(url)):
        return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name=region, config=config)


def _google_signature(url: str) -> Callable[[str, str], dict[str, str]]:
    """What gives the headers that sign a request with a method and a URL."""
    auth = _imported(url, "google.auth", "gcs")
    transport = importlib.import_module("google.auth.transport.urllib3")
    asking = transport.Request(importlib.import_module("urllib3").PoolManager())
    credentials, _ = auth.default(scopes=[_SCOPE], request=asking)
    lock = threading.Lock()  # parts are sent by several threads, of which one renews the token

    def sign(method: str, url: str) -> dict[str, str]:
        headers: dict[str, str] = {}
        with lock:
            credentials.before_request(asking, method, url, headers)
        return headers

    return sign


def _as_google(sign: Callable[[str, str], dict[str, str]] | None, request: Any, **_: Any) -> None:
    """Give a request of boto3's the names that Google has for its headers, and sign it."""
    for name in [name for name in request.headers if name.lower().startswith("x-amz-")]:
        request.headers[f"x-goog-{name[6:]}"] = request.headers[name]
        del request.headers[name]
    for name, value in (sign(request.method, request.url) if sign is not None else {}).items():
        request.headers[name] = value

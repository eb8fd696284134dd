"""A server of Azure's protocol: Azurite, which Microsoft publishes, in memory."""

from __future__ import annotations

import base64
import contextlib
import email.utils
import hashlib
import hmac
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from .buckets import Bucket
from .programs import free_port, needed, running

ACCOUNT = "devstoreaccount1"  # its name and key are the same everywhere, and in its manual
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_BUILT = Path(__file__).parents[3] / "build/azurite/node_modules/.bin/azurite-blob"


@contextlib.contextmanager
def azure_in_memory(name: str = "bucket") -> Iterator[Bucket]:
    """Azurite, with one container."""
    found = str(_BUILT) if _BUILT.exists() else shutil.which("azurite-blob")
    azurite = needed("Azurite", found, "make test-remote installs it with npm")
    port = free_port()
    command = [azurite, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--loose"]
    quiet = {"AZURITE_TELEMETRY_DISABLED": "true", "APPLICATIONINSIGHTS_NO_STATSBEAT": "true"}
    with running([*command, "--skipApiVersionCheck", "--disableTelemetry"], "successfully listens on", quiet):
        address = f"http://127.0.0.1:{port}"
        _make_container(address, name)
        connection = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={address}/{ACCOUNT}"
        yield Bucket(f"az://{name}", {"AZURE_STORAGE_CONNECTION_STRING": connection}, address)


def _make_container(address: str, name: str) -> None:
    """What obstore has no call for; the request is signed as Azure's reference says."""
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    lines = "".join(f"{key}:{value}\n" for key, value in headers.items())
    text = "PUT" + "\n" * 12 + lines + f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
    url = f"{address}/{ACCOUNT}/{name}?restype=container"
    with urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers)) as answer:
        assert answer.status == 201

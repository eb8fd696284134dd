"""The servers as fixtures: one of each for a run, started when a test first asks for it."""

import dataclasses
import os
from datetime import timedelta

import pytest

from reference.storage import object_sources, stores

from ..sent_data import PART
from .azure import azure_in_memory
from .buckets import Bucket
from .faults import Proxy
from .files import WebFiles
from .gcs import gcs_for_reading, gcs_in_memory
from .s3 import s3_in_memory, s3_over_files
from .web import web_of_whole_files, web_with_ranges


@pytest.fixture(scope="session")
def s3():
    with s3_in_memory() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def gcs():
    with gcs_in_memory() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def azure():
    with azure_in_memory() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def s3_files(tmp_path_factory):
    """A bucket, and the folder in which its objects are files."""
    folder = tmp_path_factory.mktemp("s3")
    with s3_over_files(folder) as bucket:
        yield bucket, folder / "bucket"


@pytest.fixture(scope="session")
def gcs_read():
    with gcs_for_reading() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def nginx(tmp_path_factory):
    """The beginning of the server's URLs, and the folder that it shows."""
    folder = tmp_path_factory.mktemp("web")
    with web_with_ranges(folder, tmp_path_factory.mktemp("nginx")) as url:
        yield url, folder


@pytest.fixture(scope="session")
def whole_files(tmp_path_factory):
    """The beginning of the server's URLs, and the folder that it shows."""
    folder = tmp_path_factory.mktemp("whole")
    with web_of_whole_files(folder) as url:
        yield url, folder


# Each server with a bucket to write to; all but the first are for `make test-remote`.
BUCKETS = ["s3", *(pytest.param(name, marks=pytest.mark.remote) for name in ("gcs", "azure"))]


@pytest.fixture
def bucket(request):
    """The bucket that a test names as its parameter (see `BUCKETS`), known to the environment."""
    found = request.getfixturevalue(request.param)
    with found.known():
        yield found


@dataclasses.dataclass
class Behind:
    """A bucket behind a proxy."""

    bucket: Bucket
    proxy: Proxy

    @property
    def url(self):
        return self.bucket.url


@pytest.fixture
def behind(request, hasty):
    """A bucket behind a proxy that can be told to do wrong, of S3 unless a test names another as its parameter.

    What that leaves on the server is removed.
    """
    bucket = request.getfixturevalue(getattr(request, "param", "s3"))
    with Proxy(bucket.address) as proxy, bucket.through(proxy.address).known():
        yield Behind(bucket.through(proxy.address), proxy)
    bucket.abort_uploads()


@pytest.fixture
def hasty(monkeypatch):
    """What is tried again is tried at once, and twice."""
    at_once = timedelta(milliseconds=1)
    backoff = {"init_backoff": at_once, "max_backoff": at_once, "base": 2}
    retries = {"max_retries": 2, "retry_timeout": timedelta(minutes=1), "backoff": backoff}
    monkeypatch.setattr(stores, "RETRIES", retries)
    stores._store.cache_clear()
    yield
    stores._store.cache_clear()


@pytest.fixture
def small_parts(monkeypatch):
    """Outputs of some 100 kB are sent in parts."""
    from reference.storage import object_outputs  # which needs obstore

    monkeypatch.setattr(object_outputs, "PART", PART)


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web server, and a folder to be in, in which no file with the name of a URL may appear."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(object_sources, "_WAIT", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    with WebFiles({}) as server:
        yield server
    assert not [name for name in os.listdir() if ":" in name]

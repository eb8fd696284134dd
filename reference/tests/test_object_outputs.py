"""Outputs to buckets: what is asked of the server, in bounded memory, and errors that anybody may see."""

import re
import subprocess
import sys

import pytest

from reference.format.errors import UsageError
from reference.storage.object_places import ObjectPlace
from reference.storage.places import in_store, place_of
from reference.tests.sent_data import DATA, PART, one_line
from reference.tests.servers import faults
from streamckpt.testing import PlaceJudge
from streamckpt.testing.places import read, write

obstore_stores = pytest.importorskip("obstore.store")
object_outputs = pytest.importorskip("reference.storage.object_outputs")

pytestmark = [
    pytest.mark.xdist_group("servers"),
    pytest.mark.usefixtures("small_parts"),
]  # one of each server is enough
REAL_PART = object_outputs.PART


def test_parts_are_such_as_every_cloud_takes():
    assert REAL_PART >= 5 << 20, "S3 takes no smaller one, but for the last"


class BucketJudge(PlaceJudge):
    @pytest.fixture
    def small_parts(self):
        """The judge's large file would be hundreds of them."""


class TestMemoryStore(BucketJudge):
    def new_place(self, folder):
        return ObjectPlace(obstore_stores.MemoryStore(), "a b/é", "memory")


class TestS3(BucketJudge):
    @pytest.fixture(autouse=True)
    def known(self, s3):
        with s3.known():
            yield
        assert s3.uploads() == 0, "parts are left on the server"

    def new_place(self, folder):
        return place_of(f"s3://bucket/judged {folder}/é +%20&")


# --- what is asked of the server ----------------------------------------------------------------------------


def test_a_small_output_is_one_request_and_a_large_one_is_parts(behind):
    place = place_of(f"{behind.url}/x")
    write(place, DATA[:PART])
    assert [step for step in behind.proxy.steps() if step not in ("look", "read")] == ["put"]
    behind.proxy.begin()
    write(place, DATA)
    steps = [step for step in behind.proxy.steps() if step not in ("look", "read")]
    assert sorted(steps) == ["begin", "complete", "part", "part", "part"]
    assert (steps[0], steps[-1]) == ("begin", "complete")
    assert read(place) == DATA


def test_the_parts_of_a_huge_output_are_larger(behind):
    size = PART * 5_000 + 1  # S3 takes 10,000 parts
    place = place_of(f"{behind.url}/huge")
    with place.replace(size=size) as sink:
        sink.write(DATA * 20)
    sizes = [int(asked.headers["content-length"]) for asked in behind.proxy.asked if asked.what() == "part"]
    assert max(sizes) == 1 << 20, "the next that is a whole number of MiB"
    assert sum(sizes) == 20 * len(DATA)
    with place.replace(size=1) as sink:  # an estimate that is wrong costs nothing
        sink.write(DATA)
    assert read(place) == DATA


def test_a_check_of_an_output_writes_nothing(behind):
    place_of(f"{behind.url}/new").check_output()
    write(place_of(f"{behind.url}/x"), b"")
    behind.proxy.begin()
    place_of(f"{behind.url}/x").check_output()
    assert set(behind.proxy.steps()) == {"read"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (faults.refused(404, "NoSuchBucket"), "no such bucket"),
        (faults.refused(403, "InvalidAccessKeyId"), "credentials"),
        (faults.refused(403, "SignatureDoesNotMatch"), "credentials"),
        (faults.refused(400, "ExpiredToken"), "credentials"),
        (faults.refused(401, "Unauthorized"), "credentials"),
        (faults.refused(500, "InternalError"), "500"),
        (faults.cut, "cuts the connection"),
    ],
)
def test_what_cannot_be_written_to_is_refused_before_the_work(behind, answer, says):
    behind.proxy.begin(answer)
    with pytest.raises(OSError, match=says) as caught:
        place_of(f"{behind.url}/x").check_output()
    one_line(caught.value, f"{behind.url}/x")


def test_whoever_may_write_and_not_read_is_not_refused(behind):
    denied = faults.refused(403, "AccessDenied")
    behind.proxy.begin(faults.of("read", denied, faults.of("look", denied)))
    place = place_of(f"{behind.url}/x")
    place.check_output()
    write(place, DATA)
    behind.proxy.begin()
    assert read(place) == DATA


def test_web_servers_and_strange_stores_are_refused_by_name():
    for url in ("http://127.0.0.1:9/x", "https://user:secret@127.0.0.1:9/x?Signature=secret", "hf://org/model/x"):
        with pytest.raises(UsageError, match="can be read but not written to") as caught:
            place_of(url).check_output()
        assert "secret" not in str(caught.value)
    for store in (obstore_stores.HTTPStore("http://127.0.0.1:9", client_options={"allow_http": True}), ReadOnly()):
        place = place_of(in_store(store, "k"))
        for call in (place.check_output, lambda place=place: write(place, b"x")):
            with pytest.raises(UsageError, match="written to"):
                call()


class ReadOnly:
    """Has what obspec calls `head` and `get_range`, and nothing else."""

    def head(self, path):
        raise FileNotFoundError

    get_range = head


# --- memory and errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind_it", [False, True])
def test_memory_is_the_parts_under_way(behind, behind_it):
    """400 MB are written; what is held at most is 64 MiB of parts, one that is being filled, and their requests."""
    program = (
        "from reference.storage.places import place_of\n"
        "from reference.tests.memory import Meter\n"
        "pieces = [bytearray(b'x') * 5_000_000 for _ in range(20)]\n"
        "with place_of('s3://bucket/memory').replace() as sink: sink.write(pieces[0] * 2)\n"  # what the library takes
        "meter = Meter()\n"
        f"with place_of('s3://bucket/memory').replace(behind={behind_it}) as sink:\n"
        "    for i in range(80): sink.write(memoryview(pieces[i % 20]))\n"
        "print(meter.peak() // 1024)\n"
    )
    behind.proxy.begin(swallowed)
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert int(done.stdout) < 120, "MiB"


def swallowed(asked, ask):
    """What a server would answer that has kept all of it."""
    sent = {"x-amz-meta-streamckptsave": "0", "Last-Modified": "Sun, 29 Nov 2026 20:00:00 GMT", "ETag": '"0"'}
    bodies = {
        "begin": b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>",
        "complete": b"<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>",
    }
    if asked.what() == "read":
        return faults.refused(404, "NoSuchKey")(asked, ask)
    return faults.Answer(200, sent, bodies.get(asked.what(), b""))


def test_errors_are_one_line_with_the_name_and_without_secrets(behind, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "thesecret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "thetoken")
    place = place_of(f"{behind.url}/x")
    for n in (10, len(DATA)):
        for answer in (
            faults.refused(403, "AccessDenied"),
            faults.refused(404, "NoSuchBucket"),
            faults.refused(400, "EntityTooLarge"),
            faults.refused(307, "TemporaryRedirect"),
            faults.refused(500, "InternalError"),
            faults.cut,
        ):
            behind.proxy.begin(answer)
            with pytest.raises(OSError, match=re.escape(place.name)) as caught:
                write(place, DATA[:n])
            one_line(caught.value, place.name)
            assert "such object" not in str(caught.value)
            assert caught.value.__suppress_context__ or caught.value.__context__ is None

"""Outputs to buckets: whole or not at all, in bounded memory, whatever fails and whenever."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import reference
from reference.checkpoints.detached_seals import seal
from reference.format.errors import UsageError
from reference.format.seals import DETACHED_SUFFIX
from reference.storage.object_places import ObjectPlace
from reference.storage.places import in_store, place_of
from reference.tests.servers import faults
from reference.tests.servers.fixtures import BUCKETS
from reference.tests.waiting import when_waiting
from streamckpt.testing import PlaceJudge
from streamckpt.testing.places import Stopped, interrupted, read, write

obstore_stores = pytest.importorskip("obstore.store")
object_outputs = pytest.importorskip("reference.storage.object_outputs")

pytestmark = pytest.mark.xdist_group("servers")  # one of each server is enough
OLD = b"what was there before"
REAL_PART = object_outputs.PART
PART = 1 << 16  # of the tests: their server takes parts of any size
DATA = bytes(range(256)) * ((5 * PART // 2 + 4096) // 256)  # two parts and a half


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(object_outputs, "PART", PART)


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


# --- whole or not at all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt, SystemExit])
def test_an_interrupted_output_leaves_the_old_object_and_no_parts(s3, error):
    with s3.known() as url:
        place = place_of(f"{url}/stopped")
        write(place, OLD)
        with pytest.raises(error), place.replace() as sink:
            sink.write(DATA)
            assert s3.uploads() == 1
            raise error
        assert read(place) == OLD
    assert s3.uploads() == 0


def test_an_interrupt_is_heard_while_a_server_does_not_answer(behind):
    """The part that is under way is waited for, and the upload is removed; nothing is written afterwards."""
    place = place_of(f"{behind.url}/interrupted")
    write(place, OLD)
    gate = threading.Event()

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        when_waiting(gate.set, within="abort")

    for step in ("part", "begin"):
        gate.clear()
        behind.proxy.begin(faults.of(step, faults.kept(gate)))
        with pytest.raises(KeyboardInterrupt), place.replace() as sink:
            when_waiting(interrupt)
            for _ in range(20):
                sink.write(DATA)
        behind.proxy.begin()
        assert read(place) == OLD
        assert behind.bucket.uploads() == 0


def test_a_second_interrupt_leaves_a_server_that_does_not_answer(behind):
    place = place_of(f"{behind.url}/interrupted")
    write(place, OLD)
    gate = threading.Event()

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        when_waiting(lambda: os.kill(os.getpid(), signal.SIGINT), within="abort")

    behind.proxy.begin(faults.of("part", faults.kept(gate)))
    with pytest.warns(UserWarning, match="lifecycle rule"), pytest.raises(KeyboardInterrupt):
        interrupted_by(interrupt, place)
    gate.set()
    behind.proxy.begin()
    assert read(place) == OLD


def interrupted_by(act, place):
    with place.replace() as sink:
        when_waiting(act)
        for _ in range(20):
            sink.write(DATA)


FAULTS = {
    "refused": faults.refused(),
    "denied": faults.refused(403, "AccessDenied"),
    "cut": faults.cut,
    "lost": faults.lost,
    "truncated": faults.truncated,
    "stale": faults.stale,
    "dribbled": faults.dribbled,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("how", ["once", "since"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("n", [1000, len(DATA)], ids=["small", "parts"])
@pytest.mark.parametrize("behind", BUCKETS, indirect=True)
def test_any_request_may_fail_at_any_time(behind, fault, how, n):
    """The output is there, whole, or one clear error says that it may not be; never is anything else there."""
    place = place_of(f"{behind.url}/{fault} {how} {n}")
    new = DATA[:n]
    number = count = 0
    while number <= count:  # at the end no request fails
        number += 1
        behind.proxy.begin()
        write(place, OLD)
        behind.proxy.begin(getattr(faults, how)(number, FAULTS[fault]))
        error = None
        try:
            with place.replace(size=n) as sink:
                sink.write(new[: n // 2])
                sink.write(new[n // 2 :])
        except OSError as caught:
            error = caught
            one_line(error, place.name)
        count = max(count, len(behind.proxy.asked))
        steps = behind.proxy.steps()
        behind.proxy.begin()
        stands = read(place)
        assert stands in (OLD, new)
        if error is None:
            assert stands == new
        struck = steps[number - 1] if number <= len(steps) else None
        if how == "once" and (struck, fault) not in (("begin", "lost"), ("begin", "truncated")):
            assert behind.bucket.uploads() == 0, steps  # of those two no client knows the name
        behind.bucket.abort_uploads()
    assert error is None
    assert stands == new


def test_a_save_whose_last_answer_is_lost_for_good_is_seen_to_have_succeeded(behind):
    place = place_of(f"{behind.url}/lost")
    for n, step in ((len(DATA), "complete"), (10, "put")):
        behind.proxy.begin(faults.of(step, faults.lost))
        write(place, DATA[:n])
        behind.proxy.begin()
        assert read(place) == DATA[:n]


def test_parts_that_cannot_be_removed_are_spoken_of(behind):
    place = place_of(f"{behind.url}/left")
    behind.proxy.begin(faults.of("abort", faults.refused()))
    with pytest.warns(UserWarning, match="lifecycle rule"), pytest.raises(Stopped):
        interrupted(place, False)
    behind.proxy.begin(faults.of("abort", faults.refused(), faults.of("part", faults.refused())))
    with pytest.raises(OSError, match=r"503.*lifecycle rule") as caught:
        write(place, DATA * 5)
    one_line(caught.value, place.name)
    behind.proxy.begin()
    behind.bucket.abort_uploads()


def test_an_object_that_is_not_of_the_size_that_was_sent_is_refused(behind):
    place = place_of(f"{behind.url}/size")

    def smaller(asked, ask):
        answer = ask(asked)
        return answer.changed(Content_Length="7") if asked.method == "HEAD" else answer

    behind.proxy.begin(smaller)
    with pytest.raises(OSError, match=r"has 7 bytes, and 10 were sent") as caught:
        write(place, DATA[:10])
    one_line(caught.value, place.name)


def test_a_killed_output_leaves_the_old_object(s3):
    """Its parts stay on the server, as the guide says, and the next save is not disturbed by them."""
    with s3.known() as url:
        place = place_of(f"{url}/killed")
        write(place, OLD)
        program = (
            "import sys\n"
            "from reference.storage.places import place_of\n"
            f"with place_of({url!r} + '/killed').replace() as sink:\n"
            f"    sink.write(bytes({3 * REAL_PART}))\n"
            "    print('sent', flush=True)\n"
            "    sys.stdin.readline()\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as saver:
            assert saver.stdout.readline() == b"sent\n"
            saver.send_signal(signal.SIGKILL)
        assert s3.uploads() == 1
        assert read(place) == OLD
        write(place, DATA)
        assert read(place) == DATA
    s3.abort_uploads()


def test_of_two_savers_the_last_one_to_complete_wins_whole(s3):
    with s3.known() as url, contextlib.ExitStack() as stack:
        place = place_of(f"{url}/raced")
        first, second = (stack.enter_context(place.replace()) for _ in range(2))
        for at in range(0, len(DATA), 1 << 20):
            first.write(b"a" * len(DATA[at : at + (1 << 20)]))
            second.write(b"b" * len(DATA[at : at + (1 << 20)]))
        stack.pop_all().close()  # the second ends first
        assert read(place) == b"a" * len(DATA)


def test_savers_at_once_never_make_a_mixture(s3):
    with s3.known() as url:
        place = place_of(f"{url}/many")
        letters = b"abcd"
        threads = [threading.Thread(target=write, args=(place, bytes([letter]) * len(DATA))) for letter in letters]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = read(place)
        assert found in [bytes([letter]) * len(DATA) for letter in letters]
    assert s3.uploads() == 0


def test_a_reader_while_a_save_goes_on_reads_one_or_the_other(s3):
    with s3.known() as url:
        place = place_of(f"{url}/read")
        write(place, b"a" * len(DATA))
        with contextlib.closing(place.open()) as opened, place.replace() as sink:
            sink.write(b"b" * len(DATA))
            assert opened.read_at(0, len(DATA)) == b"a" * len(DATA)
            opened.refuse_changes()
        write(place, DATA * 3)  # more than is read when it is opened
        with contextlib.closing(place.open()) as opened:
            write(place, b"c" * 3 * len(DATA))
            with pytest.raises(OSError, match="replaced"):
                opened.read_at(0, 3 * len(DATA))


def test_the_seal_of_a_replaced_object_is_removed(s3, tmp_path):
    with s3.known() as url:
        place, beside = place_of(f"{url}/sealed"), place_of(f"{url}/sealed{DETACHED_SUFFIX}")
        reference.save(f"{url}/sealed", {"a": np.ones(5)})
        seal(f"{url}/sealed")
        write(place, OLD)
        with pytest.raises(FileNotFoundError):
            beside.open()
        write(beside, b"somebody's notes")
        write(place, DATA)
        assert read(beside) == b"somebody's notes"


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


def one_line(error, name):
    """Assert that an error can be shown to anybody."""
    text = str(error)
    assert "\n" not in text
    assert error.filename == name
    assert len(text) < 400
    for secret in ("thesecret", "thetoken", "Signature=", "uploadId", "Debug source", "Authorization"):
        assert secret not in text

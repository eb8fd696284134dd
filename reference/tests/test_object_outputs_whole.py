"""Outputs to buckets are whole or not at all, whatever fails and whenever."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import reference
from reference.checkpoints.detached_seals import seal
from reference.format.seals import DETACHED_SUFFIX
from reference.storage.places import place_of
from reference.tests.sent_data import DATA, OLD, one_line
from reference.tests.servers import faults
from reference.tests.servers.fixtures import BUCKETS
from reference.tests.waiting import when_waiting
from streamckpt.testing.places import Stopped, interrupted, read, write

pytest.importorskip("obstore.store")
object_outputs = pytest.importorskip("reference.storage.object_outputs")

pytestmark = [
    pytest.mark.xdist_group("servers"),
    pytest.mark.usefixtures("small_parts"),
]  # one of each server is enough
REAL_PART = object_outputs.PART


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
        reached = threading.Event()
        behind.proxy.begin(faults.of(step, faults.kept(gate, reached)))
        sends_much(place, interrupt, reached)
        behind.proxy.begin()
        assert read(place) == OLD
        assert behind.bucket.uploads() == 0


def test_a_second_interrupt_leaves_a_server_that_does_not_answer(behind):
    place = place_of(f"{behind.url}/interrupted")
    write(place, OLD)
    gate, reached = threading.Event(), threading.Event()

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        when_waiting(lambda: os.kill(os.getpid(), signal.SIGINT), within="abort")

    keeps = faults.kept(gate, reached)
    behind.proxy.begin(faults.of("part", keeps, faults.of("abort", keeps)))
    with pytest.warns(UserWarning, match="lifecycle rule"):
        sends_much(place, interrupt, reached)
    gate.set()
    behind.proxy.begin()
    assert read(place) == OLD


def sends_much(place, interrupt, reached):
    with pytest.raises(KeyboardInterrupt), place.replace() as sink:
        when_waiting(interrupt, after=reached)
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

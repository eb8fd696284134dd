"""Saves to buckets that are killed, raced or refused any request: the old checkpoint or the new one is there, whole."""

import contextlib
import itertools
import signal
import subprocess
import sys

import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.format.errors import FormatError
from reference.storage.places import place_of
from reference.tests.bucket_trees import CHANGED, TREE, alike
from reference.tests.servers import faults
from reference.tests.servers.fixtures import BUCKETS
from streamckpt.testing.places import read, write

pytest.importorskip("reference.storage.object_outputs", reason="the extra `remote` is not installed")
pytestmark = [
    pytest.mark.xdist_group("servers"),  # one of each server is enough
    pytest.mark.usefixtures("small_parts"),
]
on_buckets = pytest.mark.parametrize("bucket", BUCKETS, indirect=True)


@on_buckets
def test_a_killed_save_leaves_the_old_checkpoint(bucket):
    path = f"{bucket.url}/killed"
    reference.save(path, TREE)
    program = (
        "import sys, numpy as np, reference\n"
        "from reference.storage import object_outputs\n"
        "object_outputs.PART = 1 << 18\n"
        "class Sink(object_outputs.ObjectSink):\n"
        "    def finish(self):\n"
        "        print('sent', self._writer is not None, flush=True)\n"
        "        sys.stdin.readline()\n"
        "object_outputs.ObjectSink = Sink\n"
        f"reference.save({path!r}, {{'a': np.ones(1_000_000)}})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as saver:
        assert saver.stdout.readline() == b"sent True\n"
        saver.send_signal(signal.SIGKILL)
    bucket.abort_uploads()
    assert alike(reference.load(path), TREE)
    reference.save(path, CHANGED)
    assert alike(reference.load(path), CHANGED)


@on_buckets
def test_of_two_savers_one_wins_whole(bucket):
    """The last to complete; or the other is told, where a cloud lets go of its parts (Azure)."""
    place = place_of(f"{bucket.url}/raced")
    for first, second in (b"ab", b"ba"):
        expected = bytes([first]) * 1_000_000
        try:
            with contextlib.ExitStack() as stack:
                one, two = (stack.enter_context(place.replace()) for _ in range(2))  # the second ends first
                for _ in range(10):
                    one.write(bytes([first]) * 100_000)
                    two.write(bytes([second]) * 100_000)
        except FileExistsError as error:
            assert "another save" in str(error)
            assert bucket.url.startswith("az:")
            expected = bytes([second]) * 1_000_000
        assert read(place) == expected
    assert bucket.uploads() == 0


@on_buckets
def test_a_reader_while_a_save_goes_on_reads_one_version(bucket):
    place = place_of(f"{bucket.url}/read")
    old, new = b"o" * 2_000_000, b"n" * 2_000_000
    write(place, old)
    with contextlib.closing(place.open()) as opened:
        with place.replace() as sink:
            sink.write(new)
            assert opened.read_at(0, len(old)) == old
        with pytest.raises(OSError, match="replaced"):
            opened.read_at(1_000_000, 1_000_000)
    assert read(place) == new


def test_a_save_in_the_background_whose_program_ends_at_once_is_complete(s3):
    """The interpreter may refuse new threads by then; none is needed."""
    with s3.known() as url:
        program = (
            "import numpy as np, reference\n"
            f"reference.save('{url}/ended', {{'a': np.arange(3_000_000)}}, blocking=False)\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True)
        assert same(reference.load(f"{url}/ended"), {"a": np.arange(3_000_000)})


READ_WRONG = (faults.refused(), faults.cut, faults.truncated, faults.stale, faults.shortened, faults.shifted)


@pytest.mark.parametrize(
    ("format", "kinds", "hows"),
    [
        ("2.0", (faults.truncated, faults.shifted), (faults.once,)),
        pytest.param("1.0", READ_WRONG, (faults.once, faults.since), marks=pytest.mark.remote),
        pytest.param("2.0", READ_WRONG, (faults.once, faults.since), marks=pytest.mark.remote),
    ],
)
def test_a_save_and_a_load_of_which_any_request_fails_never_give_another_tree(behind, format, kinds, hows):
    """Each once, and each for good: the tree is loaded as it is, or there is one error that names the place."""
    tree = {"a": np.arange(150_000, dtype=np.float32), "b": np.ones(3)}
    path = f"{behind.url}/faulty {format}"
    for fault, how in itertools.product(kinds, hows):
        number = last = 1
        while number <= last:
            behind.proxy.begin(how(number, fault))
            try:
                reference.save(path, tree, format=format)
                assert alike(reference.load(path), tree)
            except (OSError, FormatError) as error:
                assert path in str(error)
            last = len(behind.proxy.asked)
            number += 1
    behind.proxy.begin()
    reference.save(path, tree, format=format)
    assert alike(reference.load(path), tree)

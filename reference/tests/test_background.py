"""Saves that go on while the program does."""

import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from reference.checkpoints import background
from reference.devices import device_to_host, shards
from reference.tests.waiting import opening


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x"


@pytest.fixture
def gate(monkeypatch):
    """Keeps background saves from writing until it is set."""
    gate = threading.Event()
    saving = sys.modules["reference.checkpoints.outputs"]
    write_steps = saving.write_steps

    def write_when_open(sink, steps):
        gate.wait()
        write_steps(sink, steps)

    monkeypatch.setattr(saving, "write_steps", write_when_open)
    yield gate
    gate.set()
    background._earlier.clear()


def sharded(array):
    mesh = Mesh(np.array(jax.devices()), ("x",))
    return jax.device_put(array, NamedSharding(mesh, PartitionSpec("x")))


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("platform", ["cpu", "none"])
@pytest.mark.parametrize("float_dtype", [None, "bf16"])
def test_arrays_may_be_donated_deleted_and_changed_at_once(path, gate, platform, small, float_dtype, monkeypatch):
    monkeypatch.setattr(shards, "_HOST", platform)
    monkeypatch.setattr(device_to_host, "_TAKEN_WHOLE", 1 << 20 if small else -1)
    host = np.arange(64, dtype=np.float32) / 3
    tree = {"donated": sharded(host), "deleted": jnp.asarray(host), "numpy": host.copy(), "raw": bytearray(b"abc")}
    expected = path.with_name("y")
    gate.set()
    reference.save(expected, tree, float_dtype)
    gate.clear()
    saving = reference.save(path, tree, float_dtype, blocking=False)
    step = jax.jit(lambda x: x * 2, donate_argnums=0)
    changed = step(tree["donated"])
    tree["deleted"].delete()
    tree["numpy"][:] = 0
    tree["raw"][:] = b"xyz"
    assert not saving.done()
    assert not path.exists()
    gate.set()
    saving.wait()
    assert saving.done()
    assert path.read_bytes() == expected.read_bytes()
    assert np.asarray(changed)[1] == host[1] * 2


def test_copies_are_freed_as_they_are_written(path, monkeypatch):
    """Of eight copies made on the devices, ever fewer are alive while the file is written."""
    monkeypatch.setattr(device_to_host, "_TAKEN_WHOLE", -1)
    alive = []
    array_of = device_to_host.host_pieces

    def counted(*arguments):
        alive.append(len(jax.live_arrays()))
        return array_of(*arguments)

    monkeypatch.setattr(device_to_host, "host_pieces", counted)
    tree = {str(i): sharded(np.full(64, i, np.float32)) for i in range(8)}
    reference.save(path, tree, blocking=False).wait()
    assert len(alive) == 8
    assert all(later < earlier for earlier, later in zip(alive, alive[2:], strict=False))


def test_an_error_is_raised_at_wait_and_again(path, gate, monkeypatch):
    gate.set()
    reference.save(path, {"w": np.zeros(3)})
    old = path.read_bytes()
    monkeypatch.setattr(sys.modules["reference.checkpoints.outputs"], "write_steps", fails)
    saving = reference.save(path, {"w": np.ones(3)}, blocking=False)
    for _ in range(2):
        with pytest.raises(OSError, match="no space"):
            saving.wait()
    assert path.read_bytes() == old
    monkeypatch.undo()
    reference.save(path, {"w": np.ones(3)})


def test_a_handle_says_of_itself_which_file_it_is_and_how_far(path, gate, monkeypatch):
    saving = reference.save(path, {"w": np.zeros(3)}, blocking=False)
    assert repr(saving) == f"<Saving {path}: being written>"
    gate.set()
    saving.wait()
    assert repr(saving) == f"<Saving {path}: complete>"
    monkeypatch.setattr(sys.modules["reference.checkpoints.outputs"], "write_steps", fails)
    saving = reference.save(path, {"w": np.zeros(3)}, blocking=False)
    with pytest.raises(OSError, match="no space"):
        saving.wait()
    assert repr(saving) == f"<Saving {path}: failed>"


def test_an_error_that_nobody_waited_for_is_raised_by_the_next_save(path, monkeypatch):
    monkeypatch.setattr(sys.modules["reference.checkpoints.outputs"], "write_steps", fails)
    saving = reference.save(path, {"w": np.ones(3)}, blocking=False)
    saving._work.wait()
    monkeypatch.undo()
    with pytest.raises(OSError, match="no space"):
        reference.save(path, {"w": np.ones(3)})
    reference.save(path, {"w": np.ones(3)})
    assert same(reference.load(path), {"w": np.ones(3)})


def fails(sink, steps):
    raise OSError(28, "no space left")


def test_saves_are_written_one_after_the_other(path, gate):
    first = reference.save(path, {"w": np.zeros(3)}, blocking=False)
    opening(gate)
    second = reference.save(path, {"w": np.ones(3)}, blocking=False)
    assert first.done()
    second.wait()
    assert same(reference.load(path), {"w": np.ones(3)})


def test_an_interrupted_wait_is_no_end(path):
    """Python 3.11 takes a thread for finished whose join a signal has interrupted."""
    program = """
import os, signal, sys, threading, numpy as np, reference
from reference.tests.waiting import when_waiting
module, gate = sys.modules["reference.checkpoints.outputs"], threading.Event()
write_steps = module.write_steps
module.write_steps = lambda sink, steps: (gate.wait(), write_steps(sink, steps))
saving = reference.save(sys.argv[1], {str(i): np.zeros(3) for i in range(20)}, blocking=False)
when_waiting(lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    saving.wait()
except KeyboardInterrupt:
    assert not saving.done()
    gate.set()
"""
    run = subprocess.run([sys.executable, "-c", program, path], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert len(reference.scan(path)) == 20


def test_saves_of_several_threads_are_all_written(tmp_path):
    errors = []

    def work(name):
        try:
            for i in range(10):
                reference.save(tmp_path / name, {"w": np.full(100, i)}, blocking=False)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    background.finish_earlier()
    assert not errors
    assert all(reference.load(tmp_path / str(i))["w"][0] == 9 for i in range(4))


def test_a_thread_that_cannot_start_spoils_no_later_save(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda self: fails(None, None))
        with pytest.raises(OSError, match="no space"):
            reference.save(path, {"w": np.ones(3)}, blocking=False)
    reference.save(path, {"w": np.ones(3)})


def test_a_relative_path_is_that_of_the_call(path, gate, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    saving = reference.save("x", {"w": np.ones(3)}, blocking=False)
    monkeypatch.chdir(tmp_path / "elsewhere")
    gate.set()
    saving.wait()
    assert path.exists()


@pytest.mark.parametrize("failing", [False, True])
def test_a_handle_holds_no_arrays_once_it_has_ended(path, failing, monkeypatch):
    import gc
    import weakref

    monkeypatch.setattr(device_to_host, "_TAKEN_WHOLE", -1)
    make = lambda: {"jax": sharded(np.ones(64, np.float32)), "numpy": np.ones(1000)}
    reference.save(path, make(), blocking=False).wait()  # jax keeps arrays of its own from the first time on
    if failing:
        monkeypatch.setattr(sys.modules["reference.checkpoints.outputs"], "write_steps", fails)
    before = len(jax.live_arrays())
    copies = []
    copy = np.array
    saving_module = sys.modules["reference.checkpoints.save_jobs"]
    monkeypatch.setattr(saving_module.np, "array", lambda *a, **k: copies.append(weakref.ref(x := copy(*a, **k))) or x)
    tree = make()
    saving = reference.save(path, tree, blocking=False)
    saving._work.wait()
    monkeypatch.undo()
    del tree
    gc.collect()
    assert len(jax.live_arrays()) <= before
    assert all(reference() is None for reference in copies)
    if failing:
        with pytest.raises(OSError, match="no space"):
            saving.wait()
    else:
        saving.wait()


def test_what_cannot_be_saved_is_refused_before_the_call_returns(path):
    with pytest.raises(reference.FormatError):
        reference.save(path, {"w": object()}, blocking=False)
    with pytest.raises(OSError, match="no such folder"):
        reference.save(path / "x" / "y", {"w": 1}, blocking=False)


def test_overflows_are_told_at_wait(path):
    saving = reference.save(path, {"w": np.full(3, 1e30)}, "fp16", blocking=False)
    with pytest.warns(UserWarning, match="3 finite values became infinite"):
        saving.wait()


def test_a_save_that_no_thread_can_be_started_for_is_made_at_once(path, monkeypatch):
    def refuses(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuses)
    saving = reference.save(path, {"w": sharded(np.ones(1 << 20, np.float32))}, float_dtype="bf16", blocking=False)
    assert saving.done()
    saving.wait()
    assert same(reference.load(path), {"w": np.ones(1 << 20, jnp.bfloat16)})


def test_an_interrupt_while_the_thread_starts_loses_no_save(path, monkeypatch):
    """The save goes on, though nobody has its handle: the next one, which is newer, waits until it has been written."""
    start = threading.Thread.start
    begun, gate = threading.Event(), threading.Event()
    saving = sys.modules["reference.checkpoints.outputs"]
    write_steps = saving.write_steps

    def interrupted(self):
        start(self)
        begun.wait()
        raise KeyboardInterrupt

    def slowly(sink, steps):
        begun.set()
        gate.wait()
        write_steps(sink, steps)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        patch.setattr(saving, "write_steps", slowly)
        with pytest.raises(KeyboardInterrupt):
            reference.save(path, {"w": np.zeros(3)}, blocking=False)
        patch.setattr(saving, "write_steps", write_steps)
        patch.setattr(threading.Thread, "start", start)
        opening(gate)
        reference.save(path, {"w": np.ones(3)})
    assert same(reference.load(path), {"w": np.ones(3)})
    assert not background._earlier


def test_an_interrupt_before_the_thread_starts_is_waited_for_by_nobody(path, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reference.save(path, {"w": np.zeros(3)}, blocking=False)
    reference.save(path, {"w": np.ones(3)})
    assert same(reference.load(path), {"w": np.ones(3)})

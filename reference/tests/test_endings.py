"""Programs that end while a save is under way, or that begin one then."""

import signal
import subprocess
import sys

import pytest

import reference


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x"


PROGRAM = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
import jax, numpy as np, reference
from jax.sharding import Mesh, NamedSharding, PartitionSpec

path, place, float_dtype = sys.argv[1:]
tree = {str(i): np.full((1024, 4096), i, np.float32) for i in range(8)}
if place == "devices":
    sharding = NamedSharding(Mesh(np.array(jax.devices()), ("x",)), PartitionSpec(None, "x"))
    tree = jax.device_put(tree, sharding)
reference.save(path, tree, float_dtype=float_dtype or None, blocking=False)
"""


@pytest.mark.sampled(4)
@pytest.mark.parametrize("place", ["host", "devices"])
@pytest.mark.parametrize("float_dtype", ["", "bf16"])
def test_a_program_does_not_end_before_its_save(path, place, float_dtype):
    """Python waits for the thread of the save, and starts no other one from the end of the program on."""
    run = subprocess.run([sys.executable, "-c", PROGRAM, path, place, float_dtype], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    loaded = reference.load(path)
    assert list(loaded) == [str(i) for i in range(8)]
    assert all((array == int(name)).all() and array.shape == (1024, 4096) for name, array in loaded.items())


AT_EXIT = """
import atexit, sys, numpy as np, reference
tree = {str(i): np.full((1024, 4096), i, np.float32) for i in range(3)}
atexit.register(reference.save, sys.argv[1], tree, float_dtype="bf16")
"""


def test_a_program_can_save_when_it_ends(path):
    run = subprocess.run([sys.executable, "-c", AT_EXIT, path], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert all((array == int(name)).all() for name, array in reference.load(path).items())


FAILING = """
import atexit, resource, signal, sys
atexit.register(print, "registered before")
import numpy as np, reference
atexit.register(print, "registered after")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

def save():
    reference.save(sys.argv[1], {"w": np.zeros(1 << 22)}, blocking=False)

"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("save()", 1),
        ("save(); sys.exit()", 1),
        ("save(); sys.exit(0)", 1),
        ("save(); sys.exit(256)", 1),
        ("save(); raise SystemExit", 1),
        ("save(); sys.exit(3)", 1),
        ("save(); sys.exit('words')", 1),
        ("save(); raise ValueError", 1),
        ("save(); raise KeyboardInterrupt", -signal.SIGINT),
        ("save(); sys.stderr = None", 1),
        ("save(); sys.stderr.close()", 1),
        ("save(); import os; os.close(2)", 1),
        ("atexit.register(save)", 1),
        ("save(); import threading; threading.Thread(target=sys.exit, args=(3,)).start()", 1),
    ],
)
def test_a_failure_that_nobody_waited_for_is_told_at_the_end(path, ending, status):
    run = subprocess.run([sys.executable, "-c", FAILING + ending, path], capture_output=True, text=True)
    assert run.returncode == status
    if "stderr" not in ending and "close" not in ending:
        assert f"the save of {path} failed, and nobody waited for it: " in run.stderr
    assert run.stdout == "registered after\nregistered before\n"
    assert not path.exists()


def test_a_failure_that_was_seen_is_no_failure_of_the_program(path):
    ending = """
try:
    reference.save(sys.argv[1], {"w": np.zeros(1 << 22)}, blocking=False).wait()
except OSError:
    sys.exit()
"""
    run = subprocess.run([sys.executable, "-c", FAILING + ending, path], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


FORKED = """
import multiprocessing, os, sys, threading, numpy as np, reference
from reference.checkpoints import outputs as module

path, when, ending = sys.argv[1:]
gate, begun, write_steps = threading.Event(), threading.Event(), module.write_steps

def write_when_open(sink, steps):
    begun.set()
    gate.wait()
    write_steps(sink, steps)

module.write_steps = write_when_open
save = reference.save(path, {"w": np.ones(3)}, blocking=False)
begun.wait()
if when == "after":
    gate.set()
    while not save.done():
        pass
module.write_steps = write_steps

def child():
    try:
        save.wait()
        assert when == "after"
    except RuntimeError as error:
        assert when == "during", error
        assert "forked" in str(error)
    reference.save(path + ".blocking", {"w": np.zeros(3)}, float_dtype="bf16")
    reference.save(path + ".background", {"w": np.zeros(3)}, blocking=False)

if ending == "multiprocessing":
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    status = process.exitcode
else:
    pid = os.fork()
    if not pid:
        child()
        if ending == "os._exit":
            reference.save(path + ".background", {"w": np.zeros(3)})
            os._exit(5)
        sys.exit(5)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
gate.set()
save.wait()
print(status)
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize("when", ["during", "after"])
@pytest.mark.parametrize("ending", ["sys.exit", "os._exit", "multiprocessing"])
def test_a_child_that_is_forked_beside_a_save_saves_and_ends(path, when, ending):
    run = subprocess.run([sys.executable, "-c", FORKED, path, when, ending], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == ("0\n" if ending == "multiprocessing" else "5\n")
    assert (reference.load(path)["w"] == 1).all()
    assert all((reference.load(f"{path}.{kind}")["w"] == 0).all() for kind in ("blocking", "background"))


AMONG_THREADS = """
import os, sys, threading, numpy as np, reference
from reference.checkpoints import background
from reference.storage.threads import Pool

held, gate = threading.Event(), threading.Event()

def hold():
    with background._lock:
        held.set()
        gate.wait()

threading.Thread(target=hold).start()
held.wait()
with Pool(2) as pool:
    pool.submit(gate.wait)
    pool.submit(gate.wait)
    pid = os.fork()
    if not pid:
        reference.save(sys.argv[1], {"w": np.ones(3)}, blocking=False)
        sys.exit(5)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    gate.set()
print(status)
"""


def test_a_child_waits_for_no_thread_and_no_lock_of_its_parent(path):
    run = subprocess.run([sys.executable, "-c", AMONG_THREADS, path], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "5\n", "")
    assert (reference.load(path)["w"] == 1).all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("module", ["storage/threads.py", "checkpoints/background.py"])
def test_an_interrupt_leaves_nothing_that_is_waited_for_in_vain(path, module):
    """Wherever one strikes in these modules, all threads end, and the next save has nothing to wait for."""
    program = """
import contextlib, pathlib, sys, numpy as np, reference
from fuzz.faults import Calls, interrupted
from reference.checkpoints.background import finish_earlier

place, k, calls = pathlib.Path(reference.__file__).parent / sys.argv[2], 0, Calls()
calls.failed = True
while calls.failed:
    calls = Calls()
    with contextlib.suppress(KeyboardInterrupt), interrupted(k, place, calls):
        reference.save(sys.argv[1], {"w": np.ones(1 << 18)}, float_dtype="bf16", blocking=False).wait()
        reference.save(sys.argv[1], {"w": np.ones(1 << 18)}, float_dtype="bf16")
    finish_earlier()
    k += 1
print(k > 10)
"""
    run = subprocess.run([sys.executable, "-c", program, path, module], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "True\n"), run.stderr

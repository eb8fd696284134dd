"""Programs that end while a save is under way, or that begin one then."""

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
import resource, signal, numpy as np, reference, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
reference.save(sys.argv[1], {"w": np.zeros(1 << 22)}, blocking=False)
"""


def test_a_failure_that_nobody_waited_for_is_told_at_the_end(path):
    run = subprocess.run([sys.executable, "-c", FAILING, path], check=True, capture_output=True, text=True)
    assert f"the save of {path} failed, and nobody waited for it: " in run.stderr
    assert not path.exists()

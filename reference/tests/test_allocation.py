"""How the caller's process allocates memory is the caller's: commands alone change it, for their own process."""

import subprocess
import sys

import numpy as np
import pytest

import reference

PROGRAM = """
import ctypes, sys
import numpy as np
import reference
from reference.commands import convert as command
from reference.convert import convert
from reference.delta import diff, recover, subtract
from reference.differences.comparison import compare
from reference.storage.progress import silent

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd other".split()]
    _fields_ += [(name, ctypes.c_size_t) for name in "fsmblks uordblks fordblks keepcost".split()]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Info

def goes_back_when_freed():
    before = mallinfo().hblks
    array = np.empty(1 << 23, np.uint8)  # in a mapping of its own, unless glibc has learned to keep what is freed
    return mallinfo().hblks > before

path, how = sys.argv[1:]
a, out = f"params::{path}", f"{path}.out"
assert goes_back_when_freed()
# That array has been freed, and the one that is looked at in the end is larger than glibc keeps for it.
calls = {
    "convert": lambda: convert(a, out, progress=silent),
    "diff": lambda: diff(a, a, out, backend="numpy", progress=silent),
    "recover": lambda: (diff(a, a, out, progress=silent), recover(a, out, f"{out}2", progress=silent)),
    "subtract": lambda: subtract(a, a, out, backend="numpy", progress=silent),
    "compare": lambda: compare(a, a, progress=silent),
    "the command": lambda: command.main(["--load_checkpoint", a, "--output_file", out]),
}
calls[how]()
before = mallinfo().hblks
array = np.empty(12 << 20, np.uint8)
print(mallinfo().hblks > before, file=sys.stderr)
"""


@pytest.mark.sampled(4)
@pytest.mark.skipif(sys.platform != "linux", reason="glibc tells how it allocates")
@pytest.mark.parametrize("how", ["convert", "diff", "recover", "subtract", "compare", "the command"])
def test_memory_that_is_freed_after_a_call_goes_back_as_before(tmp_path, how):
    reference.save(tmp_path / "x", {"w": np.arange(100, dtype=np.float32)})
    run = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path / "x", how], capture_output=True, text=True)
    if "mallinfo2" in run.stderr:
        pytest.skip("this C library tells nothing of how it allocates")
    assert run.returncode == 0, run.stderr
    assert run.stderr.split()[-1] == str(how != "the command")

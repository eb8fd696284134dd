"""Jobs of several processes of jax.distributed, on this machine."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path


def free_port():
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


class Job:
    """The processes of a script, a path from here, each called with its rank, their count, a port and a folder."""

    def __init__(self, script, count, folder, *arguments, root=Path(__file__).parents[2]):
        port = free_port()
        command = [sys.executable, "-W", "error", Path(__file__).parent / script]
        self.processes = [
            subprocess.Popen(
                [*command, str(rank), str(count), str(port), folder, *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(root), "JAX_PLATFORMS": "cpu"},
            )
            for rank in range(count)
        ]

    def told(self, ok=True):
        """What each process has told when all have ended: lists of JSON objects. `errors` is what they said."""
        outputs = [process.communicate(timeout=1800) for process in self.processes]
        self.errors = [error for _, error in outputs]
        self.codes = [process.returncode for process in self.processes]
        if ok:
            assert self.codes == [0] * len(self.codes), outputs
        return [[json.loads(line) for line in output.splitlines() if line[:1] == "{"] for output, _ in outputs]

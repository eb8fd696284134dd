"""What it takes to start Python and import each library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Final

from ..jobs import Job, Task


def _import(statement: str) -> Callable[[Job], Task]:
    def prepare(_: Job) -> Task:
        command = [sys.executable, "-c", statement]
        return Task(lambda: subprocess.run(command, check=True), lambda _: None)

    return prepare


OPERATIONS: Final = {
    "import": {
        "streamckpt": _import("import reference"),
        "usual loop": _import("import flax.serialization, msgpack"),
        "safetensors": _import("import safetensors.numpy"),
        "orbax": _import("import orbax.checkpoint"),
        "numpy alone": _import("import numpy"),
        "Python alone": _import("pass"),
    }
}

"""The operations, each by this project and by its peers: a table of what makes a task ready to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..jobs import Job, Task
from . import conversions, differences, imports, loads, reads, saves

OURS: Final = "streamckpt"
OPERATIONS: Final[dict[str, dict[str, Callable[[Job], Task]]]] = {
    **saves.OPERATIONS,
    **loads.OPERATIONS,
    **reads.OPERATIONS,
    **conversions.OPERATIONS,
    **differences.OPERATIONS,
    **imports.OPERATIONS,
}

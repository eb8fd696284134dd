"""When to stop: what a run, and an engine of it, is told."""

from __future__ import annotations

import math
from typing import NamedTuple


class Bounds(NamedTuple):
    """When a target is done: after so many seconds or so many inputs, or with its first finding."""

    seconds: float = math.inf
    executions: float = math.inf
    first: bool = False


def limits(bounds: Bounds) -> list[str]:
    """What libFuzzer is told of bounds; all of its corpus it tries first, whatever they are."""
    told = [] if math.isinf(bounds.seconds) else [f"-max_total_time={max(1, round(bounds.seconds))}"]
    return told + ([] if math.isinf(bounds.executions) else [f"-runs={max(1, round(bounds.executions))}"])

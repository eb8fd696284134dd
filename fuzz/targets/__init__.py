"""One module for each invariant. Its first line says which; the rest of this is what such a module holds.

- `check(value)`: returns where the invariant holds, and raises `Broken`, or anything else, where it does not.
- `KIND`, the kind of file whose bytes it takes (see `fuzz.seeds`), or `VALUES`, the strategy of the values it takes.
- `ONCE`, where trying what it begins with is all there is to do.
- `WEIGHT`, its share of the time where that is not 1; `MEMORY`, the bytes that it may take beyond what it starts with.
- `drive(folder, bounds, seed, report)`, where it may bring an engine of its own; gives how many inputs that has tried.
- `missing()`, where there is something that it cannot do without: what is not there, or None.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..bounds import Bounds


class Plan(NamedTuple):
    """What is known of a target without importing it, and with it the reference, jax and others."""

    name: str
    invariant: str
    kind: str | None  # of the files that it takes, None where its values are made from bytes by a strategy
    weight: float
    once: bool


class Target(NamedTuple):
    """An invariant with the way to try it on bytes."""

    name: str
    invariant: str
    kind: str | None
    once: bool
    memory: int | None
    missing: str | None
    check: Callable[[bytes], Any]
    check_value: Callable[[Any], Any]  # of a value where there is a strategy, else of bytes
    values: Any  # the strategy
    drive: Drive | None


Drive = Callable[[Path, Bounds, int, Callable[[str, str, bytes], None]], int | None]


def names() -> list[str]:
    """All targets, in the order in which they are run."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def plan_of(name: str) -> Plan:
    """Read the first line and the constants of a target. Raises ValueError where the line is missing."""
    tree = ast.parse((Path(__path__[0]) / f"{name}.py").read_text())
    label, _, invariant = (ast.get_docstring(tree) or "").partition("\n")[0].partition(": ")
    if label != "Invariant" or not invariant:
        raise ValueError(f"the first line of {name} has to be `Invariant: ...`")
    found = {"KIND": None, "WEIGHT": 1.0, "ONCE": False}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in found:
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return Plan(name, invariant, found["KIND"], found["WEIGHT"], found["ONCE"])


def load(name: str) -> Target:
    """Import a target. Raises ModuleNotFoundError."""
    module = importlib.import_module(f"{__name__}.{name}")
    plan = plan_of(name)
    missing: Callable[[], str | None] = getattr(module, "missing", lambda: None)
    values = None if plan.kind else module.VALUES
    check = module.check if plan.kind else _from_bytes(values, module.check)
    memory, drive = getattr(module, "MEMORY", None), getattr(module, "drive", None)
    return Target(name, plan.invariant, plan.kind, plan.once, memory, missing(), check, module.check, values, drive)


def _from_bytes(values: Any, check: Callable[[Any], None]) -> Callable[[bytes], Any]:
    """The check of a value, as one of the bytes from which hypothesis makes the value."""
    from hypothesis import HealthCheck, given, settings

    checks: Any = HealthCheck  # iterable, which its stub does not say
    quiet = settings(database=None, deadline=None, suppress_health_check=list(checks))
    tried: Any = quiet(given(values)(check))
    return tried.hypothesis.fuzz_one_input

"""The config.json that the leaves and the parameters of a map imply."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..format.casts import FLOATS
from ..format.leaves import Leaf
from .faults import ParameterNeeded
from .plans import Plan
from .sizes import Number, Sizes
from .tables import Definition


class ModelConfig(NamedTuple):
    """What a config.json says. `assumed` are parameters that nobody gave, which have their defaults.

    `unknown` are keys that the leaves do not tell, as where only some of a model's are converted.
    """

    config: dict[str, Any]
    assumed: list[str]
    unknown: list[str]


def model_config(definition: Definition, plan: Plan) -> ModelConfig:
    """The config.json beside what a map makes, but for the dtype.

    Raises ParameterNeeded, which asks for a parameter that has no default and that no leaf tells.
    """
    sizes = Sizes(definition.parameters, plan.values)
    axes = _axes(definition)
    config = dict(definition.config.values)
    assumed: list[str] = []
    unknown: list[str] = []
    missing: list[str] = []
    for key, text in definition.config.parameters.items():
        if text.startswith("{"):
            value: Number | None = plan.counts.get(text[1:-1])
        else:
            value = _value(definition, sizes, text.split(), assumed)
        if value is None:
            (unknown if axes & set(text.split()) or text.startswith("{") else missing).append(key)
        else:
            config[key] = value
    if missing:
        needs = " and ".join(f"{name} ({definition.parameters[name].about})" for name in missing)
        flags = " ".join(f"--map_parameter={name}=N" for name in missing)
        raise ParameterNeeded(f"the config.json beside the output needs {needs}: give {flags}")
    return ModelConfig(config, assumed, unknown)


def _axes(definition: Definition) -> set[str]:
    """The parameters that are sizes of axes, which leaves tell."""
    rules = [rule for table in definition.tables for rule in table.rules if rule.axes is not None]
    return {name for rule in rules if rule.axes for axis in rule.axes.left for name in axis}


def _value(definition: Definition, sizes: Sizes, names: list[str], assumed: list[str]) -> Number | None:
    if len(names) > 1:
        found = [sizes.size(name, {}) for name in names]
        return None if None in found else math.prod(size for size in found if size is not None)
    known = sizes.values.get(names[0])
    if known is not None:
        return known.value
    default = definition.parameters[names[0]].default
    if default is not None:
        assumed.append(f"{names[0]}={default:g}")
    return default


def dtype_entry(leaves: Iterable[Leaf]) -> dict[str, str]:
    """The entry of the dtype of these leaves, none where their floats have several."""
    dtypes = {str(leaf.dtype) for leaf in leaves if leaf.dtype in FLOATS}
    return {"torch_dtype": dtypes.pop()} if len(dtypes) == 1 else {}

"""What a conversion does to names and layouts: renames, then a map, and the config.json beside what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..containers.safetensors_file import SAFETENSORS
from ..format.errors import UsageError
from ..format.records import Item
from ..format.streams import check_paths
from ..mapping.applying import mapped_items, planned
from ..mapping.faults import ParameterNeeded
from ..mapping.maps import MapLike, definition_of
from ..mapping.model_configs import ModelConfig, model_config
from ..mapping.parameters import CONFIG, config_beside, given_values, known_values, metadata_configurations
from ..mapping.plans import Plan
from ..mapping.sizes import Value
from ..mapping.tables import Definition
from ..storage.places import place_of
from .renaming import Renames, renamed

# The name under which transformers looks for the tensors of a model, beside its config.json.
_WHOLE_MODEL = "model.safetensors"


class MapReport(NamedTuple):
    """What a map did: its name, its parameters and who gave them, and the leaves that it has left out.

    `config` is what the config.json beside the output says, and `config_name` where it stands; None where none was
    written. With `config_was_there` one stood there, fits, and was left as it was.
    """

    name: str
    values: dict[str, Value]
    left_out: list[tuple[str, ...]]
    config: ModelConfig | None = None
    config_name: str | None = None
    config_was_there: bool = False


def remapped(
    items: Sequence[Item],
    renames: Renames,
    map: MapLike | None,
    given: Mapping[str, float] | None,
    metadata: Mapping[str, Any],
    source: str,
    output: tuple[str, str],
) -> tuple[list[Item], MapReport | None]:
    """The leaves of a file under their new names and in their new layout.

    `metadata` is that of the input, and `source` its path, beside which a config.json may stand; `output` is the kind
    and the path of what is written. Raises UsageError, MapError among others, FormatError, OSError.
    """
    items = renamed(items, renames)
    if map is None:
        if given:
            raise UsageError("parameters are those of a map, and there is no map")
        check_paths([item.path for item in items])
        return items, None
    definition = definition_of(map)
    config_name = _config_name(*output) if definition.config_is_written else None
    there = config_beside(config_name) if config_name is not None else None
    configurations = [*metadata_configurations(metadata), *([there] if there else []), *_beside(source)]
    plan = _planned(definition, items, given or {}, configurations)
    report = MapReport(definition.name, plan.values, plan.left_out)
    if config_name is not None:
        values = known_values(definition, configurations, plan.values).values
        config = model_config(definition, plan._replace(values=values), [item.leaf for item in items])
        report = report._replace(config=config, config_name=config_name, config_was_there=there is not None)
    items = mapped_items(plan, items)
    check_paths([item.path for item in items])
    return items, report


def _beside(source: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    if (found := config_beside(source)) is not None:
        yield found


def _planned(
    definition: Definition,
    items: Sequence[Item],
    given: Mapping[str, float],
    configurations: Sequence[tuple[Mapping[str, Any], str]],
) -> Plan:
    """The plan by what is given, and by what the configurations say where that and the shapes are not enough."""
    values = given_values(definition, given)
    try:
        return planned(definition, items, known_values(definition, (), values))
    except ParameterNeeded:
        known = known_values(definition, configurations, values)
        if known.values == values and not known.equations:
            raise
    return planned(definition, items, known)


def _config_name(kind: str, name: str) -> str | None:
    """Where the config.json stands beside an output that transformers would load; None beside any other."""
    folder, slash, base = name.rpartition("/")
    if kind != SAFETENSORS or base not in ("", _WHOLE_MODEL):
        return None
    return f"{folder}{slash}{CONFIG}"


def write_config(report: MapReport | None) -> None:
    """Write the config.json of a conversion, where there is one to be written. Raises OSError."""
    if report is None or report.config is None or report.config_name is None or report.config_was_there:
        return
    text = json.dumps(report.config.config, indent=2, sort_keys=True) + "\n"
    with place_of(report.config_name).replace() as sink:
        sink.write(text.encode())


def parameters_text(report: MapReport) -> str:
    """The parameters of a map, and who says so: "heads=32 (given); hidden=4096, vocab=32000 (the shapes)"."""
    by_source: dict[str, list[str]] = {}
    for name, value in report.values.items():
        by_source.setdefault(value.source, []).append(f"{name}={value.value:g}")
    return "; ".join(f"{', '.join(texts)} ({source})" for source, texts in by_source.items())

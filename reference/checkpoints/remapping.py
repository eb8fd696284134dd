"""What a conversion does to names and layouts: renames, then a map, and the config.json beside what comes out."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ..containers.load_prefixes import kind_said
from ..containers.safetensors_file import SAFETENSORS
from ..containers.stream import STREAM
from ..format.errors import UsageError
from ..format.keypaths import parse
from ..format.leaves import Leaf
from ..format.metadata import Metadata
from ..format.records import Item
from ..format.seals import VERSION
from ..format.streams import check_paths
from ..mapping.applying import mapped_items, planned
from ..mapping.faults import ParameterNeeded
from ..mapping.maps import MapLike, definition_of
from ..mapping.model_configs import ModelConfig, dtype_entry, model_config
from ..mapping.parameters import (
    CONFIG,
    config_beside,
    given_values,
    kept_entries,
    known_values,
    metadata_configurations,
)
from ..mapping.plans import Plan
from ..mapping.sizes import Value
from ..mapping.tables import Definition
from ..storage.local_files import Path_
from .renaming import Renames, renamed

# The name under which transformers looks for the tensors of a model, beside its config.json.
_WHOLE_MODEL: Final = "model.safetensors"
HUGGING_FACE: Final = "pt"  # what the metadata of its files calls the names in them
_TIED: Final = "tie_word_embeddings"  # what a config.json says where one matrix is two leaves
_PARAMETERS: Final = "map_parameters"  # the key of a sealed stream's metadata under which they stand


class MapReport(NamedTuple):
    """What a map did: its name, its parameters and who gave them, and the leaves that it has left out.

    `tied` are leaves of the input that it does not have, as its configuration says, and that were made of another; of
    `untied` no configuration says why they are missing. `framework` is the one whose names the output has.
    `config` is what the config.json beside the output says, but for the dtype, and `config_name` where it stands; None
    where none was written. With `config_was_there` one stood there, fits, and was left as it was. `kept` is what a
    configuration says that no leaf shows, and who says it. `sources` are the leaves of the input, by their numbers, of
    which those of the output are made, of each the first. `taken_as_tied` are leaves that the output does not have, and
    that its config.json therefore says are tied to another.
    """

    name: str
    values: dict[str, Value]
    left_out: list[tuple[str, ...]]
    tied: list[tuple[str, ...]]
    untied: list[tuple[str, ...]]
    framework: str | None = None
    config: ModelConfig | None = None
    config_name: str | None = None
    config_was_there: bool = False
    kept: Mapping[str, tuple[Any, str]] = MappingProxyType({})
    sources: tuple[int, ...] = ()
    taken_as_tied: tuple[tuple[str, ...], ...] = ()


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
            raise UsageError("map parameters are given, and no map")
        return items, None
    definition = definition_of(map)
    config_name = _config_name(*output) if definition.config_is_written else None
    there = config_beside(config_name) if config_name is not None else None
    configurations = functools.cache(lambda: _configurations(metadata, there, source))
    items, tied, missing = _with_tied(definition, items, configurations)
    plan = _planned(definition, items, given or {}, configurations)
    framework = definition.frameworks[1]
    kept = _kept(definition, configurations)
    report = MapReport(definition.name, plan.values, plan.left_out, tied, missing, framework, kept=kept)
    report = report._replace(sources=plan.sources())
    if config_name is not None:
        values = known_values(definition, configurations(), plan.values).values
        config = model_config(definition, plan._replace(values=values))
        config = config._replace(config={**config.config, **{key: value for key, (value, _) in kept.items()}})
        is_untied = any(configuration.get(_TIED) is False for configuration, _ in configurations())
        if not is_untied and (without := _not_made(definition, plan)):
            config = config._replace(config={**config.config, _TIED: True})
            report = report._replace(taken_as_tied=without)
        if there is not None:
            _refuse_another(config.config, *there)
        report = report._replace(values=values, config=config, config_name=config_name, config_was_there=bool(there))
    items = mapped_items(plan, items)
    check_paths([item.path for item in items])
    return items, report


_Configuration = tuple[Mapping[str, Any], str]  # and the name of its source


def _configurations(metadata: Mapping[str, Any], there: _Configuration | None, source: str) -> list[_Configuration]:
    """What may say the parameters of a map, the first counting most."""
    beside = config_beside(source)
    return [*metadata_configurations(metadata), *(each for each in (there, beside) if each is not None)]


def _with_tied(
    definition: Definition, items: Sequence[Item], configurations: Callable[[], list[_Configuration]]
) -> tuple[list[Item], list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The leaves with those that are tied to others, and which these are; and those that are missing all the same."""
    by_path = {item.path: item for item in items}
    pairs = [(tuple(parse(name)), tuple(parse(other))) for name, other in definition.tied.items()]
    missing = [(path, other) for path, other in pairs if path not in by_path and other in by_path]
    if not missing:
        return list(items), [], []
    paths = [path for path, _ in missing]
    if not any(configuration.get(_TIED) is True for configuration, _ in configurations()):
        return list(items), [], paths
    return [*items, *(by_path[other]._replace(path=path) for path, other in missing)], paths, []


def _not_made(definition: Definition, plan: Plan) -> tuple[tuple[str, ...], ...]:
    """The leaves that may be tied to others of the output, and that it does not have."""
    made = {target.path for target in plan.targets}
    pairs = [(tuple(parse(name)), tuple(parse(other))) for name, other in definition.tied_back.items()]
    return tuple(path for path, other in pairs if path not in made and other in made)


def _planned(
    definition: Definition,
    items: Sequence[Item],
    given: Mapping[str, float],
    configurations: Callable[[], list[_Configuration]],
) -> Plan:
    """The plan by what is given, and by what the configurations say where that and the shapes are not enough."""
    values = given_values(definition, given)
    try:
        return planned(definition, items, known_values(definition, (), values))
    except ParameterNeeded:
        known = known_values(definition, configurations(), values)
        if known.values == values and not known.equations:
            raise
    return planned(definition, items, known)


def _kept(definition: Definition, configurations: Callable[[], list[_Configuration]]) -> dict[str, tuple[Any, str]]:
    """What is kept of the configurations; one that nothing else is asked of may be no configuration at all."""
    if not definition.config.kept:
        return {}
    try:
        return kept_entries(definition.config.kept, configurations())
    except (UsageError, OSError):
        return {}


def _refuse_another(config: Mapping[str, Any], there: Mapping[str, Any], name: str) -> None:
    """Refuse a config.json beside the output that is not the one of what is written."""
    wrong = [
        f"{key}={there[key]}, and what is written has {value}"
        for key, value in config.items()
        if _differ(there.get(key), value)
    ]
    if wrong:
        raise UsageError(f"{name} says {'; '.join(wrong)}: write to another folder, or move that file away")


def _differ(old: Any, new: Any) -> bool:
    return all(isinstance(value, int | float) for value in (old, new)) and old != new


def _config_name(kind: str, name: str) -> str | None:
    """Where the config.json stands beside an output that transformers would load; None beside any other."""
    folder, slash, base = name.rpartition("/")
    if kind != SAFETENSORS or base not in ("", _WHOLE_MODEL):
        return None
    return f"{folder}{slash}{CONFIG}"


def config_file(report: MapReport | None, leaves: Iterable[Leaf]) -> tuple[str, bytes] | None:
    """The name and the text of the config.json beside these leaves; None where a map has none to be written."""
    if report is None or report.config is None or report.config_name is None or report.config_was_there:
        return None
    text = json.dumps({**report.config.config, **dtype_entry(leaves)}, indent=2, sort_keys=True) + "\n"
    return report.config_name, text.encode()


def folder_of_map(output: Path_, map: MapLike | None) -> Path_:
    """The output with `safetensors::` before it, where a map gives the leaves Hugging Face's names and the output is a
    folder of which nothing says the kind: what these names are for reads safetensors there.
    """
    is_meant = map is not None and definition_of(map).frameworks[1] == HUGGING_FACE
    if not is_meant or not os.fspath(output).endswith("/") or kind_said(output) is not None:
        return output
    return f"safetensors::{os.fspath(output)}"


def with_parameters(
    report: MapReport | None, kind: str, version: str | None, given: Metadata | None
) -> Metadata | None:
    """What is given as metadata of the output, and what is known from a map.

    In a sealed stream these are the parameters, so that the inverse need not ask; in safetensors it is the framework
    whose names the leaves have now.
    """
    if report is None:
        return given
    if kind == STREAM and version == VERSION and report.values:
        values = {name: value.value for name, value in report.values.items()}
        return {_PARAMETERS: {**values, **{key: value for key, (value, _) in report.kept.items()}}, **(given or {})}
    if kind == SAFETENSORS and report.framework is not None:
        return {"format": report.framework, **(given or {})}
    return given


def parameters_text(report: MapReport) -> str:
    """The parameters of a map, and who says so: "heads=32 (given); hidden=4096, vocab=32000 (the shapes)"."""
    by_source: dict[str, list[str]] = {}
    for name, value in report.values.items():
        by_source.setdefault(value.source, []).append(f"{name}={value.value:g}")
    return "; ".join(f"{', '.join(texts)} ({source})" for source, texts in by_source.items())

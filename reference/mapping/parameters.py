"""Where the parameters of a map come from: the caller, the metadata of the input, the config.json beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

from ..format.errors import UsageError
from ..format.json_texts import read_json
from ..storage.local_files import Path_
from ..storage.places import names_folder, place_of
from .sizes import Equation, Number, Value
from .tables import Definition

CONFIG: Final = "config.json"
_MOST: Final = 1 << 22  # bytes of a config.json that are read; those of models have some kilobytes


class Known(NamedTuple):
    """What is known of the parameters of a map."""

    values: dict[str, Value]
    equations: list[Equation]  # of products of several


def given_values(definition: Definition, given: Mapping[str, Any]) -> dict[str, Value]:
    """The parameters that a caller gives. Raises UsageError for one that the map does not have, or not a number."""
    for name, value in given.items():
        if name not in definition.parameters:
            known = ", ".join(definition.parameters) or "none"
            raise UsageError(f"{definition.name} has no parameter {name!r}; its parameters are {known}")
        if not _is_number(value):
            raise UsageError(f"the parameter {name} must be a number of 0 or more, not {value!r}")
    return {name: Value(value, "given") for name, value in given.items()}


def known_values(
    definition: Definition, configurations: Iterable[tuple[Mapping[str, Any], str]], given: Mapping[str, Value]
) -> Known:
    """What configurations say, each with the name of its source, the first that has a parameter counting.

    A value that is not a number is none. What is `given` counts more than all of them.
    """
    values = dict(given)
    equations: list[Equation] = []
    for configuration, source in configurations:
        found: dict[str, Value] = {}
        for name, parameter in definition.parameters.items():
            for key in (name, *parameter.also):
                if _is_number(value := configuration.get(key)):
                    found.setdefault(name, Value(value, source))
        for key, text in definition.config.parameters.items():
            names = tuple(text.split())
            value = configuration.get(key)
            if not _is_number(value) or text.startswith("{"):
                continue
            if len(names) == 1:
                found[names[0]] = Value(value, source)
            elif not any(name in given for name in names):
                equations.append(Equation(int(value), names, {}))
        values = {**found, **values}
    return Known(values, equations)


def _is_number(value: object) -> TypeGuard[Number]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 63


def metadata_configurations(metadata: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The metadata of a checkpoint, and the maps in it, as configurations; numbers that are texts are taken as such."""
    yield {key: _number_of(value) for key, value in metadata.items()}, "the metadata"
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            yield {each: _number_of(one) for each, one in value.items()}, f"{key} of the metadata"


def _number_of(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return read_json(value, float)
    except ValueError:
        return value


def config_beside(path: Path_) -> tuple[Mapping[str, Any], str] | None:
    """The config.json in the folder of a checkpoint, or in the folder that it is, and its name; None where none is.

    Raises UsageError for one that is not an object in JSON, OSError.
    """
    text = os.fspath(path)
    is_folder = names_folder(text) or os.path.isdir(text)
    folder, slash, _ = (text.rstrip("/") + "/").rpartition("/") if is_folder else text.rpartition("/")
    name = f"{folder}{slash}{CONFIG}"
    try:
        file = place_of(name).open()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        value = read_json(file.read_at(0, file.size).decode(), float) if file.size <= _MOST else None
    except ValueError as error:
        raise UsageError(f"{name} is not JSON: {error}") from None
    finally:
        file.close()
    if not isinstance(value, dict):
        raise UsageError(f"{name} is not the configuration of a model: an object in JSON of at most {_MOST} bytes")
    return _with_rope(value), name


def _with_rope(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with what transformers 5 has in `rope_parameters`: the base of the rotary frequencies, and how
    they are scaled, in the place where releases before it have them.
    """
    nested = config.get("rope_parameters")
    if not isinstance(nested, dict):
        return config
    scaling = {key: each for key, each in nested.items() if key != "rope_theta"}
    if scaling.get("rope_type") in (None, "default"):
        return {**nested, **config}
    return {"rope_scaling": scaling, **nested, **config}


def kept_entries(
    keys: Iterable[str], configurations: Iterable[tuple[Mapping[str, Any], str]]
) -> dict[str, tuple[Any, str]]:
    """What the first configuration that has them says of some keys, and its name; null is nothing."""
    found: dict[str, tuple[Any, str]] = {}
    for configuration, source in configurations:
        for key in keys:
            if (value := configuration.get(key)) is not None:
                found.setdefault(key, (value, source))
    return found


def number_of(text: str) -> Number:
    """The number of a text, such as 32 or 5e5. Raises ValueError."""
    value = read_json(text, float)
    if not _is_number(value):
        raise ValueError(f"{text!r} is not a number of 0 or more")
    return value

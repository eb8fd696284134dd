"""The config of the trainers' class, and its defaults."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any, Final

from ..format.errors import UsageError

_CLOSE: Final = 0.8  # how like an entry a name is that is taken for a slip of the pen


class Config(dict[str, Any]):
    """A config with attributes, for where ml_collections is not installed."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def default_config(updates: Mapping[str, Any] | None = None) -> Any:
    """The default config with `updates`: a ConfigDict of ml_collections where that is installed. Raises UsageError for
    a name that is almost that of an entry."""
    defaults = {
        "float_dtype": "bf16",
        "save_optimizer_state": False,
        "keep_empty_nodes": False,
        "format": "1.0",
        "writers": "all",
        "patience": 1800.0,
    }
    for name in updates or ():  # entries of a trainer's own are let through, as upstream does
        if name not in defaults and (close := difflib.get_close_matches(name, defaults, 1, _CLOSE)):
            raise UsageError(f"{name} is not an entry of the config; did you mean {close[0]}?")
    try:
        config_dict = importlib.import_module("ml_collections").ConfigDict
    except ImportError:
        return Config(defaults, **(updates or {}))
    config = config_dict(defaults)
    if updates is not None:
        config.update(config_dict(dict(updates)).copy_and_resolve_references())
    return config

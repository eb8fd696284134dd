"""The config of the trainers' class, and its defaults."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


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
    """The default config with `updates`: a ConfigDict of ml_collections where that is installed."""
    defaults = {
        "float_dtype": "bf16",
        "save_optimizer_state": False,
        "keep_empty_nodes": False,
        "format": "1.0",
        "writers": "all",
        "patience": 1800.0,
    }
    try:
        config_dict = importlib.import_module("ml_collections").ConfigDict
    except ImportError:
        return Config(defaults, **(updates or {}))
    config = config_dict(defaults)
    if updates is not None:
        config.update(config_dict(dict(updates)).copy_and_resolve_references())
    return config

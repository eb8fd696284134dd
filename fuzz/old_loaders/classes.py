"""Read the streams of a folder with the very classes of EasyLM, tux and JAXSeq: `classes.py SOURCES FOLDER`.

SOURCES holds their repositories, `EasyLM`, `tux` and `JAXSeq`, as they are published; nothing of them is part of this
project. What they import for clouds, plots and models has a stand-in that can do nothing but open a file.
"""

from __future__ import annotations

import builtins
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reading import listed

_STOOD_IN = (
    *("mlxu", "gcsfs", "wandb", "transformers", "ml_collections", "ml_collections.config_dict", "cloudpickle"),
    *("ml_collections.config_dict.config_dict", "jaxtyping", "dill"),
    *("tux.config", "tux.distributed", "tux.loss", "tux.optimizers", "tux.stats", "tux.wandb"),
)


class _Anything(types.ModuleType):
    """A module that has every name."""

    __path__: list[str] = []  # pyright: ignore

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _open if name == "open_file" else _Any


def _open(path: str, mode: str = "rb") -> Any:
    return builtins.open(path, mode)


class _Any:
    def __class_getitem__(cls, item: Any) -> Any:
        return cls

    def __init__(self, *args: Any, **options: Any) -> None: ...


def _flat(tree: Any) -> dict[tuple[str, ...], Any]:
    from flax.core import unfreeze
    from flax.traverse_util import empty_node, flatten_dict

    flat = flatten_dict(unfreeze(tree), keep_empty_nodes=True)
    return {path: {} if leaf is empty_node else leaf for path, leaf in flat.items()}


def _zeros(tree: Any) -> Any:
    """A tree of the same structure, into which a file is loaded."""
    return {key: _zeros(node) for key, node in tree.items()} if isinstance(tree, dict) else 0


def _under_params(loaded: Any) -> Any:
    return loaded[1]["params"]


def _readers() -> dict[str, Callable[[str], Any]]:
    from EasyLM.checkpoint import StreamingCheckpointer as EasyLM  # pyright: ignore[reportMissingImports]
    from JaxSeq.checkpointing import load_pytree  # pyright: ignore[reportMissingImports]
    from tux.checkpoint import StreamingCheckpointer as Tux  # pyright: ignore[reportMissingImports]

    return {
        "EasyLM load_checkpoint": EasyLM.load_checkpoint,
        "EasyLM load_checkpoint, target": lambda path: EasyLM.load_checkpoint(
            path, target=_zeros(EasyLM.load_checkpoint(path))
        ),
        "EasyLM load_trainstate_checkpoint": lambda path: _under_params(
            EasyLM.load_trainstate_checkpoint(f"params::{path}")
        ),
        "tux load_checkpoint": Tux.load_checkpoint,
        "tux load_trainstate_checkpoint, 2 GiB": lambda path: _under_params(
            Tux.load_trainstate_checkpoint(f"params::{path}", max_buffer_size=(1 << 31) - 1)
        ),
        "JAXSeq load_pytree": load_pytree,
        "JAXSeq load_pytree, target": lambda path: load_pytree(path, target=_zeros(load_pytree(path))),
    }


def main(sources: str, folder: str) -> None:
    sys.path[:0] = [str(Path(sources) / name) for name in ("EasyLM", "tux", "JAXSeq")]
    import flax.training.train_state  # noqa: F401  (before anything has a stand-in)

    for name in _STOOD_IN:
        sys.modules[name] = _Anything(name)
    found: dict[str, dict[str, Any]] = {}
    readers = _readers()
    for path in sorted(Path(folder).iterdir()):
        found[path.name] = {}
        for name, read in readers.items():
            try:
                found[path.name][name] = listed(_flat(read(str(path))))
            except Exception as error:
                found[path.name][name] = f"{type(error).__name__}: {error}"[:200]
    json.dump({"found": found}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The checkpointer that trainers of the EasyLM family use, with the same names and files, over this reader and writer.

What differs from the class of that name there, each on purpose:

- a checkpoint that is overwritten stays whole until the new one is complete;
- metadata and dataset state are JSON (`metadata.json`), never pickle; what JSON cannot hold is refused by name;
- a cast of the optimizer's state to 16 bits warns;
- what does not fit a target is one report of all leaves, and float leaves take the dtype of the target;
- device arrays need no gather and shard functions: those of a target say where its leaves go.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Mapping
from typing import Any, Final

import jax
import numpy as np
from flax.core import freeze

from ..containers.load_prefixes import PREFIXES, split_output, split_prefix
from ..containers.stream import STREAM
from ..devices.processes import is_shared, together
from ..devices.pytrees import leaves_of
from ..devices.states import flax_expansion
from ..devices.targets import match
from ..format.casts import float_dtype as dtype_called
from ..format.errors import UsageError
from ..format.keypaths import display
from ..format.trees import flatten, unflatten
from ..storage.places import place_of
from ..storage.progress import progress_bar
from ..storage.sidecars import encode_sidecar, write_sidecar
from .checkpoint import open as open_checkpoint
from .gathering import save_gathered
from .loading import load, restore
from .saving import Job

Functions = Any  # a tree of functions, one for each leaf
_TRAIN_STATE: Final = "streaming_train_state"
_PARAMS: Final = "streaming_params"


class Config(dict[str, Any]):
    """A config with attributes, for where ml_collections is not installed."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class StreamingCheckpointer:
    """Saves and loads train states and weights as streams, one leaf in host memory at a time.

    `config` has `float_dtype` (bf16, fp16, fp32, or '' to keep every dtype) and `save_optimizer_state`. With
    `enable=False` nothing is written. Where arrays span processes, every process makes every call, and
    process 0 writes if it is enabled.
    """

    @staticmethod
    def get_default_config(updates: Mapping[str, Any] | None = None) -> Any:
        """The default config with `updates`: a ConfigDict of ml_collections where that is installed."""
        defaults = {"float_dtype": "bf16", "save_optimizer_state": False}
        try:
            config_dict = importlib.import_module("ml_collections").ConfigDict
        except ImportError:
            return Config(defaults, **(updates or {}))
        config = config_dict(defaults)
        if updates is not None:
            config.update(config_dict(dict(updates)).copy_and_resolve_references())
        return config

    def __init__(self, config: Any, checkpoint_dir: str | os.PathLike[str], enable: bool = True) -> None:
        self.config = self.get_default_config(config)
        dtype_called(self.config.float_dtype)  # a wrong name is refused now, not after hours of training
        place_of(checkpoint_dir)  # so is a folder that no save could reach
        self.checkpoint_dir = checkpoint_dir
        self.enable = enable

    # --- saving ---------------------------------------------------------------------------------------

    def save_all(
        self,
        train_state: Any,
        gather_fns: Functions = None,
        metadata: Any = None,
        dataset: Any = None,
        milestone: bool = False,
    ) -> None:
        """Save a train state, or with `save_optimizer_state=False` its weights, with metadata and dataset state.

        Writes `streaming_train_state` or `streaming_params`, `metadata.json` and `dataset.json`; a milestone has
        `_STEP` in each name and is not overwritten by the next save. Raises FormatError, OSError, and once the
        checkpoint is written UsageError for metadata or dataset state that JSON cannot hold.
        """
        suffix = f"_{int(train_state.step)}" if milestone else ""
        if self.config.save_optimizer_state:
            self.save_checkpoint(train_state, f"{_TRAIN_STATE}{suffix}", gather_fns)
        else:
            weights = gather_fns if gather_fns is None else gather_fns.params["params"]
            self.save_checkpoint(train_state.params["params"], f"{_PARAMS}{suffix}", weights)
        # Last, so that nothing in them can cost the weights.
        with together(_spans_processes(train_state.params), "the sidecars of a save"):
            for name, value in (("metadata", metadata), ("dataset", dataset)):
                self._save_sidecar(value, f"{name}{suffix}.json", name)

    def save_checkpoint(self, train_state: Any, filename: str | os.PathLike[str], gather_fns: Functions = None) -> None:
        """Save any tree as a stream in the checkpoint folder, in the float dtype of the config."""
        with together(_spans_processes(train_state), "the folder of a save"):
            if self.enable and jax.process_index() == 0:
                place_of(os.path.join(self.checkpoint_dir, filename)).make_folder()
        path = os.path.join(self.checkpoint_dir, filename) if self.enable else os.devnull
        self.save_train_state_to_file(train_state, path, gather_fns, self.config.float_dtype)

    @staticmethod
    def save_train_state_to_file(
        train_state: Any,
        path: str | os.PathLike[str],
        gather_fns: Functions = None,
        float_dtype: str | None = None,
    ) -> None:
        """Save any tree as a stream; the file appears whole or not at all. To /dev/null nothing is written.

        Each gather function is called with its leaf when the leaf's turn to be written comes. Without them
        sharded arrays are gathered by the writer itself. Raises FormatError, OSError.
        """
        dtype = dtype_called(float_dtype)
        writes = os.fspath(path) != os.devnull
        leaves = list(flatten(train_state, expand=flax_expansion()))
        if writes and dtype is not None and dtype.itemsize == 2 and _has_wide_optimizer_state(leaves):
            text = f"the optimizer's state is saved as {dtype}; a run resumed from it differs: float_dtype='' keeps it"
            warnings.warn(text, stacklevel=2)
        if gather_fns is None:
            Job(path, leaves, float_dtype, writes=writes).run(progress_bar)
            return
        kind, name = split_output(path)
        if kind != STREAM:
            raise UsageError(f"gather functions write a stream, and {path} asks for a {kind}; leave them out")
        functions = dict(flatten(gather_fns, expand=flax_expansion()))
        if overflows := save_gathered(place_of(name), leaves, functions, dtype, writes, progress_bar):
            warnings.warn(f"{overflows} finite values became infinite in {float_dtype}", stacklevel=2)

    def save_json(self, value: Any, filename: str | os.PathLike[str]) -> None:
        """Save what JSON can hold in the checkpoint folder. Raises UsageError, OSError."""
        self._save_sidecar(value, filename, os.fspath(filename))

    def _save_sidecar(self, value: Any, filename: str | os.PathLike[str], name: str) -> None:
        if self.enable and jax.process_index() == 0:
            text = encode_sidecar(value, name)
            write_sidecar(os.path.join(self.checkpoint_dir, filename), text)

    def save_pickle(self, obj: Any, filename: str) -> None:
        """Refused: a pickle can run any code when it is opened."""
        raise UsageError(f"{filename}: pickles are not written here; save_json holds texts, numbers, lists and dicts")

    # --- loading --------------------------------------------------------------------------------------

    @classmethod
    def load_trainstate_checkpoint(
        cls,
        load_from: str,
        trainstate_target: Any = None,
        trainstate_shard_fns: Functions = None,
        disallow_trainstate: bool = False,
    ) -> tuple[Any, Any]:
        """Load `PREFIX::PATH`: a train state and None, or None and frozen weights `{'params': ...}`.

        `trainstate::` gives the whole state, every other load prefix (spec CONV-5) weights. Raises FormatError,
        OSError, TargetMismatch, and UsageError for a prefix that does not exist or is not allowed.
        """
        prefix, _ = split_prefix(load_from)
        if prefix is None:
            raise UsageError(f"{load_from!r} begins with no load prefix: {', '.join(f'{p}::' for p in PREFIXES)}")
        if prefix == "trainstate":
            if disallow_trainstate:
                raise UsageError("a whole train state is not wanted here; trainstate_params:: loads its weights")
            return cls._load(load_from, trainstate_target, trainstate_shard_fns), None
        target = trainstate_target if trainstate_target is None else trainstate_target.params["params"]
        functions = trainstate_shard_fns if trainstate_shard_fns is None else trainstate_shard_fns.params["params"]
        return None, freeze({"params": cls._load(load_from, target, functions)})

    @classmethod
    def load_checkpoint(
        cls,
        path: str | os.PathLike[str],
        target: Any = None,
        shard_fns: Functions = None,
        remove_dict_prefix: tuple[str, ...] | list[str] | None = None,
    ) -> Any:
        """Load a stream, or its subtree under `remove_dict_prefix`, into the structure of `target`.

        Leaves go where the target's shardings say, in its float dtypes, each device reading its own part.
        Where `shard_fns` are given they are called with each leaf instead, as a numpy array, one at a time.
        Without both the result is a nested dict of numpy arrays. Raises FormatError, OSError, TargetMismatch.
        """
        return cls._load(path, target, shard_fns, remove_dict_prefix)

    @classmethod
    def load_flax_checkpoint(cls, path: str | os.PathLike[str], target: Any = None, shard_fns: Functions = None) -> Any:
        """`load_checkpoint` for a standard flax file; it is not read whole either."""
        prefix, name = split_prefix(path)
        return cls._load(f"{prefix or 'flax'}::{name}", target, shard_fns)

    @staticmethod
    def _load(path: str | os.PathLike[str], target: Any, shard_fns: Functions, subtree: Any = None) -> Any:
        prefix = tuple(subtree) if subtree else None
        if shard_fns is None and target is None:
            return load(path, prefix)
        if shard_fns is None:
            return restore(path, prefix, target, show=progress_bar, unplaced_on_host=True)
        with open_checkpoint(path, prefix) as checkpoint:
            functions = dict(flatten(shard_fns, expand=flax_expansion()))
            if without := [display(record.path) for record in checkpoint.records if record.path not in functions]:
                raise UsageError(f"there is no shard function for {', '.join(without[:8])}")
            targets, rebuild = leaves_of(target) if target is not None else ({}, _nested)
            if target is not None:
                with checkpoint.named_in_errors():
                    match(targets, checkpoint.records, any_dtype=True)
            values = {}
            with progress_bar("load", sum(record.nbytes for record in checkpoint.records)) as moved:
                for record in checkpoint.records:
                    values[record.path] = functions[record.path](checkpoint[record.path])
                    moved(record.nbytes)
            checkpoint.source.refuse_changes()
            return rebuild(values)


def _spans_processes(tree: Any) -> bool:
    return is_shared([leaf.sharding for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)])


def _nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    return unflatten(values.items())


def _has_wide_optimizer_state(leaves: list[tuple[tuple[str, ...], Any]]) -> bool:
    wide = (np.dtype(np.float32), np.dtype(np.float64))
    return any(path[0] == "opt_state" and getattr(value, "dtype", None) in wide for path, value in leaves)

"""The checkpointer that trainers of the EasyLM family use, with the same names and files, over this reader and writer.

What differs from the classes of that name there, each on purpose:

- a checkpoint that is overwritten stays whole until the new one is complete;
- metadata and dataset state are JSON (`metadata.json`), never pickle; what JSON cannot hold is refused by name;
- a milestone is also written under the plain name, so that a run that resumes by itself finds its newest state;
- a cast of the optimizer's state to 16 bits warns;
- everything that does not fit a target is one report, and float leaves take the dtype of the target;
- device arrays need neither gather nor shard functions: the shardings of a target say where its leaves go.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
from flax.core import FrozenDict, freeze

from ..containers.load_prefixes import PREFIXES, split_prefix
from ..containers.stream import seal_options
from ..devices.meetings import meet
from ..devices.processes import together
from ..devices.states import flax_expansion
from ..format.casts import float_dtype as dtype_called
from ..format.errors import UsageError
from ..format.trees import flatten
from ..storage.object_errors import without_secrets
from ..storage.object_places import ReadOnlyPlace
from ..storage.places import place_of
from ..storage.progress import progress_bar
from ..storage.sidecars import encode_sidecar, write_sidecar
from .agreement import chosen_writers
from .background import Saving
from .checkpoint import KeyPathLike, parts_of
from .loading import load, restore
from .run_config import default_config
from .run_folder import Beside, Names
from .sidecar_marks import read_marked
from .spreading import load_spread
from .state_saving import save_state, spans_processes

Functions = Any  # a tree of functions, one for each leaf


class StreamingCheckpointer:
    """Saves and loads train states and weights as streams, one leaf in host memory at a time.

    `config` has `float_dtype` (bf16, fp16, fp32, or '' to keep every dtype), `save_optimizer_state`,
    `keep_empty_nodes`, which JAXSeq's loader needs, and `format`, "1.0" or "2.0": a sealed stream has an index and
    checksums, and every loader of the family reads it. With `enable=False` nothing is written. Where arrays span
    processes, every process makes every call. If all are enabled, and save into one path, each writes its own bytes
    (see `save`); else, and with `writers` "first", the first one that is enabled writes all of a path. `patience` is
    how many seconds the others wait for a process that has not come to a save.
    """

    @staticmethod
    def get_default_config(updates: Mapping[str, Any] | None = None) -> Any:
        """The default config with `updates`: a ConfigDict of ml_collections where that is installed."""
        return default_config(updates)

    def __init__(self, config: Any, checkpoint_dir: str | os.PathLike[str], enable: bool = True) -> None:
        self.config = self.get_default_config(config)
        dtype_called(self.config.float_dtype)  # a wrong name is refused now, not after hours of training
        seal_options(self.config.format)
        chosen_writers(self.config.writers, True)
        place = place_of(os.path.join(checkpoint_dir, "metadata.json"))  # so is a folder that no save could reach
        if enable and isinstance(place, ReadOnlyPlace):
            place.check_output()
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
        step: int | None = None,
        is_value: bool = False,
        *,
        blocking: bool = True,
        keys: str | None = None,
    ) -> Saving | None:
        """Save a train state, or with `save_optimizer_state=False` its weights, with metadata and dataset state.

        Writes `streaming_train_state` or `streaming_params`, `metadata.json` and `dataset.json`. A milestone has
        `_STEP` in each name, is not overwritten by the next save, and is also copied to the plain names; `step` is
        that of the train state unless it is given. With `is_value` the name of the checkpoint begins with `value_`.

        With `blocking=False` it is written while the program goes on, and a handle is returned to wait for (see
        `reference.save`). Gather functions are called before that, and their results are held on the host until they
        are written, so leave them out if the model does not fit there. `keys="data"` stores the data of typed PRNG keys
        in a plain stream, which has no place for the names of their implementations (see `reference.save`).

        Raises FormatError, OSError, and once the checkpoint is written UsageError for metadata or dataset state that
        JSON cannot hold.
        """
        whole = self.config.save_optimizer_state
        at = int(train_state.step if step is None else step) if milestone else None
        names = Names.of(whole, at, is_value)
        beside = Beside(names, {"metadata": metadata, "dataset": dataset} if self.enable else {})
        return self._save(
            train_state if whole else train_state.params["params"],
            names.checkpoint + names.suffix,
            gather_fns if whole or gather_fns is None else gather_fns.params["params"],
            lambda: beside.write(self.checkpoint_dir),
            blocking,
            keys,
        )

    def save_checkpoint(
        self,
        train_state: Any,
        filename: str | os.PathLike[str],
        gather_fns: Functions = None,
        *,
        blocking: bool = True,
        keys: str | None = None,
    ) -> Saving | None:
        """Save any tree as a stream in the checkpoint folder, in the float dtype of the config; see `save_all`."""
        return self._save(train_state, filename, gather_fns, None, blocking, keys)

    def _save(
        self,
        tree: Any,
        filename: str | os.PathLike[str],
        gather_fns: Functions,
        afterwards: Callable[[], None] | None,
        blocking: bool,
        keys: str | None,
    ) -> Saving | None:
        path = os.path.join(self.checkpoint_dir, filename)
        shared = spans_processes(tree)
        with together(shared, "the folder of a save"):
            if self.enable:
                place_of(path).make_folder()
        # Paths of the processes that are enabled: each writes, and into one path the first of them.
        paths = meet("a save", word=path if self.enable else None) if shared else [path if self.enable else None]
        first = 0 if shared else jax.process_index()
        writers = [first + i for i, other in enumerate(paths) if other is not None and other not in paths[:i]]
        of_all = shared and self.config.writers == "all" and paths == [path] * len(paths)
        more = afterwards, blocking, seal_options(self.config.format), keys, self.config.patience
        options = self.config.keep_empty_nodes, None if of_all else writers, *more
        return save_state(tree, path, gather_fns, self.config.float_dtype, shared, *options)

    @staticmethod
    def save_train_state_to_file(
        train_state: Any,
        path: str | os.PathLike[str],
        gather_fns: Functions = None,
        float_dtype: str | None = None,
        *,
        keys: str | None = None,
    ) -> None:
        """Save any tree as a stream; the file appears whole or not at all. To /dev/null nothing is written.

        Each gather function is called with its leaf when the leaf's turn to be written comes. Without them
        sharded arrays go by their shardings; where they span processes, each process writes its own bytes. Raises
        FormatError, OSError.
        """
        writers = [] if os.fspath(path) == os.devnull else None
        shared = spans_processes(train_state)
        save_state(train_state, path, gather_fns, float_dtype, shared, writers=writers, keys=keys)

    def save_json(self, value: Any, filename: str | os.PathLike[str]) -> None:
        """Save what JSON can hold in the checkpoint folder, if this process is enabled. Raises UsageError, OSError."""
        if self.enable:
            text = encode_sidecar(value, os.fspath(filename))
            write_sidecar(os.path.join(self.checkpoint_dir, filename), text)

    def save_pickle(self, obj: Any, filename: str) -> None:
        """Not supported: a pickle can run any code when it is opened."""
        raise UsageError(
            f"{filename}: pickles are not written here; save_json takes strings, numbers, lists and dicts, "
            "and load_json returns them"
        )

    # --- loading --------------------------------------------------------------------------------------

    @classmethod
    def load_trainstate_checkpoint(
        cls,
        load_from: str,
        trainstate_target: Any = None,
        trainstate_shard_fns: Functions = None,
        disallow_trainstate: bool = False,
        max_buffer_size: int = 0,
        keys_to_ignore: Collection[KeyPathLike] | None = None,
        dtype: Any = None,
    ) -> tuple[Any, Any]:
        """Load `PREFIX::PATH`: a train state and None, or None and weights `{'params': ...}`.

        `trainstate::` gives the whole state, every other load prefix (spec CONV-5) weights: a FrozenDict where the
        params of the target are one, else a dict. The other arguments are those of `load_checkpoint`. Raises
        FormatError, OSError, TargetMismatch, and UsageError for a prefix that does not exist or is not allowed.
        """
        prefix, _ = split_prefix(load_from)
        if prefix is None:
            shown, known = without_secrets(str(load_from)), ", ".join(f"{p}::" for p in PREFIXES)
            raise UsageError(f"{shown!r} does not begin with a load prefix; put one of these before it: {known}")
        if prefix == "trainstate":
            if disallow_trainstate:
                raise UsageError("a whole train state is not accepted here; trainstate_params:: loads its weights")
            found = cls._load(load_from, trainstate_target, trainstate_shard_fns, ignored=keys_to_ignore, dtype=dtype)
            return found, None
        params = None if trainstate_target is None else trainstate_target.params
        functions = None if trainstate_shard_fns is None else trainstate_shard_fns.params["params"]
        target = None if params is None else params["params"]
        weights = {"params": cls._load(load_from, target, functions, ignored=keys_to_ignore, dtype=dtype)}
        return None, freeze(weights) if isinstance(params, FrozenDict) else weights

    @classmethod
    def load_checkpoint(
        cls,
        path: str | os.PathLike[str],
        target: Any = None,
        shard_fns: Functions = None,
        remove_dict_prefix: tuple[str, ...] | list[str] | None = None,
        max_buffer_size: int = 0,
        keys_to_ignore: Collection[KeyPathLike] | None = None,
        dtype: Any = None,
    ) -> Any:
        """Load a stream, or its subtree under `remove_dict_prefix`, into the structure of `target`.

        Leaves go where the target's shardings say, in its float dtypes, each device reading its own part.
        Where `shard_fns` are given they are called with each leaf instead, as a numpy array, one at a time.
        Without both the result is a nested dict of numpy arrays.

        `keys_to_ignore` are key paths, below the prefix, of leaves that are not loaded; a target keeps its own. Floats
        are cast to `dtype`, a type or a name such as bf16, whatever the target has. `max_buffer_size`, which limits the
        buffer of other loaders, has no effect here: no leaf is buffered. Raises FormatError, OSError, TargetMismatch.
        """
        return cls._load(path, target, shard_fns, remove_dict_prefix, keys_to_ignore, dtype)

    @classmethod
    def load_flax_checkpoint(cls, path: str | os.PathLike[str], target: Any = None, shard_fns: Functions = None) -> Any:
        """`load_checkpoint` for a standard flax file, which is not read whole either."""
        prefix, name = split_prefix(path)
        return cls._load(f"{prefix or 'flax'}::{name}", target, shard_fns)

    @staticmethod
    def load_json(path: str | os.PathLike[str]) -> Any:
        """Load what `save_json` or `save_all` wrote, such as a `metadata.json`. Raises OSError, UsageError.

        Tuples come back as lists, and integer keys as strings. A pickle is refused by name. Warns if the checkpoint
        beside it is not the one that `save_all` wrote it with, as after a crash between the two.
        """
        return read_marked(path)

    @staticmethod
    def load_dataset_state(path: str | os.PathLike[str]) -> Any:
        """The value of a `dataset.json`, for `dataset.load_state_dict`; see `load_json`."""
        return read_marked(path)

    @staticmethod
    def _load(
        path: str | os.PathLike[str],
        target: Any,
        shard_fns: Functions,
        subtree: Any = None,
        ignored: Collection[KeyPathLike] | None = None,
        dtype: Any = None,
    ) -> Any:
        prefix = tuple(subtree) if subtree else None
        left_out = frozenset(map(parts_of, ignored or ()))
        is_chosen = lambda key: key not in left_out  # noqa: E731
        float_dtype = dtype_called(dtype)
        if shard_fns is None and target is not None:
            return restore(path, prefix, target, is_chosen, progress_bar, True, float_dtype=float_dtype, depth=4)
        if shard_fns is None and not left_out and float_dtype is None:
            return load(path, prefix)
        functions = None if shard_fns is None else dict(flatten(shard_fns, expand=flax_expansion()))
        return load_spread(path, prefix, target, functions, float_dtype, is_chosen, progress_bar)

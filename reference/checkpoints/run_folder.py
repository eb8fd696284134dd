"""The folder of a training run: what its files are called, and what is written in it beside a checkpoint."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Final, NamedTuple

from ..format.errors import UsageError
from ..storage.local_files import Path_
from ..storage.places import place_of
from ..storage.sidecars import encode_sidecar, write_sidecar
from .sidecar_marks import mark_of, marked, refuse_mark

_TRAIN_STATE: Final = "streaming_train_state"
_PARAMS: Final = "streaming_params"


class Names(NamedTuple):
    """What the files of one save are called: the checkpoint, and `suffix`, which those of a milestone have."""

    checkpoint: str
    suffix: str

    @classmethod
    def of(cls, whole_state: bool, step: int | None, is_value: bool) -> Names:
        """Those of a train state or of weights alone; `step` is None where it is not a milestone.

        The value model of a PPO trainer stands beside its policy, with a name of its own.
        """
        name = f"{'value_' if is_value else ''}{_TRAIN_STATE if whole_state else _PARAMS}"
        return cls(name, "" if step is None else f"_{step}")


class Beside:
    """What is written in the folder once a checkpoint stands in it: metadata and dataset state, as JSON.

    Each says of which checkpoint it is (`sidecar_marks`).

    A milestone is copied to the plain names as well, where a run that resumes itself looks for its newest state. What
    JSON cannot hold is refused when all else has been written: it must not cost the weights.
    """

    def __init__(self, names: Names, values: dict[str, Any]) -> None:
        self._names = names
        self._texts: dict[str, bytes] = {}
        self._error: UsageError | None = None
        for name, value in values.items():
            try:
                refuse_mark(value, name)
                self._texts[name] = encode_sidecar(value, name)
            except UsageError as error:
                self._error = self._error or error

    def write(self, folder: Path_) -> None:
        """Raises OSError, UsageError."""
        name, suffix = self._names
        if suffix:
            _copy(os.path.join(folder, f"{name}{suffix}"), os.path.join(folder, name))
        mark = mark_of(os.path.join(folder, f"{name}{suffix}")) if self._texts else {}
        for ending in dict.fromkeys((suffix, "")):
            mark["checkpoint"] = f"{name}{ending}"
            for beside, text in self._texts.items():
                write_sidecar(os.path.join(folder, f"{beside}{ending}.json"), marked(text, mark))
        if self._error is not None:
            raise self._error


def _copy(path: Path_, to: Path_) -> None:
    with contextlib.closing(place_of(path).open()) as source, place_of(to).replace(size=source.size) as sink:
        sink.copy_from(source, 0, source.size)

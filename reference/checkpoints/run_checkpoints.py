"""The checkpoints that a training run saves every so often, of which the last are kept."""

from __future__ import annotations

import operator
import os
import re
from typing import Any, Final, Literal, SupportsIndex, overload

from ..containers.load_prefixes import split_prefix
from ..format.errors import UsageError
from ..storage.local_files import Path_
from ..storage.object_errors import without_secrets
from ..storage.object_places import ObjectPlace
from ..storage.places import LocalPlace, place_of
from .background import Saving
from .saving import save_job

_NAME: Final = re.compile("step_(0|[1-9][0-9]*)")


class Checkpoints:
    """The checkpoints of a training run: the files `step_N` of a folder, of which the last `keep` stay, or all.

    `folder` is one of a file system, made by the first save, or of a bucket, such as `s3://bucket/run`. Each checkpoint
    is a stream, which appears whole or not at all (spec STREAM-8): what `latest` names is complete, whenever the
    program before was killed. What else is in the folder is left alone. Raises UsageError for another place, which has
    nothing that can be removed, and for a `keep` below 1.
    """

    def __init__(self, folder: Path_, keep: int | None = None) -> None:
        prefix, name = split_prefix(folder)
        place = place_of(os.path.join(name, "x"))
        is_local = isinstance(place, LocalPlace) and "://" not in name
        if prefix is not None or "?" in name or not (is_local or isinstance(place, ObjectPlace)):
            text = "does not name a folder of a file system or a bucket, from which old checkpoints can be removed"
            raise UsageError(f"{without_secrets(os.fspath(folder))} {text}; elsewhere give `save` a path for each step")
        if keep is not None and (type(keep) is not int or keep < 1):
            raise UsageError(f"keep is how many checkpoints stay, a number from 1 on, or None for all, not {keep!r}")
        self.folder = os.path.abspath(os.path.expanduser(name)) if is_local else name.rstrip("/")
        self.keep = keep

    def __repr__(self) -> str:
        steps = ", ".join(map(str, self.steps())) or "none"
        return f"<Checkpoints {without_secrets(self.folder)}: steps {steps}; keep={self.keep}>"

    def path(self, step: SupportsIndex) -> str:
        """Where the checkpoint of a step is, or would be. Raises UsageError for a step below 0."""
        number = operator.index(step)
        if number < 0:
            raise UsageError(f"a step is a number from 0 on, not {number}")
        return os.path.join(self.folder, f"step_{number}")

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in their order; none where the folder does not exist. Raises OSError."""
        return sorted(int(found[1]) for name in self._place(0).beside() if (found := _NAME.fullmatch(name)))

    def _place(self, step: int) -> LocalPlace | ObjectPlace:
        place = place_of(self.path(step))
        assert isinstance(place, LocalPlace | ObjectPlace)  # as its folder was found to be
        return place

    def latest(self) -> str | None:
        """The path of the checkpoint of the last step, to be loaded; None where there is none. Raises OSError."""
        steps = self.steps()
        return self.path(steps[-1]) if steps else None

    @overload
    def save(
        self,
        step: SupportsIndex,
        tree: Any,
        float_dtype: str | None = None,
        *,
        blocking: Literal[True] = True,
        **options: Any,
    ) -> None: ...

    @overload
    def save(
        self,
        step: SupportsIndex,
        tree: Any,
        float_dtype: str | None = None,
        *,
        blocking: Literal[False],
        **options: Any,
    ) -> Saving: ...

    def save(
        self, step: SupportsIndex, tree: Any, float_dtype: str | None = None, *, blocking: bool = True, **options: Any
    ) -> Saving | None:
        """Save a tree as the checkpoint of a step: `save` says what the options are, and what it raises.

        When the file is on the disk, and not before, the oldest ones are removed until `keep` are left, each with the
        seal beside it; with `blocking=False` in the background too. Where arrays span processes all of them make this
        call together, and process 0 removes. The same step may be saved again. Raises UsageError, and writes nothing,
        where the folder has a later step: `latest` would name that one.
        """
        path = self.path(step)
        hooks: dict[str, Any] = {"begin": lambda: self._begin(operator.index(step)), "afterwards": self._remove_oldest}
        with save_job(path, tree, float_dtype, blocking, **options, **hooks) as job:
            return job.run() if blocking else job.start()

    def _begin(self, step: int) -> None:
        later = [each for each in self.steps() if each > step]
        if later:
            found = f"{self.folder} has a checkpoint of step {later[-1]}, which is later than {step}"
            raise UsageError(f"{found}; move step_{later[0]} and what follows elsewhere, or save into another folder")
        self._place(step).make_folder()

    def _remove_oldest(self) -> None:
        """Raises OSError."""
        for step in self.steps()[: -self.keep] if self.keep else []:
            place = self._place(step)
            place.remove_seal()
            place.remove()

"""What a process is told to measure, and the files it measures on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from . import peers, trees


class Task(NamedTuple):
    """One operation, ready to run: all that is not part of it, its imports and its input, is done."""

    run: Callable[[], Any]
    check: Callable[[Any], None]  # is given what `run` returned; raises trees.Wrong


Output = Callable[[Path], None]  # holds a file that was written against its tree; raises trees.Wrong


class Job(NamedTuple):
    """A tree, the folder in which its files lie, and the name that is free for an output."""

    work: str
    folder: Path
    output: Path

    def file(self, form: str) -> Path:
        """The tree as a file of some form, made by a process of its own where it is not there yet."""
        path = self.folder / f"{self.work}.{form}"
        if not path.exists():
            subprocess.run(
                [sys.executable, "-m", "benchmarks.jobs", form, self.work, str(path)],
                check=True,
                env=os.environ | {"JAX_PLATFORMS": "cpu"},
                cwd=Path(__file__).parents[1],
                stdout=subprocess.DEVNULL,
            )
        return path

    def size(self) -> int:
        """Bytes of the tree in memory; a sparse one is never there."""
        return 0 if trees.WORKS[self.work].sparse else trees.nbytes(self.work)


def make(form: str, work: str, path: Path) -> None:
    """Write a tree as a file of some form, by the program that such files come from."""
    import reference

    beside = path.parent / work
    if trees.WORKS[work].sparse:
        from . import sparse

        sparse.save(path, work, form == "sealed")
    elif form == "sealed":
        reference.save(path, trees.tree(work), format="2.0")
    elif form in ("stream", "changed"):
        reference.save(path, trees.nest(trees.flat(work, form == "changed")))
    elif form == "raw":
        peers.plain_save(path, trees.flat(work))
    elif form == "delta":
        from reference.delta import diff

        diff(f"{beside}.stream", f"{beside}.changed", path)
    elif form == "difference":
        from reference.delta import subtract

        subtract(f"{beside}.stream", f"{beside}.changed", path)
    elif form == "flax":
        peers.flax_save(path, trees.tree(work))
    elif form == "safetensors":
        peers.safetensors_save(path, trees.flat(work))
    elif form == "orbax":
        peers.orbax_save(path, trees.tree(work))
    elif form == "npy":
        peers.numpy_save(path, trees.flat(work))
    else:
        raise ValueError(form)


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

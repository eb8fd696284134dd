"""A progress bar on a terminal, and silence in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from .local_files import Progress

Show = Callable[[str, int], AbstractContextManager[Progress]]  # called with a label and how many bytes there will be
Shown = bool | Show  # what users pass: True is the bar, False nothing


def shown(progress: Shown) -> Show:
    """What shows progress: True is `progress_bar`, False nothing.

    A callable of the caller's own is given a label and how many bytes there will be, and returns a context manager,
    which gives a function that is told how many bytes have moved since it was called last; `progress_bar` is one.
    """
    if isinstance(progress, bool):
        return progress_bar if progress else silent
    return progress


@contextlib.contextmanager
def silent(label: str, total: int) -> Iterator[Progress]:
    """Show nothing."""
    yield lambda n: None


@contextlib.contextmanager
def progress_bar(label: str, total: int) -> Iterator[Progress]:
    """Yield a function that is told of bytes moved; on a terminal it shows bytes, rate and time left."""
    if not sys.stderr.isatty():
        yield lambda n: None
        return
    try:
        from rich import progress as parts
        from rich.console import Console
    except ImportError:  # the reader itself does not need rich
        yield lambda n: None
        return
    columns = (
        parts.TextColumn("{task.description}"),
        parts.BarColumn(),
        parts.DownloadColumn(),
        parts.TransferSpeedColumn(),
        parts.TimeRemainingColumn(),
    )
    with parts.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda n: bar.advance(task, n)

"""`-` in the arguments of a command: standard input, where one pass will do, and standard output."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import Final

from ..containers.load_prefixes import split_prefix
from ..format.errors import UsageError
from ..storage.open_descriptors import OpenDescriptor
from ..storage.places import place_of

_INPUTS: Final = ("load_checkpoint", "path", "paths", "a", "b", "load_base_checkpoint", "load_target_checkpoint")
_OUTPUT: Final = "output_file"


@contextlib.contextmanager
def standard_streams(arguments: argparse.Namespace, one_pass: tuple[str, ...]) -> Iterator[None]:
    """Put the paths of the standard streams in place of `-`; `one_pass` are the arguments that may be standard input.

    While a checkpoint goes to standard output, all that is printed goes to standard error. Raises UsageError.
    """
    taken = 0
    for name in _INPUTS:
        value = getattr(arguments, name, None)
        values: list[str] = value if isinstance(value, list) else [str(value)]
        if not any(_path(each) == "-" for each in values):
            continue
        taken += sum(_path(each) == "-" for each in values)
        if name in one_pass and taken > 1:
            raise UsageError(
                "standard input can be read only once, and - is given more than once; save it to a file first"
            )
        if name not in one_pass:
            raise UsageError("this needs a named file, and not standard input; save the input to a file first")
        named = [f"{each[:-1]}/dev/stdin" if _path(each) == "-" else each for each in values]
        setattr(arguments, name, named if isinstance(value, list) else named[0])
        _refuse_closed(sys.__stdin__, "input")
    written = getattr(arguments, _OUTPUT, None)
    if isinstance(written, str) and _path(written) == "-":
        setattr(arguments, _OUTPUT, f"{written[:-1]}/dev/stdout")
    output = _path(getattr(arguments, _OUTPUT, None))
    if not output or not _is_standard_output(output):
        yield
        return
    _refuse_closed(sys.__stdout__, "output")
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _is_standard_output(path: str) -> bool:
    """Whether a path or URL names it; one that names no place at all is refused by the command itself."""
    with contextlib.suppress(UsageError):
        place = place_of(path)
        return isinstance(place, OpenDescriptor) and place.fd == 1
    return False


def _refuse_closed(stream: object, what: str) -> None:
    """A descriptor that was closed when the program began may be another file by now."""
    if stream is None:
        raise UsageError(f"standard {what} is closed; redirect it, or name a file")


def _path(value: object) -> str | None:
    return split_prefix(value)[1] if isinstance(value, str) else None

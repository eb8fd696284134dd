"""How every command runs: its exit status, its errors of one line, and what it shows."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import itertools
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, TextIO

import numpy as np

from ..containers.load_prefixes import shown_name
from ..format.errors import FormatError, UsageError
from ..format.keypaths import printable
from ..mapping.faults import MapError, ParameterNeeded
from .interrupts import raise_from_now_on
from .parsers import Parser
from .spellings import did_you_mean
from .standard_streams import standard_streams
from .statuses import DONE, INTERRUPTED, REFUSED, USAGE

_COMPARED: Final = 1_000  # names of a folder, so that an error is not to be waited for

Body = Callable[[argparse.Namespace], int | None]  # the exit status; None is done


def run(parser: Parser, body: Body, argv: list[str] | None, refused: int = REFUSED, shows: bool = False) -> int:
    """Parse the arguments and run the command; `statuses` has the exit statuses. Errors take one line.

    `refused` is the status where an input is refused. A command that only `shows` is done when its reader leaves.
    """
    _steady_streams()
    try:
        raise_from_now_on()
        try:
            arguments = parser.parse(sys.argv[1:] if argv is None else argv)
            arguments.errors = sys.stderr
            _keep_freed_memory()
            with standard_streams(arguments, parser.one_pass), _silent(arguments), _noted_warnings():
                return body(arguments) or DONE
        finally:
            sys.stdout.flush()
    except SystemExit as stop:  # argparse has shown the help
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return say(parser.prog, "interrupted", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has seen enough
        let_output_go()
        return DONE if shows else refused
    except Exception as error:
        return say_error(parser.prog, error, refused)


def let_output_go() -> None:
    """Have what is still to be flushed go nowhere: Python would flush it at its end, and tell of the broken pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def say_error(prog: str, error: Exception, refused: int = REFUSED, to: TextIO | None = None) -> int:
    """Say in one line what went wrong, and give the exit status. Raises what is not an error of the user's."""
    if isinstance(error, MapError):  # of a map that is used as it is meant, and does not fit the input
        return say(prog, str(error), USAGE if isinstance(error, ParameterNeeded) else refused, to)
    if isinstance(error, UsageError):
        return say(prog, str(error), USAGE, to)
    if isinstance(error, FormatError):
        return say(prog, str(error), refused, to)
    if isinstance(error, OSError):
        return say(prog, _os_error(error), refused, to)
    if isinstance(error, MemoryError):
        return say(prog, "not enough memory", refused, to)
    raise error


def say(prog: str, text: str, code: int, to: TextIO | None = None) -> int:
    """Write a line to standard error, and give the exit status."""
    with contextlib.suppress(OSError):
        print(f"{prog.removeprefix('python -m ')}: error: {printable(text)}", file=to or sys.stderr)
    return code


def each_file(
    arguments: argparse.Namespace,
    prog: str,
    show: Callable[[str], dict[str, Any] | None],
    beside: Callable[[str, Exception], dict[str, Any]] = lambda path, error: {},
    **refused: Any,
) -> int:
    """Show each of the files `paths`, or print as JSON what `show` gives; the exit status.

    A file that is refused does not keep the others from being shown; in JSON it is an object with an `error`, what
    is `refused` in it, and what `beside` gives of the file and its error.
    """
    status, several = DONE, len(arguments.paths) > 1
    for path in arguments.paths:
        try:
            found = show(path)
        except (FormatError, UsageError, OSError) as error:
            if isinstance(error, BrokenPipeError) or not (several or arguments.json):
                raise
            status = max(status, say_error(prog, error, to=arguments.errors))
            found = None
            if arguments.json:
                found = {"file": shown_name(path), **refused, "error": error_json(error), **beside(path, error)}
        if found is not None:
            print_json(found, one_line=several)
    return status


def print_json(found: Any, one_line: bool = False) -> None:
    """Print a report; of several each takes a line."""
    print(json.dumps(found, indent=None if one_line else 1, allow_nan=False))


def error_json(error: Exception) -> dict[str, Any]:
    """What JSON says of an error: `detail`, and of a FormatError its clause, offset, key path and advice."""
    if isinstance(error, FormatError):
        place = {"clause": error.clause, "offset": error.offset, "path": error.path and list(error.path)}
        others = {"others": [error_json(other) for other in error.others]} if error.others else {}
        return {"detail": error.detail, **place, "advice": error.advice, **others}
    detail = _os_error(error) if isinstance(error, OSError) else str(error)
    return {"detail": detail, "clause": getattr(error, "clause", None), "offset": None, "path": None, "advice": None}


@contextlib.contextmanager
def _silent(arguments: argparse.Namespace) -> Iterator[None]:
    """A block that prints nothing but JSON with --quiet; what it raises is told all the same."""
    if not getattr(arguments, "quiet", False):
        yield
        return
    arguments.progress = False
    # Names that are not text are escaped as on a terminal, though nobody sees them here.
    with (
        open(os.devnull, "w", encoding="utf-8", errors="backslashreplace") as nothing,
        contextlib.ExitStack() as silent,
    ):
        silent.enter_context(contextlib.redirect_stderr(nothing))
        if not arguments.json:
            silent.enter_context(contextlib.redirect_stdout(nothing))
        yield


@contextlib.contextmanager
def _noted_warnings() -> Iterator[None]:
    """A block whose warnings are notes of one line, without a place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        show = warnings.showwarning

        def note(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if category is UserWarning:
                print(f"note: {printable(str(message))}", file=sys.stderr)
            else:
                show(message, category, *place, **more)

        warnings.showwarning = note
        yield


def _keep_freed_memory() -> None:
    """Have what is freed from now on used again: glibc keeps it once more than this has been freed.

    Else the arrays of each block go back to the kernel, which clears that memory again for the next: blocks of 128 KiB
    then take three times as long to compute. It holds for the whole process, so it is for commands alone.
    """
    np.empty(1 << 24, np.uint8)


def _steady_streams() -> None:
    """Let no name that the terminal cannot show, and no stream that has been closed, end a command half-way."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _os_error(error: OSError) -> str:
    what = error.strerror or str(error)
    what = f"{what[:1].lower()}{what[1:]}"
    if error.filename is None:
        return what
    name = os.fsdecode(error.filename)
    is_missing = error.errno == errno.ENOENT and error.strerror == os.strerror(errno.ENOENT)
    return f"{name or repr('')}: {what}{_named_alike(name) if is_missing else ''}"


def _named_alike(name: str) -> str:
    """The end of an error about a file that is not there: one beside it that may be meant, or nothing."""
    folder, base = os.path.split(name)
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        names = [entry.name for entry in itertools.islice(entries, _COMPARED) if not entry.name.startswith(".")]
        return did_you_mean(base, sorted(names), os.path.join(folder, "")) if base else ""
    return ""

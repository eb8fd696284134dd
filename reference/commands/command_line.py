"""What the commands share: exit codes, one-line errors, and how sizes and flags are spelled."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ..containers.registry import DIALECTS
from ..containers.safetensors_file import NAMES, SPLIT
from ..containers.stream import VERSIONS
from ..format.errors import FormatError, UsageError
from ..format.json_texts import read_json
from ..format.keypaths import display, printable
from ..format.leaves import size_text
from ..mapping.faults import MapError, ParameterNeeded
from .absl_spellings import translated
from .standard_streams import standard_streams

DONE, REFUSED, USAGE, INTERRUPTED = 0, 1, 2, 130

Body = Callable[[argparse.Namespace], int | None]  # the exit status; None is done


def run(parser: Parser, body: Body, argv: list[str] | None, refused: int = REFUSED) -> int:
    """Parse the arguments and run the command: 0 done, 1 (`refused`) refused, 2 wrong usage. Errors take one line."""
    _steady_streams()
    try:
        try:
            given = sys.argv[1:] if argv is None else argv
            arguments = parser.parse_args(translated(given, parser.flags))
            _keep_freed_memory()
            with standard_streams(arguments, parser.one_pass):
                return body(arguments) or DONE
        finally:
            sys.stdout.flush()
    except SystemExit as stop:  # argparse has said what is wrong, or shown the help
        return int(stop.code or 0)
    except MapError as error:  # of a map that is used as it is meant, and does not fit the input
        return _say(parser, str(error), USAGE if isinstance(error, ParameterNeeded) else refused)
    except UsageError as error:
        parser.print_usage(sys.stderr)
        return _say(parser, str(error), USAGE)
    except FormatError as error:
        return _say(parser, str(error), refused)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return refused
    except OSError as error:
        return _say(parser, _os_error(error), refused)
    except MemoryError:
        return _say(parser, "there is not enough memory", refused)
    except KeyboardInterrupt:
        return _say(parser, "interrupted", INTERRUPTED)


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


def _say(parser: Parser, text: str, code: int) -> int:
    print(f"{parser.prog.split()[-1]}: error: {printable(text)}", file=sys.stderr)
    return code


def _os_error(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {what[:1].lower()}{what[1:]}" if error.filename else what


_TRUE: Final = {"true", "t", "yes", "y", "1"}
_FALSE: Final = {"false", "f", "no", "n", "0"}


def truth(text: str) -> bool:
    """The value of a flag such as --streaming=True."""
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")


def add_flag(parser: Parser, name: str, default: bool | None, text: str) -> None:
    """A boolean flag in all the spellings in use: --name, --name=True, --name False, --noname.

    With the default None it is known whether it was given.
    """
    parser.add_argument(
        f"--{name}", type=truth, nargs="?", const=True, default=default, metavar="True|False", help=text
    )
    parser.add_argument(
        f"--no{name}", dest=name, action="store_false", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def add_patterns(parser: Parser, verb: str) -> None:
    """--include, also spelled --match, and --exclude: which leaves are wanted."""
    for names, what in ((("--include", "--match"), verb), (("--exclude",), "leave out")):
        parser.add_argument(
            *names,
            action="append",
            metavar="GLOB",
            help=f"{what} the leaves whose key path matches; * stands for any text; may be repeated",
        )


def add_dialect(parser: Parser) -> None:
    """--dialect: what reads streams that a 1.0 reader refuses."""
    parser.add_argument(
        "--dialect",
        choices=tuple(DIALECTS),
        help="how the file was written, if not as the specification says: split-leaves joins leaves that are cut "
        "into pieces (chunk_0, chunk_1, ...), as a fork of EasyLM writes those over 2 GiB; int-keys reads the "
        "ints that are keys of a flax file as texts",
    )


def add_prefix(parser: Parser, verb: str) -> None:
    """--prefix: the subtree that is wanted."""
    parser.add_argument(
        "--prefix",
        metavar="KEYPATH",
        help=f"{verb} the subtree under this key path alone, and take the path off: --prefix=params/encoder",
    )


def add_names(parser: Parser) -> None:
    """--names: what becomes of the names of safetensors."""
    parser.add_argument(
        "--names",
        choices=NAMES,
        default=SPLIT,
        help="the names of safetensors: split at each dot into key paths (the default), or whole, where names such as "
        "x.weight and x.weight.absmax stand beside each other",
    )


def add_format(parser: Parser, default: str) -> None:
    """--format: the version in which a stream is written."""
    parser.add_argument(
        "--format",
        choices=VERSIONS,
        help="the version of a stream that is written: 2.0 is a sealed stream, with an index, checksums and metadata, "
        f"which every loader of 1.0 reads; the default is {default}",
    )


def add_metadata(parser: Parser, where: str) -> None:
    """--metadata: entries of the metadata of what is written."""
    parser.add_argument(
        "--metadata",
        action="append",
        metavar="KEY=VALUE",
        help=f"put an entry into the metadata of {where}; a VALUE that is JSON is taken as such, else as text",
    )


def metadata_of(given: list[str] | None, texts: bool = False) -> dict[str, Any] | None:
    """The metadata of KEY=VALUE arguments, None for none; with `texts` values stay as they are. Raises UsageError."""
    if given is None:
        return None
    metadata: dict[str, Any] = {}
    for each in given:
        key, separator, value = each.partition("=")
        if not separator:
            raise UsageError(f"--metadata takes KEY=VALUE, and {each!r} has no =")
        metadata[key] = value
        if not texts:
            with contextlib.suppress(ValueError):
                metadata[key] = read_json(value, float)
    return metadata


size: Final = size_text


# CONV-4: "A program that casts SHOULD say how many finite values became infinite."
def losses(infinite: int, zero: int) -> str:
    """What a cast has cost."""
    return f"{infinite} finite values became infinite" + (f", and {zero} nonzero values became zero" if zero else "")


def note_worst(worst: tuple[str, ...] | None) -> None:
    """Name the leaf that a cast has cost the most values."""
    if worst is not None:
        print(f"note: the cast has cost {display(worst)} the most values", file=sys.stderr)


class Parser(argparse.ArgumentParser):
    """An argument parser that knows the names of its flags, for `absl_spellings`.

    `one_pass` are the arguments that may be `-`, for standard input.
    """

    one_pass: tuple[str, ...] = ()

    def __init__(self, **settings: Any) -> None:
        self.flags: dict[str, argparse.Action] = {}
        super().__init__(**settings)

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:  # pyright: ignore[reportIncompatibleMethodOverride]
        action = super().add_argument(*names, **settings)
        self.flags |= {name[2:]: action for name in names if name[:2] == "--"}
        return action


def parser(name: str, description: str, epilog: str) -> Parser:
    """An argument parser that keeps the line breaks of its examples."""
    return Parser(
        prog=name,
        allow_abbrev=False,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

"""The argument parser of the commands: how it is called, what it takes, and what it says of what it does not take."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final, NoReturn

from ..format.errors import UsageError
from .interrupts import PACKAGES
from .spellings import did_you_mean, translated
from .statuses import statuses_of

_TRUE: Final = {"true", "t", "yes", "y", "1"}
_FALSE: Final = {"false", "f", "no", "n", "0"}
_EITHER: Final = "True|False"
_EXAMPLE: Final = re.compile(r"\bstreamckpt (?=[a-z])")
_MISSING: Final = re.compile("the following arguments are required: ")  # as argparse says it
_MODULE: Final = re.compile(r"python -m (?P<package>\w+)\.\w+")


def called_as(verb: str) -> str:
    """What a user has typed to call a verb: streamckpt VERB, python -m reference.VERB, ..."""
    program = PurePath(sys.argv[0] if sys.argv else "")
    if program.name == "__main__.py" and program.parent.name in PACKAGES:
        return f"python -m {program.parent.name} {verb}".rstrip()
    if program.name == f"{verb}.py":
        return f"python -m {program.parent.name}.{verb}"
    return f"streamckpt {verb}".rstrip()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Shows a boolean by its name alone."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if action.metavar == _EITHER:
            return ", ".join(action.option_strings)
        return super()._format_action_invocation(action)


class Parser(argparse.ArgumentParser):
    """An argument parser that takes every spelling of `spellings`, and whose errors are one line, a UsageError.

    `one_pass` are the arguments that may be `-`, for standard input, one of them at a time.
    """

    one_pass: tuple[str, ...] = ()

    def __init__(self, **settings: Any) -> None:
        self._known: dict[str, argparse.Action] = {}
        self._booleans: set[str] = set()
        self._places: dict[str, tuple[str, bool]] = {}  # by option: what it is called, and if it may lack
        super().__init__(**settings)
        self._positionals.title = "files"

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:  # pyright: ignore[reportIncompatibleMethodOverride]
        action = super().add_argument(*names, **settings)
        self._known |= {name.lstrip("-"): action for name in names if name.startswith("-")}
        return action

    def add_place(self, option: str, metavar: str, text: str, optional: bool = False) -> None:
        """An input or output, which is given by its place or as an option."""
        super().add_argument(f"_{option}", metavar=metavar, nargs="?", default=argparse.SUPPRESS, help=text)
        self.add_argument(f"--{option}", metavar="[PREFIX::]PATH", help=f"the same as {metavar}")
        self._places[option] = metavar, optional

    def add_flag(self, name: str, default: bool | None, text: str, short: str | None = None) -> None:
        """A boolean, in all the spellings of `spellings`. With the default None it is known whether it was given."""
        names = [f"-{short}"] * (short is not None) + [f"--{name}"]
        self.add_argument(*names, type=truth, nargs="?", const=True, default=default, metavar=_EITHER, help=text)
        self._booleans.add(name)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The values of the arguments. Raises UsageError; ends the program after --help and --version."""
        try:
            words = translated(arguments, self._known, frozenset(self._booleans), [*self._places])
        except UsageError as error:
            self.error(str(error))
        found, surplus = self.parse_known_args(words)
        if surplus:
            self.error(f"unexpected argument {surplus[0]!r}")
        for option, (metavar, optional) in self._places.items():
            if hasattr(found, f"_{option}"):  # all that have a place have been given to it
                self.error(f"unexpected argument {getattr(found, f'_{option}')!r}")
            if getattr(found, option) is None and not optional:
                self.error(f"{metavar} is missing: give it as an argument, or as --{option}")
        return found

    def error(self, message: str) -> NoReturn:
        missing = _MISSING.sub("", message)
        raise UsageError(f"{missing + ' is missing' * (missing != message)} (see `{self.prog} --help`)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            text = f"{value!r} is not one of {', '.join(choices)}{did_you_mean(str(value), choices)}"
            raise argparse.ArgumentError(action, text)


def whole_number(text: str) -> int:
    """The value of an option such as --depth=2."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def truth(text: str) -> bool:
    """The value of a flag such as --streaming=True."""
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")


def parser(verb: str, about: str, places: str, epilog: str) -> Parser:
    """The parser of a verb, whose help shows examples as the user calls the program; `places` end the usage line."""
    prog = called_as(verb)
    module = _MODULE.match(prog)
    others = f"python -m {module['package']}." if module else f"{prog.removesuffix(verb)}"
    return Parser(
        prog=prog,
        usage=f"%(prog)s [options] {places}",
        allow_abbrev=False,
        description=about,
        epilog=_EXAMPLE.sub(others, f"{epilog.rstrip()}\n\n{statuses_of(verb)}"),
        formatter_class=_Formatter,
    )

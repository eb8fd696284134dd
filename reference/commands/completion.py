"""`streamckpt completion`: completion of verbs, options and files in bash, zsh and fish, by argcomplete."""

from __future__ import annotations

import argparse
import glob
import importlib
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..containers.load_prefixes import PREFIXES
from ..format.casts import FLOAT_NAMES
from ..format.errors import UsageError
from ..format.extras import how_to_install
from ..mapping import maps
from .command_line import run
from .parsers import Parser, parser
from .verbs import OTHERS, VERBS

SHELLS: Final = ("bash", "zsh", "fish")
_EXAMPLES: Final = """examples:
  # in ~/.bashrc
  eval "$(streamckpt completion bash)"
  # in ~/.zshrc, after compinit
  eval "$(streamckpt completion zsh)"
  # in ~/.config/fish/config.fish
  streamckpt completion fish | source

It needs argcomplete, which comes with the extra `completion`.
"""


def command_line() -> Parser:
    """The options of the command."""
    command = parser("completion", "Print the shell code that completes verbs, options and files.", "SHELL", _EXAMPLES)
    command.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    return command


def _argcomplete() -> Any:
    try:
        import argcomplete
    except ImportError:
        raise UsageError(f"completion needs argcomplete: {how_to_install('completion')}") from None
    return argcomplete


def _run(arguments: argparse.Namespace) -> None:
    print(_argcomplete().shellcode(["streamckpt"], shell=arguments.shell), end="")


def complete() -> None:
    """Answer the shell, which asks what could be typed next, and end the program."""
    argcomplete = _argcomplete()
    words = os.environ.get("COMP_LINE", "").split()
    every = argparse.ArgumentParser(prog="streamckpt", add_help=True)
    every.add_argument("--version", action="store_true")
    verbs = every.add_subparsers()
    for verb, text in (VERBS | OTHERS).items():
        if verb == "help":
            verbs.add_parser(verb, help=text).add_argument("verb", choices=[*VERBS, "completion"])
        elif verb in words[1:2]:  # the others are not imported
            command = importlib.import_module(f"{__package__}.{verb}").command_line()
            for action in command._actions:
                if not action.choices:
                    setattr(action, "completer", _completer(action))  # noqa: B010
            verbs.add_parser(verb, parents=[command], add_help=False, help=text)
        else:
            verbs.add_parser(verb, add_help=False, help=text)
    _finder(argcomplete)(every, always_complete_options=False)


def _finder(argcomplete: Any) -> Any:
    """What finds completions, and what zsh shows behind each: argcomplete forgets that of `--option=value`, and of a
    single one, and writes None.
    """

    class Finder(argcomplete.CompletionFinder):
        def quote_completions(self, completions: list[str], *place: Any) -> list[str]:
            shown = self.get_display_completions()
            quoted = super().quote_completions(completions, *place)
            for before, each in zip(completions, quoted, strict=True):
                shown.setdefault(each, shown.get(before) or shown.get(before.partition("=")[2]) or "")
            return quoted

    return Finder()


def _completer(action: argparse.Action) -> Callable[..., Iterable[str]]:
    """What offers the values of an argument: nothing where they are free."""
    if not action.option_strings or action.metavar == "[PREFIX::]PATH":
        return checkpoints
    if action.dest == "map":
        return lambda prefix, **_: {
            **{name: maps.named(name).about for name in maps.names()},
            **{each: "" for each in checkpoints(prefix) if each.endswith((".toml", "/"))},
        }
    dtypes = {name: long if long != name else "" for name, long in FLOAT_NAMES.items()}
    return lambda **_: dtypes if action.dest == "float_dtype" else ()


def checkpoints(prefix: str, **_: Any) -> list[str]:
    """Load prefixes and files that begin with what has been typed."""
    before, mark, path = prefix.rpartition("::")
    found = [f"{each}/" if os.path.isdir(each) else each for each in sorted(glob.glob(f"{glob.escape(path)}*"))]
    prefixes = [] if mark else [f"{each}::" for each in PREFIXES if each.startswith(prefix)]
    return [f"{before}{mark}{each}" for each in found] + (prefixes if prefix else [])


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv)

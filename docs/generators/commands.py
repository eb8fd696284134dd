"""The commands, from their own descriptions: what `--help` says, as a page."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from typing import Final

PAGE: Final = "reference/commands.md"
_MODULES: Final = (
    "reference.convert",
    "reference.diff",
    "reference.compare",
    "reference.inspect",
    "reference.verify",
    "reference.seal",
    "reference.salvage",
    "conformance.__main__",
    "fuzz.__main__",
)
_ABOUT = """# Commands

After `pip install` the verbs of `reference` are also those of one command: `streamckpt convert`, `streamckpt diff`,
`streamckpt compare`, `streamckpt inspect`, `streamckpt verify`, `streamckpt seal`, `streamckpt salvage`. What follows
is what `--help` says.

Where a command takes a checkpoint, it takes a path, with or without a prefix that says what it is: `params::`,
`trainstate::`, `trainstate_params::`, `flax::` (or `flax_params::`), `safetensors::`. Without one, the kind is
recognised.
"""


def pages() -> Iterator[tuple[str, str]]:
    """The page as its path from the root of the site, and its Markdown."""
    yield PAGE, "\n".join([_ABOUT, *(line for name in _MODULES for line in _module(name))])


def _module(name: str) -> Iterator[str]:
    parser = importlib.import_module(name).command_line()
    yield from _parser(parser, f"python -m {name.removesuffix('.__main__')}", 2)


def _parser(parser: argparse.ArgumentParser, title: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} {title}\n"
    if parser.description:
        yield f"{_sentence(parser.description)}\n"
    formatter = parser._get_formatter()
    formatter._width = 88  # type: ignore[attr-defined]
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups)
    yield f"```text\n{formatter.format_help().strip()}\n```\n"
    verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    options = [
        action
        for action in parser._actions
        if action not in verbs and action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)
    ]
    if options:
        yield "\n".join(["| option | default | |", "|---|---|---|", *map(_row, options)]) + "\n"
    if parser.epilog:
        yield f"```text\n{parser.epilog.strip()}\n```\n"
    for action in verbs:
        for verb, command in action.choices.items():
            yield from _parser(command, f"{title} {verb}", level + 1)


def _row(action: argparse.Action) -> str:
    names = [*action.option_strings] or [str(action.metavar or action.dest)]
    if action.option_strings and action.nargs != 0:
        choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
        names.append(str(action.metavar or choices))
    default = "" if action.default in (None, argparse.SUPPRESS, False, "") else f"`{action.default}`"
    text = (action.help or "") % {**vars(action), "prog": ""} if action.help else ""
    said = _sentence(text).replace("|", "\\|")
    return f"| {' '.join(f'`{name}`' for name in names)} | {default} | {said} |"


def _sentence(text: str) -> str:
    """Prose as Markdown: stars and underscores are themselves."""
    return text.replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")

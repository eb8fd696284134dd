"""The commands, from their own descriptions: what `--help` says, as a page."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Iterator
from typing import Final

from reference.commands.schemas import SCHEMAS
from reference.commands.statuses import EXIT_STATUSES, meaning
from reference.commands.verbs import VERBS

PAGE: Final = "reference/commands.md"
_OTHERS: Final = ("conformance.__main__", "fuzz.__main__")
_ABOUT: Final = """# Commands

`streamckpt VERB` is the whole program; `python -m streamckpt VERB`, `python -m reference VERB` and
`python -m reference.VERB` are the same. `streamckpt help VERB` shows what follows here, and
`streamckpt completion bash` (or `zsh`, `fish`) prints shell completion.

Where a verb takes a checkpoint, it takes a path or a URL, with or without a prefix that says what it is: `params::`,
`trainstate::`, `trainstate_params::`, `flax::` (or `flax_params::`), `safetensors::`. Without one, the kind is
detected. Inputs and outputs are given in order, or as the options that EasyLM's scripts have.

Options are spelled with `-` or `_` (`--dry-run`, `--dry_run`), and booleans as absl spells them: `--streaming`,
`--streaming=True`, `--nostreaming`, `--streaming=False`. `-q` prints nothing but errors, and `--no-progress` shows no
bar.
"""


def pages() -> Iterator[tuple[str, str]]:
    """The page as its path from the root of the site, and its Markdown."""
    yield PAGE, "\n".join([_ABOUT, *_lines()])


def _lines() -> Iterator[str]:
    yield from ("## Exit statuses { #exit-statuses }\n", "| status | meaning |", "|---|---|")
    yield from (f"| {status} | {meaning(status)} |" for status in EXIT_STATUSES)
    yield ""
    for verb in (*VERBS, "completion"):
        parser = importlib.import_module(f"reference.commands.{verb}").command_line()
        yield from _parser(parser, f"streamckpt {verb}", 2)
    for name in _OTHERS:
        parser = importlib.import_module(name).command_line()
        yield from _parser(parser, f"python -m {name.removesuffix('.__main__')}", 2)
    yield from _json()


def _json() -> Iterator[str]:
    """The schemas of what `--json` prints."""
    yield "## JSON { #json }\n"
    yield (
        "With `--json` a verb prints its report as one object. For several files `inspect` and `verify` print one "
        "object per line; a file that they refuse is an object with an `error`, and the exit status says so too. The "
        "other verbs print no object where they refuse an input: the error is on standard error, as ever. "
        "Members may be added in later releases; none will be taken away. These are the schemas "
        "([JSON Schema](https://json-schema.org)).\n"
    )
    for verb, schema in SCHEMAS.items():
        text = json.dumps(schema, indent=1)
        yield f'??? abstract "streamckpt {verb} --json"\n'
        yield "    ```json\n" + "\n".join(f"    {line}" for line in text.splitlines()) + "\n    ```\n"


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
        yield "\n".join(["| option | default | meaning |", "|---|---|---|", *map(_row, options)]) + "\n"
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

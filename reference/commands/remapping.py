"""The flags of commands that give leaves new names and layouts, and what is said of it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..checkpoints.remapping import MapReport, parameters_text
from ..format.errors import UsageError, counted
from ..format.keypaths import display
from ..mapping import maps
from ..mapping.parameters import number_of
from .parsers import Parser


def add_remapping(parser: Parser) -> None:
    """--rename, --map, --map_inverse and --map_parameter."""
    parser.add_argument(
        "--rename",
        action="append",
        metavar="REGEX=TEMPLATE",
        help="replace each match of REGEX in a key path by TEMPLATE, which may use \\1 and \\g<name>; the last = "
        "separates the two; may be repeated, and renames apply in order",
    )
    parser.add_argument(
        "--map",
        metavar="NAME|FILE.toml",
        help=f"give the leaves the names and layout of another program: {', '.join(maps.names())}, or a TOML "
        "table of your own",
    )
    parser.add_flag("map_inverse", False, "apply the map in the other direction")
    parser.add_argument(
        "--map_parameter",
        action="append",
        metavar="NAME=NUMBER",
        help="a number that the map needs, such as heads=32; it asks for what it does not find in the shapes, the "
        "metadata or a config.json beside the input; may be repeated",
    )


def remapping_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `convert` for these flags. Raises UsageError."""
    found = maps.map_of(arguments.map) if arguments.map else None
    if arguments.map_inverse:
        if found is None:
            raise UsageError("--map_inverse reverses --map, which is not given")
        found = found.inverse()
    return {
        "rename": [_rename(text) for text in arguments.rename or ()],
        "map": found,
        "map_parameters": dict(_parameter(text) for text in arguments.map_parameter or ()),
    }


def _rename(text: str) -> tuple[str, str]:
    expression, separator, template = text.rpartition("=")
    if not separator:
        raise UsageError(f"--rename takes REGEX=TEMPLATE, and {text!r} has no =")
    return expression, template


def _parameter(text: str) -> tuple[str, float]:
    name, separator, value = text.partition("=")
    try:
        return name, number_of(value)
    except ValueError:
        what = f"{value!r} is not a number of 0 or more" if separator else f"{text!r} has no ="
        raise UsageError(f"--map_parameter takes NAME=NUMBER, and {what}") from None


def map_json(report: MapReport | None) -> dict[str, Any] | None:
    """What JSON says of a map, None for none."""
    if report is None:
        return None
    wrote = report.config is not None and not report.config_was_there
    return {
        "name": report.name,
        "parameters": {name: {"value": value.value, "source": value.source} for name, value in report.values.items()},
        **{
            name: [list(path) for path in getattr(report, name)]
            for name in ("left_out", "tied", "untied", "taken_as_tied")
        },
        "config": report.config_name,
        "wrote_config": wrote,
        "assumed": list(report.config.assumed) if wrote and report.config else [],
        "unknown": list(report.config.unknown) if wrote and report.config else [],
    }


def print_map(report: MapReport | None, is_dry: bool) -> None:
    """What a map did, and notes about what it could not know."""
    if report is None:
        return
    values = parameters_text(report)
    print(f"map {report.name}{': ' if values else ''}{values}")
    if report.left_out:
        shown = ", ".join(map(display, report.left_out[:3])) + (", ..." if len(report.left_out) > 3 else "")
        print(
            f"note: the map leaves out {counted(len(report.left_out), 'leaf')} that the other side computes: {shown}",
            file=sys.stderr,
        )
    for path in report.tied:
        print(f"{display(path)} is tied to another leaf, and written on its own")
    for path in report.untied:
        text = f"note: {display(path)} is missing, and no config.json says that it is tied to another leaf"
        print(text, file=sys.stderr)
    if report.config is None:
        for key, (value, source) in report.kept.items():
            text = f"{source} says {key}={json.dumps(value)}, which no leaf shows"
            print(f"note: {text}; a sealed stream (--format=2.0) keeps it for the way back", file=sys.stderr)
        return
    if report.config_was_there:
        print(f"{report.config_name} exists, agrees with the leaves, and is left as it is")
        return
    print(f"{'would write' if is_dry else 'wrote'} {report.config_name}")
    for path in report.taken_as_tied:
        text = f"{display(path)} is not among the leaves, so {report.config_name} says that it is tied to another one"
        print(f"note: {text} (tie_word_embeddings): if the model has its own, convert that too", file=sys.stderr)
    if report.config.assumed:
        assumed = ", ".join(report.config.assumed)
        print(
            f"note: {assumed} in {report.config_name} are defaults, which the checkpoint does not confirm: give "
            "--map_parameter if the model was trained with other values",
            file=sys.stderr,
        )
    if report.config.unknown:
        print(
            f"note: {report.config_name} lacks {', '.join(report.config.unknown)}, which the leaves do not tell",
            file=sys.stderr,
        )

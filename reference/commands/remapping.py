"""The flags of commands that give leaves new names and layouts, and what is said of it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..checkpoints.remapping import MapReport, parameters_text
from ..format.errors import UsageError
from ..format.keypaths import display
from ..mapping import maps
from ..mapping.parameters import number_of
from .command_line import Parser, add_flag


def add_remapping(parser: Parser) -> None:
    """--rename, --map, --map_inverse and --map_parameter."""
    parser.add_argument(
        "--rename",
        action="append",
        metavar="REGEX=TEMPLATE",
        help="replace what the expression finds in key paths, wherever in them, by the template, which may hold \\1 "
        "and \\g<name>; what stands behind the last = is the template; may be repeated, one following the other",
    )
    parser.add_argument(
        "--map",
        metavar="NAME|FILE.toml",
        help=f"give the leaves the names and layout of another program: {', '.join(maps.names())}, or a table of your "
        "own",
    )
    add_flag(parser, "map_inverse", False, "use the map in its other direction")
    parser.add_argument(
        "--map_parameter",
        action="append",
        metavar="NAME=NUMBER",
        help="what a map has to be told, such as heads=32; it asks for what neither the shapes, nor the metadata, nor "
        "a config.json beside the input say; may be repeated",
    )


def remapping_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `convert` for these flags. Raises UsageError."""
    found = maps.map_of(arguments.map) if arguments.map else None
    if arguments.map_inverse:
        if found is None:
            raise UsageError("--map_inverse is the other direction of --map, which is not given")
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


def print_map(report: MapReport | None, is_dry: bool) -> None:
    """What a map did, and notes about what it could not know."""
    if report is None:
        return
    values = parameters_text(report)
    print(f"map {report.name}{': ' if values else ''}{values}")
    if report.left_out:
        shown = ", ".join(map(display, report.left_out[:3])) + (", ..." if len(report.left_out) > 3 else "")
        print(
            f"note: the map leaves out {len(report.left_out)} leaves that the other side computes: {shown}",
            file=sys.stderr,
        )
    for path in report.tied:
        print(f"{display(path)} is tied to another leaf, and written on its own")
    for path in report.untied:
        print(f"note: there is no {display(path)}, and no config.json says that it is tied to another", file=sys.stderr)
    if report.config is None:
        for key, (value, source) in report.kept.items():
            text = f"{source} says {key}={json.dumps(value)}, which no leaf shows"
            print(f"note: {text}; a sealed stream (--format=2.0) keeps it for the way back", file=sys.stderr)
        return
    if report.config_was_there:
        print(f"{report.config_name} stood there, agrees with the leaves, and stays as it is")
        return
    print(f"{'would write' if is_dry else 'wrote'} {report.config_name}")
    if report.config.assumed:
        assumed = ", ".join(report.config.assumed)
        print(
            f"note: nobody says {assumed}, which {report.config_name} now has: give --map_parameter where the model "
            "was trained with others",
            file=sys.stderr,
        )
    if report.config.unknown:
        print(
            f"note: the leaves do not tell {', '.join(report.config.unknown)}, which {report.config_name} lacks",
            file=sys.stderr,
        )

"""The spellings in which arguments are given, as the one that argparse is told of.

`--float_dtype bf16`, `--float-dtype=bf16` and `-float_dtype=bf16` are one, as for absl, whose flags the scripts of the
EasyLM family take; so are `--streaming`, `--streaming=True` and `--streaming True`, and `--nostreaming`,
`--no-streaming` and `--streaming=False`. Positionals may stand anywhere among the options.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..format.errors import UsageError

# Flags that every script with absl has, and whether a value follows. They say what is logged; nothing is logged here.
_LOGGING: Final = {
    "alsologtostderr": False,
    "logtostderr": False,
    "showprefixforinfo": False,
    "v": True,
    "verbosity": True,
    "stderrthreshold": True,
    "log_dir": True,
    "logger_levels": True,
}
_HELP: Final = {"helpfull", "helpshort", "helpxml"}
_OPTION: Final = re.compile(r"--?(?P<name>[A-Za-z_][\w-]*)(?P<value>=.*)?", re.DOTALL)
_WORDS: Final = {"true", "false"}  # what is taken for the value of a boolean that it follows


def translated(
    arguments: Sequence[str], known: Mapping[str, argparse.Action], booleans: frozenset[str], places: Sequence[str]
) -> list[str]:
    """The arguments with each option that is `known` as --name=value, and the positionals behind them.

    `booleans` are the names of boolean options. A positional stands for the option that is next in `places` and has
    not been given; what is left stays positional. Options that say what is logged are left out. Raises UsageError for
    options that are not known, and for absl's --flagfile: its flags would be missing.
    """
    options: list[str] = []
    positionals: list[str] = []
    given: set[str] = set()
    rest = list(reversed(arguments))
    while rest:
        argument = rest.pop()
        if argument == "--":
            positionals += reversed(rest)
            break
        if argument == "-" or not argument.startswith("-"):
            positionals.append(argument)
            continue
        option = _OPTION.fullmatch(argument)
        if option is None:
            raise UsageError(f"unknown option {argument}")
        name, value = option["name"].replace("-", "_"), option["value"]
        plain = name.removeprefix("no").removeprefix("_")
        if name in known:
            action = known[name]
            long = next(text for text in action.option_strings if text.startswith("--"))
            given.add(action.dest)
            if action.dest in booleans:
                value = value or f"={rest.pop() if rest and rest[-1].lower() in _WORDS else True}"
            elif action.nargs != 0 and value is None:
                if not rest:
                    raise UsageError(f"{long} needs a value")
                value = f"={rest.pop()}"  # which may begin with a dash
            options.append(f"{long}{value or ''}")
        elif name.startswith("no") and plain in booleans:
            if value is not None:
                raise UsageError(f"--{name} takes no value; write --{plain}{value}")
            options.append(f"--{plain}=False")
        elif name in ("flagfile", "undefok"):
            raise UsageError(f"--{name} is one of absl's own flags, and is not supported here; write the flags out")
        elif name in _HELP:
            options.append("--help")
        elif name in _LOGGING or plain in _LOGGING:
            if value is None and _LOGGING.get(name, False) and rest:
                rest.pop()
        else:
            raise UsageError(f"unknown option {argument.partition('=')[0]}{did_you_mean(name, known, '--')}")
    for place in places:
        if positionals and place not in given:
            options.append(f"--{place}={positionals.pop(0)}")
    return [*options, *(["--"] if any(text[:1] == "-" for text in positionals) else []), *positionals]


def did_you_mean(word: str, known: Iterable[str], before: str = "") -> str:
    """The end of an error about a word that is not known: what it may have been meant to be, or nothing."""
    names = [name for name in known if len(name) > 1]
    beginnings = [name for name in names if name.startswith(word)]
    close = beginnings[:1] or difflib.get_close_matches(word, names, 1)
    return f"; did you mean {before}{close[0]}?" if close else ""

"""The spellings of absl's flags, which the scripts of the EasyLM family take, as those of argparse."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
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
_FLAG: Final = re.compile(r"--?(?P<name>[A-Za-z_][\w-]*)(?P<value>=.*)?", re.DOTALL)


def translated(arguments: list[str], known: Mapping[str, argparse.Action]) -> list[str]:
    """The arguments with every flag that is `known` by its name spelled with two dashes, and absl's own left out.

    Those say what is logged, but for --flagfile: its flags would be missing. Raises UsageError for it.
    """
    found: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return [*found, argument, *rest]
        flag = _FLAG.fullmatch(argument)
        if flag is None:
            found.append(argument)
            continue
        name, value = flag["name"], flag["value"]
        plain = name.removeprefix("no")
        if name in known:
            if value is None and known[name].nargs is None and (following := next(rest, None)) is not None:
                value = f"={following}"  # which may begin with a dash
            found.append(f"--{name}{value or ''}")
        elif name in ("flagfile", "undefok"):
            raise UsageError(f"--{name} is a flag of absl's own, and is not served here: write the flags out")
        elif name in _HELP:
            found.append("--help")
        elif name in _LOGGING or plain in _LOGGING:
            if value is None and _LOGGING.get(name, False):
                next(rest, None)
        else:
            found.append(argument)
    return found

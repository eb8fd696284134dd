"""The `streamckpt` command: all verbs under one name."""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from typing import Final

from ..containers.load_prefixes import split_prefix
from ..format.errors import UsageError
from .command_line import let_output_go, say, say_error
from .parsers import called_as
from .spellings import did_you_mean
from .statuses import DONE, INTERRUPTED, USAGE, table_of_statuses

VERBS: Final = {
    "convert": "convert between containers, names and float dtypes",
    "diff": "write the difference of two checkpoints",
    "recover": "recover a checkpoint from its base and the difference",
    "compare": "show which leaves of two checkpoints differ, and by how much",
    "inspect": "show what checkpoints hold: tree, shapes, dtypes, sizes and offsets",
    "verify": "check whole files against the specification",
    "seal": "write the seal of a stream to a file beside it",
    "salvage": "rescue the intact leaves of a damaged file",
}
OTHERS: Final = {
    "completion": "print the shell completion for bash, zsh or fish",
    "help": "show the help of a verb",
}
# What other programs call it.
_MEANT: Final = {
    **dict.fromkeys(("ls", "list", "info", "show", "tree", "cat", "head", "describe", "stat", "view"), "inspect"),
    **dict.fromkeys(("check", "validate", "fsck", "test", "lint"), "verify"),
    **dict.fromkeys(("patch", "apply", "undiff", "undelta", "merge", "add"), "recover"),
    **dict.fromkeys(("rescue", "repair", "fix", "restore"), "salvage"),
    **dict.fromkeys(("cp", "copy", "export", "import", "to", "cast"), "convert"),
    **dict.fromkeys(("delta", "subtract"), "diff"),
    **dict.fromkeys(("cmp", "equal", "same"), "compare"),
    **dict.fromkeys(("sum", "checksum", "sha256", "sign"), "seal"),
}
_HELP: Final = {"-h", "--help", "-help", "help"}
_ABOUT: Final = "Read, check and convert streaming checkpoints of large JAX models."


def main(argv: list[str] | None = None) -> int:
    """Run a verb with its arguments, or those of the process, and give its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    prog = called_as("")
    if "_ARGCOMPLETE" in os.environ:
        _module("completion").complete()
    try:
        try:
            return _dispatched(prog, arguments)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return say(prog, "interrupted", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has seen enough
        let_output_go()
        return DONE
    except (UsageError, OSError) as error:
        return say_error(prog, error)


def _dispatched(prog: str, arguments: list[str]) -> int:
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if verb in VERBS or verb == "completion":
        return _module(verb).main(rest)
    if verb == "help" and rest:
        return _dispatched(prog, [rest[0], "--help"])
    if verb in _HELP:
        print(help_text(prog))
        return DONE
    if verb in ("--version", "-V", "version"):
        print(version_text())
        return DONE
    if not verb:
        print(help_text(prog), file=sys.stderr)
        return USAGE
    return say(prog, f"{_unknown(prog, verb)} (see `{prog} --help`)", USAGE)


def _unknown(prog: str, word: str) -> str:
    """What is wrong with a first word that is not a verb, and what may have been meant."""
    if word.startswith("-"):
        name = word.partition("=")[0]
        letters = name.lstrip("-")
        if letters and (meant := did_you_mean(letters, ["version", "help"], "--")):
            return f"unknown option {name}{meant}"
        return (
            f"unknown option {name}: the verb comes first, and its options follow, as in `{prog} inspect FILE {name}`"
        )
    if word in _MEANT:
        return f"unknown verb {word!r}; did you mean {_MEANT[word]}?"
    if os.path.exists(split_prefix(word)[1]):
        return f"{word!r} is a file and not a verb; did you mean `{prog} inspect {shlex.quote(word)}`?"
    return f"unknown verb {word!r}{did_you_mean(word, [*VERBS, *OTHERS])}"


def help_text(prog: str) -> str:
    """What --help says of all verbs together, and of their exit statuses."""
    verbs = "\n".join(f"  {verb:<10}  {text}" for verb, text in (VERBS | OTHERS).items())
    return (
        f"usage: {prog} VERB [options] FILES\n\n{_ABOUT}\n\nverbs:\n{verbs}\n\n"
        f"`{prog} help VERB` shows the options and examples of a verb.\n"
        "Options are spelled with - or _ (--dry-run, --dry_run); booleans as --streaming, --nostreaming, "
        "--streaming=False.\n\n"
        f"{table_of_statuses()}"
    )


def version_text() -> str:
    """The version of the package, and of the specification that it reads and writes."""
    package = importlib.import_module("reference")
    return f"streamckpt {package.__version__} (specification {package.SPEC_VERSION})"


def _module(verb: str):
    return importlib.import_module(f"{__package__}.{verb}")

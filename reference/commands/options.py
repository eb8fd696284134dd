"""Options that several commands have."""

from __future__ import annotations

import contextlib
from typing import Any

from ..computing.accelerators import BACKENDS
from ..containers.registry import DIALECTS
from ..containers.safetensors_file import NAMES, SPLIT
from ..containers.stream import VERSIONS
from ..format.errors import UsageError
from ..format.json_texts import read_json
from .parsers import Parser


def add_showing(parser: Parser, quiet: bool = True, progress: bool = True) -> None:
    """--json, --quiet and --progress: what a command shows of what it does."""
    parser.add_flag("json", False, "print the report as JSON (the site has its schema)")
    if quiet:
        parser.add_flag("quiet", False, "print nothing but errors", short="q")
    if progress:
        parser.add_flag("progress", True, "show a progress bar on a terminal (the default; --no-progress does not)")


def add_format_of_report(parser: Parser) -> None:
    """--format: --format=json is the older spelling of --json."""
    parser.add_argument("--format", choices=("human", "json"), default="human", help="json is the same as --json")


def add_backend(parser: Parser, what: str) -> None:
    """--backend: what computes."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help=f"what {what}: jax on its devices, or numpy; the bytes are the same; the default is jax if it finds an "
        "accelerator",
    )


def add_patterns(parser: Parser, verb: str) -> None:
    """--include, also spelled --match, and --exclude: which leaves are wanted."""
    for names, what in ((("--include", "--match"), verb), (("--exclude",), "leave out")):
        parser.add_argument(
            *names,
            action="append",
            metavar="GLOB",
            help=f"{what} the leaves whose key path matches GLOB; * matches any text, / included; may be repeated",
        )


def add_dialect(parser: Parser) -> None:
    """--dialect: what reads files that a 1.0 reader refuses."""
    parser.add_argument(
        "--dialect",
        choices=tuple(DIALECTS),
        help="how the file was written, if not as the specification says: split-leaves joins leaves that were "
        "cut into pieces (chunk_0, chunk_1, ...), as a fork of EasyLM writes those over 2 GiB; int-keys reads integer "
        "keys of a flax file as strings, which is also done, and told, by default; strict refuses them",
    )


def add_prefix(parser: Parser, verb: str) -> None:
    """--prefix: the subtree that is wanted."""
    parser.add_argument(
        "--prefix",
        metavar="KEYPATH",
        help=f"{verb} only the subtree under this key path, and drop that path: --prefix=params/encoder",
    )


def add_names(parser: Parser) -> None:
    """--names: what becomes of the names of safetensors."""
    parser.add_argument(
        "--names",
        choices=NAMES,
        default=SPLIT,
        help="split the names in a safetensors file at each dot into key paths (the default), or keep them whole, for "
        "files that have names such as x.weight beside x.weight.absmax",
    )


def add_format(parser: Parser, default: str) -> None:
    """--format: the version in which a stream is written."""
    parser.add_argument(
        "--format",
        choices=VERSIONS,
        help="the version of the stream to write: 2.0 is a sealed stream, with an index, checksums and metadata, which "
        f"every loader of 1.0 can read; the default is {default}",
    )


def add_metadata(parser: Parser, where: str) -> None:
    """--metadata: entries of the metadata of what is written."""
    parser.add_argument(
        "--metadata",
        action="append",
        metavar="KEY=VALUE",
        help=f"add an entry to the metadata of {where}; VALUE is read as JSON if it is JSON, and else as text",
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
        if not key:
            raise UsageError(f"--metadata takes KEY=VALUE, and {each!r} has no KEY")
        metadata[key] = value
        if not texts:
            with contextlib.suppress(ValueError):
                metadata[key] = read_json(value, float)
    return metadata

"""`python -m conformance.format --write` writes what is made of the format's data; `--check` compares."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from ..clauses import SPEC
from .data import VERSIONS
from .grammar import grammar
from .magic import magic, mime_info
from .media_types import registration
from .tables import chapters


def made() -> Iterator[tuple[Path, str]]:
    """Each file that is made, with its text."""
    for name, text in chapters():
        yield SPEC / name, text
    for version in VERSIONS:
        yield SPEC / version / "streamckpt.ksy", grammar(version)
    yield SPEC / "streamckpt.magic", magic()
    yield SPEC / "streamckpt.xml", mime_info()
    yield SPEC / "media-types.md", registration()


def main(argv: list[str] | None = None) -> int:
    """Exit status 1 where a file is not as it is made."""
    command = argparse.ArgumentParser("python -m conformance.format", description=__doc__)
    choice = command.add_mutually_exclusive_group(required=True)
    choice.add_argument("-w", "--write", action="store_true", help="write all files that are made")
    choice.add_argument("--check", action="store_true", help="name those that are not as they are made")
    write = command.parse_args(argv).write
    stale = [path for path, text in made() if not path.exists() or path.read_text() != text]
    if write:
        for path, text in made():
            path.write_text(text)
    for path in stale:
        print(f"{'wrote' if write else 'not as it is made:'} {path.relative_to(SPEC.parent)}")
    return 0 if write or not stale else 1


if __name__ == "__main__":
    sys.exit(main())

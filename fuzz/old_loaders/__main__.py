"""`python -m fuzz.old_loaders`: run them, and say for each which sealed streams it reads as it should."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgpack

from fuzz.findings import ROOT

from .environments import ENVIRONMENTS, prepared
from .environments import npm_folder as npm
from .files import GIVEN, PLAIN, SEALED, expected, write_all
from .page import page

HERE: Final = Path(__file__).parent
PAGE: Final = ROOT / "conformance" / "OLD_LOADERS.md"
SOURCES: Final = "sources"  # in the build folder: repositories, for classes.py
_WHERE_CLASSES_RUN: Final = "of-2023"


class Line(NamedTuple):
    """A program, what it runs on, and for each tree whether it came out right: `yes`, or what came in its place."""

    program: str
    runs_on: str
    outcomes: dict[str, str]


def main(argv: list[str] | None = None) -> int:
    command = argparse.ArgumentParser("python -m fuzz.old_loaders", description=str(__doc__).partition(": ")[2])
    command.add_argument("--build", type=Path, default=ROOT / "build" / "old_loaders", help="where environments are")
    command.add_argument("--tree", action="append", choices=GIVEN, help="may be given again; the default is all")
    command.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    arguments = command.parse_args(argv)
    names = arguments.tree or list(GIVEN)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        write_all(Path(folder), names)
        for line in _all_lines(arguments.build.absolute(), Path(folder), names):
            right = sum(outcome.startswith("yes") for outcome in line.outcomes.values())
            print(f"{line.program:<40} {line.runs_on:<60} {right} of {len(line.outcomes)}", flush=True)
            wrong = {name: outcome for name, outcome in line.outcomes.items() if not outcome.startswith("yes")}
            print(*(f"    {name}: {outcome}" for name, outcome in wrong.items()), sep="\n", end="\n" if wrong else "")
            lines.append(line)
    if arguments.write:
        PAGE.write_text(page({name: GIVEN[name].about for name in names}, lines))
    return int(any("wrong" in outcome for line in lines for outcome in line.outcomes.values()))


def _all_lines(build: Path, folder: Path, names: list[str]) -> Iterator[Line]:
    wanted = {name: expected(name) for name in names}
    for environment in ENVIRONMENTS:
        if (made := prepared(environment, build)) is None:
            print(f"{environment.name} cannot be installed", file=sys.stderr)
            continue
        python, variables = made
        for more in ({}, {"MSGPACK_PUREPYTHON": "1"}):
            found = _run([str(python), str(HERE / "reading.py"), str(folder)], variables | more)
            versions = found["versions"]
            told = "msgpack {msgpack} ({unpacker}), flax {flax}, jax {jax}".format(**versions)
            yield from judged(found["found"], told, wanted)
        if environment.name == _WHERE_CLASSES_RUN and (build / SOURCES).exists():
            found = _run([str(python), str(HERE / "classes.py"), str(build / SOURCES), str(folder)], variables)
            yield from judged(found["found"], told.replace("(Python)", "(C)"), wanted)
    if (place := npm(build)) is not None:
        small = {name for name in names if (folder / (name + SEALED)).stat().st_size < 1 << 22}
        for name in set(names) - small:  # some of them take minutes for a large record
            (folder / (name + SEALED)).unlink()
            (folder / (name + PLAIN)).unlink()
        found = _run(["node", str(HERE / "read.mjs"), str(folder)], None, place)
        yield from _judged_records(found, folder, small)


def _run(command: list[str], variables: dict[str, str] | None, where: Path | None = None) -> Any:
    done = subprocess.run(command, env=variables, cwd=where, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def judged(found: dict[str, dict[str, Any]], told: str, wanted: dict[str, Any]) -> Iterator[Line]:
    """What each program made of the sealed streams, and where that is not right, of the plain ones."""
    for program in next(iter(found.values())):
        outcomes = {}
        for name, leaves in wanted.items():
            sealed, plain = found[name + SEALED][program], found[name + PLAIN][program]
            if _in_order(sealed) == _in_order(leaves):
                outcomes[name] = "yes"
            elif sealed == plain:
                outcomes[name] = f"neither sealed nor plain: {sealed if isinstance(sealed, str) else 'other leaves'}"
            else:
                outcomes[name] = f"wrong: {sealed if isinstance(sealed, str) else 'other leaves'}"
        yield Line(program, told, outcomes)


def _in_order(leaves: Any) -> Any:
    """Leaves by their key paths: some programs sort the keys of a map."""
    return leaves if isinstance(leaves, str) else sorted(leaves, key=json.dumps)


def _judged_records(found: dict[str, Any], folder: Path, names: set[str]) -> Iterator[Line]:
    """The same for decoders that know of MessagePack alone: whether they give all records before they end."""
    versions = found["versions"]
    for program in next(iter(found["found"].values())):
        outcomes = {}
        for name in sorted(names):
            with (folder / (name + SEALED)).open("rb") as file:
                unpacker = msgpack.Unpacker(file, max_buffer_size=0)
                wanted = [[key, hashlib.sha256(blob).hexdigest()] for key, blob in unpacker]
            got = found["found"][name + SEALED][program]
            end = "" if got["error"] is None else f", then {got['error']}"
            outcomes[name] = f"yes{end}" if got["records"] == wanted else f"wrong{end}"
        yield Line(program, f"npm {versions[program.split()[0]]}", outcomes)


if __name__ == "__main__":
    sys.exit(main())

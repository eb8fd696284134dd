"""The packages that are judged: the table as data, an environment for each, and the worker in it that answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...callables import Rejected

FOLDER: Final = Path(__file__).parent
ENVIRONMENTS: Final = FOLDER.parents[2] / "build/world"
PARTS: Final = {
    "class": ("decode", "encode", "flax-decode"),
    "functions": ("decode", "encode"),
    "flax": ("flax-decode", "flax-encode"),
    "loop": ("decode", "encode", "flax-decode", "flax-encode"),
}


class NoPython(Exception):
    """A package needs another Python, which this machine has not; the text says which."""


class Package(NamedTuple):
    """One version of a package, and how it is asked; `pins` are the versions it is judged with, itself left out. Those
    of `bare` are installed without what they need."""

    name: str
    version: str
    style: str
    pins: tuple[str, ...]
    asked: dict[str, Any]

    @property
    def title(self) -> str:
        return f"{'the usual loop, flax' if self.style == 'loop' else self.name} {self.version}"

    @property
    def bare(self) -> tuple[str, ...]:
        return (*self.asked.get("bare", ()), f"{self.name}=={self.version}")

    @property
    def parts(self) -> tuple[str, ...]:
        return PARTS[self.style]

    @property
    def xfails(self) -> Path:
        return FOLDER / f"{self.asked.get('failures', f'{self.name.lower()}-{self.version}')}.xfails"

    @property
    def environment(self) -> Path:
        return ENVIRONMENTS / f"{self.name.lower()}-{self.version}"


def read_packages() -> list[Package]:
    """Those of packages.toml, in their order. Raises: KeyError where one names a set that the table has not."""
    table = tomllib.loads((FOLDER / "packages.toml").read_text())
    found = []
    for entry in table["package"]:
        pins = [*table["sets"][entry["set"]], *entry.get("also", []), *entry.get("bare", [])]
        pins = tuple(pin for pin in pins if pin != f"{entry['name']}=={entry['version']}")
        found.append(Package(entry["name"], entry["version"], entry["style"], pins, entry))
    return found


def installed(package: Package) -> Path:
    """The Python of an environment in which a package is installed; it is made unless it is there.

    Raises: subprocess.CalledProcessError where pip does not install it; NoPython.
    """
    python, ready = package.environment / "bin/python", package.environment / "pins"
    wanted = "\n".join((package.title, *package.pins))
    if not ready.exists() or ready.read_text() != wanted:
        shutil.rmtree(package.environment, ignore_errors=True)
        subprocess.run([_find_python(package), "-m", "venv", package.environment], check=True)
        pip = [python, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check"]
        subprocess.run([*pip, *(pin for pin in package.pins if pin not in package.bare)], check=True)
        subprocess.run([*pip, "--no-deps", *package.bare], check=True)
        ready.write_text(wanted)
    return python


def _find_python(package: Package) -> str:
    """The Python that a package asks for, from PATH or from pyenv; or else this one. Raises: NoPython."""
    version = package.asked.get("python")
    if version is None:
        return sys.executable
    found = [f"python{version}"]
    if shutil.which("pyenv"):
        prefix = subprocess.run(["pyenv", "prefix", version], capture_output=True, text=True).stdout.strip()
        found = [f"{prefix}/bin/python", *found] if prefix else found
    for python in found:
        # pyenv puts a program of this name on PATH for each Python, which does not run unless that one is chosen.
        if shutil.which(python) and not subprocess.run([python, "-c", ""], capture_output=True).returncode:
            return python
    raise NoPython(f"it needs Python {version}, as python{version} or from pyenv")


class Asked:
    """A package that answers, until the block ends; where it dies of a question it is started anew for the next."""

    def __init__(self, package: Package, python: Path) -> None:
        self._package, self._python = package, python
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Asked:
        self._process = self._start()  # what does not start is told before any case
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> int:
        """How the worker ended."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        status = process.wait()
        process.stdout.close()
        return status

    def _start(self) -> subprocess.Popen[str]:
        command = [self._python, FOLDER / "worker.py", json.dumps(self._package.asked)]
        pipe = subprocess.PIPE
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONDONTWRITEBYTECODE": "1"}
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True, env=environment)
        assert process.stdout
        if not process.stdout.readline():
            self._process = process
            self._end()
            raise RuntimeError(f"{self._package.title} does not start: {' '.join(map(str, command))}")
        return process

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        self._process = self._process or self._start()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"crashed": f"the program ended with status {self._end()}"}

    def calls(self) -> dict[str, Callable[[Any], Any]]:
        """For each part what `judge_callable` calls."""
        return {part: self._call(part) for part in self._package.parts}

    def _call(self, part: str) -> Callable[[Any], Any]:
        member = "path" if part.endswith("decode") else "asked"

        def call(given: Any) -> Any:
            told = self._answer({"part": part, member: str(given) if member == "path" else given})
            if "rejected" in told:
                raise Rejected(told["rejected"])
            if "crashed" in told:
                raise RuntimeError(told["crashed"])
            return told["printed"] if "printed" in told else bytes.fromhex(told["written"])

        return call

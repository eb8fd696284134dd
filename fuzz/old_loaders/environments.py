"""The environments in which old programs run, made where they are not there yet: packages in folders of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple


class Environment(NamedTuple):
    """Packages in place of those that are installed, or with `alone` in an environment in which there are no others."""

    name: str
    packages: tuple[str, ...]
    alone: bool = False


ENVIRONMENTS: Final = (
    *(Environment(f"msgpack-{v}", (f"msgpack=={v}",)) for v in ("1.0.5", "1.0.8", "1.1.2", "1.2.0", "1.2.4")),
    Environment(
        "of-2023",  # when EasyLM, LWM and JAXSeq were written
        (
            "msgpack==1.0.5",
            "flax==0.7.0",
            "jax==0.4.13",
            "jaxlib==0.4.13",
            "numpy==1.25.2",
            "scipy==1.11.4",
            "orbax-checkpoint==0.3.5",
        ),
        alone=True,
    ),
    Environment(
        "of-2024",
        (
            "msgpack==1.0.8",
            "flax==0.8.5",
            "jax==0.4.31",
            "jaxlib==0.4.31",
            "numpy==1.26.4",
            "scipy==1.13.1",
            "orbax-checkpoint==0.5.23",
        ),
        alone=True,
    ),
)
NPM: Final = ("@msgpack/msgpack@3.1.3", "msgpackr@2.1.3", "msgpack5@6.1.0")


def prepared(environment: Environment, build: Path) -> tuple[Path, dict[str, str]] | None:
    """The interpreter and the variables of an environment, None where it cannot be installed."""
    folder = build / environment.name
    done = folder / "done"
    python = folder / "bin" / "python" if environment.alone else Path(sys.executable)
    if not done.exists():
        if environment.alone:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            where = []
        else:
            where = ["--target", str(folder), "--no-deps", "--upgrade"]
        if subprocess.run([str(python), "-m", "pip", "install", "-q", *where, *environment.packages]).returncode:
            return None
        done.touch()
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MSGPACK_PUREPYTHON")}
    return python, kept | ({} if environment.alone else {"PYTHONPATH": str(folder)})


def npm_folder(build: Path) -> Path | None:
    """A folder in which the decoders of npm are installed, None where they cannot be."""
    folder = build / "npm"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        try:
            if subprocess.run(["npm", "install", "--silent", "--no-audit", *NPM], cwd=folder).returncode:
                return None
        except FileNotFoundError:
            return None
        (folder / "done").touch()
    return folder

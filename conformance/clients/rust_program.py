"""The client in Rust as a program: the crate of `rust/`, by two calls of the compiler, as cargo is not everywhere."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

CRATE: Final = Path(__file__).with_name("rust")


def sources(crate: Path = CRATE) -> list[Path]:
    """All that the program is made of."""
    return sorted((crate / "src").rglob("*.rs"))


def build(program: Path, *options: str, crate: Path = CRATE) -> None:
    """Compile a crate to a program, with these options of rustc; the library is left beside it.

    Raises: subprocess.CalledProcessError where the compiler does not take the text.
    """
    library = program.with_name(f"lib{program.name}.rlib")
    words = ["rustc", "--edition=2021", *options]
    as_library = ["--crate-type=rlib", "--crate-name=streamckpt", crate / "src/lib.rs", "-o", library]
    as_program = [f"--extern=streamckpt={library}", crate / "src/bin/client.rs", "-o", program]
    for rest in (as_library, as_program):
        subprocess.run([*words, *rest], check=True, capture_output=True, cwd=program.parent)

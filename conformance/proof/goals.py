"""Frama-C's WP over the header: which goals there are, and which of them were proved."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

HEADER: Final = Path(__file__).parents[1] / "clients/c/streamckpt.h"
# Provers that WP can ask, the best for these goals first.
PROVERS: Final = ("alt-ergo", "cvc4", "z3")
INSTALL: Final = """the proof needs Frama-C and provers for it, none of which pip installs:

    apt-get install frama-c-base why3 z3 cvc4         (Debian, Ubuntu)
    opam install frama-c alt-ergo && why3 config detect"""
# Of one goal and prover, which then gives it up: steps, and not seconds, so that a machine at load proves the same.
# The longest known took CVC4 0.3 million. With 20 other programs for two cores all goals were proved, in 39 minutes.
STEPS: Final = 10_000_000
_SECONDS: Final = 3600  # that something ends which counts no steps
_PROGRAMS: Final = 2  # provers at a time, for each Frama-C

_COMMENTS: Final = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_FUNCTION: Final = re.compile(r"^static inline [a-z0-9_ ]+?\*?(\w+)\(", re.MULTILINE)
_GOAL: Final = re.compile(r"^(\[wp\] \[[^\]]+\] Goal typed_(\w+)[^\n]*)", re.M)
_COUNT: Final = re.compile(r"Proved goals: +(\d+) / (\d+)")


class NoFramaC(Exception):
    """Frama-C, or every prover, is missing; the text says how to install them."""


class Goal(NamedTuple):
    """Something to be proved: its name, which holds function and place, and whether it was."""

    name: str
    proved: bool


def functions_of(source: str) -> list[str]:
    """The functions that a header defines, in their order."""
    return _FUNCTION.findall(_COMMENTS.sub("", source))


def find_provers() -> list[str]:
    """Raises: NoFramaC."""
    found = [prover for prover in PROVERS if shutil.which(prover)]
    if shutil.which("frama-c") is None or not found:
        raise NoFramaC(INSTALL)
    return found


def prove(header: Path, folder: Path, functions: Sequence[str] = (), steps: int = STEPS) -> list[Goal]:
    """The goals of a header, or of some functions in it; `folder` is for what is written on the way.

    Raises: NoFramaC; ValueError where Frama-C does not take the text.
    """
    provers = find_provers()
    source = folder / "proof.c"
    source.write_text(f'#include "{header.resolve()}"\n')
    environment = {**os.environ, "WHY3CONFIG": str(folder / "why3.conf")}
    subprocess.run(["why3", "config", "detect"], env=environment, capture_output=True, check=False)
    # Nothing is supposed of what stands in the tables of the header (-wp-no-init-const): there are fewer hypotheses.
    command = ["frama-c", "-machdep", "gcc_x86_64", "-wp", "-wp-rte", "-wp-no-init-const"]
    command += ["-wp-prover", ",".join(provers), "-wp-steps", str(steps)]
    command += ["-wp-timeout", str(_SECONDS), "-wp-par", str(_PROGRAMS)]
    command += ["-wp-fct", ",".join(functions)] if functions else []
    done = subprocess.run([*command, str(source)], env=environment, capture_output=True, text=True)
    goals = [Goal(name, " Valid" in line) for line, name in _GOAL.findall(done.stdout)]
    counted = _COUNT.search(done.stdout)
    if (
        done.returncode
        or counted is None
        or [sum(goal.proved for goal in goals), len(goals)] != list(map(int, counted.groups()))
    ):
        raise ValueError(f"Frama-C does not take {header.name}:\n{done.stdout}{done.stderr}")
    return goals

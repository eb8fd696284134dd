"""`python -m conformance.format.trying`: compiles the grammar of each version to Python and to JavaScript, by npm's
compiler, and runs it over the corpus. Prints how many valid files it takes and how many invalid ones it refuses; those
that it takes all the same are counted by the reasons of undecided.toml.

Exit status 0 where it takes every valid file, and of the invalid ones those alone for which a reason is listed; 1 where
it does not; 2 where npm or the compiler is missing.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..clauses import SPEC
from ..model import Case, load_corpus, sampled
from .data import VERSIONS

HERE: Final = Path(__file__).parent
PACKAGES: Final = ("kaitai-struct-compiler@0.11.0", "kaitai-struct@0.11.0")
LANGUAGES: Final = ("python", "javascript")
LARGEST: Final = 1 << 20  # bytes of a file that is tried: a grammar reads it whole


class Trial(NamedTuple):
    """What a grammar in one language did with a case: what was wrong with its file, or None."""

    case: Case
    language: str
    fault: str | None

    @property
    def decided(self) -> bool:
        return (self.fault is None) == (self.case.want == "accept")


def install(folder: Path) -> Path:
    """The folder of the compiler and of the runtime for JavaScript, installed by npm. Raises CalledProcessError."""
    modules = folder / "node_modules"
    if not (modules / "kaitai-struct-compiler").exists():
        words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
        subprocess.run(words, check=True, capture_output=True)
    return modules


def compiled(version: str, modules: Path, folder: Path) -> None:
    """Compile the grammar of a version into a folder, in all languages. Raises CalledProcessError."""
    import yaml

    text = json.dumps(yaml.safe_load((SPEC / version / "streamckpt.ksy").read_text()))
    for language in LANGUAGES:
        words = ["node", str(HERE / "compile.mjs"), str(modules), language, str(folder)]
        subprocess.run(words, input=text, text=True, check=True, capture_output=True)


def tried(cases: Iterable[Case], modules: Path, folder: Path) -> Iterator[Trial]:
    """What the compiled grammars do with cases that are files of at most 1 MiB for a decoder."""
    found = [case for case in cases if case.part in _TYPES and case.size <= LARGEST]
    with tempfile.NamedTemporaryFile() as blob:
        asked: list[tuple[str, int, int]] = []
        places = []
        for case in found:
            mine = []
            for ending, kind in (("bin", _TYPES[case.part]), ("bin.seal", "seal")):
                if ending in case.files:
                    data = case.data(ending)
                    mine.append(len(asked))
                    asked.append((kind, blob.tell(), blob.tell() + len(data)))
                    blob.write(data)
            places.append(mine)
        blob.flush()
        for language, command in _commands(modules, folder, Path(blob.name)).items():
            env = {**os.environ, "NODE_PATH": str(modules.resolve())}  # where the compiled grammar finds its runtime
            done = subprocess.run(command, input=json.dumps(asked), text=True, check=True, capture_output=True, env=env)
            told = json.loads(done.stdout)
            for case, mine in zip(found, places, strict=True):
                faults = [told[i] for i in mine if told[i] is not None]
                yield Trial(case, language, faults[0] if faults else None)


_TYPES: Final = {"stream": "stream", "flax": "flax"}  # of the part of a case, the type in the grammar


def _commands(modules: Path, folder: Path, blob: Path) -> dict[str, list[str]]:
    return {
        "python": [sys.executable, str(HERE / "run_grammar.py"), str(folder), str(blob)],
        "javascript": ["node", str(HERE / "run_grammar.mjs"), str(modules), str(folder / "Streamckpt.js"), str(blob)],
    }


@functools.cache
def undecided() -> dict[str, dict[str, Any]]:
    """The clauses that a grammar cannot decide, each with the reason and, where it is so in one alone, the language."""
    rows = tomllib.loads((HERE / "undecided.toml").read_text())["undecided"]
    return {clause: row for row in rows for clause in row["clauses"]}


def reason_of(trial: Trial) -> str | None:
    """Why a grammar takes an invalid file, where a reason is listed for the case and the language."""
    told = undecided()
    rows = [told[clause] for clause in (*trial.case.clauses, *trial.case.also) if clause in told]
    return next((row["reason"] for row in rows if trial.language in row.get("languages", LANGUAGES)), None)


def _report(version: str, language: str, trials: Sequence[Trial]) -> bool:
    """Print what a grammar does in a language; whether that is as it should be."""
    valid = [trial for trial in trials if trial.case.want == "accept"]
    invalid = [trial for trial in trials if trial.case.want == "reject"]
    taken = [trial for trial in invalid if not trial.decided]
    print(
        f"{version} in {language}: {sum(trial.decided for trial in valid):,} of {len(valid):,} valid files taken, "
        f"{len(invalid) - len(taken):,} of {len(invalid):,} invalid ones refused; taken all the same:",
        flush=True,
    )
    for reason, count in Counter(map(reason_of, taken)).most_common():
        print(f"    {count}: {reason or 'NO REASON IS LISTED'}")
    wrong = [trial for trial in trials if not trial.decided and (trial.fault or reason_of(trial) is None)]
    for trial in wrong:
        print(f"WRONG: {trial.case.id}: {trial.fault or 'taken'}")
    return not wrong


def main(words: Sequence[str] | None = None) -> int:
    command = argparse.ArgumentParser("python -m conformance.format.trying", description=__doc__)
    command.add_argument("--every", type=int, default=10, metavar="N", help="of the cases of a rule one in N (10)")
    every = command.parse_args(words).every
    try:
        modules, right = install(SPEC.parent / "build/grammar"), True
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        print(f"npm does not install {' and '.join(PACKAGES)}: {error}", file=sys.stderr)
        return 2
    for version in VERSIONS:
        cases = sampled(load_corpus(spec=version).cases, every)
        with tempfile.TemporaryDirectory() as folder:
            compiled(version, modules, Path(folder))
            trials = [*tried(cases, modules, Path(folder))]
        for language in LANGUAGES:
            right = _report(version, language, [trial for trial in trials if trial.language == language]) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

"""`make results`: every client against the whole corpus, and the table of what each does where."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..judge import PARTS

CLIENTS = Path(__file__).parent
STREAMS = ("decode", "encode")
ALL = (*STREAMS, "flax-decode", "flax-encode")
TABLE = CLIENTS.parent / "RESULTS.md"


def clients(folder: Path) -> Iterator[tuple[str, str, tuple[str, ...], list[str]]]:
    """The name of each client, its command, the parts that it plays, and further options of its run."""
    python = sys.executable
    yield "reference", f"{python} {CLIENTS / 'reference_client.py'}", (*ALL, "convert", "recover"), []
    if shutil.which("cc"):
        subprocess.run(["cc", "-std=c11", "-O2", "-o", folder / "c", CLIENTS / "client.c"], check=True)
        yield "C", str(folder / "c"), ALL, []
    if shutil.which("node"):
        yield "JavaScript", f"node {CLIENTS / 'client.mjs'}", ALL, []
    if shutil.which("rustc"):
        source = CLIENTS / "client.rs"
        subprocess.run(["rustc", "-O", "--edition", "2021", source, "-o", folder / "rust"], check=True)
        yield "Rust", str(folder / "rust"), ("decode", "flax-decode"), []
    # The loops hold several copies of a leaf in memory: one at a time, and none of over 1 GiB.
    loop, known = f"{python} {CLIENTS / 'loop_client.py'}", ["--no-large", "--xfails"]
    yield "usual loop (EasyLM, tux)", loop, ALL, [*known, str(CLIENTS / "loop.xfails")]
    yield "JAXSeq's writer", loop, ("encode",), [*known, str(CLIENTS / "jaxseq.xfails")]


def main() -> int:
    """Exit status 1 where a client does what is neither right nor known."""
    status = 0
    with tempfile.TemporaryDirectory() as name:
        folder, results = Path(name), []
        for number, (title, command, parts, options) in enumerate(clients(folder)):
            results.append(folder / f"{number}.json")
            jaxseq = " --jaxseq" if title.startswith("JAXSeq") else ""
            played = [word for part in parts for word in (PARTS[part], f"{command} {part}{jaxseq}")]
            words = ["run", *played, "--name", title, "--json", str(results[-1]), *options]
            print(title, flush=True)
            status |= subprocess.run([sys.executable, "-m", "conformance", *words], env={**os.environ}).returncode
        table = ["table", *map(str, results), "--markdown", str(TABLE)]
        subprocess.run([sys.executable, "-m", "conformance", *table], check=True)
    return status


if __name__ == "__main__":
    sys.exit(main())

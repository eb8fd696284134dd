"""Which files a compiled grammar takes: `run_grammar.py FOLDER FILES`, as `run_grammar.mjs` says it."""

from __future__ import annotations

import json
import mmap
import sys
import threading
from typing import Any

DEEP = 1 << 15  # calls in one another: a flax file may have 512 keys in a path, and each takes several
STACK = 1 << 29  # bytes


def main(folder: str, files: str) -> None:
    """Print a list of null or what was wrong, for each file that standard input names."""
    sys.path.insert(0, folder)
    from kaitaistruct import BytesIO, KaitaiStream  # pyright: ignore

    from streamckpt import Streamckpt  # pyright: ignore

    types: dict[str, Any] = {"stream": Streamckpt, "flax": Streamckpt.FlaxFile}
    types["seal"] = getattr(Streamckpt, "DetachedSeal", None)  # which the grammar of 1.0 has not
    told = []
    with open(files, "rb") as file:
        blob = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    for kind, begin, end in json.load(sys.stdin):
        try:
            types[kind](KaitaiStream(BytesIO(blob[begin:end])))
        except Exception as error:  # of the runtime, of Python's codecs, and of what a value cannot be asked for
            told.append(f"{type(error).__name__}: {error}"[:200])
        else:
            told.append(None)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    sys.setrecursionlimit(DEEP)
    threading.stack_size(STACK)
    thread = threading.Thread(target=main, args=sys.argv[1:])
    thread.start()
    thread.join()

"""One package in its own environment: reads questions from standard input, a JSON a line, and answers each likewise.

    python worker.py '{"module": "tux.checkpoint", "style": "class", ...}'

A question is `{"part": ..., "path": ...}` of a reader and `{"part": ..., "asked": ...}` of a writer. An answer has one
of the members `printed`, what a decoder prints; `written`, hexadecimal; `rejected` and `crashed`, with what was raised.
What the package raises is taken for a rejection, unless it has written something before.

It runs with whatever versions the package needs: numpy, ml_dtypes, flax and Python 3.10 are all that is asked for here.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import protocol

Tree = Any
# What a package raises where it rejects, besides the errors of msgpack and flax; anything else is a crash.
REJECTS = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OverflowError, SyntaxError),
    protocol.Rejected,
)


def module_alone(name: str) -> Any:
    """A module without the code of the packages around it, which import what no checkpoint needs."""
    parts = name.split(".")
    for place in range(1, len(parts)):
        outer = ".".join(parts[:place])
        if outer in sys.modules:
            continue
        spec = importlib.util.find_spec(outer)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"{outer} is not a package that is installed here")
        package = types.ModuleType(outer)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules[outer] = package
    return importlib.import_module(name)


def parts_of(package: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """A decoder takes a path and gives a tree; an encoder takes a tree and a path."""
    if package["style"] == "loop":
        import loop_client

        return {
            "decode": loop_client.load,
            "encode": lambda tree, path: loop_client.save(tree, Path(path).open("wb", buffering=0).write),
            "flax-decode": loop_client.flax_load,
            "flax-encode": lambda tree, path: loop_client.flax_save(tree, Path(path).write_bytes),
        }
    for name in package.get("alone", ()):
        # What the module defines is asked of the package around it, which would import all the rest.
        names = {key: value for key, value in vars(module_alone(name)).items() if not key.startswith("_")}
        vars(sys.modules[name.rpartition(".")[0]]).update(names)
    module = module_alone(package["module"])
    if package["style"] == "functions":
        from flax import traverse_util

        read, write = getattr(module, package["read"]), getattr(module, package["save"])
        return {"decode": lambda path: traverse_util.unflatten_dict(read(path)), "encode": write}
    if package["style"] == "flax":
        return {
            "flax-decode": lambda path: module.msgpack_restore(Path(path).read_bytes()),
            "flax-encode": lambda tree, path: Path(path).write_bytes(module.msgpack_serialize(tree)),
        }
    checkpointer = getattr(module, package["class"])
    options = {"callback": lambda tensor, key: tensor} if package.get("callback") else {}
    return {
        "decode": lambda path: checkpointer.load_checkpoint(path, **options),
        "encode": getattr(checkpointer, package["save"]),
        "flax-decode": checkpointer.load_flax_checkpoint,
    }


def printed(tree: Tree) -> dict[str, Any]:
    """What a decoder prints of the tree that it got."""
    import numpy as np
    from flax.traverse_util import empty_node, flatten_dict

    records = []
    for key, value in flatten_dict(tree, keep_empty_nodes=True).items():
        leaf = {} if value is empty_node else value
        leaf = np.asarray(leaf) if type(leaf).__module__.startswith("jax") else leaf
        records.append(protocol.record_of(key, leaf))
    return {"records": records}


def given(asked: dict[str, Any]) -> Tree:
    """The tree that an encoder gets. None of them knows a display form: a path in it is one key."""
    return protocol.as_dicts(protocol.tree_of(asked["records"], lambda text: (text,)))


def answer(parts: dict[str, Callable[..., Any]], asked: dict[str, Any]) -> dict[str, Any]:
    part = parts[asked["part"]]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "written"
        try:
            if "path" in asked:
                return {"printed": printed(part(asked["path"]))}
            part(given(asked["asked"]), str(file))
            return {"written": file.read_bytes().hex()}
        except Exception as error:
            why = f"{type(error).__name__}: {error}"[:500]
            if file.exists() and file.stat().st_size > 0:
                return {"crashed": f"written, and then {why}"}
            known = isinstance(error, REJECTS) or type(error).__module__.split(".")[0] in ("msgpack", "flax")
            return {"rejected" if known else "crashed": why}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints does not count as an answer
    parts = parts_of(json.loads(sys.argv[1]))
    print(json.dumps({"parts": sorted(parts)}), file=answers, flush=True)
    for line in sys.stdin:
        told = answer(parts, json.loads(line))
        print(json.dumps(told, default=repr), file=answers, flush=True)  # a key may be no text


if __name__ == "__main__":
    main()

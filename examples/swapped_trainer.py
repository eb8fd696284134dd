"""Runs the trainer of a checkout, with the checkpointer it has or with the one of this package in its place.

    swapped_trainer.py CHECKOUT {EasyLM,LWM} {theirs,ours} LOSSES FLAG...

Started by `real_trainers.py`. What a person would change in the trainer's code is done here from outside: the import of
the class, and the lines that open a pickle. Losses are written to LOSSES, a JSON object for each step.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import inspect
import json
import runpy
import sys
import types
from typing import Any

CHECKOUT, CODE_BASE, CLASS, LOSSES = sys.argv[1:5]
MODULES = {"EasyLM": "EasyLM.models.llama.llama_train", "LWM": "lwm.train"}
sys.path.insert(0, CHECKOUT)


def main() -> None:
    revive_old_names()
    sys.modules["wandb"] = silent_wandb()
    sys.modules["datasets"] = empty_module("datasets", load_dataset=None)  # the data is a file of this machine
    if CLASS == "ours":
        swap()
    sys.argv = [CODE_BASE, *sys.argv[5:]]
    runpy.run_module(MODULES[CODE_BASE], run_name="__main__", alter_sys=True)


def swap() -> None:
    """What the guide tells people to change."""
    from streamckpt.checkpointer import StreamingCheckpointer

    load_state = StreamingCheckpointer.load_dataset_state
    if CODE_BASE == "EasyLM":
        checkpoint: Any = importlib.import_module("EasyLM.checkpoint")
        mlxu: Any = importlib.import_module("mlxu")
        checkpoint.StreamingCheckpointer = StreamingCheckpointer
        mlxu.load_pickle = load_state
    else:
        tux: Any = importlib.import_module("tux")
        tux.StreamingCheckpointer = StreamingCheckpointer
        tux.load_pickle = lambda path: load_state(path.replace("/dataset.pkl", "/dataset.json"))


def silent_wandb() -> Any:
    """A stand-in for wandb that writes what is logged to LOSSES, so that nothing is sent anywhere."""
    import jax
    import numpy as np

    class Run:
        def log(self, metrics: dict[str, Any]) -> None:
            # A copy: the trainer logs numpy arrays by now.
            numbers = {key: float(np.asarray(metrics[key])) for key in ("step", "loss", "gradient_norm", "param_norm")}
            with open(LOSSES, "a") as file:
                file.write(json.dumps(numbers) + "\n")

    assert jax.device_count() == 8
    return empty_module("wandb", init=lambda **settings: Run(), Settings=lambda **settings: None)


def empty_module(name: str, **names: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    vars(module).update(names)
    return module


def revive_old_names() -> None:
    """What these trainers use and newer versions of jax have dropped."""
    jax, pxla, jnp = (importlib.import_module(name) for name in ("jax", "jax.interpreters.pxla", "jax.numpy"))
    for name in ("tree_map", "tree_leaves", "tree_flatten", "tree_unflatten"):
        setattr(jax, name, getattr(jax.tree_util, name))
    if "thread_resources" not in dir(pxla):
        setattr(pxla, "thread_resources", importlib.import_module("jax._src.mesh").thread_resources)  # noqa: B010
    clip = jnp.clip
    if "a_min" not in inspect.signature(clip).parameters:
        setattr(jnp, "clip", lambda x, a_min=None, a_max=None, **more: clip(x, a_min, a_max, **more))  # noqa: B010


if __name__ == "__main__":
    main()

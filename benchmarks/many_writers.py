"""What each of up to 4,096 processes writes of a checkpoint, by the plan: `python -m benchmarks.many_writers`.

The plan is the one that saves go by (`reference.devices.file_plans`), and needs neither jax nor the processes. That
real runs of 2, 4 and 8 processes do what it says is a test: `benchmarks/tests/test_many_writers.py`.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from reference.devices.boxes import Box
from reference.devices.file_plans import FilePlan
from reference.devices.shares import Spread

from .trees import Path_, Shapes, layers_of_llama, llama

DEVICES: Final = 4  # of each process
_MIB: Final = 1 << 20
_HEAD: Final = (
    "model  processes  tp  mesh (dp, fsdp, tp)   file GB  of one: most MB  least MB  ranges  rounds  sent MB  buffer MB"
    "  plan s"
)
Spec = tuple[tuple[str, ...], ...]  # the axes of the mesh that cut each dimension

# How EasyLM lays LLaMA out: by the last keys of a leaf's path.
RULES: Final[dict[str, Spec]] = {
    "embedding": (("tp",), ("fsdp",)),
    "wq": (("fsdp",), ("tp",)),
    "wk": (("fsdp",), ("tp",)),
    "wv": (("fsdp",), ("tp",)),
    "wo": (("tp",), ("fsdp",)),
    "w1": (("fsdp",), ("tp",)),
    "w2": (("tp",), ("fsdp",)),
    "w3": (("fsdp",), ("tp",)),
    "lm_head": (("fsdp",), ("tp",)),
}


class Model(NamedTuple):
    """The shapes of a LLaMA."""

    layers: int
    width: int
    hidden: int
    keys: int  # the width of keys and values
    vocabulary: int

    def shapes(self) -> Shapes:
        outer = llama(0, self.width, self.hidden, self.vocabulary)
        return outer | layers_of_llama(self.layers, self.width, self.hidden, self.keys)


MODELS: Final = {
    "8B": Model(32, 4096, 14336, 1024, 128256),
    "70B": Model(80, 8192, 28672, 1024, 128256),
    "405B": Model(126, 16384, 53248, 1024, 128256),
}


class Figures(NamedTuple):
    """Of one plan: bytes, and what a process or a device has of each at most."""

    total: int
    most: int
    least: int
    ranges: int
    rounds: int
    sent: int
    buffer: int
    seconds: float


def mesh_of(processes: int, width: int, tensor: int, devices: int = DEVICES) -> dict[str, int]:
    """The sizes of the axes: as much of `fsdp` as a dimension of `width` can be cut, the rest are replicas."""
    count = processes * devices
    tensor = min(tensor, count)
    cut = math.gcd(width, count // tensor)
    return {"dp": count // tensor // cut, "fsdp": cut, "tp": tensor}


def spread_on(shape: tuple[int, ...], width: int, spec: Spec, mesh: dict[str, int], devices: int = DEVICES) -> Spread:
    """How an array lies on a mesh, of whose devices each process has so many, one behind the other."""
    axes, boxes = list(mesh), list[Box]()
    for place in itertools.product(*map(range, mesh.values())):
        box = []
        for i, n in enumerate(shape):
            at, parts = 0, 1
            for axis in spec[i] if i < len(spec) else ():
                at, parts = at * mesh[axis] + place[axes.index(axis)], parts * mesh[axis]
            box.append((at * n // parts, (at + 1) * n // parts))
        boxes.append(tuple(box))
    return Spread(shape, width, tuple(boxes), tuple(i // devices for i in range(len(boxes))))


def plan_of(
    shapes: Shapes, mesh: dict[str, int], processes: int, devices: int = DEVICES, heads: dict[Path_, int] | None = None
) -> FilePlan:
    """The plan of a plain stream of bfloat16, its heads some 100 bytes each where nothing else is said."""
    known: dict[tuple[tuple[int, ...], Spec], Spread] = {}
    spreads, sizes = [], []
    for path, (shape, _) in shapes.items():
        spec = next((RULES[key] for key in reversed(path) if key in RULES), ())
        if (shape, spec) not in known:
            known[shape, spec] = spread_on(shape, 2, spec, mesh, devices)
        spreads.append(known[shape, spec])
        sizes.append([(heads[path] if heads else 100, math.prod(shape) * 2)])
    return FilePlan(sizes, spreads, processes)


def figures(shapes: Shapes, mesh: dict[str, int], processes: int, devices: int = DEVICES) -> Figures:
    """What a plan comes to."""
    begun = time.perf_counter()
    plan = plan_of(shapes, mesh, processes, devices)
    seconds = time.perf_counter() - begun
    ranges = plan.ranges()
    rounds = sent = buffer = 0
    for leaf in plan.leaves:
        if leaf.shares is None or leaf.spread is None:
            continue
        if (exchange := leaf.shares.exchange) is not None:
            each = len(exchange.groups[0]) * exchange.part * leaf.spread.width
            rounds += exchange.rounds
            sent += each * exchange.rounds
            buffer = max(buffer, each)
    loads = [sum(n for _, n in each) for each in ranges]
    most = max(map(len, ranges))
    return Figures(plan.end, max(loads), min(loads), most, rounds, sent, buffer, seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_writers", description="What each would write.")
    parser.add_argument("--models", default=",".join(MODELS), help="which of them")
    parser.add_argument("--processes", default="1,2,4,8,64,512,4096", help="how many, of 4 devices each")
    parser.add_argument("--tensor", default="1,8", help="sizes of the axis of tensor parallelism")
    chosen = parser.parse_args(arguments)
    print(_HEAD)
    for name, tensor, n in itertools.product(
        chosen.models.split(","), map(int, chosen.tensor.split(",")), map(int, chosen.processes.split(","))
    ):
        model = MODELS[name]
        mesh = mesh_of(n, model.width, tensor)
        found = figures(model.shapes(), mesh, n)
        print(
            f"{name:<5} {n:>10} {tensor:>3}  {tuple(mesh.values())!s:<20} {found.total / 1e9:>8.1f} "
            f"{found.most / 1e6:>16.1f} {found.least / 1e6:>9.1f} {found.ranges:>7} {found.rounds:>7} "
            f"{found.sent / 1e6:>8.0f} {found.buffer / 1e6:>10.1f} {found.seconds:>7.2f}"
        )


if __name__ == "__main__":
    main()

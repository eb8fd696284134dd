"""The targets as data, and whether results meet them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from . import trees
from .measure import middle

Case = dict[str, Any]
_CHUNK: Final = 64 << 20  # bytes of the largest piece of a leaf that moves at a time
_MB: Final = 1e6


class Cases:
    """The results, by what they are of."""

    def __init__(self, results: dict[str, Any]) -> None:
        self._cases: dict[tuple[str, str, str], dict[str, Case]] = {}
        for case in results["cases"]:
            key = case["operation"], case["work"], case["place"]
            self._cases.setdefault(key, {})[case["peer"]] = case

    def keys(self) -> list[tuple[str, str, str]]:
        return list(self._cases)

    def group(self, operation: str, work: str, place: str) -> dict[str, Case]:
        return self._cases.get((operation, work, place), {})

    def get(self, peer: str, operation: str, work: str, place: str) -> Case:
        """Raises Missing where there is no figure."""
        case = self.group(operation, work, place).get(peer)
        if case is None:
            raise Missing("not measured")
        if "failure" in case:
            raise Missing(f"{peer}: {case['failure']}")
        return case


class Missing(Exception):
    """There is no figure that could be compared with the target."""


def seconds(case: Case) -> float:
    """The median."""
    return middle(case["seconds"])[1]


class Target(NamedTuple):
    """A bound on a figure. `figure` takes it from the results and raises Missing."""

    subject: str
    text: str
    bound: float
    at_least: bool
    unit: str
    figure: Callable[[Cases], float]


class Verdict(NamedTuple):
    target: Target
    figure: float | None
    met: bool | None  # None where there is no figure
    why: str = ""


def judge(results: dict[str, Any]) -> list[Verdict]:
    """Each target against the results."""
    cases = Cases(results)
    return [_judge(target, cases) for target in TARGETS]


def _judge(target: Target, cases: Cases) -> Verdict:
    try:
        figure = target.figure(cases)
    except Missing as missing:
        return Verdict(target, None, None, str(missing))
    met = figure >= target.bound if target.at_least else figure <= target.bound
    return Verdict(target, figure, met)


# --- kinds of targets ---------------------------------------------------------------------------------------------

_OURS: Final = "streamckpt"
_SEALED: Final = "streamckpt, sealed"
_UNCHECKED: Final = "streamckpt, sealed, unchecked"
_PLACE: Final = "tmpfs"


def _faster(
    operation: str, peer: str, times: float, work: str = "llama-1gb", ours: str = _OURS, than: str | None = None
) -> Target:
    def figure(cases: Cases) -> float:
        own, other = (cases.get(name, operation, work, _PLACE) for name in (ours, peer))
        return seconds(other) / seconds(own)

    text = than or f"{times:g} times as fast as {_named(peer)}"
    return Target(_subject(operation, work, ours), f"at least {text}", times, True, "x", figure)


def _within(operation: str, limit: str, bound: float, work: str = "llama-1gb", ours: str = _OURS) -> Target:
    def figure(cases: Cases) -> float:
        own, other = (cases.get(name, operation, work, _PLACE) for name in (ours, limit))
        return seconds(own) / seconds(other)

    return Target(_subject(operation, work, ours), f"within {bound:.2f} of {_named(limit)}", bound, False, "x", figure)


def _under(operation: str, work: str, bound: float, ours: str = _OURS) -> Target:
    figure = lambda cases: 1e3 * seconds(cases.get(ours, operation, work, _PLACE))  # noqa: E731
    return Target(_subject(operation, work, ours), f"under {bound:g} ms", bound, False, "ms", figure)


def _more(operation: str, work: str, ours: str, limit: str, bound: float) -> Target:
    def figure(cases: Cases) -> float:
        own, other = (cases.get(name, operation, work, _PLACE) for name in (ours, limit))
        return 1e3 * (seconds(own) - seconds(other))

    text = f"under {bound:g} ms more than {_named(limit)}"
    return Target(_subject(operation, work, ours), text, bound, False, "ms", figure)


def _memory(operation: str, work: str, bound: float, text: str, loaded: bool = False, ours: str = _OURS) -> Target:
    def figure(cases: Cases) -> float:
        case = cases.get(ours, operation, work, _PLACE)
        return (case["memory"] - (case["bytes"] if loaded else 0)) / _MB

    subject = _subject(operation, work, ours)
    return Target(subject, f"peak memory {text}, {bound / _MB:.0f} MB", bound / _MB, False, "MB", figure)


def _saved_memory(operation: str, work: str, over_loaded: bool) -> Target:
    leaf = trees.greatest(work)
    big = leaf > 256 << 20
    what = "what it loads" if over_loaded else "its input"
    return _memory(
        operation, work, _CHUNK if big else leaf, f"above {what}: at most one {'chunk' if big else 'leaf'}", over_loaded
    )


def _leaner(operation: str, ours: str, times: float) -> Target:
    def figure(cases: Cases) -> float:
        own, other = (cases.get(name, operation, "llama-1gb", _PLACE) for name in (ours, "usual logic"))
        return other["memory"] / max(own["memory"], 1)

    subject = _subject(operation, "llama-1gb", ours)
    return Target(subject, f"at most 1/{times:g} of the memory of the usual logic", times, True, "x", figure)


def _linear(operation: str, bound: float) -> Target:
    """What one record of the longest file costs, over one of a file of ten thousand."""

    def figure(cases: Cases) -> float:
        per = [
            seconds(cases.get(_OURS, operation, f"records-{n}", _PLACE)) / n
            for n in (trees.SERIES[1], trees.SERIES[-1])
        ]
        return per[1] / per[0]

    text = f"a record of 1,000,000 costs at most {bound:g} times one of 10,000"
    return Target(operation, text, bound, False, "x", figure)


def _subject(operation: str, work: str, ours: str = _OURS) -> str:
    tree = "" if work in ("llama-1gb", "llama-1gb-f32") else f", {trees.WORKS[work].title}"
    return operation + ours.removeprefix(_OURS) + tree


def _named(peer: str) -> str:
    names = {"cp": "`cp`", "plain read": "a plain read", "plain write": "a plain write", "safetensors": "safetensors"}
    names |= {_OURS: "a plain stream", _UNCHECKED: "the same without checks"}
    return names.get(peer, f"the {peer}")


def _targets() -> Sequence[Target]:
    loop, jitted = "usual loop", "usual loop, jitted gather"
    not_slower = "not slower than safetensors"
    found: list[Target] = []
    for operation in ("save numpy", "save jax"):
        found += [
            _within(operation, "plain write", 1.10),
            _faster(operation, loop, 3.5),
            _faster(operation, "safetensors", 1, than=not_slower),
        ]
    found += [
        _faster("save sharded", loop, 6),
        _faster("save sharded", jitted, 30),
        _within("load numpy", "plain read", 1.10),
        _faster("load numpy", loop, 6),
        _faster("load numpy", "safetensors", 2),
        _faster("load numpy", loop, 10, "llama-3gb"),
        _faster("load numpy", "safetensors", 4, "llama-3gb"),
        _faster("load jax", loop, 6),
        _faster("load jax", "safetensors", 2),
        _under("memory map", "llama-3gb", 50),
        _more("one tensor", "llama-3gb", "streamckpt, memory map", "plain read", 5),
        _faster("save numpy", loop, 1.6, "small-20k"),
        _faster("load numpy", loop, 1.6, "small-20k"),
        _faster("scan", loop, 2, "small-20k"),
    ]
    for operation in ("convert stream to flax", "convert flax to stream", "convert stream to safetensors"):
        found += [
            _within(operation, "cp", 1.10),
            _memory(operation, "llama-1gb", 100e6, "under"),
        ]
    found += [
        _faster("convert with a cast", "usual logic", 7, "llama-1gb-f32"),
        _memory("convert with a cast", "llama-1gb-f32", 150e6, "under"),
    ]
    for operation in ("diff", "recover"):
        for method, times in (("subtraction", 6), ("exact", 3)):
            ours = f"{_OURS}, {method}"
            found += [_faster(operation, "usual logic", times, ours=ours), _leaner(operation, ours, 50)]
    for work in ("llama-1gb", "llama-3gb", "leaf-3gib"):
        found += [_saved_memory("save numpy", work, False), _saved_memory("load numpy", work, True)]
    for way in ("jax", "sharded"):
        found += [_saved_memory(f"save {way}", "llama-1gb", False), _saved_memory(f"load {way}", "llama-1gb", True)]
    found += [_linear(operation, 1.5) for operation in ("save numpy", "load numpy", "scan")]
    return [*found, *_sealed_targets()]


def _sealed_targets() -> Sequence[Target]:
    """Those of trees of medium leaves, and of sealed streams."""
    return [
        _faster("load numpy", "usual loop", 7, "medium-1gb"),
        _faster("load numpy", "safetensors", 2.5, "medium-1gb"),
        *(
            _faster(operation, "safetensors", 1, ours=_SEALED, than="not slower than safetensors")
            for operation in ("save numpy", "save jax")
        ),
        _within("save numpy", _OURS, 1.05, ours=_SEALED),
        _within("load numpy", _UNCHECKED, 1.05, ours=_SEALED),
        _under("scan", "sparse-100gb", 50, ours=_SEALED),
        _more("one tensor", "llama-3gb", _SEALED, "plain read", 5),
        _faster("map to jax", "safetensors", 5, ours=_SEALED),
        _memory("map to jax", "llama-1gb", 50e6, "of its own, at most", ours=_SEALED),
    ]


TARGETS: Final = tuple(_targets())

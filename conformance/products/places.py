"""Where a leaf can stand, and where a header can: containers, each with other leaves before and behind what is looked
at.

A place is one value of one specimen in one container. A new container, specimen or slot multiplies with every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ..assembly import Bytes, int_, record_, str_
from ..declare import integer
from .specimens import ARRAY, CHUNKED, INT, SPECIMENS, TEXT, Specimen
from .values import Instead, Value, assembled, headed, plain, slots, text


class Container(NamedTuple):
    """A file around one leaf. `around` is given the value of the leaf."""

    name: str
    about: str
    part: str  # stream or flax
    path: tuple[str, ...]
    around: Callable[[Value], Value]
    before: Bytes  # whole records
    behind: Bytes
    others: tuple[dict[str, Any], ...]  # what is read from those: how many stand before is `first`
    first: int
    cut: str  # the clause that is broken where the input ends too early

    def file(self, leaf: Value, slot: str = "", instead: Instead = headed) -> Bytes:
        return self.before + assembled(self.around(leaf), slot, instead) + self.behind

    def records(self, specimen: Specimen) -> list[dict[str, Any]]:
        """What is read, in the order of the bytes."""
        return [*self.others[: self.first], specimen.read(list(self.path)), *self.others[self.first :]]


def record_around(path: tuple[str, ...]) -> Callable[[Value], Value]:
    """What makes a record of a leaf."""
    parts = tuple(text(f"part-{i}-of-the-path", part, "KEY-1") for i, part in enumerate(path))

    def around(leaf: Value) -> Value:
        keys = Value("array", "path", len(parts), parts, clause="KEY-1")
        return Value("array", "record", 2, (keys, Value("bin", "blob", inner=(leaf,), clause="REC-2")), clause="REC-1")

    return around


def _maps(path: tuple[str, ...], is_last: bool = False) -> Callable[[Value], Value]:
    """A root map of three entries, of which the second is the way to the leaf; without the third it `is_last`."""
    before, behind = (plain("", entry.data().hex()) for entry in (str_("a") + int_(1), str_("z") + int_(2)))

    def around(leaf: Value) -> Value:
        for i in reversed(range(1, len(path))):
            leaf = Value("map", f"map-{i}", 1, (text(f"key-{i}", path[i], "FLAX-2"), leaf), clause="FLAX-2")
        inner = (before, text("key-0", path[0], "FLAX-2"), leaf, *([] if is_last else [behind]))
        return Value("map", "root", 2 if is_last else 3, inner, clause="FLAX-1")

    return around


_A, _Z = integer("a", 1), integer("z", 2)
_STREAM = (record_("a", int_(1)), record_("z", int_(2)), (_A, _Z), 1, "STREAM-2")
_FLAX = (Bytes(), Bytes(), (_A, _Z), 1, "FLAX-6")
_DEEP = ("m", "nn", "", "k")

CONTAINERS: Final = (
    Container("a-record", "in a record", "stream", ("k",), record_around(("k",)), *_STREAM),
    Container("a-flax-file", "in a flax file", "flax", ("k",), _maps(("k",)), *_FLAX),
    Container("a-flax-file-4-deep", "in a flax file, under four keys", "flax", _DEEP, _maps(_DEEP), *_FLAX),
)
DEEP_RECORD: Final = Container(
    "a-record-4-deep", "in a record with a key path of four parts", "stream", _DEEP, record_around(_DEEP), *_STREAM
)
# The leaf ends the file. On a pipe nobody knows yet that it does.
LAST: Final = (
    Container(
        *("the-last-record", "in the last record", "stream", ("k",), record_around(("k",))),
        *(record_("a", int_(1)), Bytes(), (_A,), 1, "STREAM-2"),
    ),
    Container(
        *("the-end-of-a-flax-file", "at the end of a flax file", "flax", ("k",), _maps(("k",), is_last=True)),
        *(Bytes(), Bytes(), (_A,), 1, "FLAX-6"),
    ),
)


class Place(NamedTuple):
    """A value of a specimen in a container, named by its slot."""

    container: Container
    specimen: Specimen
    value: Value

    @property
    def name(self) -> str:
        return f"{self.value.slot}-of-{self.specimen.name}-in-{self.container.name}"

    @property
    def about(self) -> str:
        slot = self.value.slot.replace("-", " ")
        return f"the {slot} of {self.specimen.about} {self.container.about}"

    @property
    def part(self) -> str:
        return self.container.part

    def put(self, instead: Instead) -> Bytes:
        """The file, with what is given at this place."""
        return self.container.file(self.specimen.value, self.value.slot, instead)

    def records(self) -> list[dict[str, Any]]:
        return self.container.records(self.specimen)

    def encloses(self) -> bool:
        """Whether a body encloses the value, which ends before the input does."""
        inside = {one.slot for one in slots(self.specimen.value)}
        return self.value.slot in inside and (self.part == "stream" or self._depth() > 0)

    def _depth(self) -> int:
        """In how many bodies of the specimen the value stands."""

        def find(value: Value, depth: int) -> int:
            if value.slot == self.value.slot:
                return depth
            below = [find(one, depth + (value.kind in ("bin", "ext"))) for one in value.inner]
            return max(below, default=-1)

        return find(self.specimen.value, 0)


def _specimens(container: Container) -> tuple[Specimen, ...]:
    """What stands in a container: leaves of every kind near its root, and far below it those that are read by
    themselves."""
    if container is DEEP_RECORD:
        return INT, ARRAY
    return SPECIMENS if len(container.path) == 1 else (INT, TEXT, ARRAY, CHUNKED)


def _all() -> list[Place]:
    """What is around a leaf is the same for leaves of every kind, and is looked at around two."""
    found = []
    for container in (*CONTAINERS, DEEP_RECORD):
        for specimen in _specimens(container):
            inside = {one.slot for one in slots(specimen.value)}
            found += [
                Place(container, specimen, value)
                for value in slots(container.around(specimen.value))
                if (container is not DEEP_RECORD if value.slot in inside else specimen in (INT, ARRAY))
            ]
    return found


PLACES: Final = tuple(_all())

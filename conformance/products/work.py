"""Many records, keys and chunks: the time that they take does not grow with the square of their number, and the text
sets no limit to it (STREAM-7, CONF-2). All are made at run time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ..assembly import (
    MARKER,
    Bytes,
    Part,
    arr_,
    bin_,
    fill,
    here,
    int_,
    map_,
    ndarray_,
    numbered,
    path_,
    raw,
    record_,
    str_,
)
from ..declare import array, integer
from ..repetition import Counted
from .product import Plain, product

_N: Final = 200_000  # compared each with each, 2 * 10^10 pairs: more than the ten seconds that a program has
_READ: Final = 70_000  # leaves that are printed, and written


class Many(NamedTuple):
    """So many leaves of the int 7, whose keys are alike but for six digits; and what can stand behind them."""

    name: str
    about: str
    part: str
    leaves: Callable[[int, int], Bytes]  # so many, with room for so many more in a count
    again: Callable[[str, bytes], Bytes]  # a further leaf of the number in six digits, with parts below it
    path: tuple[str, ...]


def _in_records(name: str, about: str, *path: str) -> Many:
    """`%06x` in the path stands for the digits."""
    sample = [part.replace("%06x", "000000") for part in path]
    record = record_(sample, int_(7)).data()
    at = record.index(b"000000")

    def again(number: str, below: bytes) -> Bytes:
        parts = [part.replace("%06x", number) for part in path] + ([below.decode()] if below else [])
        return here("! again") + record_(parts, int_(7))

    return Many(name, about, "stream", lambda n, _: Bytes(Part(record, "", n, counted=Counted(at))), again, path)


def _in_a_map(name: str, about: str, prefix: str) -> Many:
    entry = (str_(prefix + "000000") + int_(7)).data()

    def again(number: str, below: bytes) -> Bytes:
        key = here("! again") + str_(prefix + number)
        return key + (map_(1) + str_(below) if below else Bytes()) + int_(7)

    def leaves(n: int, more: int) -> Bytes:
        return map_(n + more) + Bytes(Part(entry, "", n, counted=Counted(len(entry) - 7)))

    return Many(name, about, "flax", leaves, again, (f"{prefix}%06x",))


_SHORT: Final = _in_records("records", "in records of one part", "%06x")
_LAYERS: Final = _in_records("records-below-one-key", "in records under one key", "params", "layer_%06x")
_FLAX: Final = _in_a_map("flax-keys", "in one map of a flax file, whose keys begin with the same 60 bytes", "x" * 60)
_AGAIN: Final = (
    Plain("the-first-twice", "the first once more", ("000000", b"")),
    Plain("one-in-the-middle-twice", "one in the middle once more", ("018000", b"")),
    Plain("below-the-first", "one below the first", ("000000", b"b")),
)
_CLASHES: Final = (
    ("records", "the-first-twice"),
    ("records-below-one-key", "below-the-first"),
    ("flax-keys", "one-in-the-middle-twice"),
)


def _clash(many: Many, again: Plain) -> tuple[str, ...]:
    return ("FLAX-5",) if many.part == "flax" else ("STREAM-5",) if again.value[1] else ("STREAM-4",)


@product("STREAM-7", want="reject", places=(_SHORT, _LAYERS, _FLAX), sizes=_AGAIN, cites=_clash)
def two_hundred_thousand_leaves_and_a_clash(many: Many, again: Plain):
    """Behind 200,000 leaves stands one that clashes with one of them. To compare each with each would take more time
    than a program has."""
    if (many.name, again.name) not in _CLASHES:  # one of each, since each takes a second
        return None
    return many.leaves(_N, 1) + many.again(*again.value)


@product("STREAM-7", "CONF-2", want="accept", places=(_LAYERS,), canonical=True)
def seventy_thousand_leaves(many: Many, _: Plain):
    """Seventy thousand leaves are read and written: the text sets no limit to their number."""
    record: dict[str, Any] = integer(list(many.path), 7)
    return many.leaves(_READ, 0), [record | {"series": _READ}]


_CHUNKS: Final = (Plain("record", "in a record"), Plain("flax", "in a flax file", part="flax"))


@product("LEAF-12", "STREAM-7", want="accept", places=_CHUNKS)
def seventy_thousand_chunks(place: Plain, _: Plain):
    """A chunked array of 70,000 chunks of one element, all of them 7."""
    n = _READ
    chunk = ndarray_("int8", (1,), "07")
    chunks = Bytes()
    for digits in range(1, 6):
        key = str_("0" * digits)
        first = 10 ** (digits - 1) if digits > 1 else 0
        times = min(10**digits, n) - first
        chunks += Bytes(Part((key + chunk).data(), "", times, counted=Counted(1, digits, 10, first)))
    leaf = map_(3) + str_(MARKER) + raw("c3") + str_("shape") + numbered([int_(n)])
    leaf += str_("chunks") + map_(n) + chunks
    wanted = [array("k", "int8", (n,), fill(7, n))]
    return (map_(1) + str_("k") + leaf if place.part == "flax" else arr_(2) + path_("k") + bin_(leaf)), wanted

"""Conversions of contents that are longer than a buffer, of leaves of every kind, from each kind of file to each other
(CONV-1); and refusals behind much that is good (CONF-7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ..assembly import (
    Bytes,
    Part,
    arr_,
    bin_,
    data,
    fill,
    here,
    int_,
    map_,
    ndarray_,
    path_,
    patterned,
    raw,
    record_,
    str_,
    together,
)
from ..cases.conversion_kinds import safetensors_
from ..declare import Conversion
from ..repetition import Counted
from .payloads import CHUNKED, CONTENTS, Content
from .product import Plain, product
from .sizes import BUFFERS, Size, sizes
from .specimens import SPECIMENS
from .values import assembled

Leaves = Sequence[tuple[tuple[str, ...], Bytes]]


def in_records(leaves: Leaves) -> Bytes:
    return together([record_(path, leaf) for path, leaf in leaves])


def in_maps(leaves: Leaves) -> Bytes:
    """Nested maps; leaves of one subtree stand together."""
    below: dict[str, list[tuple[tuple[str, ...], Bytes]]] = {}
    for (first, *rest), leaf in leaves:
        below.setdefault(first, []).append((tuple(rest), leaf))
    entries = [str_(key) + (held[0][1] if held[0][0] == () else in_maps(held)) for key, held in below.items()]
    return map_(len(entries)) + together(entries)


class Route(NamedTuple):
    """From one kind of file to another."""

    name: str
    about: str
    conversion: Conversion
    before: Callable[[Leaves], Bytes]
    after: Callable[[Leaves], Bytes]


ROUTES: Final = (
    Route("stream-to-stream", "from a stream to a stream", Conversion(), in_records, in_records),
    Route("stream-to-flax", "from a stream to a flax file", Conversion(streaming=False), in_records, in_maps),
    Route("flax-to-stream", "from a flax file to a stream", Conversion("flax"), in_maps, in_records),
    Route("flax-to-flax", "from a flax file to a flax file", Conversion("flax", streaming=False), in_maps, in_maps),
)


def _convert(_: Any) -> str:
    return "convert"


def _around(leaf: Bytes) -> Leaves:
    """With others before it, behind it, and in its subtree."""
    return [(("a",), int_(1)), (("m", "k"), leaf), (("m", "n"), str_("behind")), (("z",), int_(2))]


class Carried(NamedTuple):
    """A content on a route."""

    route: Route
    content: Content

    @property
    def name(self) -> str:
        return f"{self.content.name}-from-{self.route.name}"

    @property
    def about(self) -> str:
        return f"{self.content.about} {self.route.about}"


_CARRIED: Final = [Carried(route, content) for route in ROUTES for content in CONTENTS[:4]]
_LENGTHS: Final = sizes("bytes", [n + 16 * (i + 1) for i, n in enumerate(BUFFERS)])


@product("CONV-1", want="accept", places=_CARRIED, sizes=_LENGTHS, part=_convert)
def content_that_is_carried_over(case: Carried, size: Size):
    """A leaf whose content is longer than a common buffer, of 1 KiB to 4 MiB, comes out as it went in. Its content does
    not repeat itself at any power of two."""
    if (_CARRIED.index(case) + _LENGTHS.index(size)) % 2:
        return None
    leaves = _around(case.content.leaf(size.n))
    return case.route.conversion, case.route.before(leaves), case.route.after(leaves)


@product("CONV-1", "LEAF-12", want="accept", places=ROUTES, sizes=_LENGTHS[::2], part=_convert)
def chunks_that_become_one_piece(route: Route, size: Size):
    """An array in two chunks comes out in one piece, as a writer writes it."""
    before, after = _around(CHUNKED.leaf(size.n)), _around(ndarray_("uint8", (size.n,), patterned(size.n)))
    return route.conversion, route.before(before), route.after(after)


@product("CONV-1", want="accept", places=ROUTES, sizes=SPECIMENS[:-1], part=_convert)
def leaves_of_every_kind_are_kept(route: Route, specimen: Any):
    """A leaf of each kind, between others and in their subtree, comes out as it went in."""
    leaves = _around(assembled(specimen.value))
    return route.conversion, route.before(leaves), route.after(leaves)


_DEPTHS: Final = sizes("parts", (1, 2, 3, 15, 16, 17, 64, 255, 256, 510))


@product("CONV-1", "KEY-3", want="accept", places=ROUTES, sizes=_DEPTHS, part=_convert)
def paths_of_every_depth(route: Route, size: Size):
    """A leaf below so many keys, and other leaves beside the keys, below the first, at half the depth, and at all of
    it."""
    above = tuple(f"{i % 7}" for i in range(size.n))
    beside = {i for i in (1, size.n // 2, size.n - 1) if 0 < i < size.n}
    leaves = [((*above, "k"), int_(1)), *(((*above[:i], "b"), int_(2)) for i in sorted(beside, reverse=True))]
    flax = map_(1) + str_("k") + int_(1)
    for i in reversed(range(1, size.n)):
        last = str_("b") + int_(2) if i in beside else Bytes()
        flax = data((map_(2 if i in beside else 1) + str_(above[i]) + flax + last).data())
    stream, flax = data(in_records(leaves).data()), map_(1) + str_(above[0]) + flax
    return route.conversion, *(stream if kind is in_records else flax for kind in (route.before, route.after))


_COUNTS: Final = sizes("leaves", (15, 16, 17, 255, 256, 1023, 4097, 70_000))


@product("CONV-1", "TREE-5", want="accept", places=ROUTES, sizes=_COUNTS, part=_convert)
def leaves_in_every_number(route: Route, size: Size):
    """So many leaves in one subtree, in an order that is not that of their names."""
    if size.n > 65_536 and route.name != "stream-to-flax":
        return None

    def series(one: Bytes, at: int) -> Bytes:
        return Bytes(Part(one.data(), "", size.n, counted=Counted(at)))

    record, entry = record_(("m", "000000"), int_(7)), str_("000000") + int_(7)
    stream = record_("z", int_(1)) + series(record, record.size - 9) + record_("a", int_(2))
    flax = (
        map_(3) + str_("z") + int_(1) + str_("m") + map_(size.n) + series(entry, entry.size - 7) + str_("a") + int_(2)
    )
    return route.conversion, *(stream if kind is in_records else flax for kind in (route.before, route.after))


# --- safetensors -------------------------------------------------------------------------------------------------

_SAFE: Final = (
    Plain("to-stream", "from safetensors to a stream", (Conversion("safetensors"), in_records)),
    Plain("to-flax", "from safetensors to a flax file", (Conversion("safetensors", streaming=False), in_maps)),
)


@product("CONV-8", "CONV-1", want="accept", places=_SAFE, sizes=_LENGTHS, part=_convert)
def tensors_of_every_length(place: Plain, size: Size):
    """A tensor of safetensors that is longer than a common buffer, between two others."""
    conversion, after = place.value
    n = size.n
    entries = (("a", "U8", 1, 0, 3), ("m.k", "I16", 2, 3, 3 + n), ("z", "U8", 1, 3 + n, 5 + n))
    header = ",".join(
        f'"{name}":{{"dtype":"{dtype}","shape":[{(end - start) // width}],"data_offsets":[{start},{end}]}}'
        for name, dtype, width, start, end in entries
    )
    file = safetensors_("{" + header + "}", "") + fill(7, 3) + patterned(n) + fill(9, 2)
    leaves = [
        (("a",), ndarray_("uint8", (3,), "07 07 07")),
        (("m", "k"), ndarray_("int16", (n // 2,), patterned(n))),
        (("z",), ndarray_("uint8", (2,), "09 09")),
    ]
    return conversion, file, after(leaves)


# --- refusals ----------------------------------------------------------------------------------------------------

_GOOD: Final = sizes("bytes that are good", (0, 1024, 4096, 65_536, 131_072, 1 << 20, 5 << 20))
_FAULTS: Final = (
    Plain("left-over", "a byte left over", (here("! left over") + raw("0a"), "REC-1", "FLAX-1")),
    Plain("not-utf-8", "a text that is not UTF-8", (None, "WIRE-5", "WIRE-5")),
    Plain("cut", "a cut", (None, "STREAM-2", "FLAX-6")),
    Plain("twice", "the same path again", (None, "STREAM-4", "FLAX-5")),
    Plain("payload", "a payload of a wrong length", (None, "LEAF-5", "LEAF-5")),
)


class Faulty(NamedTuple):
    """A fault at the end of what a route begins with."""

    route: Route
    fault: Plain

    @property
    def name(self) -> str:
        return f"{self.fault.name}-from-{self.route.name}"

    @property
    def about(self) -> str:
        return f"{self.fault.about}, {self.route.about}"

    def clause(self) -> str:
        return self.fault.value[1 if self.route.before is in_records else 2]


@product(
    "CONF-7",
    want="reject",
    places=[Faulty(route, fault) for route in ROUTES for fault in _FAULTS],
    sizes=_GOOD,
    part=_convert,
    cites=lambda case, _: (case.clause(),),
    also=lambda case, _: ("STREAM-1", "STREAM-2") if case.fault.name == "left-over" else ("WIRE-3",),
)
def a_fault_behind_much_that_is_good(case: Faulty, size: Size):
    """The input is good for so many bytes, and then is not. The file that stood at the output's name is as it was."""
    good = ndarray_("uint8", (size.n,), patterned(size.n))
    bad = {
        "not-utf-8": ("k", here("! not UTF-8") + raw("a2 c3 28")),
        "twice": ("good", int_(1)),
        "payload": ("k", ndarray_("int8", (2,), "07")),
        "cut": ("k", raw("c0")),
    }.get(case.fault.name)
    if case.route.before is in_records:
        file = record_("good", good)
        if bad is None:
            return case.route.conversion, file + here("! left over") + raw("0a")
        leaf = bin_(bad[1])
        second = arr_(2) + path_(bad[0]) + leaf
        return case.route.conversion, file + (second if case.fault.name != "cut" else raw("92 91 a1"))
    last = Bytes() if bad is None else str_(bad[0]) + bad[1] if case.fault.name != "cut" else raw("a1")
    file = map_(1 if bad is None else 2) + str_("good") + good + last
    return case.route.conversion, file + (here("! left over") + raw("0a") if bad is None else Bytes())

"""Conversions from and to sealed streams, of leaves of every kind (CONV-1), and sealed bases and targets of deltas
(chapter 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ..assembly import PATTERN, Bytes, map_, patterned, raw, record_, str_, together
from ..cases.conversion_kinds import safetensors_
from ..cases.delta_assembly import BASE, MARK, TARGET, blocks, manifest, manifest_
from ..cases.delta_assembly import stream as plain_of
from ..cases.sealed_assembly import seal_, sealed
from ..cases.sealed_leaves import Item, item, number, of_specimen, tensor
from ..declare import Conversion
from .product import Plain, product
from .specimens import SPECIMENS
from .values import assembled

_META: Final = {"step": 1000, "nested": {"a": [1, None, "x"], "b": b"\0"}}


def _plain(items: Sequence[Item]) -> Bytes:
    return together([record_(one.leaf.path, one.leaf.encoded) for one in items])


def _sealed(items: Sequence[Item]) -> Bytes:
    """Without metadata: from what has none."""
    return sealed(items).data()


def _with_metadata(items: Sequence[Item]) -> Bytes:
    return sealed(items, metadata=_META).data()


def _to_4096(items: Sequence[Item]) -> Bytes:
    """With digests and another alignment, which are not kept."""
    placed = [_aligned(one) for one in items]
    return sealed(placed, 4096, _META, True).data()


def _aligned(one: Item) -> Item:
    """The same leaf at an alignment of 4,096."""
    leaf = one.leaf
    if leaf.kind != "ndarray" or leaf.content.size < 4096 or leaf.dtype is None:
        return one
    return tensor(leaf.path, leaf.dtype, leaf.shape or (), leaf.content, 4096)


def _flax(items: Sequence[Item]) -> Bytes:
    """A map of all leaves, each of which has a key path of one part."""
    return map_(len(items)) + together([str_(one.leaf.path[0]) + one.leaf.encoded for one in items])


class Route(NamedTuple):
    """From one kind of file to another."""

    name: str
    about: str
    conversion: Conversion
    before: Callable[[Sequence[Item]], Bytes]
    after: Callable[[Sequence[Item]], Bytes]
    part: str = "convert"


_TO: Final = Conversion(format="2.0")
ROUTES: Final = (
    Route("plain-to-sealed", "from a plain stream to a sealed one", _TO, _plain, _sealed),
    Route("flax-to-sealed", "from a flax file to a sealed stream", _TO._replace(prefix="flax"), _flax, _sealed),
    Route(
        "sealed-to-sealed", "from a sealed stream to a sealed one, with metadata", _TO, _with_metadata, _with_metadata
    ),
    Route(
        "another-alignment", "from a sealed stream of another alignment, with digests", _TO, _to_4096, _with_metadata
    ),
    Route("sealed-to-plain", "from a sealed stream to a plain one", Conversion(format="1.0"), _with_metadata, _plain),
    Route("sealed-to-flax", "from a sealed stream to a flax file", Conversion(streaming=False), _to_4096, _flax),
    Route(
        "recognised", "from a sealed stream without a prefix", Conversion(None, format="1.0"), _with_metadata, _plain
    ),
)
_LARGE: Final = tensor("w", "bfloat16", (64, 65), patterned(64 * 65 * 2))
_LEAVES: Final = [
    *(Plain(one.name, one.about, of_specimen(one)) for one in SPECIMENS[:-1]),
    Plain("padded", "an array that is padded", _LARGE),
]


@product("CONV-1", "SEAL-7", "META-4", want="accept", places=ROUTES, sizes=_LEAVES)
def leaves_that_go_to_and_from_sealed_streams(route: Route, leaf: Plain):
    """A leaf of each kind, between others, comes out as a writer writes it there. From one sealed stream to another the
    metadata is kept."""
    items = [number("a", 1), leaf.value, number("z", 2)]
    return route.conversion, route.before(items), route.after(items)


_FAULTS: Final[dict[str, tuple[str, Callable[[Bytes], Bytes]]]] = {
    "cut": ("SEAL-5", lambda whole: whole.piece(0, whole.size - 1)),
    "no-seal": ("SEAL-5", lambda whole: whole.piece(0, int.from_bytes(whole.data()[-40:-32], "big"))),
    "payload": ("SUM-3", lambda whole: _flipped(whole, whole.data().index(PATTERN[:64]) + 5000)),
    "line-feed": ("SEAL-5", lambda whole: whole + raw("0a")),
    "metadata": ("SEAL-4", lambda whole: _flipped(whole, whole.size - 100)),
}


def _flipped(whole: Bytes, at: int) -> Bytes:
    changed = bytearray(whole.data())
    changed[at] ^= 0x10
    return Bytes(*raw(changed.hex()).parts)


_FROM: Final = [route for route in ROUTES if "from a sealed" in route.about]
_BROKEN: Final = [Plain(name, f"a fault of {clause}", (clause, made)) for name, (clause, made) in _FAULTS.items()]


@product(
    "SEAL-2",
    "CONF-7",
    want="reject",
    places=_FROM,
    sizes=_BROKEN,
    cites=lambda _, fault: (fault.value[0], "CONF-7"),
    also=("INDEX-8", "SEAL-4"),
)
def damaged_inputs_are_not_converted(route: Route, fault: Plain):
    """The sealed input is damaged. The file that stood at the output's name is as it was."""
    return route.conversion, fault.value[1](route.before([number("a", 1), _LARGE, number("z", 2)]))


# --- safetensors -------------------------------------------------------------------------------------------------


_TENSORS: Final = [Plain(f"{n}-bytes", f"a tensor of {n:,} bytes", n) for n in (8, 4095, 4096, 10_000)]


@product("CONV-8", "ALIGN-3", want="accept", places=_TENSORS, part=lambda _: "convert")
def safetensors_to_sealed_streams(place: Plain, _: Plain):
    """A safetensors file without metadata becomes a sealed stream."""
    n = place.value
    header = f'{{"w":{{"dtype":"U8","shape":[{n}],"data_offsets":[0,{n}]}}}}'
    return (
        _TO._replace(prefix="safetensors"),
        safetensors_(header, "") + patterned(n),
        _sealed([tensor("w", "uint8", (n,), patterned(n))]),
    )


# --- deltas ------------------------------------------------------------------------------------------------------


def _items(leaves: Sequence[Any], alignment: int = 64) -> list[Item]:
    """The leaves of a delta's case, in a sealed stream."""
    return [_aligned(item(one, {})) if alignment == 4096 else item(one, {}) for one in leaves]


_SIDES: Final = [
    Plain("sealed-base", "a sealed base, to a plain stream", ("2.0", "1.0"), "recover"),
    Plain("sealed-output", "a plain base, to a sealed stream", ("1.0", "2.0"), "recover"),
    Plain("sealed-base-and-output", "a sealed base, to a sealed stream", ("2.0", "2.0"), "recover"),
]
_SEALS: Final = [Plain("digests", "with digests", True), Plain("no-digests", "without digests", False)]


@product("DELTA-12", "INDEX-9", want="accept", places=_SIDES, sizes=_SEALS)
def deltas_between_plain_and_sealed_streams(sides: Plain, digests: Plain):
    """The base is sealed, or what is recovered is. A delta is the same whatever its base stands in."""
    before, after = sides.value
    if before == "1.0" and digests.value:
        return None
    base = sealed(_items(BASE), metadata=_META, digests=digests.value).data() if before == "2.0" else plain_of(BASE)
    target = sealed(_items(TARGET)).data() if after == "2.0" else plain_of(TARGET)
    return Conversion(format=after), base, MARK + blocks() + manifest_(manifest(BASE, TARGET)), target


@product(
    "SEAL-5",
    "DELTA-11",
    want="reject",
    places=_BROKEN[:4],
    part=lambda _: "recover",
    cites=lambda fault, _: (fault.value[0], "CONF-7"),
    also=("INDEX-8", "DELTA-11"),
)
def damaged_bases_are_refused(fault: Plain, _: Plain):
    """The sealed base is damaged: nothing is recovered from it."""
    leaves = [*BASE, _LARGE.leaf]
    base = sealed([*_items(BASE), _LARGE], metadata=_META, digests=True).data()
    return (
        Conversion(format="1.0"),
        fault.value[1](base),
        MARK + blocks() + manifest_(manifest(leaves, [*TARGET, _LARGE.leaf])),
    )


@product(
    "SEAL-5",
    "CONF-7",
    want="reject",
    places=_BROKEN[:4],
    part=lambda _: "diff",
    cites=lambda fault, _: (fault.value[0], "CONF-7"),
    also=("INDEX-8",),
)
def damaged_targets_have_no_delta(fault: Plain, _: Plain):
    """The sealed target is damaged: no delta of it is written."""
    base = sealed(_items(BASE)).data()
    target = fault.value[1](sealed([*_items(TARGET), _LARGE]).data())
    return Conversion(format="1.0"), base, target


@product(
    "DELTA-1",
    "SEAL-2",
    want="reject",
    places=(Plain("sealed", "a seal behind it", None, "recover"),),
    also=("REC-1", "DELTA-2", "STREAM-1", "SEAL-1", "STREAM-2", "WIRE-3"),
)
def a_delta_is_not_sealed(_: Plain, __: Plain):
    """Behind the manifest of a delta stands a seal: what follows the mark of a delta is a plain stream."""
    delta = MARK + blocks() + manifest_(manifest(BASE, TARGET))
    return Conversion(format="1.0"), plain_of(BASE), delta + seal_(delta.size, assembled(sealed(_items(BASE)).index()))

"""Casts for every pair of dtypes, of arrays, scalars and chunks, in streams and flax files: CONV-2, CONV-3, LEAF-13."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ..assembly import PATTERN, Bytes, Part, data, map_, ndarray_, raw, record_, scalar_, str_, together
from ..cases.conversion_casts import value_
from ..declare import Conversion
from .arrays import chunked_map, int_
from .floats import FORMATS, cast, edges
from .product import Plain, product

_NAMES: Final = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32", "float64": "fp64"}


class Pair(NamedTuple):
    """From one dtype to another."""

    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{self.old}-to-{self.new}"

    @property
    def about(self) -> str:
        return f"from {self.old} to {self.new}"


_PAIRS: Final = [Pair(old, new) for old in FORMATS for new in FORMATS]


def words(tag: str, bits: Sequence[int]) -> Bytes:
    size = FORMATS[tag].size
    return data(b"".join(one.to_bytes(size, "little") for one in bits))


def _cast_words(pair: Pair, bits: Sequence[int]) -> Bytes:
    return words(pair.new, [cast(FORMATS[pair.old], FORMATS[pair.new], one) for one in bits])


class Kept(NamedTuple):
    """How floats are kept that are cast: the file of a dtype with the words in it, before and after the cast."""

    name: str
    about: str
    conversion: Conversion
    before: Callable[[str, Bytes], Bytes]
    after: Callable[[str, Bytes], Bytes]


def _n(tag: str, payload: Bytes) -> int:
    return payload.size // FORMATS[tag].size


def _vector(tag: str, payload: Bytes) -> Bytes:
    return ndarray_(tag, (_n(tag, payload),), payload)


def _each(tag: str, payload: Bytes) -> list[Bytes]:
    size = FORMATS[tag].size
    return [payload.piece(at, size) for at in range(0, payload.size, size)]


def _in_stream(tag: str, payload: Bytes) -> Bytes:
    return record_("w", _vector(tag, payload))


def _in_flax(tag: str, payload: Bytes) -> Bytes:
    return map_(1) + str_("m") + map_(1) + str_("w") + _vector(tag, payload)


def _matrix(tag: str, payload: Bytes) -> Bytes:
    return record_(("m", "w"), ndarray_(tag, (1, _n(tag, payload), 1), payload))


def _scalars(tag: str, payload: Bytes) -> Bytes:
    return together([record_(f"{i}", scalar_(tag, one)) for i, one in enumerate(_each(tag, payload))])


def _zero_dimensional(tag: str, payload: Bytes) -> Bytes:
    return together([record_(f"{i}", ndarray_(tag, (), one)) for i, one in enumerate(_each(tag, payload))])


def _chunked(tag: str, payload: Bytes) -> Bytes:
    """Three chunks, the second of one element."""
    size, n = FORMATS[tag].size, _n(tag, payload)
    cuts = [0, n // 3, n // 3 + 1, n]
    pieces = [payload.piece(a * size, (b - a) * size) for a, b in itertools.pairwise(cuts)]
    return record_("w", chunked_map([int_(n)], [_vector(tag, piece) for piece in pieces]))


_KEPT: Final = (
    Kept("array", "an array of a stream", Conversion(), _in_stream, _in_stream),
    Kept("flax-array", "an array of a flax file", Conversion("flax", streaming=False), _in_flax, _in_flax),
    Kept("matrix", "an array of three dimensions", Conversion(), _matrix, _matrix),
    Kept("chunked", "a chunked array, which comes out in one piece", Conversion(), _chunked, _in_stream),
    Kept("scalars", "scalars", Conversion(), _scalars, _scalars),
    Kept("zero-dimensional", "arrays of no dimension", Conversion(None), _zero_dimensional, _zero_dimensional),
)


@product("CONV-3", "CONV-2", want="accept", places=_KEPT, sizes=_PAIRS, part=lambda _: "convert")
def floats_at_every_edge(kept: Kept, pair: Pair):
    """Numbers of both signs at the edges of both dtypes: the smallest and largest, subnormal and normal, ties, those
    next to them, zeros and infinities."""
    old, new = FORMATS[pair.old], FORMATS[pair.new]
    bits = [sign | one for one in edges(old, new) for sign in (0, old.sign)]
    conversion = kept.conversion._replace(float_dtype=_NAMES[pair.new])
    made = _cast_words(pair, bits)
    return conversion, kept.before(pair.old, words(pair.old, bits)), kept.after(pair.new, made)


@product(
    "CONV-3",
    want="accept",
    places=_KEPT[:2],
    sizes=[pair for pair in _PAIRS if pair.old != pair.new],
    part=lambda _: "convert",
)
def nans_of_every_pattern(kept: Kept, pair: Pair):
    """NaNs of both signs, quiet and signalling, with the lowest, highest or all bits of their fraction: any NaN of the
    same sign is right, and nothing else is."""
    old = FORMATS[pair.old]
    quiet = 1 << old.fraction - 1
    fractions = (1, 2, quiet - 1, quiet, quiet | 1, 2 * quiet - 1)
    bits = [sign | old.infinity | one for one in fractions for sign in (0, old.sign)]
    due = together([value_(pair.new, "-nan" if one & old.sign else "+nan") for one in bits])
    conversion = kept.conversion._replace(float_dtype=_NAMES[pair.new])
    return conversion, kept.before(pair.old, words(pair.old, bits)), kept.after(pair.new, due)


@product(
    "CONV-1",
    "CONV-2",
    want="accept",
    places=_KEPT,
    sizes=[Plain(tag, tag, tag) for tag in FORMATS],
    part=lambda _: "convert",
)
def nans_that_are_not_cast(kept: Kept, dtype: Plain):
    """NaNs of both signs, quiet and signalling, where no cast is asked for: every bit of them is kept."""
    form = FORMATS[dtype.value]
    bits = [
        sign | form.infinity | one
        for one in (1, 2, form.infinity >> 5 & ((1 << form.fraction) - 1) | 1, (1 << form.fraction) - 1)
        for sign in (0, form.sign)
    ]
    payload = words(dtype.value, bits)
    return kept.conversion, kept.before(dtype.value, payload), kept.after(dtype.value, payload)


_OTHERS: Final = (
    Plain(
        "complex64",
        "parts of complex64",
        ndarray_("complex64", (2,), "01 00 80 7f ff ff ff ff 00 00 80 ff 01 00 c0 7f"),
    ),
    Plain("bcomplex32", "parts of bcomplex32", ndarray_("bcomplex32", (1,), "81 7f ff ff")),
    Plain("float8", "float8_e5m2", ndarray_("float8_e5m2", (6,), "7d 7e 7f fd fe ff")),
    Plain("int32", "ints whose bits are those of NaNs", ndarray_("int32", (2,), "01 00 80 7f ff ff ff ff")),
    Plain("float", "a float", raw("cb 7f f0 00 00 00 00 00 01")),
    Plain("complex", "a complex number", raw("c7 13 02 92 cb 7f f0 00 00 00 00 00 01 cb ff ff ff ff ff ff ff ff")),
)


@product(
    "CONV-2",
    want="accept",
    places=_OTHERS,
    sizes=[Plain(name, f"a cast to {name}") for name in _NAMES.values()],
    part=lambda _: "convert",
)
def what_no_cast_changes(leaf: Plain, dtype: Plain):
    """A leaf that is not an array or scalar of the four floats is not cast, whatever its bits would mean."""
    file = record_("k", leaf.value) + record_("z", raw("07"))
    return Conversion(float_dtype=dtype.name), file, file


# --- payloads beyond buffers -------------------------------------------------------------------------------------


def cycle(tag: str) -> list[int]:
    """As many numbers as the pattern has bytes, none of them a NaN or infinite, near the edges of all four dtypes."""
    form, bits = FORMATS[tag], []
    for i in range(len(PATTERN)):
        fraction = int.from_bytes(bytes(PATTERN[(i * 3 + k * 41) % 251] for k in range(8)), "big") & (
            (1 << form.fraction) - 1
        )
        exponent = (1 << form.exponent - 1) - 1 + (i % 37 - 18) * (1 if form.exponent > 5 else 0) + (i % 13 - 6)
        bits.append((form.sign if i % 3 == 0 else 0) | exponent << form.fraction | fraction)
    return bits


def cycled(payload: Bytes, n: int, size: int) -> Bytes:
    """So many elements of a payload that is repeated."""
    whole = payload.data()
    times, rest = divmod(n * size, len(whole))
    return Bytes(*([Part(whole, "", times)] if times else []), Part(whole[:rest]))


_COUNTS: Final = [
    Plain(f"{n}-elements", f"{n:,} elements", n) for n in (255, 513, 4097, 40_001, 300_007, 1_100_009, 3_300_013)
]


class Cast(NamedTuple):
    """A pair of dtypes in a container."""

    kept: Kept
    pair: Pair

    @property
    def name(self) -> str:
        return f"{self.pair.name}-in-{self.kept.name}"

    @property
    def about(self) -> str:
        return f"{self.pair.about}, {self.kept.about}"


_CASTS: Final = [Cast(kept, pair) for kept in _KEPT[:2] for pair in _PAIRS]


@product("CONV-3", "CONV-1", want="accept", places=_CASTS, sizes=_COUNTS, part=lambda _: "convert")
def casts_beyond_a_buffer(case: Cast, size: Plain):
    """An array of up to 3,300,000 floats is cast, which repeat themselves every 251 elements: what a buffer is filled
    with a second time is not what it was filled with before."""
    kept, (old, new) = case
    if kept.name != "array" and size.value not in (255, 40_001):
        return None
    if size.value > 1_000_000 and (old == new or "float64" in (old, new)):
        return None
    if size.value > 3_000_000 and {old, new} != {"float32", "bfloat16"}:
        return None
    bits = cycle(old)
    before = cycled(words(old, bits), size.value, FORMATS[old].size)
    after = cycled(_cast_words(case.pair, bits), size.value, FORMATS[new].size)
    return kept.conversion._replace(float_dtype=_NAMES[new]), kept.before(old, before), kept.after(new, after)


_LARGE: Final = (
    Plain(
        "narrower",
        "from float32 to bfloat16: the payload no longer is as large",
        ("float32", "bfloat16", (1 << 28) + 3),
    ),
    Plain("wider", "from bfloat16 to float32: the payload becomes as large", ("bfloat16", "float32", (1 << 28) + 3)),
)


def _written(tag: str, payload: Bytes) -> Bytes:
    """As a writer writes it: in chunks where it is larger than 1 GiB."""
    size, n = FORMATS[tag].size, _n(tag, payload)
    most = (1 << 30) // size
    if n <= most:
        return _in_stream(tag, payload)
    counts = [min(most, n - at) for at in range(0, n, most)]
    pieces = [ndarray_(tag, (count,), payload.piece(i * most * size, count * size)) for i, count in enumerate(counts)]
    return record_("w", chunked_map([int_(n)], pieces))


@product("LEAF-13", "CONV-3", want="accept", places=_LARGE, part=lambda _: "convert")
def casts_across_the_size_of_a_chunk(place: Plain, _: Any):
    """A cast makes an array of more than 1 GiB smaller, or a smaller one larger: it is written in one piece, or in
    chunks, as its new size says."""
    old, new, n = place.value
    bits = cycle(old)
    before = _written(old, cycled(words(old, bits), n, FORMATS[old].size))
    after = _written(new, cycled(_cast_words(Pair(old, new), bits), n, FORMATS[new].size))
    return Conversion(float_dtype=_NAMES[new]), before, after

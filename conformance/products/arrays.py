"""Tags, payloads and dimensions in an array, a scalar and the chunks of an array, in a stream and a flax file: DTYPE-1,
LEAF-3, LEAF-5, LEAF-6, LEAF-12."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ..assembly import (
    MARKER,
    Bytes,
    arr_,
    bin_,
    data,
    ext_,
    fill,
    here,
    int_,
    map_,
    numbered,
    raw,
    record_,
    str_,
    together,
)
from ..cases.conversion import WIDTHS
from ..declare import array, scalar
from .product import Plain, product

TAGS: Final = {tag: width for width, tags in WIDTHS.items() for tag in tags.split()}


class Body(NamedTuple):
    """Where shape, tag and payload stand together."""

    name: str
    about: str
    part: str
    around: Callable[[Bytes], Bytes]  # the file around the three
    dims: int | None = None  # the number of dimensions, where it is fixed


def _record(code: int) -> Callable[[Bytes], Bytes]:
    return lambda body: record_("k", ext_(code, arr_(3) + body)) + record_("z", int_(1))


def _entry(code: int) -> Callable[[Bytes], Bytes]:
    return lambda body: map_(2) + str_("k") + ext_(code, arr_(3) + body) + str_("z") + int_(1)


def chunked_map(shape: Sequence[Bytes], chunks: Sequence[Bytes]) -> Bytes:
    head = map_(3) + str_(MARKER) + raw("c3") + str_("shape") + numbered(shape)
    return head + str_("chunks") + numbered(chunks)


def _last_chunk(body: Bytes) -> Bytes:
    """The second of two chunks of one element each. (The first is of int8, whatever the tag of the second.)"""
    first = ext_(1, arr_(3) + arr_(1) + int_(1) + str_("int8") + raw("c4 01 01"))
    return record_("k", chunked_map([int_(2)], [first, ext_(1, arr_(3) + body)])) + record_("z", int_(1))


def _chunk(body: Bytes) -> Bytes:
    return record_("k", chunked_map([int_(3)], [ext_(1, arr_(3) + body)])) + record_("z", int_(1))


ARRAY: Final = Body("array", "an array", "stream", _record(1))
SCALAR: Final = Body("scalar", "a scalar", "stream", _record(3), 0)
CHUNK: Final = Body("chunk", "a chunk", "stream", _chunk, 1)
FLAX_ARRAY: Final = Body("flax-array", "an array in a flax file", "flax", _entry(1))
FLAX_SCALAR: Final = Body("flax-scalar", "a scalar in a flax file", "flax", _entry(3), 0)
BODIES: Final = (ARRAY, SCALAR, CHUNK, FLAX_ARRAY, FLAX_SCALAR)


def three(shape: Sequence[int], tag: str, payload: Bytes) -> Bytes:
    """Shape, tag and payload."""
    return arr_(len(shape)) + together([int_(n) for n in shape]) + str_(tag) + payload


# --- dtypes ------------------------------------------------------------------------------------------------------

_TAGS: Final = [Plain(tag.replace("_", "-"), f"dtype {tag}", tag) for tag in TAGS]
_OFF: Final = {"short-by-one": -1, "long-by-one": 1}


@product(
    "LEAF-5",
    want="reject",
    places=[
        body._replace(name=f"{body.name}-{name}", about=f"{body.about}, {name.replace('-', ' ')}")
        for body in BODIES
        for name in _OFF
    ],
    sizes=_TAGS,
    also=lambda body, tag: ("LEAF-12", "WIRE-3"),
)
def payload_of_another_length(body: Body, tag: Plain):
    """A payload has one byte less or more than its shape and dtype say, and its bin says so truly. Every dtype stands
    in an array; in turn they stand in the other bodies."""
    turn = _TAGS.index(tag) + next(i for i, one in enumerate(BODIES) if body.name.startswith(one.name))
    if body.around is not ARRAY.around and turn % 3:
        return None
    n = 1 if body.dims == 0 else 3
    off = next(off for name, off in _OFF.items() if body.name.endswith(name))
    payload = here("! another length") + bin_(fill(1, n * TAGS[tag.value] + off))
    return body.around(three((3,) if n == 3 else (), tag.value, payload))


def _wrong_tags(tag: str) -> list[str]:
    """Other spellings of a tag, none of which is a tag."""
    tried = [
        tag.upper(),
        tag.capitalize(),
        tag[:-1],
        tag + "x",
        tag + "\0",
        " " + tag,
        tag.replace("_", "-"),
        f"np.{tag}",
        f"'{tag}'",
    ]
    return [one for one in dict.fromkeys(tried) if one and one not in TAGS]


_WRONG: Final = [
    Plain(f"{tag.replace('_', '-')}-{i}", repr(wrong), (tag, wrong))
    for tag in TAGS
    for i, wrong in enumerate(_wrong_tags(tag))
]


@product("DTYPE-1", want="reject", places=BODIES, sizes=_WRONG)
def tags_that_are_almost_right(body: Body, wrong: Plain):
    """A tag is another spelling of one in the table: in capitals, without its last letter, with more behind it or
    before it. Each of them stands in one of the bodies."""
    if BODIES[_WRONG.index(wrong) % len(BODIES)] is not body:
        return None
    tag, spelt = wrong.value
    shape = () if body.dims == 0 else (3,)
    marked = arr_(len(shape)) + together([int_(n) for n in shape]) + here("! the tag") + str_(spelt)
    return body.around(marked + bin_(fill(1, TAGS[tag] * (3 if shape else 1))))


@product("DTYPE-1", "LEAF-5", want="accept", places=BODIES[:2] + BODIES[3:], sizes=_TAGS, canonical=True)
def every_dtype_in_every_body(body: Body, tag: Plain):
    """Three elements, or one, of each dtype. Bits without meaning are zeros."""
    n, width = (1 if body.dims == 0 else 3), TAGS[tag.value]
    payload = bytes(i % 2 for i in range(n * width)) if width == 1 else bytes(range(1, n * width + 1))
    made = body.around(three(() if body.dims == 0 else (n,), tag.value, bin_(data(payload))))
    whole = scalar("k", tag.value, payload.hex()) if body.dims == 0 else array("k", tag.value, (n,), payload.hex())
    return made, [whole, {"path": ["z"], "kind": "int", "value": "1"}]


# --- dimensions --------------------------------------------------------------------------------------------------

_NEGATIVE: Final = {
    "int-of-1-byte": "ff",
    "int-8": "d0 ff",
    "int-16": "d1 ff ff",
    "int-32": "d2 ff ff ff ff",
    "int-64": "d3 ff ff ff ff ff ff ff ff",
    "lowest-int-8": "d0 80",
    "lowest-int-32": "d2 80 00 00 00",
    "lowest-int-64": "d3 80 00 00 00 00 00 00 00",
}


class Dimension(NamedTuple):
    """One dimension of a shape: `around` takes its bytes."""

    name: str
    about: str
    part: str
    around: Callable[[Bytes], Bytes]


def _in_array(i: int, part: str) -> Dimension:
    body = ARRAY if part == "stream" else FLAX_ARRAY

    def around(value: Bytes) -> Bytes:
        dims = [value if k == i else int_(1) for k in range(3)]
        return body.around(arr_(3) + together(dims) + str_("int8") + raw("c4 01 07"))

    return Dimension(f"{part}-array-{i}", f"dimension {i} of {body.about}", part, around)


def _in_chunked(i: int) -> Dimension:
    def around(value: Bytes) -> Bytes:
        dims = [value if k == i else int_(1) for k in range(3)]
        return record_("k", chunked_map(dims, [ext_(1, arr_(3) + three((1,), "int8", raw("c4 01 07")))]))

    return Dimension(f"chunked-{i}", f"dimension {i} of a chunked array", "stream", around)


_DIMENSIONS: Final = [_in_array(i, part) for part in ("stream", "flax") for i in range(3)] + [
    _in_chunked(i) for i in range(3)
]
_DIMENSIONS.append(
    Dimension(
        "chunk",
        "the dimension of a chunk",
        "stream",
        lambda value: _chunk(arr_(1) + value + str_("int8") + raw("c4 03 01 02 03")),
    )
)


@product(
    "LEAF-3",
    want="reject",
    places=_DIMENSIONS,
    sizes=[Plain(name, f"{digits}", digits) for name, digits in _NEGATIVE.items()],
    also=lambda place, size: ("LEAF-11", "LEAF-12"),
)
def negative_dimension(place: Dimension, size: Plain):
    """A dimension is negative, in an int of any width."""
    return place.around(here("! negative") + raw(size.value))

"""What holds for every value wherever it stands: its header may be longer, is of the expected kind, tells the truth
about its length, and is there; and the bodies around values are used up (chapters 01, 04, 05 and 08)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..assembly import Bytes, data, header, here, raw, together
from .places import PLACES, Place
from .product import Plain, product
from .values import SIZED, Value, assembled, ended_before, headed, is_body, is_last

_Form = Callable[[Value, Bytes], Bytes | None]


def _length(code: int, width: int) -> _Form:
    return lambda value, body: header(code, width, body.size) + body if body.size < 1 << 8 * width else None


def _ext(code: int, width: int) -> _Form:
    return lambda value, body: header(code, width, body.size) + data(bytes((value.n & 0xFF,))) + body


def _count(code: int, width: int) -> _Form:
    return lambda value, body: header(code, width, value.n) + body


def _int(code: int, width: int, signed: bool) -> _Form:
    def form(value: Value, body: Bytes) -> Bytes | None:
        lowest, end = (-1 << 8 * width - 1, 1 << 8 * width - 1) if signed else (0, 1 << 8 * width)
        fits = lowest <= value.n < end
        return header(code, width, value.n & ((1 << 8 * width) - 1)) if fits else None

    return form


# All headers that have a length, a count or a number in bytes of their own, by the kind of value.
FORMS: dict[str, dict[str, _Form]] = {
    "str": {"str-8": _length(0xD9, 1), "str-16": _length(0xDA, 2), "str-32": _length(0xDB, 4)},
    "bin": {"bin-8": _length(0xC4, 1), "bin-16": _length(0xC5, 2), "bin-32": _length(0xC6, 4)},
    "ext": {"ext-8": _ext(0xC7, 1), "ext-16": _ext(0xC8, 2), "ext-32": _ext(0xC9, 4)},
    "array": {"array-16": _count(0xDC, 2), "array-32": _count(0xDD, 4)},
    "map": {"map-16": _count(0xDE, 2), "map-32": _count(0xDF, 4)},
    "int": {
        **{f"uint-{8 << i}": _int(0xCC + i, 1 << i, False) for i in range(4)},
        **{f"int-{8 << i}": _int(0xD0 + i, 1 << i, True) for i in range(4)},
    },
}
_LONGER = [Plain(name, f"as {name}", (kind, form)) for kind, forms in FORMS.items() for name, form in forms.items()]


@product("WIRE-2", want="accept", places=PLACES, sizes=_LONGER)
def one_longer_header(place: Place, size: Plain):
    """One header is longer than needed, and all the others are the shortest. A reader takes it in every place."""
    kind, form = size.value
    value = place.value
    body = assembled(value._replace(kind="open"))
    looked_at = place.part == "stream" or size.name.endswith(("-32", "-64", "int-8"))
    made = form(value, body) if kind == value.kind and looked_at else None
    if made is None or made.size <= headed(value, body).size:
        return None
    return place.put(lambda value, body: form(value, body)), place.records()


@product(
    "WIRE-4", want="reject", places=PLACES, also=lambda place, _: ("FLAX-1",) if place.value.slot == "root" else ()
)
def the_byte_c1(place: Place, _: Plain):
    """The byte c1 stands where a value is to begin."""
    return place.put(lambda value, body: raw("c1 # ! never used"))


# --- another kind ------------------------------------------------------------------------------------------------

_KINDS = {
    "nil": "c0",
    "true": "c3",
    "int": "01",
    "float": "cb 3f f0 00 00 00 00 00 00",
    "float-32": "ca 3f 80 00 00",
    "text": "a1 30",
    "bin": "c4 01 30",
    "array": "90",
    "map": "80",
    "ext": "d4 05 00",
}
_TWINS = {"array": "map", "map": "array", "str": "bin", "bin": "str", "ext": "bin"}
_IN_FLAX = ("nil", "array", "twin")  # that are put into a flax file, too
_OTHERS = [
    *(
        Plain(f"{name}-there", f"a value of the kind {name} in its place", raw(digits))
        for name, digits in _KINDS.items()
    ),
    Plain("twin-there", "a value of another kind in its place, around the same bytes", None),
]
# What may stand where, beside what does: a leaf of any kind, a bin for a tag, a float 32 for a part of a complex.
_LEAVES = ("nil", "true", "int", "float", "float-32", "text", "bin", "map")
_MAY = {"real-part": ("float-32",), "imaginary-part": ("float-32",), "tag": ("bin", "twin"), "shape": ("array",)}
_MAY |= {"value-of-the-marker": ("true",)}


def _is_leaf(value: Value) -> bool:
    return value.clause == "LEAF-1" or value.slot.startswith("map-")


def _may_stand(value: Value, name: str) -> bool:
    if _is_leaf(value) and name in (*_LEAVES, "twin"):
        return True
    ends = next((end for end in ("tag", "shape") if value.slot.endswith(end)), value.slot)
    same = {"int": "int", "float": "float", "str": "text", "bin": "bin", "array": "", "map": "map", "ext": ""}
    return name in _MAY.get(ends, ()) or (name == same.get(value.kind) and value.slot != "payload")


def _due(place: Place, size: Plain) -> tuple[str, ...]:
    """The clause that says what is expected at a place."""
    if _is_leaf(place.value):
        return ("FLAX-4",) if place.part == "flax" and size.name == "array-there" else ("LEAF-1",)
    return (place.value.clause,)


_ABOUT_FORM = {
    "LEAF-2": ("LEAF-12", "LEAF-6"),
    "LEAF-3": ("LEAF-6", "LEAF-2", "LEAF-11"),
    "LEAF-6": ("LEAF-3", "LEAF-2"),
}
_ABOUT_FORM |= {
    "DTYPE-2": ("DTYPE-1", "LEAF-2"),
    "LEAF-5": ("LEAF-2",),
    "LEAF-11": ("LEAF-10",),
    "LEAF-12": ("LEAF-10", "LEAF-1"),
}
_ABOUT_FORM |= {"FLAX-1": ("CONV-6",), "REC-1": ("STREAM-1",), "FLAX-4": ("LEAF-1", "FLAX-2")}


def _may_name(place: Place, size: Plain) -> tuple[str, ...]:
    return tuple(other for clause in _due(place, size) for other in _ABOUT_FORM.get(clause, ()))


@product("CONF-1", want="reject", places=PLACES, sizes=_OTHERS, cites=_due, also=_may_name)
def another_kind_of_value(place: Place, size: Plain):
    """A value of another kind stands where a certain kind is expected: nil, a bool, a number, a text, a bin, an array,
    a map, an ext, or one that has the same bytes behind a header of another kind."""
    value, name = place.value, size.name.removesuffix("-there")
    elsewhere = place.container.part == "flax" and name not in _IN_FLAX
    if elsewhere or value.slot == "marker" or _may_stand(value, name):
        return None
    if name != "twin":
        return place.put(lambda value, body: here("! not what is expected") + size.value)
    if value.kind not in _TWINS:
        return None
    twin = _TWINS[value.kind]
    return place.put(lambda value, body: here("! not what is expected") + headed(value._replace(kind=twin), body))


# --- lengths and counts ------------------------------------------------------------------------------------------

_MARK = "! beyond the end"
_CODES = {"str": 0xDB, "bin": 0xC6, "ext": 0xC9, "array": 0xDD, "map": 0xDF}
_FAR = [
    Plain("65535", "65,535 in two bytes", 0xFFFF),
    Plain("two-to-the-31", "2^31, which is negative in 32 bits with a sign", 1 << 31),
    Plain("so-many-that-they-wrap", "so many that the end is the beginning of the value, in 32 bits", (1 << 32) - 5),
    Plain("two-to-the-32-less-1", "2^32 - 1", (1 << 32) - 1),
]
_FAR_IN_FLAX = (1 << 31, (1 << 32) - 1)


def _saying(value: Value, body: Bytes, n: int) -> Bytes:
    """A value that says n in the shortest of its longer headers."""
    width = 1 if n < 1 << 8 and value.kind in SIZED else 2 if n < 1 << 16 else 4
    code = _CODES[value.kind] - (2 if width == 1 else 1 if width == 2 else 0)
    made = header(code, width, n, _MARK)
    return made + (data(bytes((value.n & 0xFF,))) if value.kind == "ext" else Bytes()) + body


def _ended(place: Place, _: Plain) -> tuple[str, ...]:
    return ("WIRE-3",) if place.encloses() else (place.container.cut,)


def _or_counted(place: Place, _: Plain) -> tuple[str, ...]:
    """A reader may look at a count before it looks at what is left, or at the kind that is expected."""
    clause = place.value.clause
    limits = {"KEY-1": ("KEY-3", "KEY-4"), "FLAX-2": ("KEY-4",), "LEAF-2": ("LEAF-12",)}.get(clause, ())
    return ("WIRE-3", clause, *limits, *_ABOUT_FORM.get(clause, ()), "CONF-4")


@product("WIRE-3", want="reject", places=PLACES, sizes=_FAR, cites=_ended, also=_or_counted)
def a_length_far_beyond_the_end(place: Place, size: Plain):
    """A length or count says more than there is, in two or four bytes: near the edges of 16, 31 and 32 bits."""
    kind, n = place.value.kind, size.value
    if kind not in _CODES or (place.part == "flax" and n not in _FAR_IN_FLAX):
        return None
    return place.put(lambda value, body: _saying(value, body, n))


_NEAR = [
    Plain("by-one", "one byte more than its body has", 1),
    Plain("up-to-the-end-of-the-file", "so many bytes that it ends where the file does", None),
]


@product("WIRE-3", want="reject", places=PLACES, sizes=_NEAR, also=_or_counted)
def a_length_beyond_its_body(place: Place, size: Plain):
    """The last value of a body says more bytes than the body has left, and no more than the file has: what is there
    belongs to the next record or entry."""
    value, container = place.value, place.container
    if (
        value.kind not in SIZED
        or not place.encloses()
        or not is_last(container.around(place.specimen.value), value.slot)
    ):
        return None
    behind = container.behind.size or 3
    return place.put(lambda value, body: _saying(value, body, body.size + (size.value or behind)))


_FIXED = {"record", "map"}
_COUNTS = [Plain("one-more", "one element more", 1), Plain("one-less", "one element less", -1)]


def _counted(place: Place, _: Plain) -> tuple[str, ...]:
    return ("LEAF-10",) if place.value.slot == "map" else (place.value.clause,)


@product(
    "CONF-1",
    want="reject",
    places=PLACES,
    sizes=_COUNTS,
    cites=_counted,
    also=lambda place, _: ("WIRE-6", "LEAF-12", "LEAF-6"),
)
def one_element_more_or_less(place: Place, size: Plain):
    """An array or map whose count is fixed says and has one element, or one entry, more or less."""
    value = place.value
    if value.slot not in _FIXED and not value.slot.endswith("body"):
        return None
    each = 2 if value.kind == "map" else 1
    inner = value.inner[: size.value * each] if size.value < 0 else value.inner
    more = raw("a1 78 c0" if each == 2 else "c0") if size.value > 0 else Bytes()
    body = together([assembled(one) for one in inner]) + more
    return place.put(lambda value, _: here("! another count") + headed(value._replace(n=value.n + size.value), body))


# --- bodies ------------------------------------------------------------------------------------------------------

_LEFT = [
    Plain("nil", "nil", raw("c0 # ! left over")),
    Plain("zero", "a zero", raw("00 # ! left over")),
    Plain("sixteen-zeros", "sixteen zeros", raw("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # ! left over")),
    Plain("the-same-again", "the same bytes once more", None),
]


@product("WIRE-6", want="reject", places=PLACES, sizes=_LEFT, also=lambda place, size: (place.value.clause,))
def left_over_in_a_body(place: Place, size: Plain):
    """Behind the expected value of a body stand more bytes, which the length of the body includes."""
    if not is_body(place.value):
        return None
    return place.put(lambda value, body: headed(value, body + (size.value or here("! left over") + body)))


def _or_short(place: Place, _: Any) -> tuple[str, ...]:
    return ("WIRE-3", place.value.clause, *_ABOUT_FORM.get(place.value.clause, ()), "LEAF-7", "LEAF-10", "LEAF-2")


@product("WIRE-6", want="reject", places=PLACES, also=_or_short)
def a_body_that_ends_too_early(place: Place, _: Plain):
    """A body ends where a value is expected. Its own length says so; the input goes on behind it."""
    if not place.encloses():
        return None
    container = place.container
    made = ended_before(container.around(place.specimen.value), place.value.slot)
    return container.before + made + container.behind


@product("STREAM-2", want="reject", places=PLACES, cites=lambda place, _: (place.container.cut,), also=_or_counted)
def a_file_that_ends_too_early(place: Place, _: Plain):
    """The input ends behind the first byte of a value, or before one that has no more."""
    at = 0

    def marked(value: Value, body: Bytes) -> Bytes:
        whole = headed(value, body)
        return data(whole.data()[:1]) + here("! the end") + data(whole.data()[1:])

    file = place.put(marked)
    at = file.fault() or 0
    size = len(assembled(place.value).data())
    return data(file.data()[: at if size > 1 else at - 1])

"""What holds for every value of an index: it has the shortest header, is of the expected kind, tells the truth about
its length, and is there (INDEX-1 to INDEX-5, META-2); numbers that are out of their range."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..assembly import Bytes, data, here, int_, raw, str_, together
from .headers import FORMS
from .product import Plain, product
from .sealed_streams import THREE, Shape
from .values import SIZED, Instead, Value, assembled, headed, slots

_ANY: Final = ("INDEX-1", "INDEX-2", "INDEX-3", "INDEX-5", "INDEX-6", "META-1", "META-2", "WIRE-6", "WIRE-3", "SEAL-4")


class Slot(NamedTuple):
    """A value of an index, by the name of its place."""

    shape: Shape
    value: Value
    part: str = "stream"

    @property
    def name(self) -> str:
        return self.value.slot

    @property
    def about(self) -> str:
        return f"the {self.value.slot.replace('-', ' ')}"

    def clauses(self) -> tuple[str, ...]:
        return ("INDEX-5", self.value.clause)

    def put(self, instead: Instead) -> Bytes:
        """The stream whose index has something else at this place; its length and its checksums fit."""
        return self.shape.sealed.data(index=assembled(self.shape.sealed.index(), self.value.slot, instead))


SLOTS: Final = [Slot(THREE, value) for value in slots(THREE.sealed.index())]
_LONGER: Final = [
    Plain(name, f"as {name}", (kind, form)) for kind, forms in FORMS.items() for name, form in forms.items()
]


@product(
    "INDEX-5", want="reject", places=SLOTS, sizes=_LONGER, cites=lambda slot, _: slot.clauses(), also=(*_ANY, "WIRE-1")
)
def one_longer_header_in_the_index(slot: Slot, size: Plain):
    """One header is longer than needed, which a reader takes in records alone (WIRE-2)."""
    kind, form = size.value
    value = slot.value
    if value.kind != kind or form(value, Bytes()) is None:
        return None
    body = assembled(value._replace(kind="open"))
    longer = form(value, body)
    if longer is None or longer.data() == headed(value, body).data():
        return None
    return slot.put(lambda _, __: here("! the header") + longer)


_OTHERS: Final = {
    "nil": "c0",
    "bool": "c3",
    "int": "07",
    "float": "cb 3f f0 00 00 00 00 00 00",
    "str": "a1 78",
    "bin": "c4 04 01 02 03 04",
    "array": "91 01",
    "map": "81 a1 61 01",
    "ext": "d4 01 00",
    "no-value": "c1",
}
_NOTHING: Final = {"bool": "c2", "int": "00", "float": "cb 00 00 00 00 00 00 00 00", "array": "90"}
_KINDS: Final = [
    *(Plain(kind, f"in its place stands {kind}", (kind, digits)) for kind, digits in _OTHERS.items()),
    *(
        Plain(f"{kind}-0", f"in its place stands {kind}, 0 or none", (kind, digits))
        for kind, digits in _NOTHING.items()
    ),
]


def _is_allowed(slot: Slot, kind: str) -> bool:
    """Whether another kind is one that may stand there, so that it is a lie and not another form."""
    value = slot.value
    in_metadata = value.slot.startswith("metadata-") and "-key-" not in value.slot.replace("metadata-key", "")
    is_key = value.clause == "META-1" and "key" in value.slot
    is_payload = value.slot.endswith("-payload") and kind in ("int", "nil")
    return value.kind == kind or is_payload or (in_metadata and not is_key and kind not in ("ext", "no-value"))


@product(
    "INDEX-5",
    want="reject",
    places=SLOTS,
    sizes=_KINDS,
    cites=lambda slot, _: (slot.value.clause, "INDEX-5"),
    also=(*_ANY, "INDEX-7", "INDEX-9", "ALIGN-5", "KEY-1", "LEAF-1", "DTYPE-1", "LEAF-3", "WIRE-4"),
)
def another_kind_in_the_index(slot: Slot, other: Plain):
    """A value of another kind stands in the place of one of the index."""
    kind, digits = other.value
    if _is_allowed(slot, kind):
        return None
    return slot.put(lambda *_: here("! of another kind") + raw(digits))


_LACKING: Final = [
    Plain("left-out", "it is left out, and the counts are those of before", False),
    Plain("left-out-and-counted", "it is left out, and what it stands in counts one less", True),
]


@product(
    "INDEX-5",
    want="reject",
    places=SLOTS[1:],
    sizes=_LACKING,
    also=(*_ANY, "INDEX-4", "INDEX-7", "INDEX-9", "KEY-1", "LEAF-3", "PART-2", "LEAF-1", "PART-1"),
)
def a_value_that_the_index_lacks(slot: Slot, how: Plain):
    """A value is missing, the last of its array or map or one before. Where a map counts one less, its last key has a
    value no more."""
    if slot.name.startswith("metadata-") and how.value:
        return None
    gone = _without(slot.shape.sealed.index(), slot.name, how.value)
    return slot.shape.sealed.data(index=assembled(gone))


def _without(value: Value, name: str, counted: bool) -> Value:
    held = [_without(one, name, counted) for one in value.inner if one.slot != name]
    less = counted and len(held) < len(value.inner)
    return value._replace(inner=tuple(held), n=value.n - less)


@product(
    "INDEX-5",
    want="reject",
    places=[slot for slot in SLOTS if slot.value.kind in ("array", "map")],
    sizes=(Plain("first", "the first", 0), Plain("last", "the last", -1)),
    also=(*_ANY, "INDEX-4", "INDEX-7", "KEY-1", "LEAF-3", "PART-1", "LEAF-1"),
)
def a_value_too_many(slot: Slot, place: Plain):
    """An array has one value more than it should, a nil, and counts it; a map has an entry more. It is the first or the
    last there."""
    value = slot.value
    in_a_list = value.slot.startswith("metadata") and value.kind == "array"
    if in_a_list or (value.slot == "metadata-map" and place.value):
        return None
    more = raw("c0") if value.kind == "array" else raw("a0 c0")

    def instead(one: Value, body: Bytes) -> Bytes:
        held = body + more if place.value else more + body
        return headed(one._replace(n=one.n + 1), held)

    if value.kind == "map" and value.slot.startswith("metadata") and (not place.value or not value.n):
        return None  # the empty text is the first of all keys
    return slot.put(instead)


_SAYS: Final = [
    Plain("one-more", "one more", lambda n: n + 1),
    Plain("one-less", "one less", lambda n: n - 1),
    Plain("2-to-the-31", "2^31", lambda n: 1 << 31),
    Plain("2-to-the-32-less-1", "2^32 - 1", lambda n: (1 << 32) - 1),
]
_OF_VALUES: Final = ("INDEX-4", "INDEX-7", "WIRE-5", "KEY-1", "LEAF-1", "LEAF-3", "DTYPE-1")
_SIZED: Final = [slot for slot in SLOTS if slot.value.kind in (*SIZED, "array", "map")]


@product(
    "INDEX-5",
    want="reject",
    places=_SIZED,
    sizes=_SAYS,
    also=(*_ANY, *_OF_VALUES, "INDEX-9", "META-3", "PART-1", "PART-2"),
)
def a_length_in_the_index_that_is_not_true(slot: Slot, says: Plain):
    """The length of a text or bin, or the count of an array or map, is another than that of what stands there."""
    value = slot.value

    def instead(one: Value, body: Bytes) -> Bytes:
        true = one.n if one.kind in ("array", "map") else body.size
        said = says.value(true)
        if said < 1 << 16:
            return _headed(one.kind, said) + body
        code = {"array": 0xDD, "map": 0xDF, "str": 0xDB, "bin": 0xC6}[one.kind]
        return data(bytes((code,)) + said.to_bytes(4, "big")) + body

    true = value.n if value.kind in ("array", "map") else assembled(value._replace(kind="open")).size
    return None if says.value(true) < 0 else slot.put(instead)


def _headed(kind: str, n: int) -> Bytes:
    """The shortest header of this length or count, and nothing behind it."""
    made = headed(Value(kind, "", n), Bytes() if kind in ("array", "map") else data(bytes(n)))
    return made if kind in ("array", "map") else made.piece(0, made.size - n)


# --- numbers -----------------------------------------------------------------------------------------------------


_ODD: Final[list[Plain]] = [
    Plain("one-more", "one more", lambda n: n + 1),
    Plain("one-less", "one less", lambda n: n - 1),
    Plain("zero", "0", lambda n: 0),
    Plain("negative", "-1", lambda n: -1),
    *(Plain(f"2-to-the-{k}", f"2^{k}", lambda _, k=k: 1 << k) for k in (22, 31, 32, 53, 63)),
    *(Plain(f"2-to-the-{k}-more", f"2^{k} more", lambda n, k=k: n + (1 << k)) for k in (8, 16, 32, 63)),
    Plain("2-to-the-64-less-1", "2^64 - 1", lambda _: (1 << 64) - 1),
    Plain("lowest", "-2^63", lambda _: -1 << 63),
]
_NUMBERS: Final = [slot for slot in SLOTS if slot.value.kind == "int" and slot.value.clause != "META-1"]


def _of_number(slot: Slot, _: Any) -> tuple[str, ...]:
    if slot.name == "alignment":
        return ("ALIGN-5", "INDEX-1")
    return ("INDEX-7", "INDEX-4") if slot.name.endswith(("-size", "-payload")) else ("INDEX-7", "INDEX-6")


@product(
    "INDEX-7",
    want="reject",
    places=_NUMBERS,
    sizes=_ODD,
    cites=_of_number,
    also=("INDEX-2", "INDEX-3", "LEAF-3", "LEAF-4", "SUM-3", "PART-2", "SEAL-1", "INDEX-1", "INDEX-4"),
)
def a_number_in_the_index_is_another(slot: Slot, change: Plain):
    """A number in the index is another, and all checksums fit: the alignment, a dimension, a size, the place of a
    payload."""
    n = change.value(slot.value.n)
    if n == slot.value.n or not -1 << 63 <= n < 1 << 64:
        return None
    return slot.put(lambda *_: int_(n))


_ALIGNMENTS: Final = [
    Plain(str(n), f"{n:,}", n)
    for n in (1, 2, 16, 32, 63, 65, 96, 127, 129, 192, 255, 1000, 2048 + 1, 4095, 4097, 6144, 8192, 65_536, 1 << 21)
]


@product("ALIGN-5", "INDEX-1", want="reject", places=_ALIGNMENTS)
def an_alignment_that_is_not_one(place: Plain, _: Plain):
    """The alignment is not a power of two from 64 to 4,096. No array is padded."""
    slot = next(slot for slot in SLOTS if slot.name == "alignment")
    return slot.put(lambda *_: here("! the alignment") + int_(place.value))


@product(
    "INDEX-5",
    want="reject",
    places=[slot for slot in SLOTS if slot.value.kind in ("array", "map") and len(slot.value.inner) > 1],
    also=(*_ANY, "INDEX-4", "INDEX-7", "KEY-1", "LEAF-3"),
)
def values_in_another_order(slot: Slot, _: Plain):
    """The first two values of an array, or entries of a map, have changed their places."""
    value = slot.value
    step = 2 if value.kind == "map" else 1
    if (value.slot.startswith("metadata") and value.kind == "array") or len(value.inner) < 2 * step:
        return None
    inner = (*value.inner[step : 2 * step], *value.inner[:step], *value.inner[2 * step :])
    if [assembled(one).data() for one in inner] == [assembled(one).data() for one in value.inner]:
        return None
    return slot.put(lambda one, _: headed(one, together([assembled(each) for each in inner])))


_WORDS: Final = [slot for slot in SLOTS if slot.name.startswith("key-of-") or slot.name.endswith(("-kind", "-dtype"))]
_WORDS_OF: Final = {"kind": ("LEAF-1", "INDEX-2"), "dtype": ("DTYPE-1", "INDEX-2")}
_SPELLED: Final = [
    Plain("upper-case", "in upper case", str.upper),
    Plain("capitalised", "with a capital letter", str.capitalize),
    Plain("cut", "without its last letter", lambda key: key[:-1]),
    Plain("without-the-first", "without its first letter", lambda key: key[1:]),
    Plain("longer", "with one letter more", lambda key: key + "s"),
    Plain("blank-behind", "with a blank behind it", lambda key: key + " "),
    Plain("nul-behind", "with NUL behind it", lambda key: key + "\0"),
    Plain("empty", "of no letter", lambda key: ""),
    Plain("last-letter", "with another last letter", lambda key: key[:-1] + "x"),
]


@product(
    "INDEX-1",
    "INDEX-5",
    want="reject",
    places=[slot for slot in _WORDS if slot.value.kind == "str"],
    sizes=_SPELLED,
    cites=lambda slot, _: _WORDS_OF.get(slot.name.rpartition("-")[2], ("INDEX-1", "INDEX-5")),
    also=("INDEX-9", "META-1", "INDEX-7", "DTYPE-2"),
)
def words_of_the_index_that_are_spelled_otherwise(slot: Slot, how: Plain):
    """A key of the index, a kind or the tag of a dtype is spelled otherwise: it is another word, or none. Who reads the
    records first finds the fault of a kind or tag there."""
    word = str_(how.value(slot.value.content.data().decode()))
    return slot.put(lambda *_: here("! the key") + word if slot.name.startswith("key-of-") else word)

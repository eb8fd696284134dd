"""The headers of the records of a delta, which are those of a stream (DELTA-2), and the values in their places."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..assembly import Bytes, here, hexed, raw, str_of, together
from ..cases.delta_assembly import ADDED, BASE, CHANGED, MARK, TARGET, block_, stream, text_
from ..cases.delta_manifest import says
from .headers import FORMS
from .places import record_around
from .product import Plain, product
from .values import Instead, Value, assembled, headed, slots


class Held(NamedTuple):
    """A value in the first block of a delta, in its last, or in its manifest."""

    record: str
    value: Value

    @property
    def name(self) -> str:
        return f"{self.value.slot}-of-the-{self.record}"

    @property
    def about(self) -> str:
        return f"the {self.value.slot.replace('-', ' ')} of the {self.record.replace('-', ' ')} of a delta"

    def put(self, instead: Instead) -> tuple[Bytes, Bytes]:
        """The base, and the delta with what is given at this place."""
        made = [
            assembled(value, self.value.slot, instead) if name == self.record else assembled(value)
            for name, value in _RECORDS
        ]
        return stream(BASE), MARK + together(made)


def _block(i: int, content: str) -> Value:
    return record_around(("blocks", str(i), "0"))(Value("bin", "leaf", content=hexed(content)))


def _manifest() -> Value:
    return record_around(("manifest",))(Value("str", "leaf", content=raw(text_(says()).encode().hex())))


_RECORDS: Final = (("first-block", _block(0, CHANGED)), ("last-block", _block(1, ADDED)), ("manifest", _manifest()))
_HELD: Final = [Held(name, value) for name, record in _RECORDS for value in slots(record)]
_LONGER: Final = [
    Plain(name, f"as {name}", (kind, form)) for kind, forms in FORMS.items() for name, form in forms.items()
]


def _recover(_: Any) -> str:
    return "recover"


@product("DELTA-2", "WIRE-2", want="accept", places=_HELD, sizes=_LONGER, part=_recover)
def longer_headers_in_a_delta(held: Held, size: Plain):
    """One header of a block or of the manifest is longer than needed: behind the mark stands a stream."""
    kind, form = size.value
    body = assembled(held.value._replace(kind="open"))
    made = form(held.value, body) if kind == held.value.kind else None
    if made is None or made.size <= headed(held.value, body).size:
        return None
    return *held.put(form), stream(TARGET)


_INSTEAD: Final = (
    Plain("c1", "the byte c1", raw("c1")),
    Plain("nil", "nil", raw("c0")),
    Plain("int", "an int", raw("01")),
    Plain("array", "an array of none", raw("90")),
    Plain("map", "a map of none", raw("80")),
    Plain("ext", "an ext of an unknown type", raw("d4 05 00")),
    Plain("nothing", "nothing", Bytes()),
)
_ANY: Final = (
    "DELTA-2",
    "DELTA-6",
    "DELTA-7",
    "WIRE-3",
    "WIRE-4",
    "WIRE-6",
    "KEY-1",
    "REC-1",
    "REC-2",
    "LEAF-1",
    "STREAM-2",
)


@product(
    "DELTA-2",
    want="reject",
    places=_HELD,
    sizes=_INSTEAD,
    part=_recover,
    also=lambda *_: (*_ANY, "DELTA-3", "STREAM-5"),
)
def another_value_in_a_delta(held: Held, size: Plain):
    """A value of another kind, or none, stands in the place of one in a block or in the manifest."""
    no_manifest = held.record == "manifest" and held.value.slot == "leaf"  # then the record is at fault, which is none
    if no_manifest or not size.value.size:
        return held.put(lambda value, body: size.value)
    return held.put(lambda value, body: here("! not what is expected") + size.value)


_TEXT: Final = (
    Plain("lone-byte", "a byte that continues nothing", raw("80")),
    Plain("surrogate", "a surrogate", raw("ed a0 80")),
    Plain("cut", "the first of two bytes", raw("c3")),
)
_AT: Final = (
    Plain("first", "at the beginning", 0),
    Plain("middle", "in a field that is ignored", 1),
    Plain("last", "at the end", 2),
)


@product("WIRE-5", want="reject", places=_TEXT, sizes=_AT, part=_recover, also=lambda *_: ("DELTA-2", "DELTA-3"))
def a_manifest_that_is_not_utf_8(fault: Plain, at: Plain):
    """The text of the manifest has bytes that are not UTF-8."""
    text = text_({"note": "", **says()}).encode()
    i = (0, text.index(b'"note":"') + 8, len(text))[at.value]
    leaf = str_of(raw(text[:i].hex()) + fault.value + raw(text[i:].hex()))
    record = assembled(record_around(("manifest",))(Value("plain", "leaf", content=leaf)))
    return stream(BASE), MARK + block_(0, 0, CHANGED) + block_(1, 0, ADDED) + record

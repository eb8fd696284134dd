"""Every field of a manifest, missing, of another type, or beyond what a number can be (DELTA-2, DELTA-3); and the forms
of JSON that a manifest may have."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from ..cases.delta_assembly import BASE, MARK, TARGET, blocks, manifest_, refused, stream, text_
from ..cases.delta_manifest import says
from .product import Plain, product


def _recover(_: Any) -> str:
    return "recover"


class Field(NamedTuple):
    """A field of the manifest, by the way to it."""

    name: str
    about: str
    way: tuple[str | int, ...]

    def value(self) -> Any:
        found: Any = says()
        for step in self.way:
            found = found[step]
        return found


def _fields() -> list[Field]:
    root = [Field(name, f"the field {name}", (name,)) for name in ("base", "target", "order", "leaves", "removed")]
    for place, about in ((("leaves", 0), "of an array that has changed"), (("leaves", 1), "of a text that is added")):
        of: Any = says()["leaves"][place[1]]
        root += [
            Field(f"leaf-{place[1]}-{name.replace('_', '-')}", f"the field {name} {about}", (*place, name))
            for name in of
        ]
    of_removed = ("removed", 0)
    root += [
        Field(f"removed-{name}", f"the field {name} of a leaf that is removed", (*of_removed, name))
        for name in ("path", "base")
    ]
    return root


_ALSO: Final = (
    "DELTA-2",
    "DELTA-6",
    "DELTA-7",
    "DELTA-11",
    "DELTA-12",
    "KEY-1",
    "DTYPE-1",
    "LEAF-3",
    "LEAF-4",
    "STREAM-3",
    "STREAM-5",
)
_MISSING: Final = object()
_FAULTS: Final = (
    Plain("missing", "is missing", _MISSING),
    Plain("null", "is null", None),
    Plain("true", "is true", True),
    Plain("false", "is false", False),
    Plain("zero", "is 0", 0),
    Plain("one", "is 1", 1),
    Plain("minus-one", "is -1", -1),
    Plain("beyond-32-bits", "is 2^32", 1 << 32),
    Plain("beyond-53-bits", "is 2^53 + 1", (1 << 53) + 1),
    Plain("beyond-64-bits", "is 2^64", 1 << 64),
    Plain("text", "is the empty text", ""),
    Plain("list", "is the empty list", []),
    Plain("list-of-a-list", "is a list in a list", [[]]),
    Plain("object", "is the empty object", {}),
)


@product("DELTA-3", want="reject", places=_fields(), sizes=_FAULTS, part=_recover, also=lambda *_: _ALSO)
def a_field_that_is_wrong(field: Field, fault: Plain):
    """A field is missing, of another type, or another value of its type. Nothing else is wrong."""
    if fault.value is not _MISSING and type(fault.value) is type(field.value()) and fault.value == field.value():
        return None
    return _changed(field, fault.value)


def _changed(field: Field, value: Any) -> Any:
    whole = says()
    held: Any = whole
    for step in field.way[:-1]:
        held = held[step]
    if value is _MISSING:
        del held[field.way[-1]]
    else:
        held[field.way[-1]] = value
    return refused(whole)


def _other_forms(value: Any) -> list[tuple[str, str, Any]]:
    """The same value in another form, which some programs take for it."""
    if isinstance(value, bool) or value is None:
        return [("as-a-text", "as a text", json.dumps(value)), ("as-a-number", "as a number", int(bool(value)))]
    if isinstance(value, int):
        return [
            ("as-a-text", "as a text", str(value)),
            ("plus-one", "with one more", value + 1),
            ("as-a-list", "in a list", [value]),
        ]
    if isinstance(value, str):
        forms = [("in-capitals", "in capitals", value.upper()), ("with-a-blank", "with a blank behind it", value + " ")]
        return [*forms, ("cut", "without its last letter", value[:-1]), ("as-a-list", "in a list", [value])]
    if isinstance(value, list):
        return [
            ("once-more", "with its last element once more", value + value[-1:]),
            ("as-an-object", "as an object", {"0": value[0]}),
        ]
    return []


_FORMS: Final = [
    Plain(f"{field.name}-{name}", f"{field.about} {about}", (field, form))
    for field in _fields()
    for name, about, form in _other_forms(field.value())
]


@product("DELTA-3", want="reject", places=_FORMS, part=_recover, also=lambda *_: (*_ALSO, "STREAM-4", "LEAF-5"))
def a_field_in_another_form(form: Plain, _: Any):
    """A field has its value in another form: a number as a text, a digest in capitals, a text in a list."""
    return _changed(*form.value)


# --- JSON --------------------------------------------------------------------------------------------------------

_GAPS: Final = (
    Plain("tabs", "a tab", "\t"),
    Plain("line-feeds", "a line feed", "\n"),
    Plain("line-ends-of-two-bytes", "a carriage return and a line feed", "\r\n"),
    Plain("carriage-returns", "a carriage return", "\r"),
    Plain("blanks", "three blanks", "   "),
    Plain("a-thousand-blanks", "a thousand blanks", " " * 1000),
)


def _spaced(value: Any, gap: str) -> str:
    """JSON with a gap wherever there may be one."""
    if isinstance(value, dict):
        held = f"{gap},{gap}".join(f"{json.dumps(name)}{gap}:{gap}{_spaced(one, gap)}" for name, one in value.items())
        return f"{{{gap}{held}{gap}}}"
    if isinstance(value, list):
        return f"[{gap}{f'{gap},{gap}'.join(_spaced(one, gap) for one in value)}{gap}]"
    return json.dumps(value)


@product("DELTA-2", want="accept", places=_GAPS, part=_recover)
def white_space_everywhere(gap: Plain, _: Any):
    """Between all parts of the JSON, before it and behind it, stands white space."""
    text = gap.value + _spaced(says(), gap.value) + gap.value
    return stream(BASE), MARK + blocks() + manifest_(text), stream(TARGET)


_UNKNOWN: Final = (
    Plain("null", "null", None),
    Plain("bool", "a bool", False),
    Plain("number", "a negative number", -7),
    Plain("large-number", "2^64", 1 << 64),
    Plain("text", "a text with escapes", 'a"\\\n\u20ac\U0001f600'),
    Plain("long-text", "a text of 5,000 letters", "x" * 5000),
    Plain("list", "lists in lists", [[], [[], [1, [None]]]]),
    Plain("deep-list", "thirty lists in each other", json.loads("[" * 30 + "]" * 30)),
    Plain("object", "an object with the names of known fields", {"base": 1, "leaves": {}}),
)


@product("DELTA-3", "DELTA-2", want="accept", places=_UNKNOWN, part=_recover)
def fields_that_are_ignored(unknown: Plain, _: Any):
    """A field that is not known stands before, between and behind the others, at the root, in each leaf, and in what is
    removed: it is ignored, whatever its value is."""
    whole = says()
    for held in (whole, *whole["leaves"], *whole["removed"]):
        known = dict(held)
        held.clear()
        held |= {"a": unknown.value, **known, "Base": unknown.value, "shape ": unknown.value}
    return stream(BASE), MARK + blocks() + manifest_(text_(whole)), stream(TARGET)


def _escaped(text: str) -> str:
    """Every letter of every text as an escape."""
    parts = text.split('"')
    return '"'.join("".join(f"\\u{ord(c):04x}" for c in part) if i % 2 else part for i, part in enumerate(parts))


@product("DELTA-2", want="accept", places=(Plain("all-fields", ""),), part=_recover)
def every_letter_escaped(_: Plain, __: Any):
    """Every letter of every text and of every name of a field is spelt as an escape."""
    return stream(BASE), MARK + blocks() + manifest_(_escaped(text_(says()))), stream(TARGET)

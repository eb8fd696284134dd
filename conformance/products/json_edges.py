"""What stands around JSON and is no white space of it, and behind digests in it (CONV-10, CONV-11, DELTA-2, DELTA-3):
some languages take more for white space than RFC 8259, and let the end of a pattern stand before a line feed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..assembly import ndarray_, record_, together
from ..cases.conversion_safetensors import DAMAGED, OUT
from ..cases.conversion_safetensors_forms import ONE, damaged
from ..cases.delta_assembly import BASE, MARK, TARGET, blocks, manifest, manifest_, stream, text_
from .product import Plain, product

_BLANKS: Final = [
    Plain(name, about, text)
    for name, about, text in (
        ("vertical-tab", "a vertical tab", "\v"),
        ("form-feed", "a form feed", "\f"),
        ("file-separator", "U+001C", "\x1c"),
        ("next-line", "U+0085", "\x85"),
        ("no-break-space", "a no-break space", "\xa0"),
        ("line-separator", "U+2028", "\u2028"),
        ("wide-blank", "U+3000", "\u3000"),
        ("blank-of-no-width", "U+FEFF", "\ufeff"),
        ("nul", "a NUL", "\0"),
    )
]
_SIDES: Final = [
    Plain("before", "before it", lambda json, blank: blank + json),
    Plain("behind", "behind it", lambda json, blank: json + blank),
    Plain("within", "behind its first brace", lambda json, blank: json[0] + blank + json[1:]),
]


@product(
    "DELTA-2",
    want="reject",
    places=_SIDES,
    sizes=_BLANKS,
    also=lambda *_: ("CONV-11", "DELTA-3"),
    part=lambda _: "recover",
)
def blanks_around_a_manifest(side: Plain, blank: Plain):
    """The JSON of a manifest has a character around it that is no white space of JSON."""
    text = side.value(text_(manifest(BASE, TARGET)), blank.value)
    return stream(BASE), MARK + blocks() + manifest_(text)


@product(
    "CONV-10",
    want="reject",
    places=_SIDES[1:],
    sizes=_BLANKS,
    also=lambda *_: ("CONV-11", *DAMAGED),
    part=lambda _: "convert",
)
def blanks_around_a_header(side: Plain, blank: Plain):
    """The header of a safetensors file has a character behind it, or in it, that is no white space of JSON."""
    return damaged(side.value("{" + ONE + "}", blank.value))


def _in_leaf(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda says: next(leaf for leaf in says["leaves"] if leaf.get(name))


_DIGESTS: Final = [
    Plain("base", "the digest of the base", (lambda says: says, "base")),
    Plain("target", "that of the target", (lambda says: says, "target")),
    Plain("order", "that of the order", (lambda says: says, "order")),
    Plain("leaf", "that of a leaf", (_in_leaf("target"), "target")),
    Plain("leaf-of-the-base", "that of a leaf of the base", (_in_leaf("base"), "base")),
    Plain("removed", "that of a removed leaf", (lambda says: says["removed"][0], "base")),
]
_FORMS: Final = [
    Plain("line-feed-behind", "a line feed behind it", lambda digest: digest + "\n"),
    Plain("blank-behind", "a blank behind it", lambda digest: digest + " "),
    Plain("blank-before", "a blank before it", lambda digest: " " + digest),
    Plain("blank-within", "a blank between its bytes", lambda digest: digest[:2] + " " + digest[2:]),
    Plain("nul-behind", "a NUL behind it", lambda digest: digest + "\0"),
    Plain("prefix", "0x before it", lambda digest: "0x" + digest),
    Plain("algorithm", "the name of its algorithm before it", lambda digest: "sha256:" + digest),
    Plain("upper-case", "in upper case", str.upper),
]


@product("DELTA-3", want="reject", places=_DIGESTS, sizes=_FORMS, part=lambda _: "recover")
def digests_of_another_form(place: Plain, form: Plain):
    """A digest in a manifest is the right one, and written otherwise."""
    says = manifest(BASE, TARGET)
    find, name = place.value
    where = find(says)
    where[name] = form.value(where[name])
    return stream(BASE), MARK + blocks() + manifest_(says)


_NAMES: Final = [
    Plain("alone", "alone", ()),
    Plain("weight", "beside a tensor that is called as torch calls it", ("weight",)),
    Plain("kernel", "beside a tensor that is called as flax calls it", ("kernel",)),
]


@product("CONV-10", "CONF-7", want="reject", places=_NAMES, also=lambda *_: ("CONV-7",), part=lambda _: "convert")
def leaves_called_as_the_metadata(beside: Plain, _: Plain):
    """A leaf that would be called `__metadata__` in a safetensors file, whatever metadata a writer would put there."""
    names = (*beside.value, "__metadata__")
    return OUT, together([record_(name, ndarray_("uint8", (1,), "07")) for name in names])

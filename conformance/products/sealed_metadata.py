"""How many values metadata holds, at the limit and beyond it: in one list or map, or in many, of which the first, the
last, or one within others is the largest (META-3). And maps out of order, and keys that begin alike (META-2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..assembly import here, str_
from ..cases.metadata_values import Many, Pairs, described, nested, shuffled
from ..cases.sealed_assembly import sealed
from ..cases.sealed_leaves import number
from ..cases.wire_text_leaves import BROKEN_OFF, SEQUENCES
from ..declare import encode_sealed
from .product import Plain, product
from .values import Value, assembled, headed

_MOST: Final = 65_536
_ITEMS: Final = [number("k", 7)]


def _in_lists(n: int, each: int, keys: bool) -> dict[str, Any]:
    """Lists or maps of so many values, and a last one of those that are left."""
    whole = (n - 2) // (each + 1)
    left = n - 2 - whole * (each + 1)
    if left == 0:
        whole, left = whole - 1, each + 1
    held = [Many(None, each, keys) for _ in range(whole)]
    return {"k": [*held, Many(None, left - 1, keys)]}


def _in_depth(n: int) -> dict[str, Any]:
    """A pair of a list of 2,046 values and such a pair, and so on; instead of the innermost a list of what is left."""
    levels, n = 0, n - 1
    while n > 4096:
        levels, n = levels + 1, n - 2048
    content: Any = Many(7, n - 1)
    for _ in range(levels):
        content = [Many(None, 2046), content]
    return {"k": content}


# The content of so many values, and the slot of the list or map with which the last of them come.
_FORMS: Final[list[Plain]] = [
    Plain("a-list", "one list", (lambda n: {"k": Many(None, n - 2)}, "metadata-value-0")),
    Plain("the-map", "the outermost map", (lambda n: Many(True, n - 1, keys=True), "metadata")),
    Plain("a-map", "a map in it", (lambda n: {"k": Many(7, n - 2, keys=True)}, "metadata-value-0")),
    Plain("empty-lists", "a list of empty lists", (lambda n: {"k": Many([], n - 2)}, "metadata-value-0")),
    Plain("empty-maps", "a map of empty maps", (lambda n: {"k": Many({}, n - 2, keys=True)}, "metadata-value-0")),
    Plain("lists", "lists of 255 values in a list", (lambda n: _in_lists(n, 255, keys=False), None)),
    Plain("maps", "maps of 1,000 values in a list", (lambda n: _in_lists(n, 1000, keys=True), None)),
    Plain("depth", "lists within lists, 30 deep", (_in_depth, None)),
    Plain(
        "the-last",
        "a list of nearly all, an empty map and a list of one",
        (lambda n: {"a": Many(None, n - 5), "b": {}, "c": [None]}, None),
    ),
    Plain("two", "two lists of as many", (lambda n: {"a": Many(7, n // 2), "b": Many(7, n - n // 2 - 3)}, None)),
]
# What is printed or given of so many values takes long to compare: a few forms are.
_COMPARED: Final = [form for form in _FORMS if form.name in ("a-map", "lists", "depth")]
_FEWER: Final = [Plain(str(_MOST), f"{_MOST:,} values", _MOST)]
_MORE: Final = [Plain(str(n), f"{n:,} values", n) for n in (_MOST + 1, _MOST + 2, 2 * _MOST, 2 * _MOST + 1)]


@product("META-3", want="accept", places=_COMPARED, sizes=_FEWER, canonical=True)
def metadata_of_many_values(form: Plain, size: Plain):
    """Metadata of 65,536 values: a reader takes it, and a writer makes it."""
    content, _ = form.value
    return sealed(_ITEMS, metadata=content(size.value)).accepted()


def _last(value: Value) -> str:
    """The slot of the list or map that begins last."""
    inside = [one for one in value.inner if one.kind in ("array", "map")]
    return _last(inside[-1]) if inside else value.slot


def _marked(value: Value, body: Any) -> Any:
    return here("! with this there are too many values") + headed(value, body)


@product("META-3", want="reject", places=_FORMS, sizes=_MORE, also=("INDEX-1", "INDEX-5"))
def metadata_of_too_many_values(form: Plain, size: Plain):
    """Metadata of more than 65,536 values. At fault is the list or map by whose count there are too many, before any
    value in it."""
    content, slot = form.value
    if size.value != _MOST + 1 and slot is None:
        return None
    whole = sealed(_ITEMS, metadata=content(size.value))
    index = whole.index()
    (metadata,) = (one for one in index.inner if one.slot == "metadata")
    return whole.data(index=assembled(index, slot or _last(metadata), _marked))


@product("META-3", "CONF-7", want="reject", places=_COMPARED, sizes=_MORE[:1], part=lambda _: "stream-encode")
def metadata_of_too_many_values_for_writers(form: Plain, size: Plain):
    """Metadata of more than 65,536 values. Nothing is written."""
    content: Callable[[int], Any] = form.value[0]
    return encode_sealed([number("k", 7).read], described(content(size.value)))


_NOT_UTF_8: Final = [
    Plain(name.replace("_", "-"), about, b"a" + bytes.fromhex(digits) + end)
    for sequences, end in ((SEQUENCES, b"b"), (BROKEN_OFF, b""))
    for name, (digits, about) in sequences.items()
]
_TEXTS: Final = [
    Plain("text", "in a text", lambda word: {"a": 1, "k": word, "z": 2}),
    Plain("key", "in a key", lambda word: Pairs(((word, 7),))),
    Plain("text-in-a-list", "in a text in a list in a map", lambda word: {"a": {"b": [None, word]}}),
    Plain("key-in-a-list", "in a key of a map in a list", lambda word: {"k": [Pairs((("A", 1), (word, None)))]}),
]


@product("WIRE-5", "META-1", want="reject", places=_TEXTS, sizes=_NOT_UTF_8, also=("META-2", "INDEX-5"))
def metadata_that_is_not_utf_8(place: Plain, word: Plain):
    """A text or key in the metadata is not UTF-8."""
    return sealed(_ITEMS, metadata=place.value(str_(word.value, "! not UTF-8"))).data()


_POSITIONS: Final = [
    Plain(f"{kind}-{at}", f"{about} {at:,} of 600", (kind, at))
    for kind, about in (("exchanged", "with the next one is exchanged entry"), ("twice", "as the next one is entry"))
    for at in (0, 1, 14, 15, 16, 17, 31, 127, 254, 255, 256, 300, 598)
]
_DEPTHS: Final = [
    Plain("outermost", "in the outermost map", lambda entries: entries),
    Plain("in-a-list", "in a map in a list", lambda entries: {"a": 1, "k": [None, entries, None], "z": 2}),
    Plain("20-deep", "in a map twenty deep", lambda entries: nested(20, entries)),
]


@product("META-2", want="reject", places=_POSITIONS, sizes=_DEPTHS, also=("INDEX-5",))
def long_maps_out_of_order(position: Plain, depth: Plain):
    """In a map of 600 entries two neighbours are exchanged, or have one key, at the beginning, somewhere, or at the
    end."""
    kind, at = position.value
    entries = [(f"key {i:03}", i % 3) for i in range(600)]
    if kind == "exchanged":
        entries[at], entries[at + 1] = entries[at + 1], entries[at]
    else:
        entries[at + 1] = entries[at]
    return sealed(_ITEMS, metadata=depth.value(Pairs(tuple(entries)))).data()


_PREFIXES: Final = [
    *(Plain(str(n), f"the same {n:,} bytes", "k" * n) for n in (1, 7, 8, 15, 16, 31, 32, 63, 64, 127, 255, 256, 4096)),
    Plain("nul", "the same byte and a NUL", "k\0"),
    Plain("nul-and-more", "the same bytes with a NUL among them", "k\0" * 20),
    Plain("nul-alone", "a NUL", "\0"),
]
_ENDS: Final = ("", "\0", "\0a", "A", "B", "a", "a0", "b", "\u00e9", "\uffff", "\U00010000")
ALIKE: Final = [
    Plain(
        "composed",
        "composed and decomposed",
        ("\u00e9", "e\u0301", "\u00c5", "\u212b", "A\u030a", "\uac00", "\u1100\u1161"),
    ),
    Plain("two-composed", "an angstrom and an A with a ring, alone", ("\u00c5", "\u212b")),
    Plain(
        "folded",
        "in upper and lower case, and folded",
        ("k", "K", "\u212a", "ss", "\u00df", "\u1e9e", "SS", "i", "\u0131"),
    ),
    Plain(
        "compatible", "wide letters and ligatures", ("fi", "\ufb01", "1", "\uff11", "\u0661", "\u00b9", "a", "\uff41")
    ),
    Plain("numbers", "numbers", ("9", "10", "010", "1e1", "10.0", "+10", "0xa", "-0", "0", "00")),
    Plain(
        "names", "of objects in some languages", ("__proto__", "constructor", "toString", "__class__", "hasOwnProperty")
    ),
    Plain(
        "blanks", "with and without blanks", ("a", "a ", " a", "a\n", "a\r\n", "a\u00a0", "\u200ba", "\ufeffa", "a\0")
    ),
    Plain("paths", "as paths have them", ("a/b", "a\\b", "a//b", "a/./b", "a%2Fb", "a/b/", "A/B", "a.b")),
]


@product("META-2", "KEY-2", want="accept", places=ALIKE, canonical=True)
def keys_that_look_alike(place: Plain, _: Plain):
    """The keys of maps in the metadata are other texts, which some comparisons would take for one: at the root, and in
    a map in it."""
    content = {key: i for i, key in enumerate(place.value)}
    return sealed(_ITEMS, metadata=content | {"in a map": content}).accepted()


_NEIGHBOURS: Final = [
    Plain("letters", "b before a", "ba"),
    Plain("twice", "a twice", "aa"),
    Plain("longer", "a letter before nothing", ("a", "")),
    Plain("nul", "a NUL before nothing", ("\0", "")),
    Plain("behind-a-nul", "b before a, both behind a NUL", ("\0b", "\0a")),
]


@product("META-2", want="accept", places=_PREFIXES, canonical=True)
def keys_that_begin_alike(prefix: Plain, _: Plain):
    """The keys of a map begin with the same bytes, and differ behind these: by bytes that a comparison may not reach,
    or may take for the end of a text."""
    content = {prefix.value + end: i for i, end in enumerate(_ENDS)}
    return sealed(_ITEMS, metadata={"k": [content]}).accepted()


@product("META-2", "SEAL-7", want="accept", places=_PREFIXES, part=lambda _: "stream-encode")
def keys_that_begin_alike_in_another_order(prefix: Plain, _: Plain):
    """A writer is given such keys in the reverse of their order."""
    content = {"k": [{prefix.value + end: i for i, end in enumerate(_ENDS)}]}
    asked = encode_sealed([number("k", 7).read], shuffled(described(content)))
    return asked, sealed(_ITEMS, metadata=content).data()


@product("META-2", want="reject", places=_PREFIXES, sizes=_NEIGHBOURS, also=("INDEX-5",))
def keys_that_begin_alike_out_of_order(prefix: Plain, keys: Plain):
    """Two keys begin with the same bytes, and stand in the wrong order, or are one."""
    entries = tuple((prefix.value + end, 7) for end in keys.value)
    return sealed(_ITEMS, metadata=Pairs(entries)).data()

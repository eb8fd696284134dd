"""Maps of metadata that are to be written (chapter 14): keys in an order that is easily another one (META-2), keys that
stand twice, lists and maps without content and nested too deeply (META-3)."""

from __future__ import annotations

from typing import Any, Final

from ..cases.metadata_values import Pairs, described, shuffled
from ..cases.sealed_assembly import sealed
from ..cases.sealed_leaves import number
from ..declare import encode_sealed
from .product import Plain, product

_DEEPEST: Final = 64
_KEY: Final = number("k", 7)


def _in_a_map(content: Any) -> Any:
    return {"m": content, "z": None}


def _in_lists(content: Any) -> Any:
    return {"l": [[], [1, content]]}


def _far_down(content: Any) -> Any:
    for level in range(_DEEPEST - 2):
        content = [content] if level % 3 == 0 else {"k": content}
    return {"k": content}


_DEPTHS: Final = (
    Plain("root", "the outermost map", lambda content: content, "stream-encode"),
    Plain("map", "a map in it", _in_a_map, "stream-encode"),
    Plain("list", "a map in a list in a list", _in_lists, "stream-encode"),
    Plain("deepest", "a map at depth 64", _far_down, "stream-encode"),
)


# --- order -------------------------------------------------------------------------------------------------------

_ORDERS: Final = {
    "numbers": ("0", "01", "1", "1.5", "10", "100", "2", "9", "-1", "-2", "+3"),
    "cases": ("A", "B", "Z", "_", "a", "b", "z", "Ab", "aB", "ab", "AB"),
    "beginnings": ("", "a", "a\0", "a\0b", "a b", "aa", "aaa", "ab", "b", "ba"),
    "signs": (" ", "!", "-", ".", "/", "0", ":", "@", "~", "\x7f", "\n", "\t", "a-b", "a_b", "a.b", "a/b", "ab"),
    "accents": ("e", "e\u0301", "\u00e9", "f", "z", "\u00df", "ss", "\u0131", "i", "I", "\u0130", "\u00c5", "\u212b"),
    "planes": (
        "\ud7ff",
        "\ue000",
        "\uf8ff",
        "\uff5e",
        "\uffff",
        "\U00010000",
        "\U0001f9e9",
        "\U0010ffff",
        "z",
        "\u0800",
    ),
    "lengths": (*("x" * n for n in (0, 1, 15, 16, 31, 32, 33, 255, 256, 257)), "y", "w" * 300),
}
_COMMON: Final = (1, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1023, 4095)
_KEYS: Final = [
    *(Plain(name, f"keys in which {name} matter", keys) for name, keys in _ORDERS.items()),
    *(
        Plain(
            f"{n}-bytes-in-common",
            f"keys that begin with the same {n:,} bytes",
            tuple("p" * n + end for end in ("", "\0", "a", "b", "aa", "\u00e9", "\U0001f9e9")),
        )
        for n in _COMMON
    ),
]


@product("META-2", "SEAL-7", want="accept", places=_DEPTHS, sizes=_KEYS)
def keys_that_are_to_be_sorted(place: Plain, keys: Plain):
    """A map whose keys are given in the reverse of their order, which is that of their bytes: not that of numbers, of
    letters as people sort them, of code units, or of lengths."""
    if place.name != "root" and keys.name.endswith("in-common") and len(keys.value[0]) not in (8, 64):
        return None
    content = place.value({key: i for i, key in enumerate(keys.value)})
    return encode_sealed([_KEY.read], shuffled(described(content))), sealed([_KEY], metadata=content).data()


# --- keys that stand twice ---------------------------------------------------------------------------------------

_TWICE: Final = [
    *(Plain(name, f"the key is {what}", key) for name, what, key in (("empty", "empty", ""), ("nul", "a NUL", "\0"))),
    Plain("letter", "the key is a letter", "k"),
    Plain("wide", "the key has four bytes and is one character", "\U0001f9e9"),
    *(Plain(f"{n}-bytes", f"the key has {n} bytes", "k" * n) for n in (31, 32, 64, 65, 255, 256)),
]


@product("META-2", "CONF-7", want="reject", places=_DEPTHS, sizes=_TWICE)
def keys_that_are_given_twice(place: Plain, key: Plain):
    """A map has one key twice, once with a list as its value. Others stand between, and sort before and behind. Nothing
    is written."""
    at = _TWICE.index(key)
    between = tuple((f"{key.value}{i:02}", i) for i in range(3 * (at % 3)))
    entries = (("", 0),) * (key.value != "") + ((key.value, 1), *between, (key.value, [1]))
    return encode_sealed([_KEY.read], described(place.value(Pairs((*entries, ("\uffff", 2))))))


# --- nothing in it, and too deep ---------------------------------------------------------------------------------

_HOLLOW: Final = [
    Plain("map-in-a-map", "a map in a map", {"a": {}}, "stream-encode"),
    Plain("list-in-a-map", "a list in a map", {"a": []}, "stream-encode"),
    Plain("both-in-a-list", "a list and a map in a list", {"a": [[], {}, [{}], [[]]]}, "stream-encode"),
    Plain("text-and-bytes", "a text and bytes", {"a": "", "b": b""}, "stream-encode"),
    Plain("key", "a map below the empty key", {"": {"": {}}}, "stream-encode"),
    Plain("among-others", "some between values that have content", {"a": 1, "b": {}, "c": [], "d": 2}, "stream-encode"),
]


@product("META-1", "META-2", "SEAL-7", want="accept", places=_HOLLOW)
def values_without_content(place: Plain, _: Plain):
    """Values of metadata that hold nothing are values, and are kept."""
    return encode_sealed([_KEY.read], described(place.value)), sealed([_KEY], metadata=place.value).data()


def _lists(depth: int, content: Any) -> Any:
    for _ in range(depth - 2):
        content = [content]
    return {"k": content}


def _maps(depth: int, content: Any) -> Any:
    for _ in range(depth - 1):
        content = {"k": content}
    return content


_NESTED: Final = [
    Plain(f"{kind}-around-{name}", f"{kind}, and in them {what}", (nest, content), "stream-encode")
    for kind, nest in (("lists", _lists), ("maps", _maps))
    for name, what, content in (
        ("an-int", "an int", [1]),
        ("an-empty-list", "a list without content", []),
        ("an-empty-map", "a map without content", {}),
    )
]


@product("META-3", "META-2", want="accept", places=_NESTED)
def values_64_deep(place: Plain, _: Plain):
    """Lists alone, or maps alone, that are nested 64 deep, the most."""
    nest, content = place.value
    made = nest(_DEEPEST, content)
    return encode_sealed([_KEY.read], described(made)), sealed([_KEY], metadata=made).data()


@product("META-3", "CONF-7", want="reject", places=_NESTED)
def values_65_deep(place: Plain, _: Plain):
    """Lists alone, or maps alone, that are nested 65 deep, one too many. Nothing is written."""
    nest, content = place.value
    return encode_sealed([_KEY.read], described(nest(_DEEPEST + 1, content)))

"""Pairs of keys that are two, and that a program may take for one: by a hash, or by a notion of what a key means
(KEY-2)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..assembly import int_, map_, record_, str_, together
from ..declare import integer
from .product import product

# Each pair has one hash of 32 bits, of the key as it stands, of the key path `91 a7 ...` as it is encoded, and of the
# encoded str `a7 ...`. They were found by a birthday search: 250,000 keys of seven letters (i * 2654435761 xor i << 13
# in base 26, for i from 0) are hashed and sorted by their hashes, and the first neighbours of one hash are taken.
HASHES: Final = {
    "fnv-1a": ("cbktbxk zltwjrd", "qdrsehf byrltoc", "pkqnidd haebonj"),
    "fnv-1": ("allfzqa wdnfswb", "zolxtck rkmfazj", "hjqppqh vudsppl"),
    "fnv-1a-of-64-bits-folded": ("lmxuvcf dnzeiqg", "mswuvsc jqzjgif", "hzaraye gksqcnd"),
    "crc-32": ("kixveom xtzoumb", "qxfbcyh nybwrua"),
    "crc-32c": ("pftqxfl sesptef", "vjhhgac uioikbi"),
    "jenkins-one-at-a-time": ("vkrrqrb dbkusie", "jmcgntm kebipof", "erbzvjk bewvbqj"),
    "djb2": ("ubdebsh qxlqijd", "orefuza yqmcatm"),
    "djb2-with-xor": ("rvjtztb orcvfvn", "ycnxaob rjtrznj", "vxiogcm gffbljb"),
    "java": ("rwkdoxm ibizrge", "Aa BB"),
    "sdbm": ("cqtvvjk zskvhjm", "ghjovkn iptolcl"),
    "murmur3": ("mirqvce ajckdsg", "cjgpmfi hdguwdb", "dhbqnuc trindvd"),
    "xxhash32": ("gwnzmjf mkhzowh", "rajedog vkwxlkf", "acwaube wkhklki"),
    "adler-32": ("cagaaak aacgece",),
}
NOTIONS: Final = {
    "leading-zero": ("1", "01"),
    "two-leading-zeros": ("0", "00"),
    "number-with-a-fraction": ("1", "1.0"),
    "plus-sign": ("1", "+1"),
    "minus-zero": ("0", "-0"),
    "number-with-an-exponent": ("10", "1e1"),
    "hexadecimal-number": ("16", "0x10"),
    "number-with-an-underscore": ("10", "1_0"),
    "number-beyond-53-bits": ("9007199254740992", "9007199254740993"),
    "number-beyond-64-bits": ("0", "18446744073709551616"),
    "wide-digit": ("1", "\uff11"),
    "arabic-digit": ("1", "\u0661"),
    "superscript-digit": ("2", "\u00b2"),
    "text-of-true": ("true", "True"),
    "text-of-nil": ("null", "None"),
    "case-of-letters": ("kernel", "Kernel"),
    "sharp-s": ("stra\u00dfe", "strasse"),
    "kelvin-sign": ("K", "\u212a"),
    "long-s": ("s", "\u017f"),
    "dotless-i": ("i", "\u0131"),
    "capital-i-with-a-dot": ("i\u0307", "\u0130"),
    "final-sigma": ("\u03c3", "\u03c2"),
    "letter-with-an-accent": ("\u00e9", "e\u0301"),
    "letter-without-its-accent": ("e", "\u00e9"),
    "angstrom-sign": ("\u00c5", "\u212b"),
    "ohm-sign": ("\u03a9", "\u2126"),
    "order-of-accents": ("a\u0323\u0307", "a\u0307\u0323"),
    "hangul": ("\uac00", "\u1100\u1161"),
    "halfwidth-katakana": ("\u30a2", "\uff71"),
    "wide-letter": ("A", "\uff21"),
    "ligature": ("fi", "\ufb01"),
    "cyrillic-letter": ("a", "\u0430"),
    "variation-selector": ("\u2764", "\u2764\ufe0f"),
    "zero-width-joiner": ("ab", "a\u200db"),
    "soft-hyphen": ("ab", "a\u00adb"),
    "byte-order-mark": ("a", "\ufeffa"),
    "right-to-left-mark": ("a", "a\u200f"),
    "blank-behind": ("a", "a "),
    "blank-before": ("a", " a"),
    "no-break-space": ("a b", "a\u00a0b"),
    "two-blanks": ("a b", "a  b"),
    "tab": ("a b", "a\tb"),
    "line-end-of-two-bytes": ("a\nb", "a\r\nb"),
    "line-end-behind": ("a", "a\n"),
    "carriage-return": ("a\nb", "a\rb"),
    "line-separator": ("a\nb", "a\u2028b"),
    "nul-behind": ("a", "a\0"),
    "behind-a-nul": ("a\0b", "a\0c"),
    "nul-alone": ("", "\0"),
    "slash-behind": ("a", "a/"),
    "slash-before": ("a", "/a"),
    "two-slashes": ("a/b", "a//b"),
    "place-in-a-path": ("a", "./a"),
    "way-up-in-a-path": ("a", "b/../a"),
    "dot-and-two-dots": (".", ".."),
    "backslash-for-a-slash": ("a/b", "a\\b"),
    "slash-and-dot": ("a/b", "a.b"),
    "escaped-slash": ("a/b", "a\\/b"),
    "escape-of-the-display-form": ("a\nb", "a\\u000ab"),
    "percent": ("a/b", "a%2Fb"),
    "percent-in-lower-case": ("a%2Fb", "a%2fb"),
    "percent-of-a-letter": ("a", "%61"),
    "plus-for-a-blank": ("a b", "a+b"),
    "tilde-of-a-json-pointer": ("a/b", "a~1b"),
    "tilde-itself": ("a~b", "a~0b"),
    "quotes": ("a", '"a"'),
    "single-quotes": ("a", "'a'"),
    "brackets": ("a", "['a']"),
    "underscore-for-a-dash": ("a-b", "a_b"),
    "entity": ("<", "&lt;"),
    "private-name": ("__proto__", "_proto_"),
    "surrogates-in-code-units": ("\uffff", "\U00010000"),
    "question-mark-for-a-letter": ("?", "\u00e9"),
    "replacement-character": ("\ufffd", "\u00e9"),
}


class Pair(NamedTuple):
    """Two keys, and what makes them one."""

    name: str
    about: str
    keys: tuple[str, str]


def _pairs() -> list[Pair]:
    found = [
        Pair(f"{name}-{i}", f"keys of one hash, {name.replace('-', ' ')}", (words[0], words[1]))
        for name, pairs in HASHES.items()
        for i, pair in enumerate(pairs)
        for words in [pair.split()]
    ]
    return found + [
        Pair(name, f"keys that a notion of them makes one: {name.replace('-', ' ')}", keys)
        for name, keys in NOTIONS.items()
    ]


class Spot(NamedTuple):
    """Where the pair stands: the parts above and below it."""

    name: str
    about: str
    part: str
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


_SPOTS: Final = (
    Spot("alone", "as key paths of one part", "stream"),
    Spot("last", "as the last of three parts", "stream", ("params", "b")),
    Spot("flax-below", "as keys of a map under two others, with a map for each", "flax", ("params", "b"), ("c",)),
)


@product("KEY-2", "STREAM-4", want="accept", places=_SPOTS, sizes=_pairs(), canonical=True)
def two_keys_that_may_be_taken_for_one(spot: Spot, pair: Pair):
    """Two keys have different bytes, and are two: whatever their hashes are, and whatever a program thinks that they
    mean."""
    paths = [[*spot.above, key, *spot.below] for key in pair.keys]
    wanted: list[dict[str, Any]] = [integer(path, i) for i, path in enumerate(paths)]
    if spot.part == "stream":
        return together([record_(path, int_(i)) for i, path in enumerate(paths)]), wanted
    values = [together([map_(1) + str_(part) for part in spot.below]) + int_(i) for i in range(2)]
    entries = together([str_(key) + value for key, value in zip(pair.keys, values, strict=True)])
    return together([map_(1) + str_(part) for part in spot.above]) + map_(2) + entries, wanted

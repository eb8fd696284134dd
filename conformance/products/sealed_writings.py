"""What writers of sealed streams are asked for: metadata at the edges of headers, leaves of every kind, all settings,
and what they refuse (chapters 11 and 14, SEAL-7)."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import patterned
from ..cases.metadata_values import Float, described, nested, shuffled
from ..cases.sealed_assembly import sealed
from ..cases.sealed_leaves import number, of_specimen, tensor
from ..declare import encode_sealed, given
from .product import Plain, product
from .sealed_arrays import ALIGNMENTS
from .sizes import sizes
from .specimens import SPECIMENS
from .writers import NUMBERS

_LENGTHS: Final = (0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536)
_INTS: Final = sorted(
    {sign * (1 << k) + d for k in (0, 5, 7, 8, 15, 16, 31, 32, 63) for d in (-1, 0, 1) for sign in (1, -1)}
    | {(1 << 64) - 1}
)
_FLOATS: Final = (0.0, -0.0, 1.0, 1e300, float("inf"), -float("inf"))
_BITS: Final = (
    *("7ff0000000000001", "7ff4000000000000", "fff0000000000001", "fff8000000000000", "ffffffffffffffff"),
    *("0000000000000001", "8000000000000001", "000fffffffffffff", "7fefffffffffffff"),
)
_TEXTS: Final = {
    "line-ends": "a\r\nb\rc\nd\r\n",
    "blanks-around": " \t a \t ",
    "nul-behind": "a\0\0",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "quotes": "\"\\/'`\\u0041\\n",
    "line-separators": "\u2028\u2029\u0085\ufffe\uffff",
    "edges": "\u0080\u07ff\u0800\ud7ff\ue000\ufffd\U00010000\U0010ffff",
    "combining": "e\u0301 \u00e9 \u1100\u1161 \uac00 \ufb01 \u2126",
}
_VALUES: Final = [
    *(Plain(f"float-of-{bits}", f"the float {bits}", Float(bits)) for bits in _BITS),
    *(Plain(f"text-with-{name}", f"a text with {name.replace('-', ' ')}", text) for name, text in _TEXTS.items()),
    *(Plain(f"key-with-{name}", f"a key with {name.replace('-', ' ')}", {text: 1}) for name, text in _TEXTS.items()),
    *(Plain(f"int-{n}".replace("--", "-minus-"), f"the int {n:,}", n) for n in _INTS if -(1 << 63) <= n < 1 << 64),
    *(Plain(f"float-{i}", f"the float {n}", n) for i, n in enumerate(_FLOATS)),
    *(Plain(f"text-{n}", f"a text of {n:,} bytes", "x" * n) for n in _LENGTHS),
    *(Plain(f"bytes-{n}", f"{n:,} bytes", b"\xff" * n) for n in _LENGTHS),
    *(Plain(f"list-{n}", f"a list of {n:,} values", [None] * n) for n in _LENGTHS[:8]),
    *(Plain(f"map-{n}", f"a map of {n:,} entries", {f"{i:05}": i % 7 for i in range(n)}) for n in _LENGTHS[:8]),
    *(Plain(f"key-{n}", f"a key of {n:,} bytes", {"k" * n: 1}) for n in _LENGTHS),
    *(Plain(f"depth-{n}", f"lists and maps {n} deep", nested(n)) for n in (2, 3, 10, 32, 62)),
]


@product("META-1", "META-2", want="accept", places=_VALUES, canonical=True)
def metadata_at_the_edges_of_headers(value: Plain, _: Plain):
    """A value of metadata in a list in the map: what a reader finds, and the bytes that a writer makes of it."""
    return sealed([number("k", 7)], metadata={"a": 1, "k": [value.value], "z": None}).accepted()


_SETTINGS: Final = [Plain("digests", "with digests", True), Plain("no-digests", "without digests", False)]
_KINDS: Final = [
    *(Plain(one.name, one.about, of_specimen(one)) for one in SPECIMENS[:-1]),
    Plain("no-elements", "an array without elements", tensor("k", "int16", (0, 3), "")),
    Plain("no-dimensions", "an array of no dimension", tensor("k", "float32", (), "00 00 80 3f")),
    Plain("long-dimensions", "one of (2^40, 0)", tensor("k", "bool", (1 << 40, 0), "")),
]


@product("SEAL-7", "INDEX-2", want="accept", places=_KINDS, sizes=_SETTINGS, canonical=True)
def leaves_of_every_kind_in_sealed_streams(leaf: Plain, digests: Plain):
    """A leaf of each kind between two others, with digests and without."""
    return sealed([number("a", 1), leaf.value, number("z", 2)], 64, {"step": 1}, digests.value).accepted()


_MAPS: Final = [Plain(f"{n}-keys", f"{n} keys", n) for n in (2, 3, 20, 300)]


@product("META-2", "SEAL-7", want="accept", places=_MAPS, part=lambda _: "stream-encode")
def metadata_in_another_order(place: Plain, _: Plain):
    """A writer is given the entries of all maps in the reverse of their order."""
    content = {f"{'ab'[i % 2]}{i * 7 % 1000}": {"y": i, "x": [{"b": 1, "a": 2}]} for i in range(place.value)}
    asked = encode_sealed([number("k", 7).read], shuffled(described(content)))
    return asked, sealed([number("k", 7)], metadata=content).data()


_EMPTY: Final = [Plain("keep", "kept", "keep"), Plain("leave-out", "left out", "leave out")]


@product("SEAL-7", "TREE-4", want="accept", places=_EMPTY, part=lambda _: "stream-encode")
def empty_nodes_in_sealed_streams(place: Plain, _: Plain):
    """Empty nodes are kept or left out, in the records and in the index."""
    leaf, node = number(("m", "k"), 7), of_specimen(next(one for one in SPECIMENS if one.name == "empty"), ("e",))
    kept = [node, leaf] if place.value == "keep" else [leaf]
    return encode_sealed([node.read, leaf.read], empty_nodes=place.value), sealed(kept).data()


_NO_LEAF: Final = [
    Plain("no-record", "nothing is given", []),
    Plain(
        "empty-nodes",
        "all that is given are empty nodes, which are left out",
        [given(["a"], "empty"), given(["b"], "empty")],
    ),
]


@product("STREAM-3", "CONF-7", want="reject", places=_NO_LEAF, part=lambda _: "stream-encode", since="2.0")
def sealed_streams_without_a_leaf(place: Plain, _: Plain):
    """There is no leaf to be written, though there is metadata. Nothing is written."""
    return encode_sealed(place.value, described({"step": 1}), empty_nodes="leave out")


_ONE: Final = [given(["good"], "ndarray", dtype="uint8", shape=["5000"], fill="07"), number("k", 7).read]
_NO_VALUE: Final = ("META-2", "LEAF-1", "LEAF-8", "WIRE-5")
_WRONG: Final = [
    Plain(str(n).replace("-", "minus-"), f"{n:,}", str(n))
    for n in (0, 1, 2, 32, 63, 65, 96, 100, 8192, 1 << 32, (1 << 32) + 64, 1 << 64, (1 << 64) + 64, -64)
]


@product("ALIGN-5", "CONF-7", want="reject", places=_WRONG, part=lambda _: "stream-encode")
def alignments_that_no_writer_takes(place: Plain, _: Plain):
    """The alignment is not a power of two from 64 to 4,096. Nothing is written."""
    return encode_sealed(_ONE, alignment=place.value)


@product(
    "ALIGN-5",
    "CONF-7",
    want="reject",
    places=[text for text in NUMBERS if text.name != "nothing"],
    part=lambda _: "stream-encode",
)
def alignments_that_are_not_decimal(text: Plain, _: Plain):
    """The alignment is a text that is no number in decimal, and that a parser of numbers may take. Nothing is
    written."""
    return encode_sealed(_ONE, alignment=text.value.replace("7", "64"))


_TYPES: Final = [
    *(Plain(f"int-{text.name}", f"an int of {text.about}", {"kind": "int", "value": text.value}) for text in NUMBERS),
    *(
        Plain(name, about, {"kind": kind, "value": value})
        for name, about, kind, value in (
            ("number-for-an-int", "the number 7 for an int", "int", 7),
            ("text-for-a-bool", "the text true for a bool", "bool", "true"),
            ("number-for-a-bool", "the number 1 for a bool", "bool", 1),
            ("null-for-a-bool", "null for a bool", "bool", None),
            ("number-for-a-float", "the number 1 for a float", "float", 1),
            ("float-of-15-digits", "a float of 15 digits", "float", "3ff000000000000"),
            ("float-of-17-digits", "a float of 17 digits", "float", "3ff00000000000000"),
            ("float-with-a-sign", "a float with a sign among its digits", "float", "+ff0000000000000"),
            ("number-for-a-text", "the number 7 for a text", "str", 7),
            ("null-for-a-text", "null for a text", "str", None),
            ("bin-of-half-a-byte", "bytes of an odd number of digits", "bin", "070"),
            ("bin-with-a-sign", "bytes with a sign among their digits", "bin", "+7"),
            ("bin-of-letters", "bytes that are not hexadecimal", "bin", "0g"),
            ("null-for-a-list", "null for a list", "list", None),
            ("object-for-a-map", "an object for a map", "map", {"a": {"kind": "nil"}}),
            ("entry-of-three", "a map with an entry of three", "map", [["a", {"kind": "nil"}, {"kind": "nil"}]]),
            ("entry-of-one", "a map with an entry of one", "map", [["a"]]),
            ("key-that-is-a-number", "a map with a key that is a number", "map", [[7, {"kind": "nil"}]]),
        )
    ),
]


@product("META-1", "CONF-7", want="reject", places=_TYPES, part=lambda _: "stream-encode", also=lambda *_: _NO_VALUE)
def metadata_of_another_type(value: Plain, _: Plain):
    """The metadata has a value that is none of its kind, and that a program in a language which converts values may
    take. Nothing is written."""
    return encode_sealed(_ONE, {"kind": "map", "value": [["k", value.value]]})


_DEEP: Final = sizes("deep", (65, 66, 100, 127))


@product("META-3", "CONF-7", want="reject", places=_DEEP, part=lambda _: "stream-encode")
def metadata_that_is_too_deep_for_writers(place: Any, _: Plain):
    """Lists and maps that are nested deeper than 64. Nothing is written."""
    return encode_sealed(_ONE, described(nested(place.n)))


_NO_ARRAY: Final = [
    Plain("int-too-large", "an int of 2^64", ("LEAF-1", given(["x"], "int", value=str(1 << 64)))),
    Plain("no-kind", "a leaf of no kind", ("LEAF-1", given(["x"], "set"))),
    Plain(
        "no-dtype", "an array of objects", ("DTYPE-7", given(["x"], "ndarray", dtype="object", shape=["0"], payload=""))
    ),
    Plain("surrogate", "half of a pair of surrogates", ("WIRE-5", given(["x"], "str", value="a\ud800"))),
    Plain("again", "a key path again", ("STREAM-4", given(["good"], "nil"))),
    Plain("below", "a leaf below another", ("STREAM-5", given(["good", "x"], "nil"))),
    Plain("part", "the key of a part", ("PART-3", given(["x", "__part_0_of_2__"], "nil"))),
    Plain(
        "payload",
        "a payload that is too short",
        ("LEAF-5", given(["x"], "ndarray", dtype="int8", shape=["2"], payload="07")),
    ),
]


@product(
    "SEAL-7",
    "CONF-7",
    want="reject",
    places=_NO_ARRAY,
    part=lambda _: "stream-encode",
    cites=lambda place, _: (place.value[0], "CONF-7"),
    since="2.0",
    also=("TREE-1", "STREAM-5", "LEAF-4"),
)
def leaves_that_no_sealed_stream_holds(place: Plain, _: Plain):
    """Behind a padded array stands a leaf that cannot be written. Nothing is written, the array neither."""
    return encode_sealed([*_ONE, place.value[1]])


@product("ALIGN-3", "SEAL-7", want="accept", places=ALIGNMENTS, part=lambda _: "stream-encode")
def big_endian_arrays_with_padding(alignment: Plain, _: Plain):
    """A writer is given a large array whose elements are big-endian: padding and checksums are those of what is
    written."""
    n = 2100
    payload = patterned(2 * n).data()
    swapped = bytes(payload[i ^ 1] for i in range(len(payload)))
    asked = [given(["k"], "ndarray", dtype="int16", shape=[str(n)], payload=swapped.hex(), byte_order="big")]
    one = tensor("k", "int16", (n,), patterned(2 * n), alignment.value)
    return encode_sealed(asked, alignment=str(alignment.value)), sealed([one], alignment.value).data()

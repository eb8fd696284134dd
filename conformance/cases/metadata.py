"""Chapter 14: metadata, what it may be and in which form (META-1 to META-4)."""

from typing import Any

from ..declare import accept, encode_sealed, refuses_to_write, writes
from .metadata_values import Float, described, long_entry, nested, shuffled
from .sealed_assembly import sealed
from .sealed_leaves import number

ITEMS = [number("k", 7)]
EVERY_KIND = {
    "nil": None,
    "bools": [True, False],
    "ints": [0, 127, 128, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1],
    "negative ints": [-1, -32, -33, -128, -129, -32_768, -32_769, -(1 << 31), -(1 << 31) - 1, -(1 << 63)],
    "floats": [0.0, Float("8000000000000000"), 1.5, Float("7ff0000000000000"), Float("7ff8000000000001"), 5e-324],
    "texts": ["", "x", "\0", "\u00e9", "e\u0301", "\U0001f600", "x" * 31, "x" * 32, "x" * 255, "x" * 256],
    "bytes": [b"", b"\0", bytes(range(256))],
    "lists": [[], [[]], list(range(15)), list(range(16))],
    "maps": [{}, {"": None}, {f"{i:02}": i for i in range(16)}],
}


@accept("META-1", "META-2")
def metadata_of_every_kind():
    """Values of each kind, at the edges of their headers."""
    return sealed(ITEMS, metadata=EVERY_KIND).accepted()


@writes("META-1", "META-2", "SEAL-7")
def metadata_of_every_kind_in_another_order():
    """The same content, the entries of each map in the reverse of their order: the same bytes."""
    whole = sealed(ITEMS, metadata=EVERY_KIND)
    return encode_sealed([number("k", 7).read], shuffled(described(EVERY_KIND))), whole.data()


@accept("META-2")
def keys_in_the_order_of_their_bytes():
    """Upper case before lower, a text before those that begin with it, and keys beyond U+FFFF last, though their
    surrogates in UTF-16 are lower than U+FFFD."""
    keys = [
        "",
        "\0",
        "A",
        "B",
        "a",
        "a\0",
        "a ",
        "aa",
        "b",
        "\u007f",
        "\u0080",
        "\u00e9",
        "\ud7ff",
        "\ufffd",
        "\U00010000",
    ]
    return sealed(ITEMS, metadata={key: i for i, key in enumerate(keys)}).accepted()


@accept("META-3")
def metadata_64_deep():
    """Maps and lists in turn, the innermost at depth 64; what it holds is not one."""
    return sealed(ITEMS, metadata=nested(64, "innermost")).accepted()


@accept("META-3")
def metadata_of_2_to_the_24_bytes():
    """One text, with which the metadata has exactly as many bytes as it may have."""
    return sealed(ITEMS, metadata=long_entry("str", 1 << 24)).accepted()


@accept("META-1", "META-2")
def byte_order_marks_in_the_metadata():
    """U+FEFF at the beginning of texts and keys, and alone: a character like any other, which some decoders of UTF-8
    drop."""
    mark = "\ufeff"
    return sealed(ITEMS, metadata={mark: mark, f"{mark}a": f"{mark}a", "a": [f"{mark}{mark}", {mark: None}]}).accepted()


@accept("META-4")
def entries_that_nobody_knows():
    """A reader does not refuse what it does not know, nor a `step` that is not an int."""
    return sealed(ITEMS, metadata={"step": "the last", "safetensors": 7, "\u0000": {"x": [None]}}).accepted()


@accept("META-4", "META-1")
def metadata_that_programs_share():
    """The step, and the metadata of a safetensors file."""
    return sealed(ITEMS, metadata={"safetensors": {"format": "pt"}, "step": 40_000}).accepted()


@accept("META-1")
def one_thousand_entries():
    """So many that their number takes three bytes."""
    return sealed(ITEMS, metadata={f"key-{i:04}": i for i in range(1000)}).accepted()


@writes("META-2", "SEAL-7")
def one_thousand_entries_in_another_order():
    """A writer is given them in the reverse of their order."""
    content = {f"key-{i:04}": i for i in range(1000)}
    return encode_sealed([number("k", 7).read], shuffled(described(content))), sealed(ITEMS, metadata=content).data()


# --- what no writer writes -----------------------------------------------------------------------------------------


def _asked(metadata: dict[str, Any]) -> dict[str, Any]:
    return encode_sealed([number("k", 7).read], metadata)


def _entry(value: dict[str, Any]) -> dict[str, Any]:
    return _asked({"kind": "map", "value": [["k", value]]})


@refuses_to_write("META-1", "CONF-7")
def an_int_of_2_to_the_64_in_the_metadata():
    """One more than an int can be."""
    return _entry({"kind": "int", "value": str(1 << 64)})


@refuses_to_write("META-1", "CONF-7")
def an_int_below_all_in_the_metadata():
    """-2^63 - 1."""
    return _entry({"kind": "int", "value": str(-(1 << 63) - 1)})


@refuses_to_write("WIRE-5", "META-1", "CONF-7")
def a_lone_surrogate_in_the_metadata():
    """Half of a pair, in a value."""
    return _entry({"kind": "str", "value": "a\ud800"})


@refuses_to_write("WIRE-5", "META-1", "CONF-7")
def a_lone_surrogate_in_a_key_of_the_metadata():
    """Half of a pair, in a key."""
    return _asked({"kind": "map", "value": [["\udc00", {"kind": "nil"}]]})


@refuses_to_write("META-2", "CONF-7")
def a_key_that_is_given_twice():
    """With two values."""
    return _asked({"kind": "map", "value": [["k", {"kind": "nil"}], ["j", {"kind": "nil"}], ["k", {"kind": "nil"}]]})


@refuses_to_write("META-3", "CONF-7")
def metadata_that_is_nested_65_deep():
    """One list too deep."""
    return _asked(described(nested(65)))


@refuses_to_write("META-3", "CONF-7")
def metadata_of_one_byte_too_many():
    """A text with which the metadata has 2^24 bytes and one."""
    return _asked(described(long_entry("str", (1 << 24) + 1)))


@refuses_to_write("META-1", "CONF-7")
def a_value_of_an_unknown_kind():
    """A set."""
    return _entry({"kind": "set", "value": []})

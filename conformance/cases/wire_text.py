"""Chapter 01, WIRE-5: texts that are UTF-8, and texts that are not."""

from ..assembly import data, ext8, raw, record_, together
from ..declare import accept, array, binary, given, refuse, refuses_to_write, text, writes


@accept("WIRE-5")
def characters_at_the_edges_of_utf8():
    """The first and the last character of each length in UTF-8, and those on both sides of the surrogates."""
    codes = {
        "00": 0,
        "7f": 0x7F,
        "c2 80": 0x80,
        "df bf": 0x7FF,
        "e0 a0 80": 0x800,
        "ed 9f bf": 0xD7FF,
        "ee 80 80": 0xE000,
        "ef bf bf": 0xFFFF,
        "f0 90 80 80": 0x10000,
        "f4 8f bf bf": 0x10FFFF,
    }
    leaves = [data(bytes((0xA0 + len(bytes.fromhex(code)),))) + raw(f"{code} # U+{n:04X}") for code, n in codes.items()]
    bytes_ = together([record_(f"u{n:x}", leaf) for n, leaf in zip(codes.values(), leaves, strict=True)])
    return bytes_, [text(f"u{n:x}", chr(n)) for n in codes.values()]


@accept("WIRE-5")
def characters_across_read_blocks():
    """A text of 90,000 bytes in characters of three bytes each: wherever a reader cuts it into blocks, at 4,096 or at
    65,536 bytes, it is likely to cut through a character."""
    bytes_ = raw("92 91 a1 61 c6 00 01 5f 95 db 00 01 5f 90 # a str of 90,000 bytes") + data("€".encode() * 30_000)
    return bytes_, [text("a", "€" * 30_000)]


@accept("WIRE-5")
def bytes_that_are_not_utf8_in_a_bin():
    """What WIRE-5 says of a str does not hold for a bin, nor for a payload: c3 28, ed a0 80 and ff are bytes there."""
    return raw("""
        92 91 a1 61 c4 08 c4 06 c3 28 ed a0 80 ff
        92 91 a1 62 c4 14 c7 11 01 93 91 06 a5 75 69 6e 74 38 c4 06 c3 28 ed a0 80 ff
    """), [binary("a", bytes.fromhex("c328eda080ff")), array("b", "uint8", (6,), "c3 28 ed a0 80 ff")]


@refuse("WIRE-5")
def overlong_nul_in_a_key():
    """NUL in two bytes, as the modified UTF-8 of Java has it."""
    return raw("""
        92 91
        a4 61 c0 80 62          # ! "a", c0 80, "b"
        c4 01 c0
    """)


@refuse("WIRE-5")
def overlong_slash_in_a_key():
    """The character "/" in two bytes: a decoder that lets it pass makes another key path of this one."""
    return raw("""
        92 91
        a2 c0 af                # ! "/" in two bytes
        c4 01 c0
    """)


@refuse("WIRE-5")
def overlong_three_bytes():
    """U+07FF in three bytes, e0 9f bf, the last overlong form of its length. A check for c0 and c1 alone misses it."""
    return record_("a", raw("a3 e0 9f bf # ! U+07FF in three bytes"))


@refuse("WIRE-5")
def high_surrogate_in_a_text():
    """The first surrogate, U+D800, in three bytes."""
    return record_("a", raw("a3 ed a0 80 # ! U+D800"))


@refuse("WIRE-5")
def low_surrogate_in_a_key():
    """The last surrogate, U+DFFF, in a part of the key path."""
    return raw("""
        92 91
        a3 ed bf bf             # ! U+DFFF
        c4 01 c0
    """)


@refuse("WIRE-5")
def character_of_five_bytes():
    """f8 began a character of five bytes before RFC 3629."""
    return record_("a", raw("a5 f8 88 80 80 80 # ! U+200000"))


@refuse("WIRE-5")
def byte_ff_in_a_text():
    """ff stands in no UTF-8. Here it begins the byte order mark of UTF-16, with an "a" after it."""
    return record_("a", raw("a4 ff fe 61 00 # !"))


@refuse("WIRE-5")
def continuation_byte_alone():
    """80 continues a character that has not begun."""
    return record_("a", raw("a2 61 80 # !"))


@refuse("WIRE-5")
def latin1_in_a_key():
    """U+00E9 in Latin-1, which is the lead byte of three in UTF-8, before two letters."""
    return raw("""
        92 91
        a3 e9 74 65             # ! e9 "te"
        c4 01 c0
    """)


@refuse("WIRE-5")
def key_continued_by_the_next_header():
    """The first part ends within a character, and the header of the next, a1, would continue it. A reader that decodes
    in place, beyond the end of the part, reads U+00E1."""
    return raw("""
        92 92
        a1 c3                   # ! the first half of a character
        a1 61
        c4 01 c0
    """)


@refuse("WIRE-5", also=("DTYPE-1",))
def tag_that_is_not_utf8():
    """The dtype tag is "int8" with its "i" in two bytes, c1 a9."""
    return record_("a", ext8(1, raw("93 91 01") + raw("a5 c1 a9 6e 74 38 # !") + raw("c4 01 07")))


@refuses_to_write("WIRE-5")
def lone_low_surrogate_in_a_key():
    """U+DFFF alone in the middle of a part of a key path."""
    return [given(["a", "b\udfffc"], "nil")]


@writes("WIRE-5")
def characters_beyond_ffff():
    """U+1F600, in JSON two escapes of four digits, is one character of four bytes, in a key and in a text."""
    return [given(["😀"], "str", value="😀😀")], raw("92 91 a4 f0 9f 98 80 c4 09 a8 f0 9f 98 80 f0 9f 98 80")

"""Chapter 01, WIRE-5: ways in which bytes are no UTF-8, in texts and in keys, which readers often check apart."""

import hashlib

from ..assembly import Bytes, bin_, data, fill, header, here, int_, map_, path_, raw, record_, str_
from ..declare import accept, flax_refuse, refuse

# What stands between two letters, or at the end of the text where it breaks off.
SEQUENCES = {
    "a_continuation_byte_alone": ("80", "the byte 80, which continues a character that has not begun"),
    "the_last_continuation_byte_alone": ("bf", "the byte bf, which continues a character that has not begun"),
    "a_continuation_byte_too_many": ("c3 a9 80", "a character of two bytes and one more continuation byte"),
    "an_overlong_form_of_two_bytes": ("c1 bf", "the letter DEL in two bytes"),
    "nul_in_two_bytes": ("c0 80", "NUL in two bytes, as the modified UTF-8 of Java has it"),
    "an_overlong_form_of_three_bytes": ("e0 9f bf", "U+07FF in three bytes, the last character that takes two"),
    "an_overlong_form_of_four_bytes": ("f0 8f bf bf", "U+FFFF in four bytes, the last character that takes three"),
    "the_first_surrogate": ("ed a0 80", "the surrogate U+D800"),
    "the_last_surrogate": ("ed bf bf", "the surrogate U+DFFF"),
    "a_pair_of_surrogates": ("ed a0 bd ed b8 80", "U+1F600 as two surrogates, as CESU-8 has it"),
    "a_character_beyond_the_last": ("f4 90 80 80", "U+110000, one after the last character"),
    "the_first_byte_f5": ("f5 80 80 80", "the byte f5, which begins nothing"),
    "the_first_byte_f8": ("f8 88 80 80 80", "five bytes for one character, as in RFC 2279"),
    "the_byte_fe": ("fe", "the byte fe, which begins nothing"),
    "the_byte_ff": ("ff", "the byte ff, which begins nothing"),
    "a_letter_for_a_second_byte": ("c3 28", "c3 and a parenthesis"),
    "the_byte_7f_for_a_second_byte": ("c3 7f", "c3 and the byte before the first that continues a character"),
    "the_byte_c0_for_a_second_byte": ("c3 c0", "c3 and the byte after the last that continues a character"),
    "the_byte_7f_for_a_third_byte": ("e2 82 7f", "e2 82 and the byte before the first that continues a character"),
    "the_byte_c0_for_a_third_byte": ("e2 82 c0", "e2 82 and the byte after the last that continues a character"),
    "the_byte_7f_for_a_fourth_byte": (
        "f0 9f a7 7f",
        "f0 9f a7 and the byte before the first that continues a character",
    ),
    "a_letter_for_a_third_byte": ("e2 82 28", "e2 82 and a parenthesis"),
    "a_letter_for_a_fourth_byte": ("f0 9f a7 28", "f0 9f a7 and a parenthesis"),
    "a_first_byte_after_a_first_byte": ("c3 c3 a9", "c3 and then a whole character"),
}
BROKEN_OFF = {
    "that_ends_after_one_byte_of_two": ("c3", "the first of two bytes"),
    "that_ends_after_one_byte_of_three": ("e2", "the first of three bytes"),
    "that_ends_after_two_bytes_of_three": ("e2 82", "two of three bytes"),
    "that_ends_after_three_bytes_of_four": ("f0 9f a7", "three of four bytes"),
}


def _in_a_text(name: str, text: bytes, about: str) -> None:
    def case() -> Bytes:
        return record_("k", str_(text, "! not UTF-8"))

    case.__name__, case.__doc__ = f"text_{name}", f"A text leaf has {about}."
    refuse("WIRE-5")(case)


def _in_a_key(name: str, text: bytes, about: str) -> None:
    def case() -> Bytes:
        return raw("92 91") + str_(text, "! not UTF-8") + bin_(int_(7))

    case.__name__, case.__doc__ = f"key_{name}", f"A part of a key path has {about}."
    refuse("WIRE-5")(case)


for _name, (_digits, _about) in SEQUENCES.items():
    for _declare in (_in_a_text, _in_a_key):
        _declare(f"with_{_name}", b"a" + bytes.fromhex(_digits) + b"b", _about)
for _name, (_digits, _about) in BROKEN_OFF.items():
    for _declare in (_in_a_text, _in_a_key):
        _declare(_name, b"a" + bytes.fromhex(_digits), f"{_about} of a character at its end")


@refuse("WIRE-5")
def text_continued_by_the_next_record():
    """A text ends with the first byte of a character, and the header of the next record, 92, could be its second."""
    return record_("a", str_(b"a\xc3", "! not UTF-8")) + record_("b", int_(7))


@refuse("WIRE-5")
def text_with_a_fault_in_its_last_character():
    """A text of 1.1 MB in characters of three bytes, of which the last lacks a byte."""
    n = 3 * 366_667 - 1
    leaf = header(0xDB, 4, n, "! not UTF-8") + _euros(366_666) + data(b"\xe2\x82")
    return raw("92") + path_("k") + header(0xC6, 4, leaf.size) + leaf


@refuse("WIRE-5")
def text_with_a_fault_in_its_middle():
    """A text of 2.2 MB of letters, with a byte in its middle that is no UTF-8."""
    leaf = header(0xDB, 4, 2_200_001, "! not UTF-8") + fill(0x61, 1_100_000) + data(b"\xff") + fill(0x61, 1_100_000)
    return raw("92") + path_("k") + header(0xC6, 4, leaf.size) + leaf


@accept("WIRE-5", "STREAM-7", longer=True)
def texts_across_blocks_of_any_size():
    """Texts of 1.1 MB in characters of two, three and four bytes, with one letter before them or none: wherever a
    reader cuts them into blocks, some cuts go through a character."""
    stream, records = Bytes(), []
    for character in ("\u00e9", "\u20ac", "\U0001f9ea"):
        for before in ("", "a"):
            name, width = f"{before}{character}", len(character.encode())
            n = 1_100_000 // width
            leaf = header(0xDB, 4, n * width + len(before)) + data(before.encode()) + _repeated(character, n)
            stream += raw("92") + path_(name) + header(0xC6, 4, leaf.size) + leaf
            digest = hashlib.sha256((before + character * n).encode()).hexdigest()
            records.append({"path": [name], "kind": "str", "bytes": str(n * width + len(before)), "sha256": digest})
    return stream, records


@accept("WIRE-5", "STREAM-7", longer=True)
def texts_across_blocks_of_4_mib():
    """Two texts of 4.3 MB in characters of three bytes, of which no power of two is a multiple: in one of them every
    cut into blocks of 2 or 4 MiB goes through a character."""
    stream, records = Bytes(), []
    for before in ("", "a"):
        n = 1_430_000
        leaf = header(0xDB, 4, 3 * n + len(before)) + data(before.encode()) + _euros(n)
        name = f"{before}\u20ac"
        stream += raw("92") + path_(name) + header(0xC6, 4, leaf.size) + leaf
        digest = hashlib.sha256((before + "\u20ac" * n).encode()).hexdigest()
        records.append({"path": [name], "kind": "str", "bytes": str(3 * n + len(before)), "sha256": digest})
    return stream, records


def _repeated(character: str, times: int) -> Bytes:
    once = data(character.encode()).parts[0]
    return Bytes(once._replace(times=times))


def _euros(times: int) -> Bytes:
    return _repeated("\u20ac", times)


@flax_refuse("WIRE-5")
def text_that_ends_inside_a_character_in_a_flax_file():
    """A text leaf of a flax file ends after two bytes of three of a character, and the next key follows."""
    return map_(2) + str_("a") + str_(b"a\xe2\x82", "! not UTF-8") + str_("b") + int_(7)


@flax_refuse("WIRE-5")
def text_with_a_character_beyond_the_last_in_a_flax_file():
    """A text leaf of a flax file has U+110000, one after the last character."""
    return map_(1) + str_("a") + str_(b"a\xf4\x90\x80\x80", "! not UTF-8")


@flax_refuse("WIRE-5")
def flax_key_with_an_overlong_form():
    """A key of a flax file has a slash in two bytes."""
    return map_(1) + here("! not UTF-8") + str_(b"a\xc0\xafb") + int_(7)


@flax_refuse("WIRE-5")
def flax_key_that_ends_inside_a_character():
    """A key of a flax file ends after the first byte of a character, and the header of its value, a3, could be the
    second byte."""
    return map_(1) + str_(b"a\xc3", "! not UTF-8") + str_("abc")

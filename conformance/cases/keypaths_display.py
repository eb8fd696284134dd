"""Chapter 02, KEY-5 and KEY-6: the display form, and how it is read.

Decoders that print `display` are judged by KEY-5; encoders get key paths in display form for KEY-6.
"""

from ..assembly import raw, record_
from ..declare import accept, given, nil, refuses_to_write, writes


def shown(parts: list[str], display: str) -> tuple:
    """A stream of one record, and its key path in display form."""
    return record_(parts, raw("c0")), [nil(parts) | {"display": display}]


@accept("KEY-5")
def display_of_slashes_and_backslashes():
    """In a part, "/" is shown with a backslash before it, and a backslash as two."""
    return shown(["a/b", "\\", "c\\/d"], "a\\/b/\\\\/c\\\\\\/d")


@accept("KEY-5")
def display_of_empty_parts():
    """Three empty parts are two slashes."""
    return shown(["", "", ""], "//")


@accept("KEY-5")
def display_of_a_part_that_looks_escaped():
    """A part with a backslash, "u000a" after it: the backslash is doubled, or the form would be read as a line feed."""
    return shown(["\\u000a"], "\\\\u000a")


@accept("KEY-5")
def display_of_control_characters():
    """The first and last of each row of control characters, and LF, ESC and U+0085 among them, each as a backslash, "u"
    and four digits. There is no short form for any of them."""
    parts = ["\0", "a\tb\n\r", "\x1b[31m", "\x1f", "\x7f", "\x80\x85\x9f"]
    return shown(parts, r"\u0000/a\u0009b\u000a\u000d/\u001b[31m/\u001f/\u007f/\u0080\u0085\u009f")


@accept("KEY-5")
def display_of_invisible_characters():
    """The first and last of each row of characters that steer a line of text, or that do not show. The hexadecimal
    digits are lower-case."""
    parts = ["\u061c", "\u200b\u200f", "\u2028\u2029\u202a\u202e", "\u2066\u2069", "\ufeffa"]
    return shown(parts, r"\u061c/\u200b\u200f/\u2028\u2029\u202a\u202e/\u2066\u2069/\ufeffa")


@accept("KEY-5")
def display_of_the_neighbours_of_escaped_characters():
    """The characters just before and just after each row that is escaped, and characters of four bytes, stand for
    themselves."""
    part = " ~\u00a0\u061b\u061d\u200a\u2010\u2027\u202f\u2065\u206a\ufefe\uff00\u00ad\U0001feff\U0001f600"
    return shown([part], part)


def read_as(display: str, *parts: str) -> tuple:
    """A leaf under a key path in display form, and the stream with the key path that it stands for."""
    return [given(display, "nil")], record_(parts, raw("c0"))


@writes("KEY-6")
def parsing_splits_at_slashes():
    """An unescaped "/" ends a part."""
    return read_as("params/0/kernel", "params", "0", "kernel")


@writes("KEY-6")
def parsing_slashes_alone():
    """Two slashes are three empty parts: none is left out, at the beginning or at the end."""
    return read_as("//", "", "", "")


@writes("KEY-6")
def parsing_escaped_slashes_and_backslashes():
    """A backslash takes the next character as it is, and is then done with: in the middle part two backslashes stand
    before a "/" that ends it."""
    return read_as("a\\/b/c\\\\/\\\\\\/d", "a/b", "c\\", "\\/d")


@writes("KEY-6")
def parsing_escaped_characters():
    """A backslash, "u" and four digits are one character; what follows the fourth digit is not part of it."""
    return read_as(r"two\u000alines/\u0000/\ufeff1/\u00e91", "two\nlines", "\0", "\ufeff1", "é1")


@writes("KEY-6")
def parsing_upper_case_digits():
    """The four digits may be of either case."""
    return read_as(r"\u000A/\uFEFF/\uAbCd", "\n", "\ufeff", "\uabcd")


@writes("KEY-6")
def parsing_escapes_that_are_not_needed():
    """Any character may be written with its number: the letter "A", and characters on both sides of the surrogates."""
    return read_as(r"\u0041/\ud7ff/\ue000/\uffff", "A", "\ud7ff", "\ue000", "\uffff")


@writes("KEY-6")
def parsing_escaped_numbers_of_slash_and_backslash():
    """A "/" that is given by its number ends no part, and a backslash that is given so begins no escape. A parser that
    replaces the numbers first and splits afterwards gets two parts."""
    return read_as(r"a\u002fb/\u005cn/\u005cu0041", "a/b", "\\n", "\\u0041")


@writes("KEY-6")
def parsing_characters_that_stand_for_themselves():
    """A line feed, ESC, U+202E and U+FEFF without an escape are accepted in what is parsed."""
    return read_as("a\nb/\x1b/\u202e/\ufeff", "a\nb", "\x1b", "\u202e", "\ufeff")


@refuses_to_write("KEY-6")
def parsing_backslash_n():
    """A backslash and "n" is not an escape here."""
    return [given("a\\nb", "nil")]


@refuses_to_write("KEY-6")
def parsing_a_backslash_at_the_end():
    """A backslash at the end escapes nothing."""
    return [given("a\\", "nil")]


@refuses_to_write("KEY-6")
def parsing_three_digits():
    """The escape has three digits, and then the text ends."""
    return [given(r"a\u00e", "nil")]


@refuses_to_write("KEY-6")
def parsing_a_slash_within_the_digits():
    """The escape has three digits, and then "/" ends the part."""
    return [given(r"\u00a/b", "nil")]


@refuses_to_write("KEY-6")
def parsing_a_digit_that_is_none():
    """The last of the four digits is "g"."""
    return [given(r"\u000g", "nil")]


@refuses_to_write("KEY-6")
def parsing_a_sign_among_the_digits():
    """Functions that read numbers take "+0a1" for one; four digits it is not."""
    return [given(r"\u+0a1", "nil")]


@refuses_to_write("KEY-6")
def parsing_an_underscore_among_the_digits():
    """Python's int() takes "0_a1" for a number."""
    return [given(r"\u0_a1", "nil")]


@refuses_to_write("KEY-6")
def parsing_digits_of_other_scripts():
    """U+FF10 and U+0661 are digits to Python's int() and to patterns with \\d, and are not hexadecimal digits here."""
    return [given("\\u00\uff10\u0661", "nil")]


@refuses_to_write("KEY-6")
def parsing_a_high_surrogate():
    """The escape names U+D800, the first surrogate."""
    return [given(r"\ud800", "nil")]


@refuses_to_write("KEY-6")
def parsing_a_surrogate_pair():
    """Two escapes that would make U+1F600 in JSON. Each names a surrogate, and is an error."""
    return [given(r"\ud83d\ude00", "nil")]


@refuses_to_write("KEY-6")
def parsing_digits_in_braces():
    """The digits stand in braces, as they do in JavaScript and Rust."""
    return [given(r"\u{00e9}", "nil")]

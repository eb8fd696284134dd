"""Chapter 04: str and bin leaves (LEAF-1). Chapter 01 has the cases of their headers and of UTF-8."""

from ..assembly import bin_, data, raw, record_, str_, together
from ..declare import accept, binary, text


def _texts(*values):
    leaves = [(str(i), value) for i, value in enumerate(values)]
    return together([record_(path, str_(value)) for path, value in leaves]), [text(*leaf) for leaf in leaves]


def _bins(*values):
    leaves = [(str(i), value) for i, value in enumerate(values)]
    return together([record_(path, bin_(data(value))) for path, value in leaves]), [binary(*leaf) for leaf in leaves]


@accept("LEAF-1")
def text_and_bytes_of_the_same_bytes():
    """A str and a bin of the same three bytes are leaves of two kinds."""
    return raw("""
        92 91 a1 73 c4 04 a3 61 62 63      # "s": the str "abc"
        92 91 a1 62 c4 05 c4 03 61 62 63   # "b": the bin "abc"
    """), [text("s", "abc"), binary("b", b"abc")]


@accept("LEAF-1")
def texts_of_0_and_1_bytes():
    """The empty str, and a str of one NUL, which ends a text in C."""
    return raw("92 91 a1 30 c4 01 a0 92 91 a1 31 c4 02 a1 00"), [text("0", ""), text("1", "\0")]


@accept("LEAF-1", "WIRE-1")
def text_of_32_bytes_in_16_characters():
    """A length counts bytes: 16 characters of two bytes each take the header `d9 20`, and 8 emoji do too."""
    return _texts("\u00e9" * 16, "\U0001f9ea" * 8)


@accept("LEAF-1", "WIRE-1")
def bins_of_0_and_1_bytes():
    """The empty bin, and a bin of one zero. Neither is a nil."""
    return raw("92 91 a1 30 c4 02 c4 00 92 91 a1 31 c4 03 c4 01 00"), [binary("0", b""), binary("1", b"\0")]


@accept("LEAF-1")
def bin_that_is_no_text():
    """A bin may hold any bytes, among them ones that are no UTF-8 and ones that are MessagePack themselves."""
    return _bins(b"\xc3\x28", b"\xed\xa0\x80", b"\x81\xa1\x78\x01", b"\xc7\x0c\x01\x93\x91\x02\xa4int8\xc4\x02\x00\x01")

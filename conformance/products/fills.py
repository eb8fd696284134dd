"""What an encoder is given as a pattern that is repeated (CLIENT.md): texts whose characters may be cut, and
big-endian elements of which the pattern holds no whole number."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import Bytes, Part, data, ndarray_, record_, str_of
from ..cases.dtypes_every_tag import ORDERED
from ..declare import given
from .product import Plain, product

# Programs that were judged by 1.0 had been told nothing of these: what it judges stays as it was.
_SINCE: Final = "2.0"
_PATTERNS: Final = [
    Plain("two-bytes", "a character of two bytes", "\u00e9".encode()),
    Plain("three-bytes", "a character of three bytes", "\u20ac".encode()),
    Plain("four-bytes", "a character of four bytes", "\U0001f600".encode()),
    Plain("mixed", "a letter, and characters of two and three bytes", "a\u00e9\u20ac".encode()),
    Plain("a-letter-behind", "a character of two bytes and a letter", "\u00e9a".encode()),
    Plain("half-a-character", "the second half of a character, and its first", b"\xa9\xc3"),
    Plain("cut-character", "a character and the first byte of one", b"\xc3\xa9\xc3"),
    Plain("a-surrogate", "a surrogate in three bytes", b"\xed\xa0\x80"),
]
_BYTES: Final = [Plain(str(n), f"{n:,} bytes", n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 240, 241, 70_000, 70_001)]


def _text(pattern: bytes, n: int) -> bytes:
    return (pattern * (n // len(pattern) + 1))[:n]


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _asked(pattern: bytes, n: int) -> list[dict[str, Any]]:
    return [given(["k"], "str", fill=pattern.hex(), bytes=str(n))]


@product(
    "LEAF-1", "WIRE-5", want="accept", places=_PATTERNS, sizes=_BYTES, part=lambda _: "stream-encode", since=_SINCE
)
def texts_of_a_pattern(pattern: Plain, size: Plain):
    """A text is given as a pattern of characters that are not of ASCII, and ends with a whole one: it is written."""
    raw = _text(pattern.value, size.value)
    if not _is_utf8(raw):
        return None
    return _asked(pattern.value, size.value), record_("k", str_of(data(raw)))


@product(
    "WIRE-5", "LEAF-1", want="reject", places=_PATTERNS, sizes=_BYTES, part=lambda _: "stream-encode", since=_SINCE
)
def texts_of_a_pattern_that_are_not_utf_8(pattern: Plain, size: Plain):
    """A text is given as a pattern, and is not UTF-8: the pattern is not, or the end of the text cuts a character."""
    return None if _is_utf8(_text(pattern.value, size.value)) else _asked(pattern.value, size.value)


_CYCLES: Final = [
    Plain(f"of-{n}", f"a pattern of {n} bytes", bytes(range(1, n + 1))) for n in (1, 2, 3, 4, 5, 7, 8, 16)
]
_TAGS: Final = [
    Plain(tag, f"elements of {tag}", tag) for tag in ("uint16", "bfloat16", "float32", "int64", "complex128")
]
_ELEMENTS: Final = 33_001  # more than 64 KiB of elements of two bytes


@product("DTYPE-3", "DTYPE-6", want="accept", places=_TAGS, sizes=_CYCLES, part=lambda _: "stream-encode", since=_SINCE)
def big_endian_elements_of_a_pattern(tag: Plain, cycle: Plain):
    """The bytes that a pattern stands for are big-endian elements, also where an element begins in the middle of it."""
    width, parts = ORDERED[tag.value]
    whole = cycle.value * width
    turned = b"".join(whole[at : at + width][::-1] for at in range(0, len(whole), width))
    times, left = divmod(_ELEMENTS * width * parts, len(turned))
    payload = Bytes(Part(turned, "", times), Part(turned[:left]))
    shape = [str(_ELEMENTS)]
    asked = [given(["k"], "ndarray", dtype=tag.value, shape=shape, fill=cycle.value.hex(), byte_order="big")]
    return asked, record_("k", ndarray_(tag.value, (_ELEMENTS,), payload))

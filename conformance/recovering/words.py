"""Blocks as words: planes, exclusive or, ordered difference (DELTA-8 to DELTA-10)."""

from __future__ import annotations

from typing import Final

_WIDTHS: Final = {
    **dict.fromkeys(("complex128", "float64", "int64", "uint64"), 8),
    **dict.fromkeys(("complex64", "float32", "int32", "uint32"), 4),
    **dict.fromkeys(("complex32", "bcomplex32", "float16", "bfloat16", "int16", "uint16"), 2),
}
# Dtypes whose words have an image of another order than their own: all with a sign and a magnitude of more than 6 bits.
_SIGNED: Final = {
    *("float64", "float32", "float16", "bfloat16", "complex128", "complex64", "complex32", "bcomplex32"),
    *("float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz"),
    *("float8_e5m2", "float8_e5m2fnuz"),
}
_XOR, _DIFFERENCE = 1, 2


def width(dtype: str | None) -> int:
    """Bytes of a word."""
    return _WIDTHS.get(dtype or "", 1)


def content_of_planes(planes: bytes, method: int, dtype: str | None, base: bytes, width: int) -> bytes:
    """The content that planes stand for, with the base's content where the method refers to it."""
    words = bytearray(len(planes))
    n = len(planes) // width
    for i in range(width):
        words[i::width] = planes[i * n : (i + 1) * n]
    if method == _XOR:
        both = int.from_bytes(words, "little") ^ int.from_bytes(base, "little")
        return both.to_bytes(len(words), "little")
    if method == _DIFFERENCE:
        return _sums(bytes(words), base, width, dtype in _SIGNED)
    return bytes(words)


def _sums(words: bytes, base: bytes, width: int, signed: bool) -> bytes:
    """Word by word: the difference out of its zigzag, added to the base's image, and back from its image."""
    high = 1 << 8 * width - 1
    every = 2 * high - 1
    out = bytearray()
    for at in range(0, len(words), width):
        word, old = (int.from_bytes(data[at : at + width], "little") for data in (words, base))
        difference = word >> 1 ^ -(word & 1)
        if not signed:
            out += (old + difference & every).to_bytes(width, "little")
            continue
        image = (old ^ every if old & high else old | high) + difference & every
        out += (image ^ high if image & high else image ^ every).to_bytes(width, "little")
    return bytes(out)

"""Spec chapter 10, DELTA-6 to DELTA-10: a block of a leaf's content as its difference from the base's block."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from .errors import FormatError, UsageError
from .extras import how_to_install
from .recycling import empty

BLOCK: Final = 1 << 22  # DELTA-6: "it is cut into blocks of 2^22 bytes, the last of which may be shorter"
WHOLE, XOR, ORDERED, EQUAL = 0, 1, 2, 3
_PLANES, _FRAME = b"\x00", b"\x01"
_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_WINDOW: Final = 1 << 23  # bytes that a frame may look back
_SAMPLE: Final = 1 << 16  # bytes of a block on which the methods are tried
_AT_ONCE: Final = 1 << 18  # words that are computed together; more do not stay in the processor's cache
_LEVEL: Final = 1  # smaller than level 3 where it matters: among random bytes that finds matches of no use

# DELTA-8: the bits of a word, where they are not 8.
_BITS: Final = {
    **dict.fromkeys(("complex128", "float64", "int64", "uint64"), 64),
    **dict.fromkeys(("complex64", "float32", "int32", "uint32"), 32),
    **dict.fromkeys(("complex32", "bcomplex32", "float16", "bfloat16", "int16", "uint16"), 16),
}
# DELTA-10: floats whose highest bit is not a sign are seen as integers.
_SIGNLESS: Final = ("float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn")


def blocks_of(nbytes: int) -> int:
    """How many blocks a content of so many bytes has."""
    return -(-nbytes // BLOCK)


def encode_block(
    target: np.ndarray, base: np.ndarray | None, dtype: np.dtype | None, words: Words | None = None
) -> bytes:
    """The bytes of a block, by the method that makes it the smallest.

    `target` and `base` are the contents, uint8[n]; `base` is None where there is none of the same dtype and
    shape. `dtype` is that of the leaf, None where it is not an array. `words` computes the planes, NUMPY by default;
    the methods are always tried in numpy, on a stretch that is not worth the way to a device.
    """
    if base is not None and same_bytes(target, base):
        return bytes((EQUAL,))
    methods = (WHOLE,) if base is None else (ORDERED, XOR, WHOLE)
    if len(target) <= 2 * _SAMPLE:
        tried = [bytes((method,)) + _packed(_planes(target, base, dtype, method)) for method in methods]
        return min(tried, key=len)
    # A stretch from the middle of the block stands for all of it.
    middle = slice(len(target) // 2 // 16 * 16, len(target) // 2 // 16 * 16 + _SAMPLE)
    known = None if base is None else base[middle]
    sizes = {method: len(_packed(_planes(target[middle], known, dtype, method))) for method in methods}
    method = min(methods, key=sizes.__getitem__)
    return bytes((method,)) + _packed((words or NUMPY).planes(target, base, dtype, method))


def same_bytes(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays uint8[n] are equal; in words of 8 bytes, which takes half the time."""
    n = len(x) & -8
    differ = np.not_equal(x[:n].view(np.uint64), y[:n].view(np.uint64), out=empty(n // 8, np.bool_))
    return not differ.any() and np.array_equal(x[n:], y[n:])


def decode_block(
    data: bytes, nbytes: int, base: np.ndarray | None, dtype: np.dtype | None, words: Words | None = None
) -> np.ndarray:
    """The content that a block stands for, uint8[nbytes], which `words` computes. Raises DELTA-7."""
    method = _method(data, base is not None)
    if method == EQUAL:
        assert base is not None
        return base
    return (words or NUMPY).content(_unpacked(data[1:], nbytes), base, dtype, method)


def check_block(data: bytes, nbytes: int, has_base: bool) -> None:
    """What can be told of a block without the base: its method, its frame, and the number of planes. Raises DELTA-7."""
    if _method(data, has_base) != EQUAL:
        _unpacked(data[1:], nbytes)


def _method(data: bytes, has_base: bool) -> int:
    """The method of a block. Raises DELTA-7."""
    method = data[0] if data else None
    if method not in (WHOLE, XOR, ORDERED, EQUAL):
        _refuse(f"a block begins with {data[:1].hex() or 'nothing'}, not a method")
    if method != WHOLE and not has_base:
        _refuse(f"a block is made by method {method} and has no base")
    if method == EQUAL and len(data) != 1:
        _refuse("a block that equals the base's has bytes of its own")
    return method


def _refuse(detail: str) -> NoReturn:
    raise FormatError("DELTA-7", None, None, detail, "the delta is damaged; get it again")


# --- words ----------------------------------------------------------------------------------------------


class Words(NamedTuple):
    """What computes with the words of a block; the results are the same, whatever it is.

    Both take the contents, or planes and the content of the base, as uint8[n], the dtype of the leaf and a method
    (`base` is None for WHOLE alone), and give uint8[n].
    """

    planes: Callable[[np.ndarray, np.ndarray | None, np.dtype | None, int], np.ndarray]  # of a target and a base
    content: Callable[[np.ndarray, np.ndarray | None, np.dtype | None, int], np.ndarray]  # of planes and a base


@functools.cache  # the name of a dtype is slow to be had
def word_of(dtype: np.dtype | None) -> np.dtype:
    """The unsigned dtype of the words of a leaf (DELTA-8)."""
    return np.dtype(f"<u{_BITS.get(dtype.name, 8) // 8 if dtype is not None else 1}")


@functools.cache
def has_sign(dtype: np.dtype | None) -> bool:
    """Whether the words are floats whose highest bit is their sign, so that they have images (DELTA-10)."""
    return dtype is not None and dtype.name not in _SIGNLESS and ("float" in dtype.name or "complex" in dtype.name)


def _planes(target: np.ndarray, base: np.ndarray | None, dtype: np.dtype | None, method: int) -> np.ndarray:
    word = word_of(dtype)
    words, known = target.view(word), base.view(word) if base is not None else None
    planes = empty((word.itemsize, len(words)), np.uint8)
    for i in range(0, len(words), _AT_ONCE):
        part = slice(i, i + _AT_ONCE)
        values = words[part]
        if method == XOR:
            assert known is not None
            values = np.bitwise_xor(values, known[part], out=empty(len(values), word))
        elif method == ORDERED:
            assert known is not None
            values = _difference(values, known[part], dtype)
        for k, plane in enumerate(planes):
            np.right_shift(values, word.type(8 * k), out=plane[part], casting="unsafe")
    return planes.reshape(-1)


def _content(planes: np.ndarray, base: np.ndarray | None, dtype: np.dtype | None, method: int) -> np.ndarray:
    word = word_of(dtype)
    low, *higher = planes.reshape(word.itemsize, -1)
    known = base.view(word) if base is not None else None
    words = empty(len(low), word)
    for i in range(0, len(words), _AT_ONCE):
        part = slice(i, i + _AT_ONCE)
        values = words[part]
        values[:] = low[part]
        for k, plane in enumerate(higher, 1):
            values |= np.left_shift(plane[part], word.type(8 * k), dtype=word, out=empty(len(values), word))
        if method == XOR:
            assert known is not None
            values ^= known[part]
        elif method == ORDERED:
            assert known is not None
            values[:] = _moved(known[part], values, dtype)
    return words.view(np.uint8)


NUMPY: Final = Words(_planes, _content)


# DELTA-10: "By ordered difference, a word is the difference of the images of the target's word and the base's,
#            modulo 2^n, in zigzag."
def _difference(target: np.ndarray, base: np.ndarray, dtype: np.dtype | None) -> np.ndarray:
    before, after = _image(base, dtype), _image(target, dtype)
    difference = np.subtract(after, before, out=empty(len(after), after.dtype))
    # All bits set where the highest is.
    signed = _signed(difference)
    negative = np.right_shift(signed, _top(difference), out=empty(len(signed), signed.dtype))
    difference <<= difference.dtype.type(1)
    difference ^= negative.view(difference.dtype)
    return difference


def _moved(base: np.ndarray, words: np.ndarray, dtype: np.dtype | None) -> np.ndarray:
    one = words.dtype.type(1)
    difference = np.right_shift(words, one, out=empty(len(words), words.dtype))
    words &= one
    difference ^= np.negative(words, out=words)
    difference += _image(base, dtype)
    return _image(difference, dtype)


def _image(words: np.ndarray, dtype: np.dtype | None) -> np.ndarray:
    """The images of words, each less 2^(n-1), of which a difference sees nothing; and the words of such images."""
    if not has_sign(dtype):
        return words
    signed = _signed(words)
    flipped = np.right_shift(signed, _top(words), out=empty(len(signed), signed.dtype))
    flipped &= np.iinfo(signed.dtype).max
    flipped ^= signed
    return flipped.view(words.dtype)


def _signed(words: np.ndarray) -> np.ndarray:
    return words.view(f"i{words.itemsize}")


def _top(words: np.ndarray) -> int:
    """The place of the highest bit."""
    return 8 * words.itemsize - 1


# --- packing --------------------------------------------------------------------------------------------

_local = threading.local()  # zstd's contexts are for one thread at a time


def zstd() -> Any:
    """The zstandard library. Raises UsageError."""
    try:
        import zstandard
    except ImportError:
        raise UsageError(f"deltas need zstandard: {how_to_install('delta')}") from None
    return zstandard


def _packed(planes: np.ndarray) -> bytes:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstd().ZstdCompressor(level=_LEVEL)
    frame = _local.compressor.compress(planes.data)
    return _FRAME + frame if len(frame) < len(planes) else _PLANES + planes.tobytes()


def _unpacked(data: bytes, nbytes: int) -> np.ndarray:
    """The planes, nbytes of them. Raises DELTA-7."""
    if data[:1] == _PLANES:
        planes = data[1:]
    elif data[:1] == _FRAME:
        planes = _decompressed(data[1:], nbytes)
    else:
        _refuse(f"a block is packed as {data[:1].hex() or 'nothing'}, not 00 or 01")
    if len(planes) != nbytes:
        _refuse(f"a block has {len(planes)} bytes of planes; expected {nbytes}")
    return np.frombuffer(planes, np.uint8)


# DELTA-7: "A frame states its content size, which is that of the planes"
def _decompressed(frame: bytes, nbytes: int) -> bytes:
    """What a frame holds. Its size is compared with the expected one before anything is allocated."""
    zstandard = zstd()
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        header = zstandard.get_frame_parameters(frame) if frame.startswith(_MAGIC) else None
        size = header.content_size if header else None
        if header is None or size != nbytes:
            _refuse(f"a frame has {size} bytes of planes; expected {nbytes}")
        # Checked here: a decompressor's own limit does not hold where a frame is decompressed at once.
        if header.window_size > _WINDOW:
            detail = f"a frame has a window of {header.window_size} bytes; at most {_WINDOW} are allowed"
            _refuse(detail)
        return _local.decompressor.decompress(frame, allow_extra_data=False)
    except zstandard.ZstdError as error:
        _refuse(f"a block is not a zstd frame: {error}")

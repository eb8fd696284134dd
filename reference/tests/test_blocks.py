"""Blocks of a delta: every method is exact, the smallest is taken, what is none is refused (DELTA-6 to DELTA-10)."""

import numpy as np
import pytest
import zstandard

from reference.format import blocks
from reference.format.blocks import EQUAL, ORDERED, WHOLE, XOR, decode_block, encode_block
from reference.format.dtypes import INSTALLED, WIDTHS, dtype_of
from reference.format.errors import FormatError


@pytest.mark.parametrize("tag", sorted(INSTALLED))
@pytest.mark.parametrize("method", [WHOLE, XOR, ORDERED])
def test_every_method_is_exact_for_any_bits(tag, method):
    dtype = dtype_of(tag)
    random = np.random.default_rng(0)
    for count in (1, 7, 1000):
        target, base = random.integers(0, 256, (2, count * dtype.itemsize), np.uint8)
        packed = bytes((method,)) + blocks._packed(blocks.NUMPY.planes(target, base, dtype, method))
        assert np.array_equal(decode_block(packed, len(target), base, dtype), target)
        assert np.array_equal(decode_block(encode_block(target, base, dtype), len(target), base, dtype), target)


def words(dtype, base, target, method):
    """The one word that stands for a pair of words, in hex, highest byte first."""
    raw = [np.frombuffer(bytes.fromhex(text)[::-1], np.uint8) for text in (target, base)]
    return blocks.NUMPY.planes(*raw, dtype_of(dtype), method).tobytes()[::-1].hex()


@pytest.mark.parametrize(
    ("dtype", "base", "target", "word"),
    [
        ("bfloat16", "3f80", "3f81", "0002"),
        ("bfloat16", "3f80", "3f7f", "0001"),
        ("bfloat16", "0000", "8000", "0001"),
        ("complex64", "bf800000", "bf7fffff", "00000002"),
        ("float8_e4m3fn", "38", "39", "02"),
        ("float8_e8m0fnu", "7f", "80", "02"),
        ("int8", "7f", "80", "02"),
        ("int8", "00", "80", "ff"),
    ],
)
def test_the_words_of_the_specification(dtype, base, target, word, root):
    assert words(dtype, base, target, ORDERED) == word
    row = f"| `{dtype}` | `{base}`"
    assert any(row in line and f"`{target}`" in line and f"`{word}`" in line for line in chapter(root).splitlines())


def chapter(root):
    return (root / "spec/1.0/10-delta.md").read_text()


def test_a_step_to_a_neighbour_is_a_small_word_in_every_float():
    for tag in sorted(INSTALLED):
        if "float" in tag and tag not in ("float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"):
            n = 2 * WIDTHS[tag]
            assert int(words(tag, "00" * (n // 2), "80" + "00" * (n // 2 - 1), ORDERED), 16) == 1  # +0 to -0
            assert int(words(tag, "80" + "00" * (n // 2 - 1), "00" * (n // 2), ORDERED), 16) == 2


def test_the_smallest_method_is_taken():
    random = np.random.default_rng(0)
    weights = (random.standard_normal(1 << 18) * 0.02).astype(dtype_of("bfloat16"))
    tuned = (weights.astype(np.float32) + random.standard_normal(1 << 18).astype(np.float32) * 1e-4).astype(
        weights.dtype
    )
    encoded = encode_block(tuned.view(np.uint8), weights.view(np.uint8), weights.dtype)
    assert encoded[0] == ORDERED
    assert len(encoded) < 0.28 * tuned.nbytes
    other = random.integers(0, 256, 1 << 16, np.uint8)
    assert encode_block(other, random.integers(0, 256, 1 << 16, np.uint8), np.dtype(np.uint8))[1:2] == b"\0"  # stored
    assert encode_block(other, other.copy(), np.dtype(np.uint8)) == bytes((EQUAL,))


@pytest.mark.parametrize(
    "data",
    [b"", b"\4\0", b"\3\0", b"\0", b"\0\2abcd", b"\0\0abc", b"\0\0abcde", b"\0\1junk", b"\1"],
)
def test_a_block_that_is_none_is_refused(data):
    with pytest.raises(FormatError) as caught:
        decode_block(data, 4, np.zeros(4, np.uint8), np.dtype(np.uint8))
    assert caught.value.clause == "DELTA-7"


@pytest.mark.parametrize("method", [XOR, ORDERED, EQUAL])
def test_a_method_that_needs_a_base_is_refused_without_one(method):
    with pytest.raises(FormatError, match="DELTA-7"):
        decode_block(bytes((method,)) + b"\0abcd", 4, None, None)


def test_a_frame_that_says_too_much_of_itself_makes_no_more_than_is_due():
    frame = zstandard.ZstdCompressor().compress(bytes(1 << 28))
    with pytest.raises(FormatError, match="a frame has 268435456 bytes of planes; expected 1000"):
        decode_block(b"\0\1" + frame, 1000, None, None)


def test_frames_that_are_not_one_whole_frame_are_refused():
    planes = bytes(1000)
    good = zstandard.ZstdCompressor(write_checksum=True).compress(planes)
    assert decode_block(b"\0\1" + good, 1000, None, None).tobytes() == planes
    skippable = b"\x50\x2a\x4d\x18\x01\0\0\0x"
    sizeless = zstandard.ZstdCompressor(write_content_size=False).compress(planes)
    for frame in (good[:-1], good[:-4], good + b"x", good + good, skippable + good, good + skippable, sizeless, b""):
        with pytest.raises(FormatError, match="DELTA-7"):
            decode_block(b"\0\1" + frame, 1000, None, None)

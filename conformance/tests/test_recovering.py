"""The judge's own recoverer: zstd against the library, and every delta of the corpus."""

import contextlib
import random
import re

import pytest

from conformance.model import load_corpus
from conformance.recovering.contents import contents
from conformance.recovering.delta import ensure_recovers
from conformance.recovering.fault import Fault
from conformance.recovering.zstd import content_of, xxh64

zstandard = pytest.importorskip("zstandard")

# What no writer of deltas makes: longer headers, in cases by hand and of a rule, and another order.
OTHERWISE = re.compile("longer-header|not-depth-first|-(bin|str|array|map)-(8|16|32)$")


def texts():
    """Contents of many kinds: what compresses into literals, matches, repeated bytes, nothing."""
    chance = random.Random(7)
    words = [bytes(chance.choices(range(97, 123), k=chance.randrange(2, 9))) for _ in range(300)]
    skewed = bytes(chance.choices(range(256), [1 / (i + 1) for i in range(256)], k=40_000))
    yield from (b"", b"a", b"ab" * 9, bytes(300), bytes(200_000), chance.randbytes(140_000))
    yield b" ".join(chance.choices(words, k=12_000))
    yield skewed
    yield bytes(chance.choices((0, 1, 255), (90, 9, 1), k=150_000))
    yield b"".join(i.to_bytes(4, "little") for i in range(9_000))
    yield skewed[:3000] + bytes(70_000) + skewed[:3000] + chance.randbytes(500) + skewed[100:2000]


@pytest.mark.parametrize("level", [-5, 1, 19])
def test_frames_of_the_library_are_read(level):
    for text in texts():
        frame = zstandard.ZstdCompressor(level=level, write_checksum=len(text) % 2 == 0).compress(text)
        assert content_of(frame, len(text)) == text


def test_the_checksum_is_xxh64():
    # Of the empty input, and of what the specification of xxHash gives for 1, 14 and 101 bytes of its sanity buffer.
    buffer, state = bytearray(), 2654435761
    for _ in range(101):
        buffer.append(state >> 56 & 255 if state >> 32 else state >> 24 & 255)
        state = state * 11400714785074694797 & (1 << 64) - 1
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"a") == 0xD24EC4F1A98C6E5B
    assert xxh64(b"abc") == 0x44BC2CF5AD770999
    assert len({xxh64(bytes(buffer[:n])) for n in range(102)}) == 102


def test_a_frame_that_is_changed_or_cut_is_never_taken_for_its_content():
    """With a checksum no change goes unseen, and none ends in another error than that of the frame."""
    chance = random.Random(11)
    text = b" ".join(bytes(chance.choices(range(97, 110), k=5)) for _ in range(120))
    frame = zstandard.ZstdCompressor(level=19, write_checksum=True).compress(text)
    for at in range(len(frame)):
        with pytest.raises(Fault):
            content_of(frame[:at], len(text))
        changed = bytearray(frame)
        changed[at] ^= 1 << chance.randrange(8)
        with contextlib.suppress(Fault):
            assert content_of(bytes(changed), len(text)) == text  # a bit of the header that means nothing


def deltas():
    """Those of rules where they are small: blocks of 4 MiB take seconds in Python, and the cases by hand have some."""
    for case in load_corpus().cases:
        if (
            case.part == "recover"
            and case.want == "accept"
            and (case.rule is None or case.files["want.bin"]["size"] < 1 << 18)
        ):
            yield pytest.param(case, id=case.name)


@pytest.mark.parametrize("case", [*deltas()])
def test_every_delta_of_the_corpus_is_recovered(case):
    delta, base = case.data("bin"), contents(case.data("base.bin"), case.convert["prefix"])
    target = contents(case.data("want.bin"), "params" if case.convert["streaming"] else "flax")
    if OTHERWISE.search(case.name):  # which a reader takes, and a writer does not write
        with pytest.raises(Fault, match=r"WIRE-1|DELTA-3"):
            ensure_recovers(delta, delta, base, target)
        return
    ensure_recovers(delta, delta, base, target)
    for path, content in [*target.items()][:20]:  # of what has not changed nothing but its digest is known
        if content and content != base.get(path):
            wrong = {**target, path: bytes((content[0] ^ 1,)) + content[1:]}
            with pytest.raises(Fault, match="DELTA-12"):
                ensure_recovers(delta, delta, base, wrong)

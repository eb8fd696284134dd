"""Chapter 10: longer headers (WIRE-2) in the mark of a delta, where they may stand and where not (DELTA-1)."""

from ..assembly import Bytes, raw, record_, str_
from ..declare import recovers, refuses_to_convert, refuses_to_recover
from .conversion_safetensors import IN
from .delta_assembly import (
    ADDED,
    BASE,
    CHANGED,
    MARK,
    TARGET,
    block_,
    blocks,
    hexed,
    manifest,
    manifest_,
    stream,
    text_,
)

NAME = "73 74 72 65 61 6d 63 6b 70 74 2d 64 65 6c 74 61"  # "streamckpt-delta"
SAYS = manifest(BASE, TARGET)


def marked(mark: str) -> tuple[Bytes, Bytes]:
    return stream(BASE), raw(mark) + blocks() + manifest_(SAYS)


@refuses_to_recover("DELTA-1", also=("CONV-6", "DELTA-2", "REC-1", "REC-2"))
def mark_whose_array_has_a_longer_header():
    """The array of the mark says 2 in two bytes. A delta is known from its first 19 bytes, which are always the same:
    so no two readers take one file for two kinds."""
    return marked(f"dc 00 02 92 b0 {NAME} a3 31 2e 30 a5 64 65 6c 74 61")


@refuses_to_recover("DELTA-1", also=("CONV-6", "DELTA-2", "REC-1", "REC-2"))
def mark_whose_path_has_a_longer_header():
    """The key path of the mark says 2 in four bytes."""
    return marked(f"92 dd 00 00 00 02 b0 {NAME} a3 31 2e 30 a5 64 65 6c 74 61")


@refuses_to_recover("DELTA-1", also=("CONV-6", "DELTA-2", "REC-1", "REC-2"))
def mark_whose_name_has_a_longer_header():
    """`streamckpt-delta` has a length in one byte of its own."""
    return marked(f"92 92 d9 10 {NAME} a3 31 2e 30 a5 64 65 6c 74 61")


@recovers("DELTA-1", "WIRE-2")
def mark_whose_version_has_a_longer_header():
    """The version has a length of two bytes: what follows the first 19 bytes is read as everything else is."""
    base, delta = marked(f"92 92 b0 {NAME} da 00 03 31 2e 30 a5 64 65 6c 74 61")
    return base, delta, stream(TARGET)


@recovers("DELTA-1", "WIRE-2")
def mark_whose_text_has_a_longer_header():
    """The text of the mark has a length of four bytes."""
    base, delta = marked(f"92 92 b0 {NAME} a3 31 2e 30 db 00 00 00 05 64 65 6c 74 61")
    return base, delta, stream(TARGET)


@recovers("DELTA-2", "DELTA-6", "WIRE-2")
def longer_headers_after_the_mark():
    """Each header of a block's record is longer than needed: of the array, the path, its parts and both bins."""
    block = raw("""
        dd 00 00 00 02 dc 00 03                     # record, key path of 3
        d9 06 62 6c 6f 63 6b 73 da 00 01 30 d9 01 30  # "blocks", "0", "0"
        c6 00 00 00 0b c6 00 00 00 06               # leaf blob, block
    """) + raw(CHANGED)
    return stream(BASE), MARK + block + block_(1, 0, ADDED) + manifest_(SAYS), stream(TARGET)


@recovers("DELTA-2", "WIRE-2")
def manifest_with_a_longer_header():
    """The text of the manifest has a length of four bytes, though two would do."""
    text = text_(SAYS).encode()
    says = raw(f"db {len(text).to_bytes(4, 'big').hex()}") + hexed(text.hex())
    return stream(BASE), MARK + blocks() + record_("manifest", says), stream(TARGET)


@refuses_to_recover("DELTA-6", "DELTA-2", also=("DELTA-7",))
def block_in_a_str_of_longer_headers():
    """The other side: a longer header makes no bin of a str."""
    return stream(BASE), MARK + record_(("blocks", "0", "0"), str_(b"\x00\x00\x35\x01\x12\x57")) + block_(
        1, 0, ADDED
    ) + manifest_(SAYS)


@refuses_to_convert("DELTA-13", also=("CONV-6", "DELTA-1", "REC-1", "REC-2", "CONV-5", "CONV-1"))
def delta_in_place_of_a_checkpoint():
    """A delta whose prefix is `params::`, as though it were a stream."""
    return IN._replace(prefix="params"), MARK + blocks() + manifest_(SAYS)


@refuses_to_convert("DELTA-13", "CONV-6", also=("DELTA-1", "REC-2", "CONV-1"))
def delta_in_place_of_a_checkpoint_without_a_prefix():
    """The same file without a prefix, so that it is recognised."""
    return IN._replace(prefix=None), MARK + blocks() + manifest_(SAYS)

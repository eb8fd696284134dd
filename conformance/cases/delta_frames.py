"""Chapter 10: planes in zstd frames (DELTA-7, RFC 8878)."""

from ..assembly import Bytes, hexed, raw
from ..declare import recovers, refuses_to_recover
from .delta_assembly import BASE, MAGIC, frame, raw_frame, recovery, tensor, zstd_block

PLANES = "01 02 03 04"
RAW = f"21 00 00 {PLANES}"  # the last block of a frame, raw, of four bytes
LEAF = tensor("n", "uint8", (4,), PLANES)


def made(packed: Bytes | str) -> tuple[Bytes, Bytes, Bytes]:
    """A new leaf, whose planes stand in this frame."""
    return recovery(BASE, [LEAF], raw("00 01 # as it is, in a frame") + hexed(packed))


def damaged(packed: Bytes | str) -> tuple[Bytes, Bytes]:
    return made(packed)[:2]


@recovers("DELTA-7")
def frame_of_a_raw_block():
    """A frame of one segment, whose content size takes one byte, and one raw block."""
    return made(f"{MAGIC} 20 04 {RAW}")


@recovers("DELTA-7")
def frame_of_a_repeated_byte():
    """A frame with one block of one byte that is repeated, 128 times: by exclusive or, every byte changes alike."""
    base, target = (tensor("w", "int8", (128,), value * 128) for value in ("55", "aa"))
    return recovery([base], [target], raw("01 01") + frame(128, zstd_block(1, 128, "ff")))


@recovers("DELTA-7")
def frame_of_three_blocks():
    """A raw block, a repeated byte, and a last raw block that is empty."""
    base, target = tensor("w", "uint16", (3,), "00 00 00 00 00 00"), tensor("w", "uint16", (3,), "01 07 02 07 03 07")
    parts = [zstd_block(0, 3, "01 02 03", last=False), zstd_block(1, 3, "07", last=False), zstd_block(0, 0, "")]
    return recovery([base], [target], raw("01 01") + frame(6, *parts))


@recovers("DELTA-7")
def frame_that_zstd_made():
    """A frame as the command `zstd` makes it: one compressed block, and a checksum. The planes are those of 64
    bfloat16, whose words 0000, 0002, 0004 and 0006 are repeated.
    """
    base = tensor("w", "bfloat16", (64,), "80 3f" * 64)
    target = tensor("w", "bfloat16", (64,), "80 3f 81 3f 82 3f 83 3f" * 16)
    packed = raw("""
        02 01                                   # ordered difference, in a frame
        28 b5 2f fd 24 80                       # one segment, a checksum, content size 128
        6d 00 00                                # last block, compressed, of 13 bytes:
        20 00 02 04 06                          #   four literals
        02 00 04 12 d0 92 23 02                 #   two sequences
        fb b6 9e 8a                             # checksum
    """)
    return recovery([base], [target], packed)


@recovers("DELTA-7")
def frame_with_compressed_literals():
    """A frame that `zstd -19` made of 120 bytes in which 0 is frequent: literals in a Huffman code, and no
    sequences.
    """
    digits = "110300001302000021020003000000001100002101200101101011131033"
    digits += "001012021203000003111301102001101101110001300020011320003100"
    payload = "".join(f"0{digit}" for digit in digits)
    packed = raw("""
        00 01                                   # as it is, in a frame
        28 b5 2f fd 20 78                       # one segment, content size 120
        0d 01 00                                # last block, compressed, of 33 bytes:
        82 47 07                                #   120 literals in 29 bytes, one stream
        82 32 10 97 23 35 9e 5e ad 35 d6 54 f9 89 10 ed 64 a9 b6 36 1a be fe 73 0c 8f e9 b3 02  #   codes and bits
        00                                      #   no sequences
    """)
    return recovery(BASE, [tensor("n", "uint8", (120,), payload)], packed)


@recovers("DELTA-7")
def frame_whose_content_size_takes_eight_bytes():
    """A frame that is not of one segment, with a window of 1 KiB and a content size of eight bytes."""
    return made(f"{MAGIC} c0 00 04 00 00 00 00 00 00 00 {RAW}")


@recovers("DELTA-7")
def window_of_8_mib():
    """The largest window that a frame may have. It is larger than the content."""
    return made(f"{MAGIC} 80 68 04 00 00 00 {RAW}")


@refuses_to_recover("DELTA-7")
def window_above_8_mib():
    """A window of 9 MiB. The content is small, so a decoder that looks at the content alone does not see it."""
    return damaged(f"{MAGIC} 80 69 04 00 00 00 {RAW}")


@refuses_to_recover("DELTA-7", also=("CONF-4",))
def window_of_a_terabyte():
    """A window of 2^40 bytes, which no reader allocates."""
    return damaged(f"{MAGIC} 80 f0 04 00 00 00 {RAW}")


@refuses_to_recover("DELTA-7")
def frame_without_content_size():
    """A frame that does not state its content size, as `zstd` makes it of a pipe. The content is right."""
    return damaged(f"{MAGIC} 00 58 {RAW}")


@refuses_to_recover("DELTA-7", also=("CONF-4",))
def content_size_that_is_huge():
    """A content size of 2^62. Nothing is allocated for it."""
    return damaged(f"{MAGIC} e0 00 00 00 00 00 00 00 40 {RAW}")


@refuses_to_recover("DELTA-7")
def content_size_of_one_byte_less():
    """A frame of three bytes, whole and right in itself, where planes of four bytes are expected."""
    return damaged(raw_frame("01 02 03"))


@refuses_to_recover("DELTA-7")
def content_size_of_one_byte_more():
    """A frame of five bytes, whole and right in itself, where planes of four bytes are expected."""
    return damaged(raw_frame("01 02 03 04 05"))


@refuses_to_recover("DELTA-7")
def content_that_is_larger_than_it_states():
    """The content size is 4, and a repeated byte fills 100,000."""
    return damaged(frame(4, zstd_block(1, 100_000, "01")))


@refuses_to_recover("DELTA-7")
def content_that_is_smaller_than_it_states():
    """The content size is 4, and the blocks hold three bytes."""
    return damaged(frame(4, zstd_block(0, 3, "01 02 03")))


@refuses_to_recover("DELTA-7")
def byte_after_the_frame():
    """One byte stands after the frame."""
    return damaged(f"{MAGIC} 20 04 {RAW} 00")


@refuses_to_recover("DELTA-7")
def second_frame():
    """A frame of 0 bytes stands after the frame. Most decoders join the contents of frames that follow each other."""
    return damaged(raw_frame(PLANES) + raw_frame(""))


@refuses_to_recover("DELTA-7")
def skippable_frame_before_the_frame():
    """A skippable frame of 0 bytes stands before the frame, which decoders pass over."""
    return damaged(f"50 2a 4d 18 00 00 00 00 {MAGIC} 20 04 {RAW}")


@refuses_to_recover("DELTA-7")
def skippable_frame_after_the_frame():
    """A skippable frame of 0 bytes stands after the frame."""
    return damaged(f"{MAGIC} 20 04 {RAW} 50 2a 4d 18 00 00 00 00")


@refuses_to_recover("DELTA-7")
def frame_with_a_dictionary():
    """A frame that names a dictionary, 7, though its one block is raw and would need none."""
    return damaged(f"{MAGIC} 21 07 04 {RAW}")


@refuses_to_recover("DELTA-7")
def frame_that_is_cut_off():
    """The last byte of the raw block is missing."""
    return damaged(f"{MAGIC} 20 04 21 00 00 01 02 03")


@refuses_to_recover("DELTA-7")
def frame_without_a_last_block():
    """The content is whole, and its block is not marked as the last."""
    return damaged(frame(4, zstd_block(0, 4, PLANES, last=False)))


@refuses_to_recover("DELTA-7")
def block_of_the_reserved_type():
    """The block has the type 3, which RFC 8878 reserves."""
    return damaged(frame(4, zstd_block(3, 4, PLANES)))


@refuses_to_recover("DELTA-7")
def checksum_that_is_wrong():
    """The frame has a checksum of zeros, and its content another. The leaf's own digest is right."""
    return damaged(f"{MAGIC} 24 04 {RAW} 00 00 00 00")


@refuses_to_recover("DELTA-7")
def frame_of_another_format():
    """gzip in place of zstd: the four bytes in a stored block."""
    return damaged("1f 8b 08 00 00 00 00 00 00 ff 01 04 00 fb ff 01 02 03 04 cd fb 3c b6 04 00 00 00")


@refuses_to_recover("DELTA-7")
def packed_as_frame_without_one():
    """The planes follow a packing of 1 as they are, and no frame."""
    return damaged(PLANES)


@recovers("DELTA-7")
def frame_with_a_dictionary_of_0():
    """The header of the frame has a field for the number of a dictionary, and it is 0. RFC 8878 says that this is the
    same as no field: the frame needs no dictionary, and is taken."""
    return made(f"{MAGIC} 21 00 04 {RAW}")


@recovers("DELTA-7")
def frame_with_a_dictionary_of_0_in_four_bytes():
    """The number 0 in a field of four bytes."""
    return made(f"{MAGIC} 23 00 00 00 00 04 {RAW}")


@refuses_to_recover("DELTA-7")
def frame_with_a_dictionary_in_four_bytes():
    """The number of a dictionary, 2^24, of which the low three bytes are 0."""
    return damaged(f"{MAGIC} 23 00 00 00 01 04 {RAW}")


@recovers("DELTA-7")
def frame_with_a_dictionary_of_0_in_two_bytes():
    """The number 0 in a field of two bytes, and a content size of eight."""
    return made(f"{MAGIC} e2 00 00 04 00 00 00 00 00 00 00 {RAW}")


@recovers("DELTA-7")
def frame_whose_unused_bit_is_set():
    """The bit of the header that RFC 8878 leaves unused: no encoder sets it, and a decoder does not look at it."""
    return made(f"{MAGIC} 30 04 {RAW}")


@refuses_to_recover("DELTA-7")
def frame_whose_reserved_bit_is_set():
    """The bit of the header that RFC 8878 reserves: a decoder makes sure that it is not set."""
    return damaged(f"{MAGIC} 28 04 {RAW}")


@recovers("DELTA-7")
def content_size_in_two_bytes():
    """A content size of 300 bytes, which two bytes hold as 44: less 256, as RFC 8878 has it for this field alone."""
    base, target = (tensor("w", "int8", (300,), value * 300) for value in ("55", "aa"))
    packed = raw(f"{MAGIC} 60 2c 00") + zstd_block(1, 300, "ff")
    return recovery([base], [target], raw("01 01") + packed)

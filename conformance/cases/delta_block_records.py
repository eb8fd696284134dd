"""Chapter 10: blocks as records (DELTA-6), how they are packed (DELTA-7), and leaves of more than one."""

from ..assembly import Bytes, Part, bin_, fill, raw, record_, str_, together
from ..declare import recovers, refuses_to_recover
from .delta_assembly import (
    ADDED,
    BASE,
    BLOCK,
    CHANGED,
    MAGIC,
    MARK,
    TARGET,
    block_,
    manifest,
    manifest_,
    recovery,
    small,
    stream,
    tensor,
    zstd_block,
)

RUN = 1 << 17  # bytes of the largest block in a zstd frame


def delta(*blocks: Bytes) -> tuple[Bytes, Bytes]:
    """BASE, and a delta with the manifest of TARGET and these records before it."""
    return stream(BASE), MARK + together(blocks) + manifest_(manifest(BASE, TARGET))


def packed(block: str) -> tuple[Bytes, Bytes]:
    """BASE, and a delta to TARGET with this block for `w`, which is like the base's."""
    return delta(block_(0, 0, block), block_(1, 0, ADDED))


# --- leaves of more than one block -----------------------------------------------------------------------------------


@recovers("DELTA-6", "DELTA-8")
def array_of_two_blocks():
    """2^20 + 1 float32 that were 0 and are the smallest subnormal: by exclusive or, one block of 2^22 bytes and one of
    four. Each block has planes of its own. Those of the first stand in a frame of 32 blocks of one repeated byte.
    """
    base = tensor("w", "float32", ((1 << 20) + 1,), fill(0, BLOCK + 4))
    target = tensor("w", "float32", ((1 << 20) + 1,), Bytes(Part(bytes.fromhex("01000000"), "", (1 << 20) + 1)))
    runs = [zstd_block(1, RUN, "01" if i < 8 else "00", last=i == 31) for i in range(32)]
    first = raw(f"01 01 {MAGIC} a0 00 00 40 00 # frame of one segment, content size 2^22") + together(runs)
    return recovery([base], [target], first, "01 00 01 00 00 00")


@recovers("DELTA-6", "DELTA-7")
def array_and_text_of_two_blocks():
    """`w` has 2^22 + 2 bytes, of which the last changed: its first block is the base's (method 3). `one` has 2^22
    bytes and one block. The text has 2^22 - 4 bytes: with its header it has one byte more than a block.
    """
    size = BLOCK - 4
    base = [tensor("w", "uint8", (BLOCK + 2,), fill(7, BLOCK + 2))]
    target = [
        tensor("w", "uint8", (BLOCK + 2,), fill(7, BLOCK + 1) + fill(8, 1)),
        tensor("one", "uint8", (BLOCK,), fill(9, BLOCK)),
        small("t", "str", raw("db 00 3f ff fc # str") + fill(0x61, size)),
    ]
    nines = [zstd_block(1, RUN, "09", last=i == 31) for i in range(32)]
    letters = [zstd_block(0, 5, "db 00 3f ff fc", last=False)]
    letters += [zstd_block(1, RUN - 5 * (i == 31), "61", last=i == 31) for i in range(32)]
    head = raw(f"00 01 {MAGIC} a0 00 00 40 00")
    return recovery(base, target, "03", "00 00 07 08", head + together(nines), head + together(letters), "00 00 61")


# --- the places of blocks --------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-6")
def block_that_is_missing():
    """The block of the last leaf is not there."""
    return delta(block_(0, 0, CHANGED))


@refuses_to_recover("DELTA-6")
def block_too_many():
    """After the blocks of all leaves stands one more, of a leaf that does not exist."""
    return delta(block_(0, 0, CHANGED), block_(1, 0, ADDED), block_(2, 0, ADDED))


@refuses_to_recover("DELTA-6")
def second_block_of_a_leaf_of_one():
    """The leaf has one block, and the delta has a second one for it, which equals the base's."""
    return delta(block_(0, 0, CHANGED), block_(0, 1, "03"), block_(1, 0, ADDED))


@refuses_to_recover("DELTA-6")
def blocks_that_have_changed_places():
    """The blocks of both leaves are there, that of the second leaf first. In a stream that would be no fault."""
    return delta(block_(1, 0, ADDED), block_(0, 0, CHANGED))


@refuses_to_recover("DELTA-6", also=("DELTA-2",))
def place_with_a_leading_zero():
    """The block of leaf 0 stands at `blocks/00/0`."""
    return delta(record_(("blocks", "00", "0"), bin_(raw(CHANGED))), block_(1, 0, ADDED))


@refuses_to_recover("DELTA-6")
def places_that_count_from_1():
    """The blocks of the two leaves stand at `blocks/1/0` and `blocks/2/0`."""
    return delta(block_(1, 0, CHANGED), block_(2, 0, ADDED))


@refuses_to_recover("DELTA-6", also=("DELTA-2",))
def block_without_the_part_blocks():
    """The block of leaf 0 stands at `0/0`."""
    return delta(record_(("0", "0"), bin_(raw(CHANGED))), block_(1, 0, ADDED))


@refuses_to_recover("DELTA-6")
def block_that_is_a_str():
    """The bytes of a block in a str, which they would fit into: method, packing and planes are all ASCII."""
    return delta(record_(("blocks", "0", "0"), str_(bytes.fromhex(CHANGED))), block_(1, 0, ADDED))


@refuses_to_recover("DELTA-6", also=("DELTA-7",))
def block_without_its_bin():
    """The bytes of a block stand in the leaf blob, where a bin that holds them is expected. The first is taken for an
    int.
    """
    return delta(record_(("blocks", "0", "0"), raw("01")), block_(1, 0, ADDED))


# --- method and packing ----------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-7")
def block_of_no_byte():
    """A block has no method."""
    return packed("")


@refuses_to_recover("DELTA-7")
def method_4():
    """There are four methods, 0 to 3."""
    return packed("04 00 01 00 00 01")


@refuses_to_recover("DELTA-7")
def method_4_with_the_planes_of_the_target():
    """A method that does not exist, before the planes of the target: taken for method 0 it gives the right leaf."""
    return packed("04 00 35 78 12 57")


@refuses_to_recover("DELTA-7")
def packing_2_with_the_planes_of_the_target():
    """A packing that does not exist, before planes as they are."""
    return packed("00 02 35 78 12 57")


@refuses_to_recover("DELTA-7")
def method_without_packing():
    """A block of method 1 ends after it."""
    return packed("01")


@refuses_to_recover("DELTA-7")
def packing_2():
    """The planes stand as they are, 0, or in a zstd frame, 1."""
    return packed("01 02 01 00 00 01")


@refuses_to_recover("DELTA-7")
def packing_that_is_missing():
    """The planes follow the method at once, and their first byte is taken for the packing."""
    return packed("01 01 00 00 01")


@refuses_to_recover("DELTA-7")
def planes_of_one_byte_less():
    """Three bytes of planes for four of content."""
    return packed("01 00 01 00 00")


@refuses_to_recover("DELTA-7")
def planes_of_one_byte_more():
    """Five bytes of planes for four of content."""
    return packed("01 00 01 00 00 01 00")


@refuses_to_recover("DELTA-7")
def bytes_after_method_3():
    """A block that equals the base's has no more bytes. Here it is followed by a packing."""
    return packed("03 00")


@refuses_to_recover("DELTA-7")
def bytes_after_method_3_in_a_leaf_of_two_blocks():
    """The first block of a leaf equals the base's, and a byte follows its method; the second block is as it should
    be."""
    base = tensor("w", "uint8", (BLOCK + 2,), fill(7, BLOCK + 2))
    target = tensor("w", "uint8", (BLOCK + 2,), fill(7, BLOCK + 1) + fill(8, 1))
    return recovery([base], [target], "03 00", "00 00 07 08")[:2]


@refuses_to_recover("DELTA-7")
def exclusive_or_of_a_leaf_that_is_added():
    """`new` is not in the base. Exclusive or with nothing, taken for zeros, would give the right text."""
    return delta(block_(0, 0, CHANGED), block_(1, 0, "01 00 a1 78"))


@refuses_to_recover("DELTA-7")
def exclusive_or_with_a_leaf_of_another_dtype():
    """The base has as many bytes at this path, in another dtype: exclusive or would give the target."""
    base, target = tensor("w", "uint16", (1,), "01 02"), tensor("w", "int16", (1,), "01 03")
    return recovery([base], [target], "01 00 00 01")[:2]


@refuses_to_recover("DELTA-7")
def exclusive_or_of_texts():
    """A text in the base and one in the target, of the same length. Only arrays and scalars have a true `like_base`."""
    return recovery([small("s", "str", "a1 78")], [small("s", "str", "a1 79")], "01 00 00 01")[:2]


@refuses_to_recover("DELTA-7")
def ordered_difference_with_another_shape():
    """The base has the shape (2,), the target (2, 1): the difference would give the target."""
    base, target = tensor("w", "int8", (2,), "01 02"), tensor("w", "int8", (2, 1), "01 03")
    return recovery([base], [target], "02 00 00 02")[:2]


@refuses_to_recover("DELTA-7", also=("DELTA-12",))
def method_3_of_a_leaf_that_is_added():
    """There is no block of the base that it could equal."""
    return delta(block_(0, 0, CHANGED), block_(1, 0, "03"))

"""Chapter 13: which bytes have which checksum (SUM-1 to SUM-4)."""

import zlib
from collections.abc import Callable
from typing import Any

from ..assembly import Bytes, data, fill, here, patterned, together
from ..checksums import combined, crc, table
from ..declare import accept, refuse
from .sealed_assembly import BLOCK, checksum, sealed
from .sealed_leaves import Item, blob, number, tensor, words

ITEMS = [tensor("w", "uint16", (2,), "01 00 02 80"), number("n", 7), words("t", "x")]


# --- accepted ------------------------------------------------------------------------------------------------------


@accept("SUM-1", "SUM-2", "SUM-3")
def checksums_whose_highest_byte_is_zero():
    """The key is such that the checksum of the record begins with a zero byte: it has four bytes all the same."""
    found = (sealed([number(f"k{i}", 7)]) for i in range(10_000))
    return next(one for one in found if one.says()["leaves"][0][4][0][2][0] == 0).accepted()


@accept("SUM-2", "SUM-3", "SUM-4", "INDEX-8")
def a_record_of_three_blocks():
    """An array of 8 MiB and 100 bytes: three checksums, of which the last is that of a few bytes."""
    return sealed([number("n", 7), tensor("k", "uint8", (2 * BLOCK + 100,), patterned(2 * BLOCK + 100))]).accepted()


@accept("SUM-2", "SUM-3")
def a_record_of_exactly_one_block():
    """An array whose record has 4 MiB: one checksum."""
    return sealed([number("n", 7), _array(_exactly(_array))]).accepted()


def _array(n: int) -> Item:
    return tensor("k", "uint8", (n,), patterned(n))


def _exactly(leaf: Callable[[int], Item]) -> int:
    """The content of a leaf whose record takes a block, as the second of a stream: how many bytes."""
    n = BLOCK - 300
    return n + BLOCK - sealed([number("n", 7), leaf(n)]).records[1].data.size


@accept("SUM-2")
def blocks_are_counted_from_the_beginning_of_each_record():
    """Two arrays of 6 MiB, the second of which stands across a multiple of 4 MiB of the file."""
    n = 3 * BLOCK // 2
    return sealed([tensor(path, "uint8", (n,), patterned(n)) for path in ("a", "b")]).accepted()


@accept("SUM-4", "SUM-1")
def zeros_of_16_mib():
    """A payload of zeros: its checksums are not zero, and differ where the blocks have different lengths."""
    return sealed([tensor("k", "float32", (1 << 22,), fill(0, 1 << 24))]).accepted()


# --- refused -------------------------------------------------------------------------------------------------------


def _summed(other: Callable[[Bytes], bytes], items: list[Item] = ITEMS) -> Bytes:
    """A stream whose checksums are made otherwise; that of all records as well."""
    whole = sealed(items)
    says: dict[str, Any] = whole.says() | {"checksum": other(whole.before())}
    for leaf, record in zip(says["leaves"], whole.records, strict=True):
        leaf[4][0][2] = b"".join(other(record.data.piece(at, BLOCK)) for at in range(0, record.data.size, BLOCK))
    return whole.data(says, fault=0)


@refuse("SUM-1", "SUM-3")
def checksums_that_are_crc_32():
    """The CRC-32 of zip and gzip, which has another polynomial."""
    return _summed(lambda one: zlib.crc32(one.data()).to_bytes(4, "big"))


@refuse("SUM-1", "SUM-3")
def checksums_with_the_lowest_byte_first():
    """The right checksums, in the other order of bytes."""
    return _summed(lambda one: checksum(one)[::-1])


@refuse("SUM-1", "SUM-3")
def checksums_that_begin_with_zeros():
    """CRC-32C begun with zeros in place of ones."""
    return _summed(lambda one: crc(one.data(), start=0).to_bytes(4, "big"))


@refuse("SUM-1", "SUM-3")
def checksums_that_are_not_inverted():
    """CRC-32C without the XOR at its end."""
    return _summed(lambda one: crc(one.data(), end=0).to_bytes(4, "big"))


@refuse("SUM-1", "SUM-3")
def checksums_of_the_polynomial_of_koopman():
    """A CRC of another polynomial, `741b8cd7`."""
    other = table(0xEB31D82E)
    return _summed(lambda one: crc(one.data(), other).to_bytes(4, "big"))


@refuse("SUM-1", "SUM-3")
def checksums_that_are_masked():
    """CRC-32C as TFRecord and LevelDB store it: rotated, and a constant added."""

    def masked(one: Bytes) -> bytes:
        value = int.from_bytes(checksum(one), "big")
        return ((value >> 15 | value << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "big")

    return _summed(masked)


@refuse("SUM-1", "SUM-3")
def checksums_that_are_zero():
    """Zeros in place of all checksums, as of a writer that was to come back to them."""
    return _summed(lambda one: bytes(4))


@refuse("SUM-1", "SUM-3")
def checksums_of_payloads_alone():
    """The checksum of the array is that of its payload, without the headers of its record."""
    whole = sealed(ITEMS)
    says = whole.says()
    says["leaves"][0][4][0][2] = checksum(ITEMS[0].leaf.content)
    return whole.data(says, fault=0)


def _with_a_bit(items: list[Item], leaf: int, bit: int, block: int = 0) -> Bytes:
    """One bit of the checksum of a block of a leaf in one record is another. That of all records is the one that
    follows from those of the blocks: it does not show what they do not."""
    whole = sealed(items)
    says = whole.says()
    record = says["leaves"][leaf][4][0]
    sums = bytearray(record[2])
    sums[4 * block + 3 - bit // 8] ^= 1 << bit % 8
    record[2] = bytes(sums)
    total = 0
    for (size, _, held), *_ in (one[4] for one in says["leaves"]):
        for at in range(0, size, BLOCK):
            n = at // BLOCK * 4
            total = combined(total, int.from_bytes(held[n : n + 4], "big"), min(BLOCK, size - at))
    says["checksum"] = total.to_bytes(4, "big")
    if not block:
        return whole.data(says, fault=leaf)
    first = together([one.data for one in whole.records[:leaf]]).size + block * BLOCK
    file = whole.data(says)
    return file.piece(0, first) + here("! the block") + file.piece(first, file.size - first)


@refuse("SUM-3", also=("INDEX-8",))
def a_checksum_of_an_int_whose_first_bit_is_another():
    """The checksum of a record of a few bytes differs from the right one in its highest bit alone."""
    return _with_a_bit(ITEMS, 1, 31)


@refuse("SUM-3", also=("INDEX-8",))
def a_checksum_of_an_int_whose_last_bit_is_another():
    """The checksum of a record of a few bytes differs from the right one in its lowest bit alone."""
    return _with_a_bit(ITEMS, 1, 0)


@refuse("SUM-3", also=("INDEX-8",))
def a_checksum_of_an_array_whose_first_bit_is_another():
    """The checksum of a small array differs from the right one in its highest bit alone."""
    return _with_a_bit(ITEMS, 0, 31)


@refuse("SUM-3", also=("INDEX-8",))
def a_checksum_of_an_array_whose_last_bit_is_another():
    """The checksum of a small array differs from the right one in its lowest bit alone."""
    return _with_a_bit(ITEMS, 0, 0)


@refuse("SUM-3", also=("INDEX-8",))
def a_checksum_of_an_array_without_elements():
    """An array of the shape (0, 3), whose record has headers alone: their checksum differs from the right
    one in its lowest bit."""
    return _with_a_bit([number("n", 7), tensor("e", "float32", (0, 3), "")], 1, 0)


def _long() -> list[Item]:
    return [number("n", 7), _array(BLOCK + 300)]


@refuse("SUM-3", also=("INDEX-8",))
def a_checksum_of_a_whole_block_whose_first_bit_is_another():
    """Of the two checksums of an array of 4 MiB and some bytes the first differs in its highest bit alone."""
    return _with_a_bit(_long(), 1, 31)


@refuse("SUM-3", also=("INDEX-8",))
def a_checksum_of_a_last_block_whose_last_bit_is_another():
    """Of the two checksums of an array of 4 MiB and some bytes the second differs in its lowest bit alone."""
    return _with_a_bit(_long(), 1, 0, block=1)


def _two_equal_blocks() -> list[Item]:
    """An array whose record is twice the same block: its header comes once more in the middle of the payload."""

    def head(n: int) -> int:
        return sealed([number("n", 7), tensor("k", "uint8", (n,), fill(0, n))]).records[1].data.size - n

    n = 2 * BLOCK - head(2 * BLOCK)
    before, pattern = head(n), patterned(BLOCK - head(n))
    begins = sealed([number("n", 7), tensor("k", "uint8", (n,), fill(0, n))]).records[1].data.piece(0, before)
    return [number("n", 7), tensor("k", "uint8", (n,), pattern + begins + pattern)]


@refuse("SUM-2", "SUM-3", also=("INDEX-8",))
def a_checksum_of_the_second_of_two_equal_blocks():
    """The two blocks of a record hold the same bytes. The checksum of the second is another than that of the first."""
    return _with_a_bit(_two_equal_blocks(), 1, 0, block=1)


@refuse("SUM-2", "SUM-3", also=("INDEX-8",))
def a_checksum_of_the_first_of_two_equal_blocks():
    """The two blocks of a record hold the same bytes. The checksum of the first is another than that of the second."""
    return _with_a_bit(_two_equal_blocks(), 1, 0)


@refuse("SUM-2", "SUM-3")
def checksums_of_two_records_in_turn():
    """The checksums of the second and the third record stand in each other's place."""
    whole = sealed(ITEMS)
    says = whole.says()
    second, third = (says["leaves"][i][4][0] for i in (1, 2))
    second[2], third[2] = third[2], second[2]
    return whole.data(says, fault=1)


@refuse("SUM-2", "INDEX-4", also=("INDEX-3",))
def one_checksum_of_a_record_of_two_blocks():
    """The record has 4 MiB and some bytes, and one checksum, which is that of all of it."""
    return _of_blocks(lambda record: checksum(record))


@refuse("SUM-2", "INDEX-4", also=("INDEX-3",))
def a_checksum_of_each_mib():
    """Blocks of 1 MiB."""
    mib = 1 << 20
    return _of_blocks(lambda record: b"".join(checksum(record.piece(at, mib)) for at in range(0, record.size, mib)))


@refuse("SUM-2", "INDEX-4", also=("INDEX-3",))
def a_checksum_of_no_byte_behind_the_last_block():
    """A record of exactly 4 MiB, with the checksum of no byte behind that of its block."""
    return _of_blocks(lambda record: checksum(record) + bytes(4), exactly=True)


@refuse("SUM-2", "SUM-3")
def the_rest_before_the_whole_blocks():
    """Two checksums: that of the first bytes, as many as are left behind whole blocks, and that of the last 4 MiB."""

    def turned(record: Bytes) -> bytes:
        rest = record.size - BLOCK
        return checksum(record.piece(0, rest)) + checksum(record.piece(rest, BLOCK))

    return _of_blocks(turned, fault=1)


@refuse("SUM-2", "SUM-3")
def blocks_counted_from_the_beginning_of_the_file():
    """The first block of the second record ends at byte 2^22 of the file."""

    def counted(record: Bytes) -> bytes:
        before = sealed([number("n", 7)]).before().size
        return checksum(record.piece(0, BLOCK - before)) + checksum(record.piece(BLOCK - before, BLOCK))

    return _of_blocks(counted, fault=1)


def _of_blocks(made: Callable[[Bytes], bytes], exactly: bool = False, fault: int | None = None) -> Bytes:
    """A small record, and one of one block or somewhat more, whose checksums are those that are made of it."""
    n = _exactly(lambda n: blob("k", patterned(n))) if exactly else BLOCK + 300
    whole = sealed([number("n", 7), blob("k", patterned(n))])
    says = whole.says()
    says["leaves"][1][4][0][2] = made(whole.records[1].data)
    return whole.data(says, fault=fault)


@refuse("SUM-3", "SEAL-9", also=("INDEX-8",))
def another_bit_in_the_second_block():
    """The last byte of a payload of 4 MiB and some bytes is another: its second block is at fault."""
    n = BLOCK + 300
    whole = sealed([number("n", 7), tensor("k", "uint8", (n,), patterned(n))])
    first, second = whole.records
    *block, last = second.data.piece(BLOCK, 1000).data()
    changed = second.data.piece(0, BLOCK) + here("! the block") + data(bytes((*block, last ^ 1)))
    return whole._replace(records=[first, second._replace(data=changed)]).data(whole.says())

"""Chapter 16: seals that are not where the file ends, that are two or none, and footers of other forms."""

from typing import Any

from ..assembly import Bytes, data, header, here, hexed, patterned, raw, record_, str_, together
from ..declare import refuse
from ..products.values import assembled
from .sealed_assembly import FOOTER, MAGIC, MARK, footer_, seal_, sealed
from .sealed_leaves import Item, blob, number
from .seals import ITEMS

# --- more than one stream, or less -------------------------------------------------------------------------


@refuse("SEAL-2", also=("SEAL-4", "SEAL-5", "INDEX-4", "INDEX-7", "SEAL-1"))
def two_sealed_streams_one_behind_the_other():
    """As `cat` makes of two files."""
    return sealed(ITEMS).data() + sealed([number("more", 1)]).data()


@refuse("SEAL-2", also=("SEAL-4", "SEAL-5", "INDEX-4", "INDEX-7", "SEAL-1"))
def the_same_sealed_stream_twice():
    """As `cat` makes of a file and itself."""
    return sealed(ITEMS).data() * 2


@refuse("SEAL-2", also=("SEAL-4", "SEAL-1", "INDEX-7", "SEAL-3", "INDEX-4"))
def two_seals():
    """The seal stands twice; the footer at the end of the file says where the first begins."""
    whole = sealed(ITEMS)
    seal = seal_(whole.before().size, assembled(whole.index()))
    return whole.before() + seal + seal


@refuse("SEAL-2", "INDEX-4", also=("SEAL-1", "SEAL-3", "INDEX-7"))
def two_seals_of_which_the_second_fits():
    """Behind the seal stands another one, whose footer says that it begins there. The records end before that."""
    whole = sealed(ITEMS)
    first = seal_(whole.before().size, assembled(whole.index()))
    return whole.before() + first + seal_(whole.before().size + first.size, assembled(whole.index()))


@refuse("SEAL-2", also=("SEAL-1", "INDEX-4", "INDEX-7", "REC-1"))
def bytes_between_two_records():
    """Between two records stand zeros that no record covers, and all else fits."""
    whole = sealed(ITEMS)
    first = whole.records[0]
    grown = first._replace(data=first.data + raw("00 00 00"))
    return whole._replace(records=[grown, *whole.records[1:]]).data()


@refuse("SEAL-2", "INDEX-4", also=("SEAL-1", "INDEX-7", "SEAL-3"))
def a_record_that_the_index_does_not_know():
    """The last record is in no entry of the index; the footer says where the seal begins."""
    whole = sealed(ITEMS)
    says = whole.says()
    says["leaves"].pop()
    return whole.data(says)


@refuse("SEAL-2", "INDEX-4", also=("SEAL-1", "INDEX-7", "INDEX-8", "SEAL-3"))
def a_record_that_is_only_in_the_index():
    """The last leaf of the index has no record."""
    whole = sealed(ITEMS)
    return whole._replace(records=whole.records[:2]).data(whole.says())


@refuse("SEAL-2", "SEAL-4", also=("SEAL-3", "SEAL-1", "REC-1", "CONF-9", "STREAM-3"))
def a_seal_alone():
    """A seal without a record before it: a file that does not begin with the mark."""
    return seal_(0, assembled(sealed(ITEMS).index()))


@refuse("SEAL-9", "SEAL-4", also=("SEAL-2", "INDEX-7", "SEAL-1", "STREAM-2"))
def a_leaf_that_reaches_over_the_seal():
    """The file ends with a seal that fits it, by the index of which all leaves end before the seal. But the header of
    the last record says that its bin reaches to the end of the file: a program that reads from the front sees the seal
    as the content of a leaf."""
    return _reaching_over()


@refuse("INDEX-7", "SEAL-2", also=("SEAL-1", "STREAM-2", "INDEX-4", "SEAL-5", "WIRE-3"))
def a_leaf_that_reaches_over_the_seal_at_an_end():
    """The same, where another record stands between that leaf and the seal."""
    return _reaching_over(number("n", 7))


def _reaching_over(*between: Item) -> Bytes:
    whole = sealed([number("a", 1), blob("k", patterned(8)), *between])
    first, second, *rest = whole.records
    reach = whole.data().size - first.data.size - second.data.size + 8
    head = raw("92 91 a1 6b") + header(0xC5, 2, reach + 3) + header(0xC5, 2, reach)
    return whole._replace(records=[first, second._replace(data=head + patterned(8)), *rest]).data(fault=1)


# --- the footer -------------------------------------------------------------------------------------------


@refuse("SEAL-6", "SEAL-9")
def a_footer_of_version_3():
    """Major version 3, with the checksum that fits."""
    return _with_footer(major=3)


@refuse("SEAL-6")
def a_footer_of_version_2_1():
    """Minor version 1: a reader knows no other than 0."""
    return _with_footer(minor=1)


@refuse("SEAL-6")
def a_footer_of_version_1():
    """Major version 1."""
    return _with_footer(major=1)


@refuse("SEAL-6")
def a_footer_of_version_258_256():
    """Major version 258, minor 256: in their low bytes they are 2 and 0."""
    return _with_footer(major=258, minor=256)


def _with_footer(**footer: Any) -> Bytes:
    whole = sealed(ITEMS)
    return whole.data(note="! the footer", **footer)


def _with_sum(mask: int, own: bool = False) -> Bytes:
    """A checksum in the footer differs in these bits: that of the index, or the footer's own."""
    whole = sealed(ITEMS)
    index = assembled(whole.index())
    fields = footer_(whole.before().size, index).data()
    old = fields[20:24] if own else fields[12:16]
    other = (int.from_bytes(old, "big") ^ mask).to_bytes(4, "big")
    if own:
        return whole.data(note="! the footer", own=other)
    return whole.data(index=here("! the index") + index, checks=other)


@refuse("SEAL-4")
def a_checksum_of_the_index_whose_first_bit_is_another():
    """The checksum of the index differs in its highest bit alone, and that of the footer fits what the footer says."""
    return _with_sum(1 << 31)


@refuse("SEAL-4")
def a_checksum_of_the_index_whose_last_bit_is_another():
    """The checksum of the index differs in its lowest bit alone, and that of the footer fits what the footer says."""
    return _with_sum(1)


@refuse("SEAL-4")
def a_checksum_of_the_footer_whose_first_bit_is_another():
    """The footer's own checksum differs in its highest bit alone."""
    return _with_sum(1 << 31, own=True)


@refuse("SEAL-4")
def a_checksum_of_the_footer_whose_last_bit_is_another():
    """The footer's own checksum differs in its lowest bit alone."""
    return _with_sum(1, own=True)


@refuse("SEAL-5", "SEAL-9")
def a_footer_with_other_last_bytes():
    """The sixteenth of the last 16 bytes is a blank, and not a line feed."""
    return sealed(ITEMS).data(magic=MAGIC[:-1] + b" ") + here("! the end")


@refuse("SEAL-5", "SEAL-2")
def a_line_feed_behind_the_footer():
    """As an editor adds one."""
    return sealed(ITEMS).data() + raw("0a") + here("! the end")


@refuse("SEAL-5", "SEAL-2")
def zeros_behind_the_footer():
    """4,096 zeros, as a file system leaves them that has allocated more."""
    return sealed(ITEMS).data() + data(bytes(4096)) + here("! the end")


@refuse("SEAL-5", "SEAL-2", also=("SEAL-4",))
def another_file_behind_the_footer():
    """A plain stream stands behind the footer."""
    return sealed(ITEMS).data() + record_("k", str_("x")) + here("! the end")


@refuse("SEAL-3", also=("SEAL-1", "INDEX-7"))
def a_seal_of_one_byte_more_before_it():
    """The seal begins with `c5` and a length of 2 bytes, and its header has two bytes more before it."""
    whole = sealed(ITEMS)
    index = assembled(whole.index())
    length = (index.size + FOOTER + 1).to_bytes(2, "big")
    tail = index + footer_(whole.before().size, index)
    return whole.before() + here("! the seal") + data(b"\xc5" + length + b"\0\0") + tail


@refuse("SEAL-3", also=("SEAL-4", "SEAL-1", "INDEX-7"))
def a_seal_of_a_header_of_two_bytes():
    """The seal begins with `c4`, a length of 1 byte, which is what the footer's own sum does not foresee."""
    whole = sealed([number("k", 7)])
    index = assembled(whole.index())
    head = data(b"\xc4" + bytes(((index.size + FOOTER + 1) & 0xFF,)))
    return whole.before() + head + index + footer_(whole.before().size, index)


@refuse("SEAL-4", "SEAL-9")
def a_detached_seal_behind_its_stream():
    """The index and the footer of a detached seal, appended to the stream without `c6` and a length."""
    whole = sealed(ITEMS)
    index = assembled(whole.index())
    return whole.before() + index + footer_(whole.before().size, index, note="! the footer")


@refuse("SEAL-3", also=("SEAL-4", "SEAL-5", "SEAL-2"))
def a_footer_alone_behind_the_mark():
    """The mark, and the 40 bytes of a footer by which the seal begins at byte 0, and the index has no byte."""
    return here("! the seal") + hexed(MARK) + footer_(0, Bytes())


@refuse("SEAL-5", also=("SEAL-4",))
def the_mark_and_the_last_bytes_of_a_footer():
    """21 bytes: less than a footer has."""
    return hexed(MARK) + data(MAGIC)


@refuse("SEAL-3", "SEAL-2", also=("STREAM-1", "INDEX-1", "WIRE-6", "SEAL-4", "SEAL-5"))
def a_byte_that_the_seal_lacks():
    """Behind the footer stands the byte that the length counts and that is missing on purpose, so that the seal is a
    whole bin."""
    return sealed(ITEMS).data() + raw("00")


@refuse("SEAL-5", also=("SEAL-2",))
def no_seal_at_all():
    """The records of a sealed stream, cut off exactly where the seal was to begin."""
    return sealed(ITEMS).before() + here("! the end")


@refuse("SEAL-5", also=("SEAL-2", "REC-1"))
def a_whole_seal_without_its_footer():
    """The last 40 bytes are missing, and the length of the seal fits the rest."""
    whole = sealed(ITEMS)
    index = assembled(whole.index())
    return whole.before() + header(0xC6, 4, index.size + 1) + index + here("! the end")


@refuse("SEAL-2", "INDEX-4", also=("SEAL-1", "SEAL-3", "INDEX-7", "SEAL-5"))
def the_seal_of_another_stream():
    """A seal that fits a stream of fewer leaves; the offset in its footer is the right one."""
    whole, other = sealed(ITEMS), sealed(ITEMS[:2])
    return whole.before() + seal_(whole.before().size, assembled(other.index()))


@refuse("SUM-3", "SEAL-9", also=("INDEX-8", "INDEX-7"))
def the_seal_of_a_stream_of_other_values():
    """A seal of the same leaves with another number in one of them."""
    other = sealed([ITEMS[0], number("n", 6), ITEMS[2]])
    return together([other.records[0].data, here("! the block"), *[one.data for one in other.records[1:]]]) + seal_(
        other.before().size, assembled(sealed(ITEMS).index())
    )

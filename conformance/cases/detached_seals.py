"""Chapter 17: seals that stand beside the streams that they belong to."""

from typing import Any

from ..assembly import Bytes, patterned, raw, together
from ..declare import Conversion, accept, converts, refuse, refuses_to_convert
from ..products.specimens import SPECIMENS
from ..products.values import assembled
from .alignment_assembly import CHUNKS, SHAPE, TRUE, around, entries, pad
from .sealed_assembly import Sealed, detached, footer_, seal_, sealed
from .sealed_leaves import item, number, of_specimen, tensor, words

ITEMS = [tensor("w", "uint16", (2,), "01 00 02 80"), number("n", 7), words("t", "x")]


def _beside(whole: Sealed) -> tuple[Any, ...]:
    return whole.before(), whole.read(), whole.seal(), whole.seal_file()


# --- accepted ------------------------------------------------------------------------------------------------------


@accept("DETACHED-1", "DETACHED-3", "DETACHED-4", longer=True)
def a_stream_and_its_detached_seal():
    """A plain stream, and the index and footer of it in a file of their own."""
    return _beside(detached(ITEMS))


@accept("DETACHED-1", "DETACHED-2", "INDEX-9", longer=True)
def a_detached_seal_with_metadata_and_digests():
    """Leaves of every kind."""
    kinds = [of_specimen(one, (one.name,)) for one in SPECIMENS]
    return _beside(detached(kinds, {"step": 3, "safetensors": {"format": "pt"}}, digests=True))


@accept("DETACHED-1", "DETACHED-2", longer=True)
def a_detached_seal_of_a_stream_with_longer_headers():
    """A record whose header has three bytes, and other headers that are longer than needed, as version 1.0 has it."""
    whole = detached([number("a", 1), number("k", 7)])
    longer = raw("dc 00 02 dc 00 01 db 00 00 00 01 6b c6 00 00 00 09 d3 00 00 00 00 00 00 00 07")
    return _beside(whole._replace(records=[whole.records[0], whole.records[1]._replace(data=longer)]))


@accept("DETACHED-1", "INDEX-3", longer=True)
def a_detached_seal_of_a_stream_with_large_arrays():
    """An array of 5,000 bytes that stands as version 1.0 writes it, wherever its payload begins."""
    one = tensor("k", "uint8", (5000,), patterned(5000))
    return _beside(detached([number("a", 1), item(one.leaf, one.read)]))


@converts("DETACHED-2", "CONV-1")
def a_stream_with_a_detached_seal_is_converted():
    """The seal fits: what is written is what it would be without."""
    whole = detached(ITEMS, {"step": 3})
    return Conversion(format="1.0"), whole.before(), whole.before(), whole.seal_file()


@accept("DETACHED-1", "PART-3", longer=True)
def a_detached_seal_of_keys_that_look_like_those_of_parts():
    """In a plain stream they are keys like any other, and its seal has them as they are."""
    return _beside(detached([number(("a", "__part_0_of_2__"), 1), number(("__part_0_of_1__", "b"), 2)]))


# --- refused -------------------------------------------------------------------------------------------------------


@refuse("DETACHED-1", "STREAM-3", also=("INDEX-1", "INDEX-6"))
def an_empty_file_and_its_detached_seal():
    """A file of 0 bytes, which the seal fits: it lists no leaf. There is no such stream, sealed or not."""
    return Bytes(), detached([]).seal_file()


@refuse("DETACHED-1", "LEAF-10", also=("ALIGN-1", "CONF-9"))
def a_detached_seal_of_a_padded_array():
    """An array with padding, which stands at a multiple of 64, and a seal that fits: the stream is a plain one, in
    which a chunked array has three entries."""
    whole = detached(around(entries(lambda zeros: (TRUE, pad(zeros), SHAPE, CHUNKS))))
    return whole.before(), whole.seal_file()


@refuse("DETACHED-2", "SEAL-4", also=("INDEX-4", "STREAM-2"))
def a_detached_seal_of_a_longer_stream():
    """The last record is missing in the stream."""
    whole = detached(ITEMS)
    return together([one.data for one in whole.records[:-1]]), whole.seal_file()


@refuse("DETACHED-2", "SEAL-4", also=("INDEX-4",))
def a_detached_seal_of_a_shorter_stream():
    """The stream has a record more."""
    whole = detached(ITEMS)
    return whole.before() + detached([number("more", 1)]).before(), whole.seal_file()


@refuse("DETACHED-2", "SUM-3", also=("INDEX-8", "INDEX-7"))
def a_detached_seal_of_other_values():
    """A stream of as many bytes, with another number in it: it is read, and is not the one that was sealed."""
    whole = detached([ITEMS[0], number("n", 6), ITEMS[2]])
    return whole.before(), detached(ITEMS).seal_file()


@refuse("DETACHED-2", "INDEX-7", also=("SUM-3",))
def a_detached_seal_of_other_keys():
    """A stream of as many bytes, with another key."""
    whole = detached([ITEMS[0], number("m", 7), ITEMS[2]])
    return whole.before(), detached(ITEMS).seal_file()


@refuse("DETACHED-2", "INDEX-7")
def a_detached_seal_that_says_other_keys():
    """All checksums are right; the index has another key path."""
    whole = detached(ITEMS)
    says = whole.says()
    says["leaves"][1][0] = ["m"]
    return whole.before(), whole.seal_file(says)


@refuse("DETACHED-2", "INDEX-7", also=("INDEX-4", "SUM-3"))
def a_detached_seal_of_another_order():
    """The leaves stand in another order in the stream."""
    whole = detached(ITEMS)
    return detached(ITEMS[::-1]).before(), whole.seal_file()


@refuse("DETACHED-2", "INDEX-8")
def a_detached_seal_with_another_checksum_of_all_records():
    """Those of the records are right."""
    whole = detached(ITEMS)
    return whole.before(), whole.seal_file(whole.says() | {"checksum": bytes(4)})


@refuse("DETACHED-4", also=("ALIGN-5", "INDEX-1"))
def a_detached_seal_that_states_an_alignment_of_64():
    """The alignment of a detached seal is 1."""
    whole = detached(ITEMS)
    return whole.before(), whole.seal_file(whole.says() | {"alignment": 64})


@refuse("ALIGN-5", "DETACHED-4")
def an_attached_seal_that_states_an_alignment_of_1():
    """1 is for detached seals alone."""
    return sealed(ITEMS, 1).data()


@refuse("DETACHED-1", "SEAL-4", also=("SEAL-5", "INDEX-1", "INDEX-5"))
def a_seal_with_its_header_in_a_file_of_its_own():
    """The seal as it stands at the end of a sealed stream, `c6` and length included."""
    whole = detached(ITEMS)
    return whole.before(), seal_(whole.before().size, assembled(whole.index()))


@refuse("DETACHED-1", "SEAL-5", "DETACHED-2", also=("SEAL-4", "INDEX-5"))
def a_detached_seal_of_no_byte():
    """An empty file stands beside the stream: it must not go on as though there were none."""
    return detached(ITEMS).before(), Bytes()


@refuse("DETACHED-1", "SEAL-5", "DETACHED-2", also=("SEAL-4", "INDEX-5"))
def a_detached_seal_that_is_cut_off():
    """The last byte of the footer is missing."""
    whole = detached(ITEMS)
    return whole.before(), whole.seal_file().piece(0, whole.seal_file().size - 1)


@refuse("DETACHED-1", "INDEX-1", also=("INDEX-5", "WIRE-6", "WIRE-3"))
def a_detached_seal_of_a_footer_alone():
    """A footer that is right, of an index of no byte."""
    whole = detached(ITEMS)
    return whole.before(), footer_(whole.before().size, Bytes())


@refuse("DETACHED-1", "SEAL-4", "DETACHED-2", also=("SEAL-5", "INDEX-5", "WIRE-6"))
def a_detached_seal_with_a_byte_before_it():
    """A zero stands before the index."""
    whole = detached(ITEMS)
    return whole.before(), raw("00") + whole.seal_file()


@refuse("DETACHED-1", "SEAL-4", also=("DETACHED-2", "INDEX-1", "INDEX-5"))
def a_detached_seal_with_a_byte_in_it():
    """A zero stands between index and footer, which the footer does not count. The checksum is that of the index
    alone."""
    whole = detached(ITEMS)
    index = assembled(whole.index())
    return whole.before(), index + raw("00") + footer_(whole.before().size, index)


@refuse("DETACHED-1", "SEAL-5", also=("SEAL-4", "SEAL-2"))
def a_detached_seal_with_a_byte_behind_it():
    """A line feed behind the footer."""
    whole = detached(ITEMS)
    return whole.before(), whole.seal_file() + raw("0a")


@refuse("SEAL-6", "DETACHED-1")
def a_detached_seal_of_version_3():
    """The footer's version is 3.0."""
    whole = detached(ITEMS)
    return whole.before(), whole.seal_file(major=3)


@refuse("CONF-9", "DETACHED-1", also=("LEAF-10", "INDEX-7", "INDEX-3"))
def padding_under_a_detached_seal():
    """The stream is read by the clauses of version 1.0, in which there is no padding."""
    from .alignment_assembly import CHUNKS, SHAPE, TRUE, entries, pad, small

    whole = detached([number("a", 1), small(entries(lambda zeros: (TRUE, pad(zeros), SHAPE, CHUNKS)))])
    return whole.before(), whole.seal_file()


@refuse("STREAM-1", "DETACHED-1", also=("REC-1", "DETACHED-2", "SEAL-4", "INDEX-4", "INDEX-7"))
def a_plain_stream_with_a_line_feed_and_its_seal():
    """The stream ends with a line feed, which the seal counts as a part of the last record."""
    whole = detached(ITEMS)
    last = whole.records[-1]
    whole = whole._replace(records=[*whole.records[:-1], last._replace(data=last.data + raw("0a"))])
    return whole.before(), whole.seal_file()


@refuses_to_convert("DETACHED-2", "CONF-7", also=("SUM-3", "INDEX-8"))
def a_stream_with_another_seal_is_not_converted():
    """The seal beside the input says other checksums."""
    whole = detached([ITEMS[0], number("n", 6), ITEMS[2]])
    return Conversion(format="1.0"), whole.before(), detached(ITEMS).seal_file()

"""Chapter 11: padding in other places and of other forms, and payloads that stand elsewhere."""

from collections.abc import Callable, Sequence

from ..assembly import MARKER, Bytes, bin_, data, here, int_, map_, numbered, patterned, raw, str_
from ..declare import refuse
from .alignment_assembly import CHUNKS, SHAPE, TRUE, around, entries, fitting, pad
from .sealed_assembly import sealed
from .sealed_leaves import Item, item, number, padded, tensor


def _refused(made: Callable[[Bytes], Sequence[Bytes]], more: int = 0) -> Bytes:
    return sealed(around(entries(made, more))).data()


@refuse("CONF-9", "LEAF-10", also=("ALIGN-1",))
def a_padded_array_in_a_plain_stream():
    """The map of four entries that a sealed stream may have, in a stream without mark and seal."""
    leaf = here("! the map") + map_(4) + TRUE + pad(data(bytes(5))) + SHAPE + CHUNKS
    return raw("92 91 a1 6b") + bin_(leaf)


@refuse("ALIGN-1", also=("LEAF-10",))
def padding_behind_the_shape():
    """`pad` stands third."""
    return _refused(lambda zeros: (TRUE, SHAPE, pad(zeros), CHUNKS))


@refuse("ALIGN-1", also=("LEAF-10", "ALIGN-5"))
def padding_behind_the_chunks():
    """`pad` stands last, where it moves nothing."""
    return _refused(lambda zeros: (TRUE, SHAPE, CHUNKS, pad(zeros)))


@refuse("ALIGN-1", "LEAF-1", also=("LEAF-10",))
def padding_before_the_marker():
    """`pad` is the first key: the map is not a chunked array."""
    return _refused(lambda zeros: (pad(zeros), TRUE, SHAPE, CHUNKS))


@refuse("ALIGN-1", also=("LEAF-10",))
def padding_twice():
    """Two entries `pad`, five entries in all."""
    return _refused(lambda zeros: (TRUE, pad(zeros), pad(Bytes()), SHAPE, CHUNKS))


@refuse("ALIGN-1", also=("LEAF-10",))
def a_fifth_entry():
    """Behind the chunks stands an entry that is unknown."""
    return _refused(lambda zeros: (TRUE, pad(zeros), SHAPE, CHUNKS, str_("more") + int_(0)))


@refuse("ALIGN-1", also=("LEAF-10",))
def a_fourth_entry_that_is_not_padding():
    """The key is `Pad`."""
    return _refused(lambda zeros: (TRUE, here("! the key") + pad(zeros, "Pad"), SHAPE, CHUNKS))


@refuse("ALIGN-1", also=("LEAF-10",))
def padding_in_place_of_the_shape():
    """Three entries: the marker, `pad` and `chunks`."""
    return _refused(lambda zeros: (TRUE, pad(zeros), CHUNKS))


@refuse("ALIGN-1", also=("LEAF-10",))
def a_key_of_the_padding_that_is_a_bin():
    """The three letters stand as a bin."""
    return _refused(lambda zeros: (TRUE, here("! the key") + bin_(data(b"pad")) + bin_(zeros), SHAPE, CHUNKS))


@refuse("ALIGN-1", "LEAF-10")
def padding_behind_a_marker_that_is_false():
    """The marker's value is false, and all else is as it has to be."""
    return _refused(lambda zeros: (str_(MARKER) + here("! false") + raw("c2"), pad(zeros), SHAPE, CHUNKS))


@refuse("ALIGN-1", "LEAF-12")
def padding_before_chunks_that_are_too_few():
    """All of LEAF-12 holds: one chunk of 8 bytes for a shape of 9."""
    shape = str_("shape") + numbered([int_(9)])
    return _refused(lambda zeros: (TRUE, pad(zeros), shape, CHUNKS))


def _with_a_one(at: int, more: int) -> Bytes:
    """Padding of `more` bytes beyond those that are needed, one of which is 1, and all others zero."""

    def made(zeros: Bytes) -> Sequence[Bytes]:
        held = bytearray(zeros.data())
        if len(held) >= more:  # less of it is made, too, to be counted
            held[at] = 1
        return TRUE, pad(data(bytes(held))), SHAPE, CHUNKS

    return _refused(made, more)


@refuse("ALIGN-2")
def padding_whose_first_byte_is_not_zero():
    """The first byte of the padding is 1, all others are zero, and all checksums fit."""
    return _with_a_one(0, 64)


@refuse("ALIGN-2")
def padding_whose_last_byte_is_not_zero():
    """The last byte of the padding is 1, all others are zero, and all checksums fit."""
    return _with_a_one(-1, 64)


@refuse("ALIGN-2")
def padding_of_which_a_byte_in_the_middle_is_not_zero():
    """One byte between the first and the last is 1, all others are zero, and all checksums fit."""
    return _with_a_one(40, 64)


@refuse("ALIGN-2", also=("ALIGN-5",))
def padding_of_4096_bytes():
    """One byte more than there can be, at an alignment of 4,096: the payload stands where it would stand without."""

    def leaves(path: str) -> list[Item]:
        form = padded("uint8", (4096,), patterned(4096), 1, 4096)
        one = tensor("k", "uint8", (4096,), patterned(4096))
        return [number(path, 1), item(one.leaf, one.read, form)]

    def fits(whole) -> bool:
        return (whole.records[0].data.size + (whole.records[1].payload or 1)) % 4096 == 0

    return fitting(leaves, fits, 4096).data()


@refuse("ALIGN-5", also=("INDEX-7",))
def a_padded_payload_one_byte_too_far():
    """One zero more than puts the payload at a multiple of 64; the index says where it stands."""
    return _refused(lambda zeros: (TRUE, pad(zeros), SHAPE, CHUNKS), 1)


@refuse("ALIGN-5")
def a_padded_payload_at_half_the_alignment():
    """The payload stands at a multiple of 32 that is not one of 64."""
    return _refused(lambda zeros: (TRUE, pad(zeros), SHAPE, CHUNKS), 32)


@refuse("ALIGN-5")
def a_padded_payload_that_fits_another_alignment():
    """The payload stands at a multiple of 64, and the index states 128."""

    def leaves(path: str) -> list[Item]:
        return [number(path, 1), tensor("k", "uint8", (4096,), patterned(4096), 64)]

    def fits(whole) -> bool:
        return (whole.records[0].data.size + (whole.records[1].payload or 0)) % 128 == 64

    return fitting(leaves, fits, 128).data()


@refuse("ALIGN-5")
def a_payload_counted_from_its_record():
    """The second record stands at an odd offset, and its payload at a multiple of 64 bytes from there."""
    form = padded("uint8", (4096,), patterned(4096), 64)(4)
    one = tensor("k", "uint8", (4096,), patterned(4096))
    return sealed([number("ab", 1), item(one.leaf, one.read, lambda _: form)]).data()


# --- alignments that are none --------------------------------------------------------------------------------------


def _stated(alignment: int) -> Bytes:
    """Leaves of which none is padded, in a stream whose index states an alignment."""
    return sealed([number("a", 1), tensor("k", "uint8", (8,), patterned(8))], alignment).data()


@refuse("ALIGN-5", also=("INDEX-1",))
def an_alignment_of_32():
    """Half of the smallest alignment there is."""
    return _stated(32)


@refuse("ALIGN-5", also=("INDEX-1",))
def an_alignment_of_8192():
    """Twice the largest alignment there is."""
    return _stated(8192)


@refuse("ALIGN-5", also=("INDEX-1",))
def an_alignment_of_192():
    """A multiple of 64 that is not a power of two."""
    return _stated(192)


@refuse("ALIGN-5", also=("INDEX-1",))
def an_alignment_of_0():
    """Zero, of which nothing is a multiple but itself."""
    return _stated(0)


@refuse("ALIGN-5", also=("INDEX-1",))
def an_alignment_of_1():
    """The alignment of a detached seal, in a stream that has its own."""
    return _stated(1)

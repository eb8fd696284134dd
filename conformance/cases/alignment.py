"""Chapter 11: padding, and where payloads stand (ALIGN-1 to ALIGN-5)."""

from ..assembly import Bytes, hexed, ndarray_, patterned
from ..declare import accept
from .alignment_assembly import ALL, CHUNKS, FIRST, PAYLOAD, SHAPE, TRUE, around, entries, fitting, head, pad, small
from .delta_assembly import Leaf
from .sealed_assembly import sealed
from .sealed_leaves import Item, in_chunks, item, number, padded, padded_chunks, tensor, words


@accept("ALIGN-1", "ALIGN-3", "ALIGN-4", "CONF-9", "SEAL-1", "SEAL-2")
def a_padded_array():
    """An array of 4,096 bytes, with as much padding as puts its payload at byte 128."""
    return sealed([tensor("w", "uint8", (4096,), patterned(4096))]).accepted()


@accept("ALIGN-3", "SEAL-7")
def arrays_of_4095_and_of_4096_bytes():
    """The smaller ones are written as in version 1.0, wherever their payloads come to stand."""
    sizes = {"a": 4095, "b": 4096, "c": 4095, "d": 4097}
    return sealed([tensor(path, "uint8", (n,), patterned(n)) for path, n in sizes.items()]).accepted()


@accept("ALIGN-3", "ALIGN-4", "ALIGN-5")
def padded_arrays_between_leaves_of_other_kinds():
    """Padding stands around payloads of 4,096 bytes and more, and around no leaf of another kind, however long it
    is."""
    matrix = tensor(("m", "kernel"), "bfloat16", (64, 33), patterned(64 * 33 * 2))
    whole = tensor("large", "complex128", (257, 1, 2), patterned(257 * 32))
    return sealed([number("step", 7), matrix, words("text", "x" * 5000), whole, number("last", 1)]).accepted()


@accept("ALIGN-1", longer=True)
def padding_around_a_small_array():
    """A reader takes padding with arrays of every size."""
    return sealed(around(entries(lambda zeros: (TRUE, pad(zeros), SHAPE, CHUNKS)))).accepted()


@accept("ALIGN-2", "ALIGN-1", longer=True)
def more_padding_than_is_needed():
    """64 zeros more, and 1,984 more: a reader takes them where the payload stands as it has to."""
    forms = {f"with-{more}": padded("uint8", (8,), hexed(PAYLOAD), 64, more) for more in (64, 1984)}
    return sealed([small(form, path) for path, form in forms.items()]).accepted()


@accept("ALIGN-2", longer=True)
def padding_of_4095_bytes():
    """The most that there can be. The key path is as long as it takes for the payload to stand at a multiple of 64."""

    def leaves(path: str) -> list[Item]:
        return [small(padded_chunks((8,), [ALL], lambda _: 4095), path)]

    return fitting(leaves, lambda whole: (whole.records[0].payload or 1) % 64 == 0).accepted()


@accept("ALIGN-2", "ALIGN-5", longer=True)
def padding_of_no_byte():
    """The key path is as long as it takes for the payload to stand right without a zero."""

    def leaves(path: str) -> list[Item]:
        return [small(padded_chunks((8,), [ALL], lambda _: 0), path)]

    return fitting(leaves, lambda whole: (whole.records[0].payload or 1) % 64 == 0).accepted()


@accept("ALIGN-5", "ALIGN-1", longer=True)
def padding_before_two_chunks():
    """The first of two chunks stands at a multiple of 64, the second anywhere. The index says that the payload is not
    in one piece."""
    chunks = [(head(3), hexed("f1 f2 f3")), (head(5), hexed("f4 f5 f6 f7 f8"))]
    return sealed(around(padded_chunks((8,), chunks, FIRST))).accepted()


@accept("ALIGN-1", "ALIGN-5", longer=True)
def padding_before_chunks_of_which_one_is_empty():
    """A chunk without elements, and one with all of them: the place of the first is what counts."""
    return sealed(around(padded_chunks((8,), [(head(0), Bytes()), ALL], FIRST))).accepted()


@accept("ALIGN-1", "ALIGN-2", longer=True)
def padding_before_an_array_of_no_element():
    """One chunk of no byte: it begins, and ends, at a multiple of 64. The index says where."""
    leaf = Leaf(("k",), "ndarray", Bytes(), Bytes(), "uint8", (0,))
    read = tensor("k", "uint8", (0,), "").read
    return sealed([number("a", 1), item(leaf, read, padded_chunks((0,), [(head(0), Bytes())], FIRST))]).accepted()


@accept("ALIGN-3", longer=True)
def large_arrays_without_padding():
    """An array of 5,000 bytes in one piece, in one chunk, and in two: a reader takes all forms of version 1.0."""
    content = patterned(5000)
    pieces = [ndarray_("uint8", (n,), content.piece(at, n)) for at, n in ((0, 5000), (0, 4200), (4200, 800))]
    forms = {
        "one-piece": None,
        "one-chunk": in_chunks((5000,), pieces[:1], 5000),
        "two-chunks": in_chunks((5000,), pieces[1:]),
    }
    found = []
    for path, form in forms.items():
        leaf = Leaf((path,), "ndarray", pieces[0], content, "uint8", (5000,))
        found.append(item(leaf, tensor(path, "uint8", (5000,), content).read, form))
    return sealed(found).accepted()


@accept("ALIGN-1", "ALIGN-2", longer=True)
def padding_in_bins_with_other_headers():
    """The bin of the padding has a header of 2 bytes, or of 5: readers take both (WIRE-2)."""
    forms = {
        f"of-{wide}": entries(lambda zeros, wide=wide: (TRUE, pad(zeros, wide=wide), SHAPE, CHUNKS)) for wide in (1, 4)
    }
    return sealed([small(form, path) for path, form in forms.items()]).accepted()

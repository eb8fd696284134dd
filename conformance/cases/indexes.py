"""Chapter 15: what the index says, and that the records say the same."""

import hashlib
from typing import Any

from ..assembly import Bytes, bin_, fill, here, int_, map_, ndarray_, raw, str_, together
from ..declare import accept, refuse
from ..products.specimens import CHUNKED
from ..products.values import assembled
from .sealed_assembly import checksum, sealed
from .sealed_leaves import in_chunks, item, number, of_specimen, tensor, words

ITEMS = [tensor("w", "uint16", (2, 3), "01 00 02 00 03 00 04 00 05 00 06 80"), number("n", 7), words("t", "x")]


# --- accepted ------------------------------------------------------------------------------------------------------


@accept("INDEX-1", "INDEX-9", "META-1")
def digests_and_metadata():
    """All five entries: the digests of the leaves, and that of the tree behind them."""
    return sealed(ITEMS, metadata={"step": 1000}, digests=True).accepted()


@accept("INDEX-1", "INDEX-5")
def no_digests_and_no_metadata():
    """Four entries, of which the metadata is a map of no entry."""
    return sealed(ITEMS).accepted()


@accept("INDEX-2", "INDEX-3", longer=True)
def a_chunked_array_is_an_ndarray():
    """Two chunks: the index says `ndarray`, and that the payload is not in one piece. One chunk: it says where its
    payload begins."""
    one = tensor("l", "int16", (1, 3), "01 00 02 80 ff 7f")
    form = in_chunks((1, 3), [ndarray_("int16", (3,), "01 00 02 80 ff 7f")], 6)
    return sealed([of_specimen(CHUNKED), item(one.leaf, one.read, form)]).accepted()


@accept("INDEX-3", "INDEX-2")
def payloads_of_no_byte():
    """Arrays without elements, and one without dimensions: the payload begins at the end of the record."""
    shapes = {"a": (0,), "b": (3, 0, 2), "c": (0, 1 << 40)}
    arrays = [tensor(path, "float32", shape, "") for path, shape in shapes.items()]
    return sealed([*arrays, tensor("d", "float32", (), "00 00 80 3f")]).accepted()


@accept("INDEX-4", "INDEX-6", "KEY-2", "WIRE-5")
def key_paths_of_all_kinds_in_the_index():
    """Empty parts, slashes, NUL, other scripts, and one that is not in the form that some normalise it to."""
    paths = [
        ("",),
        ("a/b",),
        ("a", "b"),
        ("\0",),
        ("\u00e9",),
        ("e\u0301",),
        ("\U0001f600", ""),
        ("..", "."),
        ("k" * 300,),
    ]
    return sealed([number(path, i) for i, path in enumerate(paths)]).accepted()


@accept("INDEX-6", "SEAL-8", "KEY-3", "KEY-4")
def the_longest_key_paths_in_the_index():
    """512 parts, and 65,535 bytes in one part and in two: the index has more than the last 64 KiB of the file."""
    paths = [("p",) * 512, ("q" * 65_535,), ("r" * 65_000, "s" * 535)]
    return sealed([number(path, i) for i, path in enumerate(paths)]).accepted()


@accept("INDEX-6", "LEAF-3", "LEAF-4")
def the_largest_shapes_in_the_index():
    """64 dimensions, and dimensions of 2^63 - 1 beside one of 0."""
    shapes = {"a": (1,) * 64, "b": ((1 << 63) - 1, 0), "c": (0,) * 64}
    return sealed(
        [tensor(path, "int8", shape, "07" if path == "a" else "") for path, shape in shapes.items()]
    ).accepted()


@accept("INDEX-6", "DTYPE-1", "DTYPE-2", longer=True)
def a_tag_that_is_a_bin_in_its_record():
    """The tag stands as a bin in the record (DTYPE-2), and as a text in the index."""
    one = tensor("k", "int8", (2,), "01 02")
    leaf = ndarray_(bin_(Bytes(*str_("int8").parts).piece(1, 4)), (2,), "01 02")
    blob = bin_(leaf)
    return sealed([item(one.leaf, one.read, lambda _: (blob, blob.size - 2))]).accepted()


@accept("INDEX-7", "INDEX-8", "SUM-4")
def three_hundred_leaves():
    """So many leaves that their number takes three bytes, and the index more than the records."""
    return sealed([number(f"layer-{i}", i) for i in range(300)], digests=True).accepted()


# --- refused  -----------------------------------------------------------------------


def _says(**changed: Any) -> Bytes:
    """The stream of ITEMS, some entries of whose index are others."""
    whole = sealed(ITEMS, metadata={"step": 1}, digests=True)
    return whole.data(whole.says() | changed)


@refuse("INDEX-8", "SEAL-9")
def another_checksum_of_all_records():
    """The checksum of all records is another by one bit; those of the leaves are right."""
    whole = sealed(ITEMS)
    says = whole.says()
    wrong = (int.from_bytes(says["checksum"], "big") ^ 1).to_bytes(4, "big")
    index = assembled(whole.index(says | {"checksum": wrong}))
    return whole.data(index=here("! the index") + index)


@refuse("INDEX-8")
def a_checksum_of_the_whole_file():
    """The checksum that the index states is that of the records and of the first byte of the seal."""
    whole = sealed(ITEMS)
    return _says(checksum=checksum(whole.before() + raw("c6")))


@refuse("INDEX-8")
def a_checksum_with_its_bytes_in_reverse():
    """The lowest byte of the checksum stands first."""
    return _says(checksum=sealed(ITEMS).says()["checksum"][::-1])


@refuse("INDEX-1", also=("INDEX-5", "STREAM-3", "INDEX-2", "INDEX-4"))
def no_leaves():
    """An array of no leaf, before which there are records."""
    return _says(leaves=[], digests=checksum(Bytes()) * 8)


@refuse("INDEX-9")
def digests_that_are_one_too_few():
    """The digest of the tree is missing."""
    return _says(digests=sealed(ITEMS, digests=True).says()["digests"][:-32])


@refuse("INDEX-9")
def digests_that_are_one_too_many():
    """32 bytes more."""
    return _says(digests=sealed(ITEMS, digests=True).says()["digests"] + bytes(32))


@refuse("INDEX-9")
def digests_of_no_byte():
    """An empty bin."""
    return _says(digests=b"")


@refuse("INDEX-9")
def a_digest_of_a_leaf_that_is_another():
    """The digest of the second leaf is another by one bit. A decoder verifies the file."""
    digests = bytearray(sealed(ITEMS, digests=True).says()["digests"])
    digests[40] ^= 1
    return _says(digests=bytes(digests))


@refuse("INDEX-9")
def a_digest_of_the_tree_that_is_another():
    """The last byte of the digest of the tree is another."""
    digests = bytearray(sealed(ITEMS, digests=True).says()["digests"])
    digests[-1] ^= 0x80
    return _says(digests=bytes(digests))


@refuse("INDEX-9")
def digests_in_ascending_order():
    """The digests of the leaves are sorted, as they are where that of the tree is made."""
    found = sealed(ITEMS, digests=True).says()["digests"]
    parts = [found[at : at + 32] for at in range(0, len(found) - 32, 32)]
    if parts == sorted(parts):
        raise ValueError("the digests are in ascending order as they are")
    return _says(digests=b"".join(sorted(parts)) + found[-32:])


@refuse("INDEX-9", also=("DELTA-5",))
def a_digest_of_the_tree_in_the_order_of_the_file():
    """The digest of the tree is made of those of the leaves in the order of the file, and not of their bytes."""
    found = sealed(ITEMS, digests=True).says()["digests"][:-32]
    return _says(digests=found + hashlib.sha256(found).digest())


@refuse("INDEX-5", also=("INDEX-1", "WIRE-6"))
def bytes_left_over_in_the_index():
    """Behind the index, and before the footer, stands a nil that its length counts."""
    whole = sealed(ITEMS)
    return whole.data(index=assembled(whole.index()) + here("! left over") + raw("c0"))


@refuse("INDEX-5", also=("INDEX-1", "WIRE-3", "WIRE-6"))
def an_index_that_ends_early():
    """The last byte of the index is missing, and its length and checksum fit what is left."""
    whole = sealed(ITEMS)
    index = assembled(whole.index())
    return whole.data(index=index.piece(0, index.size - 1))


@refuse("INDEX-5", also=("INDEX-1", "WIRE-6", "WIRE-3"))
def an_index_of_no_byte():
    """The index is empty, and its length and checksum fit."""
    return sealed(ITEMS).data(index=here("! the index") + fill(0, 1).piece(0, 0))


@refuse("INDEX-5", "INDEX-1")
def an_entry_that_is_unknown():
    """A sixth entry."""
    return _says(more=None)


@refuse("INDEX-5", "INDEX-1")
def an_entry_twice():
    """The alignment stands twice, first and last."""
    whole = sealed(ITEMS)
    held = together([assembled(one) for one in whole.index().inner])
    return whole.data(index=map_(5) + held + str_("alignment") + int_(64))


@refuse("INDEX-5", "INDEX-1")
def entries_in_the_order_of_their_keys():
    """`digests` stands third, where the alphabet has it."""
    whole = sealed(ITEMS, digests=True)
    return whole.data(dict(sorted(whole.says().items())))


@refuse("INDEX-4", also=("INDEX-7", "SUM-3"))
def sizes_that_add_up_in_32_bits():
    """The last record is said to have 2^32 bytes more, and has a checksum for each block of these: in words of 32 bits
    the sizes add up to the offset of the seal."""
    whole = sealed([number("a", 1), number("z", 2)])
    says = whole.says()
    record = says["leaves"][1][4][0]
    record[0] += 1 << 32
    record[2] = record[2] * -(-record[0] // (1 << 22))
    return whole.data(says)

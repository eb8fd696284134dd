"""Chapter 16: the mark, the seal, the footer, and the end of the file."""

from ..assembly import Bytes, here, hexed, raw, record_
from ..declare import accept, refuse
from ..products.specimens import SPECIMENS
from ..products.values import assembled
from .delta_assembly import Leaf
from .sealed_assembly import MAGIC, MARK, laid, seal_, sealed
from .sealed_leaves import blob, item, number, of_specimen, tensor, words

ITEMS = [tensor("w", "uint16", (2,), "01 00 02 80"), number("n", 7), words("t", "x")]


# --- accepted ------------------------------------------------------------------------------------------------------


@accept("SEAL-1", "SEAL-2", "SEAL-3", "SEAL-4", "SEAL-6", "SEAL-7", "INDEX-1")
def one_small_leaf():
    """The smallest sealed stream there can be, but for the length of its key."""
    return sealed([number("k", 7)]).accepted()


@accept("SEAL-1", "INDEX-2", "INDEX-3")
def leaves_of_every_kind():
    """A leaf of each kind, of which the arrays and the scalar have a payload in one piece."""
    kinds = [one for one in SPECIMENS if one.name != "chunked"]
    return sealed([of_specimen(one, (one.name,)) for one in kinds], metadata={"step": 3}, digests=True).accepted()


@accept("SEAL-2", "CONF-9")
def a_sealed_stream_in_a_sealed_stream():
    """A bin holds a whole sealed stream: it is a leaf like any other, and the last of the file's bytes but its seal."""
    return sealed([number("n", 7), blob("inner", sealed(ITEMS).data())]).accepted()


@accept("SEAL-2", "SEAL-9")
def a_leaf_that_ends_like_a_footer():
    """A text that ends with the 16 bytes of a footer."""
    return sealed([words("t", MAGIC.decode()), number("n", 7)]).accepted()


@accept("CONF-9", "SEAL-5")
def a_plain_stream_that_ends_like_a_footer():
    """A plain stream whose last leaf is a bin that ends with a whole seal: without the mark it is a plain stream."""
    inner = sealed(ITEMS).data()
    return record_("k", blob("k", inner).leaf.encoded), [blob("k", inner).read]


@accept("SEAL-1", "STREAM-6", longer=True)
def leaves_that_do_not_stand_depth_first():
    """Records of two subtrees in turn, in the order of which the index lists them."""
    paths = [("b", "x"), ("a", "x"), ("b", "y"), ("a", "y")]
    return sealed([number(path, i) for i, path in enumerate(paths)]).accepted()


@accept("SEAL-1", "WIRE-2", "CONF-4", longer=True)
def longer_headers_in_records():
    """But for the header of a record itself, readers take longer headers there."""
    leaf = Leaf(("k",), "int", raw("07"), raw("07"))
    one = item(leaf, number("k", 7).read, lambda _: (raw("c6 00 00 00 09 d3 00 00 00 00 00 00 00 07"), None))
    records = laid([number("a", 1), one])
    longer = raw("92 dc 00 01 db 00 00 00 01 6b") + records[1].data.piece(4, 100)
    whole = sealed([number("a", 1), one])
    return whole._replace(records=[records[0], records[1]._replace(data=longer)]).accepted()


# --- refused: what the first bytes say -----------------------------------------------------------------------------


@refuse("SEAL-5", "CONF-9", also=("STREAM-2", "WIRE-2"))
def the_mark_of_a_plain_stream():
    """A stream of version 1.0 whose first header is longer than needed: in this version it is one that was cut off."""
    return raw("dd 00 00 00 02 91 a1 61 c4 01 07") + here("! the end")


@refuse("SEAL-5", "CONF-9", also=("STREAM-2", "SEAL-1", "WIRE-2"))
def the_longest_headers_throughout_without_a_seal():
    """A stream that version 1.0 accepts, all of whose headers are the longest that there are."""
    record = "dd 00 00 00 02 dd 00 00 00 01 db 00 00 00 01 61 c6 00 00 00 09 d3 00 00 00 00 00 00 00 07"
    return raw(record) + here("! the end")


@refuse("CONF-9", "REC-1", also=("SEAL-1", "STREAM-1", "WIRE-3", "STREAM-2"))
def a_seal_without_a_mark():
    """Records of a plain stream, and behind them a seal that fits."""
    whole = sealed(ITEMS, marked=False)
    return whole.before() + here("! not a record") + seal_(whole.before().size, assembled(whole.index()))


@refuse("SEAL-1", also=("INDEX-7",))
def a_second_record_with_the_mark():
    """Two records begin with the five bytes of the mark."""
    return _with_second(hexed(MARK) + sealed(ITEMS).records[1].data.piece(1, 1000))


@refuse("SEAL-1", also=("INDEX-7",))
def a_second_record_with_a_header_of_three_bytes():
    """The array header of the second record is `dc 00 02`, which a plain stream may have."""
    return _with_second(raw("dc 00 02") + sealed(ITEMS).records[1].data.piece(1, 1000))


@refuse("SEAL-1", "REC-1", also=("INDEX-7",))
def a_second_record_of_three_elements():
    """`93`, a key path, a leaf and nil."""
    whole = sealed(ITEMS)
    second = raw("93") + whole.records[1].data.piece(1, 1000) + raw("c0")
    return whole._replace(records=[whole.records[0], whole.records[1]._replace(data=second), whole.records[2]]).data(
        fault=1
    )


def _with_second(head: Bytes) -> Bytes:
    whole = sealed(ITEMS)
    second = whole.records[1]._replace(data=head + whole.records[1].data.piece(1, 1000))
    return whole._replace(records=[whole.records[0], second, whole.records[2]]).data(fault=1)


@refuse("CONF-9", also=("WIRE-2", "REC-1", "SEAL-1", "STREAM-1", "WIRE-3", "STREAM-2"))
def a_first_header_of_three_bytes_and_a_seal():
    """The first record begins with `dc 00 02`: it is a plain stream, behind which stands what is not a record."""
    whole = sealed(ITEMS)
    first = whole.records[0]._replace(data=raw("dc 00 02") + whole.records[0].data.piece(5, 1000))
    return whole._replace(records=[first, *whole.records[1:]]).data()

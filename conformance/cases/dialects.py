"""What some code bases write beside 1.0. A reader that takes such a file is not at fault; one that does not is
right."""

from ..assembly import arr_, bin_, data, ndarray_, path_, record_, str_
from ..declare import DIALECT, accept, array, refuse, text


@refuse("WIRE-3", also=("STREAM-2",), level=DIALECT)
def a_leaf_split_over_records():
    """A fork of EasyLM cuts the encoded leaf in pieces, each in a record of its own under `chunk_0`, `chunk_1`."""
    leaf = ndarray_("int8", (6,), "01 02 03 04 05 06").data()
    stream = arr_(2) + path_("w", "chunk_0") + bin_(data(leaf[:10], "the first 10 bytes of the leaf"))
    return stream + arr_(2) + path_("w", "chunk_1") + bin_(data(leaf[10:], "the rest"))


@accept("LEAF-1", level=DIALECT)
def text_beside_arrays():
    """An early EasyDeL file: a str stands among the arrays. This is canonical form."""
    return record_("config", str_("llama")) + record_("w", ndarray_("float16", (1,), "003c")), [
        text("config", "llama"),
        array("w", "float16", (1,), "003c"),
    ]

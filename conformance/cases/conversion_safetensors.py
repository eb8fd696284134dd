"""Chapter 09: safetensors (CONV-7 to CONV-9), read from files made by hand, and written and read back."""

from collections.abc import Sequence

from ..assembly import MARKER, Bytes, chunked_, data, int_, map_, ndarray_, raw, record_, scalar_, str_, together
from ..declare import Conversion, converts, refuses_to_convert
from .conversion_kinds import safetensors_

IN, OUT = Conversion("safetensors"), Conversion(via="safetensors")
DAMAGED = ("CONV-6", "CONV-7", "CONV-8", "CONV-10", "CONV-11", "CONV-1", "CONF-1", "LEAF-3", "LEAF-5")
# The dtypes with their tags and widths, the widest first.
DTYPES = """
    U64 uint64 8, I64 int64 8, F64 float64 8, C64 complex64 8, F32 float32 4, U32 uint32 4, I32 int32 4,
    BF16 bfloat16 2, F16 float16 2, U16 uint16 2, I16 int16 2, F8_E5M2FNUZ float8_e5m2fnuz 1,
    F8_E4M3FNUZ float8_e4m3fnuz 1, F8_E8M0 float8_e8m0fnu 1, F8_E4M3 float8_e4m3fn 1, F8_E5M2 float8_e5m2 1,
    I8 int8 1, U8 uint8 1, BOOL bool 1
"""
TABLE = [line.split() for line in DTYPES.split(",")]


def entry_(name: str, dtype: str, shape: str, start: int, end: int) -> str:
    return f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}'


def bytes_(*names: str) -> Bytes:
    """A file of tensors U8 of shape (1,), the values of which are 0, 1, and so on."""
    entries = [entry_(name, "U8", "[1]", i, i + 1) for i, name in enumerate(names)]
    return safetensors_("{" + ",".join(entries) + "}", bytes(range(len(names))).hex())


def read_(*paths: Sequence[str]) -> Bytes:
    """The stream of what `bytes_` holds."""
    return together([record_(path, ndarray_("uint8", (1,), f"{i:02x}")) for i, path in enumerate(paths)])


@converts("CONV-7")
def names_are_split_at_each_dot():
    """Names with none, one and two dots. What stands under one beginning becomes one subtree."""
    return IN, bytes_("a.b.x", "a.b.y", "a.c", "d"), read_(("a", "b", "x"), ("a", "b", "y"), ("a", "c"), ("d",))


@converts("CONV-7", "KEY-2")
def names_with_dots_at_the_ends():
    """Before a dot at the beginning, after one at the end and between two dots stands an empty part."""
    return IN, bytes_("..", ".x", "a..b", "c."), read_(("", "", ""), ("", "x"), ("a", "", "b"), ("c", ""))


@converts("CONV-7", "KEY-2")
def name_that_is_empty():
    """The empty name is a key path of one empty part."""
    return IN, bytes_("", "a"), read_(("",), ("a",))


@converts("CONV-7")
def names_with_escapes():
    """The header is JSON: an escaped letter, an escaped dot, a surrogate pair, and other signs that are not
    separators.
    """
    names = bytes_("0", "a/b", r"x\u002ey", r"\u00e9", r"\ud83d\ude00")
    return IN, names, read_(("0",), ("a/b",), ("x", "y"), ("é",), ("\U0001f600",))


@converts("CONV-7", "KEY-3")
def name_of_512_parts():
    """A name with 511 dots has 512 parts, the most that a key path can have."""
    return IN, bytes_("." * 511), data(read_(("",) * 512).data())


@refuses_to_convert("CONV-7", also=("KEY-3",))
def name_of_513_parts():
    """A name with 512 dots has one part more than a key path can have."""
    return IN, bytes_("." * 512)


@refuses_to_convert("CONV-7", also=("STREAM-5",))
def names_of_a_leaf_and_of_what_stands_below_it():
    """The names `a` and `a.b` are two in safetensors. In a tree, `a` cannot be a leaf and a subtree."""
    return IN, bytes_("a", "a.b")


@refuses_to_convert("CONV-7", also=("STREAM-5",))
def names_of_a_subtree_and_then_of_a_leaf():
    """The other order: `a.b` stands in the header before `a`."""
    return IN, bytes_("a.b", "a")


@refuses_to_convert("CONV-7", "CONV-11", also=("STREAM-4", *DAMAGED))
def name_that_stands_twice():
    """The header has the member `a` twice. Most readers of JSON keep the last and drop the first without a word."""
    return IN, bytes_("a", "a")


@refuses_to_convert("CONV-7", "CONV-11", also=("WIRE-5", *DAMAGED))
def name_with_a_lone_surrogate():
    """A name that is half of a surrogate pair, which JSON can spell and UTF-8 cannot."""
    return IN, bytes_(r"\ud800")


@converts("CONV-8")
def every_dtype_is_read():
    """A tensor of each dtype in the table, of shape (1,). The widest stand first."""
    entries, at, leaves = [], 0, []
    for i, (dtype, tag, width) in enumerate(TABLE):
        entries.append(entry_(chr(97 + i), dtype, "[1]", at, at + int(width)))
        leaves.append(record_(chr(97 + i), ndarray_(tag, (1,), "01" * int(width))))
        at += int(width)
    return IN, safetensors_("{" + ",".join(entries) + "}", "01" * at), together(leaves)


@converts("CONV-8")
def every_dtype_is_written_and_read_back():
    """An array of each dtype in the table goes to safetensors and comes back as it was, in the same order."""
    leaves = [(tag, int(width)) for _, tag, width in TABLE]
    arrays = [record_(chr(97 + i), ndarray_(tag, (1,), "01" * width)) for i, (tag, width) in enumerate(leaves)]
    return OUT, together(arrays), together(arrays)


@refuses_to_convert("CONV-8")
def packed_dtype_is_refused():
    """F4 has two values in a byte, and is not in the table. (float4_e2m1fn takes a byte for each.)"""
    return IN, safetensors_("{" + entry_("w", "F4", "[2]", 0, 1) + "}", "21")


@refuses_to_convert("CONV-8")
def dtype_in_lower_case_is_refused():
    """`f32` is not a dtype of safetensors, and `float32` is not one either."""
    return IN, safetensors_("{" + entry_("w", "f32", "[1]", 0, 4) + "}", "00 00 80 3f")


@refuses_to_convert("CONV-8")
def complex128_to_safetensors():
    """safetensors has complex64 alone."""
    return OUT, record_("w", ndarray_("complex128", (1,), "00" * 16))


@refuses_to_convert("CONV-8")
def int4_to_safetensors():
    """int4 takes a byte for each element in a stream, and has no dtype in the table. It is not to become I8."""
    return OUT, record_("v", ndarray_("int8", (1,), "01")) + record_("w", ndarray_("int4", (2,), "01 02"))


@refuses_to_convert("CONV-8")
def float8_e4m3_to_safetensors():
    """F8_E4M3 of safetensors is `float8_e4m3fn`. The tag `float8_e4m3` is another format, with infinities."""
    return OUT, record_("w", ndarray_("float8_e4m3", (1,), "38"))


@refuses_to_convert("CONV-9")
def scalar_to_safetensors():
    """A numpy scalar is no `ndarray`. Written as a tensor of no dimension it would come back as another kind."""
    return OUT, record_("w", scalar_("float32", "00 00 80 3f"))


@refuses_to_convert("CONV-9")
def int_to_safetensors():
    """The step of a train state, an int, cannot be written. It is not dropped either."""
    return OUT, record_("w", ndarray_("uint8", (1,), "01")) + record_("step", int_(7))


@refuses_to_convert("CONV-9", also=("CONV-1",))
def empty_node_to_safetensors():
    """An empty node is a leaf that safetensors cannot hold: refused, and not left out."""
    return OUT, record_("w", ndarray_("uint8", (1,), "01")) + record_("e", raw("80"))


@refuses_to_convert("CONV-7")
def part_with_a_dot_to_safetensors():
    """The part `a.b` would come back as two."""
    return OUT, record_("a.b", ndarray_("uint8", (1,), "01"))


@refuses_to_convert("CONV-7")
def two_paths_of_one_name_to_safetensors():
    """["a.b"] and ["a", "b"] both have the name `a.b`; one of them would be lost."""
    return OUT, record_(("a", "b"), ndarray_("uint8", (1,), "01")) + record_("a.b", ndarray_("uint8", (1,), "02"))


@refuses_to_convert("CONV-1", also=("CONV-7", "CONV-9"))
def metadata_to_safetensors():
    """`__metadata__` is not the name of a tensor in safetensors: readers would skip it, so it cannot be written."""
    return OUT, record_("w", ndarray_("uint8", (1,), "01")) + record_("__metadata__", ndarray_("uint8", (1,), "02"))


@converts("CONV-7", "CONV-1")
def shapes_and_paths_come_back_from_safetensors():
    """Arrays of no dimension, of no element and of three, under paths of several parts and with a `/`, there and
    back.
    """
    leaves = {
        ("a", "b", "0"): ndarray_("float32", (2, 1, 2), "00 00 80 3f 00 00 00 40 01 00 c0 7f 00 00 00 80"),
        ("a", "b", "1"): ndarray_("float32", (), "00 00 80 3f"),
        ("a", "c/d"): ndarray_("float32", (3, 0), ""),
        ("b", "", "é"): ndarray_("float32", (1,), "00 00 80 3f"),
    }
    stream = together([record_(path, leaf) for path, leaf in leaves.items()])
    return OUT, stream, stream


@converts("CONV-7", "LEAF-10")
def chunked_array_and_marker_come_back_from_safetensors():
    """A chunked array is an array, and `__msgpack_chunked_array__` a part like others, in a stream and in
    safetensors.
    """
    chunks = [ndarray_("int8", (1,), "01"), ndarray_("int8", (2,), "02 ff")]
    return OUT, record_(MARKER, chunked_((3,), chunks)), record_(MARKER, ndarray_("int8", (3,), "01 02 ff"))


@converts("CONV-9", "CONV-7")
def metadata_is_left_out():
    """The texts of `__metadata__` have no place in a tree. Spaces follow the header, as the library adds them."""
    header = '{"__metadata__":{"format":"pt"},' + entry_("w.b", "I16", "[1,2]", 0, 4) + "}"
    return IN, safetensors_(header.ljust(96), "01 00 02 00"), record_(("w", "b"), ndarray_("int16", (1, 2), "01000200"))


@converts("CONV-7", "CONV-2")
def tensors_are_cast_on_the_way():
    """F32 to a flax file in bfloat16; the integer beside it stays."""
    header = "{" + entry_("a.n", "I32", "[]", 0, 4) + "," + entry_("a.w", "F32", "[2]", 4, 12) + "}"
    inner = str_("n") + ndarray_("int32", (), "07 00 00 00") + str_("w") + ndarray_("bfloat16", (2,), "80 3f 82 3f")
    asked = Conversion("safetensors", streaming=False, float_dtype="bf16")
    return asked, safetensors_(header, "07 00 00 00 00 80 80 3f 00 80 81 3f"), map_(1) + str_("a") + map_(2) + inner


@refuses_to_convert("CONV-1", also=("STREAM-3", *DAMAGED))
def safetensors_without_tensors():
    """A header that is `{}`: a stream has at least one record."""
    return IN, safetensors_("{}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def safetensors_that_has_been_cut_off():
    """The header is whole, and the last byte of the payload is missing."""
    return IN, safetensors_("{" + entry_("w", "F32", "[1]", 0, 4) + "}", "00 00 80")


@refuses_to_convert("CONV-10", also=DAMAGED)
def safetensors_with_a_byte_left_over():
    """One byte stands after the last payload."""
    return IN, safetensors_("{" + entry_("w", "F32", "[1]", 0, 4) + "}", "00 00 80 3f 00")


@refuses_to_convert("CONV-10", also=DAMAGED)
def safetensors_header_that_is_longer_than_the_file():
    """The length says 64 bytes, and the file ends within the header."""
    header = "{" + entry_("w", "U8", "[0]", 0, 0)
    return Conversion(None), data((64).to_bytes(8, "little")) + data(header.encode(), f"{len(header)} bytes")


@refuses_to_convert("CONV-10", also=DAMAGED)
def payload_that_is_shorter_than_its_shape():
    """A shape of two float32 and four bytes between the offsets."""
    return IN, safetensors_("{" + entry_("w", "F32", "[2]", 0, 4) + "}", "00 00 80 3f")


@refuses_to_convert("CONV-10", also=DAMAGED)
def payloads_of_other_sizes_than_their_shapes():
    """One tensor has two bytes too many between its offsets, and the next two too few: the sum is right."""
    entries = entry_("a", "F16", "[1]", 0, 4) + "," + entry_("b", "F32", "[1]", 4, 6)
    return IN, safetensors_("{" + entries + "}", "00 3c 00 00 80 3f")


@refuses_to_convert("CONV-10", also=DAMAGED)
def payloads_that_overlap():
    """Two tensors of two bytes share a byte of a file that has four bytes of payloads."""
    entries = (
        entry_("a", "U8", "[2]", 0, 2) + "," + entry_("b", "U8", "[2]", 1, 3) + "," + entry_("c", "U8", "[1]", 3, 4)
    )
    return IN, safetensors_("{" + entries + "}", "01 02 03 04")


@refuses_to_convert("CONV-10", also=DAMAGED)
def payloads_with_a_gap():
    """Between two tensors stands a byte that belongs to neither: something may be hidden in it."""
    entries = entry_("a", "U8", "[1]", 0, 1) + "," + entry_("b", "U8", "[1]", 2, 3)
    return IN, safetensors_("{" + entries + "}", "01 ff 02")


@refuses_to_convert("CONV-7", "CONV-11", also=("STREAM-4", *DAMAGED))
def name_that_stands_twice_with_one_payload():
    """The same member twice, with the same offsets: nothing is lost, and still there is no telling what is meant."""
    entry = entry_("a", "U8", "[1]", 0, 1)
    return IN, safetensors_("{" + entry + "," + entry + "}", "07")


@refuses_to_convert("CONV-10", also=DAMAGED)
def entry_without_its_offsets():
    """A tensor whose entry has dtype and shape, and no `data_offsets`."""
    return IN, safetensors_('{"a":{"dtype":"U8","shape":[1]}}', "07")


@refuses_to_convert("CONV-10", also=DAMAGED)
def header_that_is_no_json():
    """The header begins as JSON does and ends before it should."""
    return IN, safetensors_('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}', "07")


@refuses_to_convert("CONV-10", also=DAMAGED)
def dimension_below_zero():
    """The dimensions -1 and -1, whose product is that of the payload."""
    return IN, safetensors_("{" + entry_("w", "U8", "[-1,-1]", 0, 1) + "}", "07")

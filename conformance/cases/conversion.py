"""Chapter 09: what a conversion keeps (CONV-1), and the leaves that a cast leaves alone (CONV-2)."""

from ..assembly import (
    MARKER,
    Bytes,
    chunked_,
    data,
    int_,
    loose_,
    map_,
    ndarray_,
    raw,
    record_,
    scalar_,
    str_,
    together,
)
from ..declare import Conversion, converts, refuses_to_convert

# One leaf of each kind, in its canonical encoding, which is that of a stream and of a flax file.
KINDS = {
    "array": ndarray_("int16", (2, 1), "01 00 ff ff"),
    "array_of_none": ndarray_("float32", (0, 3), ""),
    "scalar": scalar_("float32", "00 00 80 3f"),
    "complex": raw("c7 13 02 92 cb 3f f0 00 00 00 00 00 00 cb 80 00 00 00 00 00 00 00 # 1-0j"),
    "nil": raw("c0"),
    "false": raw("c2"),
    "true": raw("c3"),
    "int": raw("cf ff ff ff ff ff ff ff ff # 2^64 - 1"),
    "negative": raw("d3 80 00 00 00 00 00 00 00 # -2^63"),
    "float": raw("cb 3f b9 99 99 99 99 99 9a # 0.1"),
    "str": str_("naïve"),
    "no_str": raw("a0"),
    "bin": raw("c4 02 ff 00"),
    "empty": raw("80"),
}
WIDTHS = {
    1: "bool int8 uint8 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
    "float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn int4 uint4 int2 uint2 int1 uint1",
    2: "int16 uint16 float16 bfloat16",
    4: "int32 uint32 float32 complex32 bcomplex32",
    8: "int64 uint64 float64 complex64",
    16: "complex128",
}


def stream_(leaves: dict[str, Bytes]) -> Bytes:
    return together([record_(key, leaf) for key, leaf in leaves.items()])


def flax_(entries: dict[str, Bytes]) -> Bytes:
    return map_(len(entries)) + together([str_(key) + value for key, value in entries.items()])


@converts("CONV-1")
def every_kind_of_leaf_from_stream_to_stream():
    """A canonical stream comes out as it went in, whatever its leaves are. Programs for weights alone drop what is not
    an array.
    """
    return Conversion(), stream_(KINDS), stream_(KINDS)


@converts("CONV-1")
def every_kind_of_leaf_from_stream_to_flax():
    """The same leaves stand in the flax file, without the bin around them. The root map has 14 entries."""
    return Conversion(streaming=False), stream_(KINDS), flax_(KINDS)


@converts("CONV-1")
def every_kind_of_leaf_from_flax_to_stream():
    """The values of the map become records, a numpy scalar stays one, and an empty map becomes a record of its own."""
    return Conversion("flax"), flax_(KINDS), stream_(KINDS)


@converts("CONV-1", "TREE-5")
def flax_file_keeps_the_order_of_its_keys():
    """A flax file whose keys are not in alphabetical order. `flax.serialization.msgpack_serialize` sorts them unless
    told.
    """
    tree = flax_({"b": flax_({"z": int_(1), "a": int_(2)}), "a": int_(3), "10": int_(4), "9": int_(5)})
    return Conversion("flax", streaming=False), tree, tree


@converts("CONV-1", "TREE-5")
def keys_like_numbers_keep_their_order():
    """The keys 10, 9, 1, b: a map that sorts keys, or puts those that look like integers first, changes the order."""
    keys = {"b": int_(1), "10": int_(2), "9": int_(3), "1": int_(4), "__proto__": int_(5)}
    return Conversion("flax"), flax_(keys), stream_(keys)


@converts("CONV-1", "TREE-5")
def records_are_put_in_depth_first_order():
    """A stream whose subtrees are mixed: the output has each subtree whole, in the order in which they were first
    met.
    """
    parts = {("b", "x"): 1, ("a",): 2, ("b", "y", "z"): 3, ("c",): 4, ("b", "x2"): 5, ("b", "y", "a"): 6}
    made = {path: record_(path, int_(n)) for path, n in parts.items()}
    order = [("b", "x"), ("b", "y", "z"), ("b", "y", "a"), ("b", "x2"), ("a",), ("c",)]
    return Conversion(), together([*made.values()]), together([made[path] for path in order])


@converts("CONV-1", "TREE-5")
def mixed_records_become_one_map_of_flax():
    """Two records of the subtree `a` with another record between them: in the flax file they stand in one map."""
    source = record_(("a", "x"), int_(1)) + record_("b", int_(2)) + record_(("a", "y"), int_(3))
    return Conversion(streaming=False), source, flax_({"a": flax_({"x": int_(1), "y": int_(3)}), "b": int_(2)})


@converts("CONV-1")
def maps_of_16_entries():
    """A subtree of 16 leaves: its map in the flax file has a header of three bytes."""
    keys = [f"k{i:02}" for i in range(16)]
    inner = raw("de 00 10 # a map of 16") + together([str_(key) + int_(i) for i, key in enumerate(keys)])
    source = together([record_(("t", key), int_(i)) for i, key in enumerate(keys)])
    return Conversion(streaming=False), source, flax_({"t": inner})


@converts("CONV-1")
def empty_nodes_are_kept_in_a_flax_file():
    """Records whose leaf is the empty map, as JAXSeq writes them, become empty maps of the flax file."""
    source = record_(("opt", "0"), raw("80")) + record_(("opt", "1", "mu"), int_(1)) + record_("e", raw("80"))
    output = flax_({"opt": flax_({"0": raw("80"), "1": flax_({"mu": int_(1)})}), "e": raw("80")})
    return Conversion(streaming=False), source, output


@converts("CONV-1")
def tree_of_empty_nodes_alone():
    """A flax file that has no leaf but an empty node three levels down, as the state of plain SGD. It is not
    dropped.
    """
    return Conversion("flax"), raw("81 a1 61 81 a1 62 80"), record_(("a", "b"), raw("80"))


@converts("CONV-1", "KEY-2")
def parts_are_not_split_joined_or_normalised():
    """Parts with `/` and `.`, the empty part, a part of one dot and a decomposed letter, from stream to flax."""
    keys = {"a/b": int_(1), "a.b": int_(2), "": int_(3), ".": int_(4), "e\u0301": int_(5), "\u00e9": int_(6)}
    return Conversion(streaming=False), stream_(keys), flax_(keys)


@converts("CONV-1")
def every_dtype_tag_is_copied():
    """One element of each dtype of DTYPE-1, from stream to flax. A dtype that a program cannot compute with can be
    copied.
    """
    leaves = {tag: ndarray_(tag, (1,), "01" * width) for width, tags in WIDTHS.items() for tag in tags.split()}
    return Conversion(streaming=False), stream_(leaves), flax_(leaves)


@converts("CONV-1", "CONF-6", until="1.0")
def longer_forms_become_canonical():
    """Headers that are longer than needed, a tag that is a bin, and a float 32 leaf are written in canonical form."""
    source = raw("""
        dd 00 00 00 02 dc 00 01 d9 01 61    # record, key path ["a"]
        c6 00 00 00 18 c9 00 00 00 12 01    # leaf blob, ext 1
        dc 00 03 91 d1 00 02                # shape (2,)
        c4 04 69 6e 74 38                   # tag "int8", a bin
        c5 00 02 01 ff                      # payload
        92 91 a1 66 c4 05 ca 3f c0 00 00    # "f": float 32 1.5
        92 91 a1 69 c4 09 d3 00 00 00 00 00 00 00 07  # "i": 7
    """)
    output = record_("a", ndarray_("int8", (2,), "01 ff"))
    return Conversion(), source, output + record_("f", raw("cb 3f f8 00 00 00 00 00 00")) + record_("i", int_(7))


@converts("CONV-1", "LEAF-13")
def small_chunked_array_is_joined():
    """An array in chunks that no writer would chunk comes out in one piece: only above 2^30 bytes is there a reason."""
    chunks = [ndarray_("uint8", (2,), "01 02"), ndarray_("uint8", (0,), ""), ndarray_("uint8", (1,), "03")]
    return Conversion("flax"), flax_({"k": chunked_((3,), chunks)}), record_("k", ndarray_("uint8", (3,), "01 02 03"))


@converts("CONV-1")
def payload_of_nan_is_kept():
    """NaN with a sign, with a payload, and signalling ones, without a cast: they come out to the bit."""
    leaf = ndarray_("float32", (4,), "01 00 80 7f  01 00 80 ff  ff ff ff 7f  34 12 c0 ff")
    half = ndarray_("bfloat16", (2,), "81 7f 81 ff")
    return Conversion(streaming=False), stream_({"w": leaf, "h": half}), flax_({"w": leaf, "h": half})


@converts("CONV-1", "DTYPE-4", "DTYPE-5")
def bits_without_meaning_are_kept():
    """A bool of 7 and an int4 with high bits that are not 0: payload bytes are copied, and not made tidy."""
    bools, ints = loose_("bool", "07 00"), loose_("int4", "f8 a7")
    leaves = {"b": ndarray_("bool", (2,), bools), "i": ndarray_("int4", (2,), ints)}
    return Conversion(streaming=False), stream_(leaves), flax_(leaves)


@converts("CONV-1")
def without_float_dtype_nothing_is_cast():
    """float32 stays float32. The script that is in common use casts to bfloat16 unless it is told otherwise."""
    tags = {"float32": "01 00 80 3f", "float64": "01 00 00 00 00 00 f0 3f", "float16": "01 3c"}
    leaves = {tag: ndarray_(tag, (1,), payload) for tag, payload in tags.items()}
    return Conversion(streaming=False), stream_(leaves), flax_(leaves)


@refuses_to_convert("CONV-1", also=("FLAX-3",))
def part_that_a_flax_file_cannot_hold():
    """A key path with the part `__msgpack_chunked_array__` can stand in a stream, and is not part of a flax file."""
    return Conversion(streaming=False), record_("a", int_(1)) + record_(("b", MARKER), raw("c3"))


@refuses_to_convert("CONV-1", also=("FLAX-8", "CONF-7"))
def key_paths_that_a_flax_file_cannot_hold():
    """320 leaves below 511 empty parts. A stream holds them; as a flax file, paths of over 1.3 MB would share 3,000
    bytes.
    """
    head = raw("92 dc 02 00").data() + b"\xa0" * 511
    leaves = [data(head + str_(f"{i:03}").data() + bytes.fromhex("c4 01 c0")) for i in range(320)]
    return Conversion(streaming=False), data(together(leaves).data(), "320 records")


@refuses_to_convert("CONV-1", also=("STREAM-2", "WIRE-3"))
def stream_that_has_been_cut_off():
    """The second record ends before its leaf does. A converter that skips it writes a checkpoint that lacks a
    tensor.
    """
    rest = raw("""
        92 91 a1 62             # record, key path ["b"]
        c4 09 cb 3f f8          # ! 9 bytes, of which 3 are left
    """)
    return Conversion(), record_("a", int_(1)) + rest


@refuses_to_convert("CONV-1", also=("STREAM-4",))
def key_path_that_stands_twice():
    """The fault is in the last record, when the others may have been written. The output's old file has to stay."""
    return Conversion(streaming=False), stream_(KINDS) + raw('92 91 a3 69 6e 74 c4 01 01 # ! "int" again')


@converts("CONV-2")
def dtypes_that_a_cast_leaves_alone():
    """Integers, booleans, complex numbers and small floats keep their dtype where floats are cast to float16."""
    floats = ("float16", "bfloat16", "float32", "float64")
    keep = {tag: ndarray_(tag, (1,), "01" * width) for width, tags in WIDTHS.items() for tag in tags.split()}
    keep = {tag: leaf for tag, leaf in keep.items() if tag not in floats}
    last = ndarray_("float32", (1,), "00 00 c0 3f"), ndarray_("float16", (1,), "00 3e")
    return Conversion(float_dtype="fp16"), *(stream_({**keep, "w": leaf}) for leaf in last)


@converts("CONV-2")
def small_values_that_a_cast_leaves_alone():
    """Floats that are not numpy values, and all other kinds of leaves that are not arrays, are not cast."""
    keep = {kind: leaf for kind, leaf in KINDS.items() if "array" not in kind and kind != "scalar"}
    return Conversion(float_dtype="bf16", streaming=False), stream_(keep), flax_(keep)


@converts("CONV-2")
def arrays_without_elements_change_their_dtype():
    """float32 arrays of shape (0,) and (2, 0) have nothing to round, and get the new tag all the same."""
    shapes = {"a": (0,), "b": (2, 0)}
    source, output = (stream_({k: ndarray_(tag, n, "") for k, n in shapes.items()}) for tag in ("float32", "float64"))
    return Conversion(float_dtype="fp64"), source, output


@converts("CONV-2", "LEAF-4")
def cast_up_to_the_largest_shape():
    """Shape (0, 2^59) in float32: in float64 its dimensions come to 2^62 bytes, which LEAF-4 allows."""
    source, output = (record_("w", ndarray_(tag, (0, 1 << 59), "")) for tag in ("float32", "float64"))
    return Conversion(float_dtype="fp64"), source, output


@refuses_to_convert("CONV-1", also=("LEAF-4",))
def cast_beyond_the_largest_shape():
    """Shape (0, 2^60) may stand in float32, not in float64: 2^63 bytes are more than LEAF-4 allows. It holds no
    element.
    """
    return Conversion(float_dtype="fp64"), record_("w", ndarray_("float32", (0, 1 << 60), ""))


@converts("CONV-2")
def moments_of_the_optimizer_are_cast_and_counters_are_not():
    """A train state: weights and moments are float arrays, step and count are integers."""

    def state(tag: str, one: str) -> Bytes:
        moment = ndarray_(tag, (1,), one)
        counter = ndarray_("int32", (), "07 00 00 00")
        params = record_(("params", "params", "w"), moment)
        moments = [record_(("opt_state", "0", name), leaf) for name, leaf in (("count", counter), ("mu", moment))]
        return record_("step", counter) + params + together(moments)

    return Conversion("trainstate", float_dtype="bf16"), state("float32", "00 00 80 3f"), state("bfloat16", "80 3f")

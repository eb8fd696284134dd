"""Chapter 10: deltas as files, the leaves that they make, and the base that they are compared with."""

from ..assembly import bin_, chunked_, data, header, ndarray_, raw
from ..declare import recovers, refuses_to_recover
from .delta_assembly import (
    ADDED,
    BASE,
    CHANGED,
    MARK,
    TARGET,
    blocks,
    manifest,
    manifest_,
    number,
    recovery,
    refused,
    small,
    stream,
    tensor,
    text_,
)


@recovers("DELTA-3", "DELTA-6", "DELTA-11", "DELTA-12", "DELTA-13")
def leaf_changed_added_and_removed():
    """`w` is changed, `new` is added and `old` is removed: the smallest delta that does all three."""
    return recovery(BASE, TARGET, CHANGED, ADDED)


@recovers("DELTA-6")
def nothing_has_changed():
    """Base and target are the same: no blocks, and the manifest follows the mark."""
    same = [*BASE, number("s", "float32", "00 00 80 3f"), tensor("none", "int8", (0, 2), ""), small("e", "empty", "80")]
    return recovery(same, same)


@recovers("DELTA-3", "DELTA-4")
def leaf_of_another_dtype():
    """The same bytes under another tag: the digests differ, `like_base` is false, and the leaf is stored as it is."""
    base, target = (tensor("w", dtype, (2,), "80 3f 00 40") for dtype in ("int16", "bfloat16"))
    return recovery([base], [target], "00 00 80 00 3f 40")


@recovers("DELTA-3", "DELTA-4")
def leaf_of_another_shape():
    """Four bytes that were (4,) and are (2, 2) now. Programs that compare payloads alone take it for unchanged."""
    base, target = (tensor("w", "uint8", shape, "01 02 03 04") for shape in ((4,), (2, 2)))
    return recovery([base], [target], "00 00 01 02 03 04")


@recovers("DELTA-3", "DELTA-4")
def scalar_that_becomes_an_array():
    """A numpy scalar and a zero-dimensional array of one value are leaves of two kinds."""
    return recovery([number("s", "uint8", "07")], [tensor("s", "uint8", (), "07")], "00 00 07")


@recovers("DELTA-3")
def leaf_in_place_of_a_subtree():
    """The base has a leaf `a/b`, the target a leaf `a`: `a/b` is removed, and `a` is added. `b` goes the other way."""
    base = [small(("a", "b"), "int", "01"), small("b", "nil", "c0")]
    return recovery(base, [small("a", "int", "01"), small(("b", "c"), "nil", "c0")], "00 00 01", "00 00 c0")


@recovers("DELTA-6", "DELTA-4")
def every_kind_of_small_leaf():
    """The content of a leaf that is not an array is its encoding, header included, an empty node's too."""
    leaves = {
        "nil": "c0",
        "bool": "c3",
        "int": "d1 ff 00",
        "float": "cb 7f f8 00 00 00 00 00 01",
        "complex": "c7 13 02 92 cb 00 00 00 00 00 00 00 00 cb 80 00 00 00 00 00 00 00",
        "str": "a2 c3 a9",
        "bin": "c4 02 ff 00",
        "empty": "80",
    }
    target = [small(kind, kind, encoded) for kind, encoded in leaves.items()]
    return recovery([small("nil", "int", "07")], target, *(f"00 00 {encoded}" for encoded in leaves.values()))


@recovers("DELTA-3", "DELTA-6", "DELTA-11", "DELTA-12", "DELTA-13")
def small_leaves_that_stay():
    """Leaves that are not arrays have a false `like_base`, and no blocks where they are the base's."""
    base = [small("s", "str", "a1 78"), small("e", "empty", "80"), small("n", "int", "07")]
    return recovery(base, [*base[:2], small("n", "int", "08")], "00 00 08")


@recovers("DELTA-6")
def leaf_without_content():
    """An array of shape (0,) that is added, and one whose dtype changes: each has 0 bytes, and so no block."""
    target = [tensor("a", "float32", (0,), ""), tensor("b", "float32", (0,), "")]
    return recovery([tensor("b", "float64", (0,), "")], target)


@recovers("DELTA-3", "STREAM-6")
def order_of_the_target():
    """The leaves come in the order of the manifest, which is neither that of the base nor that of their names."""
    base = [tensor((a, b), "uint8", (1,), f"0{i}") for i, (a, b) in enumerate(("ax", "ay", "bx", "by"))]
    return recovery(base, [base[3], base[2], base[1], base[0]])


@recovers("DELTA-5", "STREAM-6")
def base_in_another_order():
    """The records of the base stand in another order, a subtree in two places: it is the same base."""
    leaves = [tensor((a, b), "uint8", (1,), f"0{i}") for i, (a, b) in enumerate(("ax", "ay", "bx", "by"))]
    _, delta, target = recovery(leaves, leaves)
    return stream([leaves[3], leaves[0], leaves[2], leaves[1]]), delta, target


@recovers("DELTA-4", "LEAF-10", "DELTA-9")
def base_whose_array_is_chunked():
    """The base's file holds its array in two chunks, under longer headers. Digests and differences do not depend
    on it.
    """
    base, target = (tensor("w", "uint16", (3,), f"34 12 78 56 {last} 00") for last in ("01", "03"))
    chunks = [ndarray_("uint16", (1,), "34 12"), ndarray_("uint16", (2,), "78 56 01 00")]
    _, delta, recovered = recovery([base], [target], "01 00 00 00 02 00 00 00")
    return raw("92 dc 00 01 a1 77") + bin_(chunked_((3,), chunks)), delta, recovered


@recovers("DELTA-4", "DELTA-6")
def bits_without_meaning_count():
    """A bool that was 1 and is 7, and the high bits of an int4: the payload is taken as it stands, and has changed."""
    base = [tensor("b", "bool", (2,), "01 00"), tensor("i", "int4", (1,), "08")]
    return recovery(
        base, [tensor("b", "bool", (2,), "07 00"), tensor("i", "int4", (1,), "f8")], "01 00 06 00", "01 00 f0"
    )


@recovers("DELTA-4")
def dimensions_of_one_two_and_four_bytes():
    """Shapes whose dimensions take more than one byte in the digest: (200, 1), (0, 300) and (0, 70000)."""
    leaves = [tensor("a", "uint8", (200, 1), data(bytes(200))), tensor("b", "int8", (0, 300), "")]
    leaves.append(tensor(("c", "é" * 20), "float8_e4m3b11fnuz", (0, 70_000), ""))
    return recovery(leaves, leaves)


@recovers("DELTA-6", "DELTA-2")
def leaves_with_the_names_of_a_delta():
    """Key paths of the target may be `manifest` and `blocks/0/0`: those of a delta's own records are others."""
    base = [small("manifest", "int", "07"), small(("blocks", "0", "0"), "int", "01")]
    return recovery(base, [small(("blocks", "0", "0"), "int", "02"), base[0]], "00 00 02")


@recovers("DELTA-6")
def eleven_leaves():
    """Block `10/0` comes after `9/0` and `2/0`: the places are numbers, and are not sorted as texts."""
    leaves = [tensor(str(i), "uint8", (1,), f"{i:02x}") for i in range(11)]
    return recovery([BASE[1]], leaves, *(f"00 00 {i:02x}" for i in range(11)))


@recovers("DELTA-6", "WIRE-2")
def records_with_longer_headers():
    """A delta whose records have longer headers than they need, which a reader accepts as in any stream."""
    block = raw("dc 00 02 dd 00 00 00 03 d9 06 62 6c 6f 63 6b 73 a1 30 da 00 01 30 c5 00 09 c6 00 00 00 04 00 00 a1 78")
    text = text_(manifest(BASE, TARGET[1:])).encode()
    leaf = header(0xDB, 4, len(text), "str, in 5 bytes instead of 3") + data(text)
    record = raw("dd 00 00 00 02 91 db 00 00 00 08 6d 61 6e 69 66 65 73 74") + header(0xC6, 4, leaf.size) + leaf
    return stream(BASE), MARK + block + record, stream(TARGET[1:])


# --- the base ----------------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-11")
def base_with_another_value():
    """One bit of the base's array is not what it was. By exclusive or, the same bit of the target would be wrong."""
    _, delta = refused(manifest(BASE, TARGET))
    return stream([tensor("w", "uint16", (2,), "34 12 79 56"), BASE[1]]), delta


@refuses_to_recover("DELTA-11")
def base_with_another_value_in_a_leaf_that_is_removed():
    """The leaf is not needed for the target. The base is another one all the same."""
    _, delta = refused(manifest(BASE, TARGET))
    return stream([BASE[0], small("old", "int", "08")]), delta


@refuses_to_recover("DELTA-11")
def base_with_one_leaf_more():
    """A base that holds all leaves of the right one, and one besides."""
    _, delta = refused(manifest(BASE, TARGET))
    return stream([*BASE, small("more", "nil", "c0")]), delta


@refuses_to_recover("DELTA-11")
def base_with_one_leaf_less():
    """A base that lacks the leaf that is to be removed."""
    _, delta = refused(manifest(BASE, TARGET))
    return stream(BASE[:1]), delta


@refuses_to_recover("DELTA-11")
def base_with_another_dtype():
    """The bytes of the base's array are right, and its tag is another one."""
    _, delta = refused(manifest(BASE, TARGET))
    return stream([tensor("w", "int16", (2,), "34 12 78 56"), BASE[1]]), delta


@refuses_to_recover("DELTA-11")
def base_with_another_key():
    """The leaf `old` of the base is called `Old`."""
    _, delta = refused(manifest(BASE, TARGET))
    return stream([BASE[0], small("Old", "int", "07")]), delta


@refuses_to_recover("DELTA-11")
def target_in_place_of_the_base():
    """The target is given as the base: the delta has been applied already, or base and target were swapped."""
    return stream(TARGET), MARK + blocks() + manifest_(manifest(BASE, TARGET))


@refuses_to_recover("DELTA-13", also=("STREAM-2", "WIRE-3", "DELTA-11"))
def base_that_has_been_cut_off():
    """The base's second record is not whole. A loader that drops it finds other leaves than those of the base."""
    _, delta = refused(manifest(BASE, TARGET))
    return stream(BASE).cut(stream(BASE).size - 1), delta


# --- what comes out ------------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-12")
def block_with_another_bit():
    """The block of the last leaf gives another text than the one whose digest the manifest has. No file is left."""
    base, delta, _ = recovery(BASE, TARGET, CHANGED, "00 00 a1 79")
    return base, delta


@refuses_to_recover("DELTA-12")
def first_of_two_leaves_with_another_bit():
    """The array is wrong by one bit, and the leaf after it is right."""
    base, delta, _ = recovery(BASE, TARGET, "01 00 01 00 00 03", ADDED)
    return base, delta


@refuses_to_recover("DELTA-12")
def digest_of_a_leaf_that_is_another():
    """The manifest has another digest for `new`; that of the tree and that of the order are made from it."""
    other = small("new", "str", "a1 79")
    says = manifest(BASE, [TARGET[0], other])
    return refused(says)


@refuses_to_recover("DELTA-12")
def block_that_equals_the_base():
    """By method 3 the array would be the base's, and its digest says that it is not."""
    base, delta, _ = recovery(BASE, TARGET, "03", ADDED)
    return base, delta


@refuses_to_recover("DELTA-6", also=("DELTA-12",))
def content_that_is_not_canonical():
    """The text `x` with a header of two bytes. The digest is that of these bytes: it is the form that is wrong."""
    base, delta, _ = recovery(BASE, [small("new", "str", "d9 01 78")], "00 00 d9 01 78")
    return base, delta


@refuses_to_recover("DELTA-6", also=("DELTA-12",))
def content_of_another_kind():
    """The manifest says `int`, and the content is a true."""
    base, delta, _ = recovery(BASE, [small("new", "int", "c3")], "00 00 c3")
    return base, delta


@refuses_to_recover("DELTA-6", also=("DELTA-12", "WIRE-6"))
def content_of_two_leaves():
    """The content of an int is two ints."""
    base, delta, _ = recovery(BASE, [small("new", "int", "01 02")], "00 00 01 02")
    return base, delta


@refuses_to_recover("DELTA-6", also=("DELTA-3", "DELTA-12"))
def content_that_is_empty():
    """A nil of 0 bytes, which has no block. A nil takes one byte."""
    base, delta, _ = recovery(BASE, [TARGET[0], small("new", "nil", "")], CHANGED)
    return base, delta


@refuses_to_recover("DELTA-6", also=("DELTA-12", "WIRE-5"))
def content_that_is_not_utf8():
    """A str of two bytes that are no UTF-8."""
    base, delta, _ = recovery(BASE, [small("new", "str", "a2 c3 28")], "00 00 a2 c3 28")
    return base, delta


@refuses_to_recover("DELTA-6", also=("DELTA-12", "WIRE-5"))
def content_whose_last_character_is_cut():
    """A str of one byte, e2, which begins a character of three: nothing is wrong with it until its end."""
    base, delta, _ = recovery(BASE, [small("new", "str", "a1 e2")], "00 00 a1 e2")
    return base, delta


@refuses_to_recover("DELTA-6", also=("DELTA-12", "LEAF-1"))
def content_that_is_a_map():
    """An empty node is a map of 0 entries; this one has an entry."""
    base, delta, _ = recovery(BASE, [small("new", "empty", "81 a1 61 01")], "00 00 81 a1 61 01")
    return base, delta

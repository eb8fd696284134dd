"""Chapter 10: fields of a manifest in a form that some readers take for the one that is expected (DELTA-2, DELTA-3).

Each digest is right for what such a reader makes of the field, so that nothing else is wrong with these deltas.
"""

from typing import Any

from ..assembly import Bytes, arr_, hexed, int_, str_, together
from ..declare import recovers, refuses_to_recover
from .delta_assembly import (
    BASE,
    MAGIC,
    MARK,
    Leaf,
    block_,
    manifest,
    manifest_,
    number,
    refused,
    sha256,
    small,
    stream,
    tensor,
    text_,
    tree_digest,
    zstd_block,
)
from .delta_manifest import says
from .delta_manifest_leaves import of


def kept(**fields: Any) -> tuple[Bytes, Bytes]:
    """A delta from BASE to BASE, these fields of which are others."""
    return stream(BASE), MARK + manifest_(manifest(BASE, BASE) | fields)


def removing(*removed: dict[str, Any]) -> tuple[Bytes, Bytes]:
    """A delta that leaves `old` out, with this list of what the base alone has."""
    return stream(BASE), MARK + manifest_(manifest(BASE, BASE[:1]) | {"removed": list(removed)})


OLD = BASE[1].digest().hex()


# --- JSON ---------------------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-3", also=("DELTA-2",))
def fraction_in_place_of_null():
    """The `base` of a leaf that is added is 0.5. A reader that takes a fraction for no value takes it for null."""
    return refused(text_(says()).replace('"base":null', '"base":0.5'))


@refuses_to_recover("DELTA-2", also=("DELTA-3",))
def fraction_in_a_field_that_is_not_known():
    """A field that is not known is ignored, but a number with a fraction stands in no manifest."""
    return refused({"seconds": 1.5, **says()})


@refuses_to_recover("DELTA-2", also=("DELTA-3", "CONV-11"))
def nan_in_a_field_that_is_not_known():
    """NaN is no JSON, wherever it stands."""
    return refused({"loss": float("nan"), **says()})


# --- lists --------------------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-3")
def removed_that_is_an_object():
    """`removed` is {}, which has no element either."""
    return kept(removed={})


@refuses_to_recover("DELTA-3")
def removed_that_is_a_text():
    """`removed` is the empty text."""
    return kept(removed="")


@refuses_to_recover("DELTA-3", also=("LEAF-3",))
def shape_that_is_an_object():
    """The shape of a scalar is {}, and not []."""
    return of(number("n", "uint8", "07"), "00 00 07", shape={})


@refuses_to_recover("DELTA-3", also=("KEY-1",))
def path_that_is_a_letter():
    """A path that is "n", and not ["n"]. The list of its letters is the path under which the digest was made."""
    return of(small("n", "int", "07"), "00 00 07", path="n")


@refuses_to_recover("DELTA-3", also=("KEY-1",))
def path_that_is_three_letters():
    """A path that is "new". The digest is that of ["n", "e", "w"]."""
    return of(small(("n", "e", "w"), "int", "07"), "00 00 07", path="new")


@refuses_to_recover("DELTA-3", also=("KEY-1",))
def path_that_is_an_object():
    """A path that is {"n": 0}, whose only member has the name of the part."""
    return of(small("n", "int", "07"), "00 00 07", path={"n": 0})


@refuses_to_recover("DELTA-3", also=("KEY-1",))
def path_with_a_number():
    """A path that is [7]. The digest is made with an int in place of the text."""
    digest = sha256(arr_(1) + int_(7) + str_("int") + int_(1))
    value = manifest(BASE, [small("7", "int", "01")])
    value["leaves"][0] |= {"path": [7], "target": digest.hex()}
    value |= {"target": tree_digest([digest]), "order": sha256(hexed(digest.hex())).hex()}
    return stream(BASE), MARK + block_(0, 0, "00 00 01") + manifest_(value)


# --- what the base alone has --------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-3", also=("KEY-1",))
def path_of_no_part_that_is_removed():
    """The path of what the base alone has is [], and the digest that of `old`."""
    return removing({"path": [], "base": OLD})


@refuses_to_recover("DELTA-3", also=("DELTA-11",))
def path_of_another_leaf_that_is_removed():
    """What is removed is called `older`, and has the digest of `old`: the digest of the base's tree is right."""
    return removing({"path": ["older"], "base": OLD})


@refuses_to_recover("DELTA-3", also=("STREAM-4", "DELTA-11"))
def leaf_that_is_removed_twice():
    """`old` stands twice among what the base alone has, and the digest of the base is that of its leaves."""
    return removing({"path": ["old"], "base": OLD}, {"path": ["old"], "base": OLD})


# --- bytes --------------------------------------------------------------------------------------------------------


def _of_content(leaf: Leaf, content: str) -> tuple[Bytes, Bytes]:
    """A delta that makes this content of a leaf, and says how many bytes it has and what its digest is."""
    return of(leaf._replace(content=hexed(content)), f"00 00 {content}")


@refuses_to_recover("DELTA-3")
def content_of_more_bytes_than_its_shape_has():
    """Three bytes for two elements. The digest is that of all three."""
    return _of_content(tensor("n", "uint8", (2,), "01 02"), "01 02 03")


@refuses_to_recover("DELTA-3")
def content_of_fewer_bytes_than_its_shape_has():
    """One byte for two elements."""
    return _of_content(tensor("n", "uint8", (2,), "01 02"), "01")


@refuses_to_recover("DELTA-3", also=("DELTA-6",))
def text_of_33_bytes_of_content():
    """No canonical str has 33 bytes: with a header of one byte it has 32 at most, and with one of two 34 at least."""
    return _of_content(small("n", "str", "a0"), "d9 1f" + "61" * 31)


@refuses_to_recover("DELTA-3", also=("DELTA-6",))
def text_without_content():
    """A str has a header at least."""
    return of(small("n", "str", ""))


@refuses_to_recover("DELTA-3", also=("DELTA-6",))
def bin_of_one_byte_of_content():
    """The header of a bin has two bytes at least."""
    return _of_content(small("n", "bin", "c4 00"), "c4")


@refuses_to_recover("DELTA-3", also=("DELTA-6",))
def bytes_of_an_int_that_is_the_bases():
    """An int that stays, of nine bytes. The manifest says one."""
    base = [small("n", "int", "cf ff ff ff ff ff ff ff ff")]
    value = manifest(base, base)
    value["leaves"][0]["bytes"] = 1
    return stream(base), MARK + manifest_(value)


def _kept_as(leaf: Leaf, **fields: Any) -> tuple[Bytes, Bytes]:
    """A leaf that stays, of which the manifest says something else."""
    value = manifest([leaf], [leaf])
    value["leaves"][0] |= fields
    return stream([leaf]), MARK + manifest_(value)


@refuses_to_recover("DELTA-3", also=("DELTA-12", "LEAF-1"))
def kind_of_an_int_that_is_the_bases():
    """An int that stays, of one byte. The manifest says that it is a bool, which would take as many."""
    return _kept_as(small("n", "int", "07"), kind="bool")


@refuses_to_recover("DELTA-3", also=("DELTA-12", "LEAF-1"))
def kind_of_a_text_that_is_the_bases():
    """A text that stays, of two bytes. The manifest says that it is a bin, which may take as many."""
    return _kept_as(small("t", "str", "a1 61"), kind="bin")


@refuses_to_recover("DELTA-3", also=("DELTA-12", "LEAF-1"))
def kind_of_a_scalar_that_is_the_bases():
    """A scalar that stays. The manifest says that it is an array of no dimension."""
    return _kept_as(number("s", "int16", "01 02"), kind="ndarray")


@refuses_to_recover("DELTA-3", also=("DELTA-12", "DTYPE-1"))
def dtype_of_an_array_that_is_the_bases():
    """An int16 array that stays. The manifest says uint16."""
    return _kept_as(tensor("k", "int16", (2,), "01 02 03 04"), dtype="uint16")


@refuses_to_recover("DELTA-3", also=("DELTA-12", "LEAF-4"))
def shape_of_an_array_that_is_the_bases():
    """An array of shape (2, 3) that stays. The manifest says (3, 2)."""
    return _kept_as(tensor("k", "int8", (2, 3), "01 02 03 04 05 06"), shape=[3, 2])


@refuses_to_recover("DELTA-3", also=("DELTA-6", "CONF-4"))
def int_of_a_gibibyte():
    """An int of 2^30 bytes in 256 blocks, which some 40,000 bytes of frames hold. None is to be unpacked for it."""
    last = [zstd_block(1, 1 << 17, "00", last=i == 31) for i in range(32)]
    content = hexed("00 01") + hexed(f"{MAGIC} a0 00 00 40 00") + together(last)  # one segment of 4 MiB
    value = manifest(BASE, [small("n", "int", "07")])
    value["leaves"][0] |= {"bytes": 1 << 30, "blocks": 256}
    blocks = together([block_(0, k, content) for k in range(256)])
    return stream(BASE), MARK + blocks + manifest_(value)


@recovers("DELTA-3", "LEAF-3")
def shape_of_64_dimensions_is_recovered():
    """An array of as many dimensions as a shape can have."""
    target = [tensor("n", "uint8", (1,) * 64, "07")]
    return stream(BASE), MARK + block_(0, 0, "00 00 07") + manifest_(manifest(BASE, target)), stream(target)


@recovers("DELTA-6", "DELTA-3")
def empty_text_and_empty_bin():
    """A str and a bin of no byte, the content of which is their header alone."""
    target = [small("s", "str", "a0"), small("b", "bin", "c4 00")]
    blocks = block_(0, 0, "00 00 a0") + block_(1, 0, "00 00 c4 00")
    return stream(BASE), MARK + blocks + manifest_(manifest(BASE, target)), stream(target)

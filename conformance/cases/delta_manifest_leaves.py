"""Chapter 10: what the manifest of a delta says of each leaf, and of the base's (DELTA-3)."""

import hashlib
from typing import Any

from ..assembly import Bytes
from ..declare import refuses_to_recover
from .delta_assembly import (
    ADDED,
    BASE,
    CHANGED,
    MARK,
    Leaf,
    blocks_,
    manifest,
    manifest_,
    number,
    refused,
    small,
    stream,
    tensor,
)
from .delta_manifest import changed, says


def of(leaf: Leaf, *contents: str, **fields: Any) -> tuple[Bytes, Bytes]:
    """A delta whose target is one leaf, these fields of which are others in the manifest."""
    value = manifest(BASE, [leaf])
    value["leaves"][0] |= fields
    return stream(BASE), MARK + blocks_(value, contents) + manifest_(value)


@refuses_to_recover("DELTA-3", also=("KEY-1",))
def path_of_no_part():
    """A leaf of the target with the path []."""
    return of(small((), "int", "07"), "00 00 07")


@refuses_to_recover("DELTA-3", also=("KEY-1",))
def path_that_is_a_text():
    """A path that is "new", and not ["new"]."""
    return changed(1, path="new")


@refuses_to_recover("DELTA-3", also=("KEY-3",))
def path_of_513_parts():
    """A path of one part more than a key path can have."""
    return of(small(("",) * 513, "int", "07"), "00 00 07")


@refuses_to_recover("DELTA-3", also=("STREAM-4",))
def path_that_stands_twice_in_the_leaves():
    """Two leaves of the target at one path."""
    twice = [small("n", "int", "01"), small("n", "int", "02")]
    value = manifest(BASE, twice)
    return stream(BASE), MARK + blocks_(value, ["00 00 01", "00 00 02"]) + manifest_(value)


@refuses_to_recover("DELTA-3", also=("STREAM-5",))
def path_below_a_leaf():
    """The target has leaves at `n` and at `n/x`."""
    clash = [small("n", "int", "01"), small(("n", "x"), "int", "02")]
    value = manifest(BASE, clash)
    return stream(BASE), MARK + blocks_(value, ["00 00 01", "00 00 02"]) + manifest_(value)


@refuses_to_recover("DELTA-3")
def path_in_both_lists():
    """`w` stands among the leaves, with a null `base`, and among those that the base alone has."""
    value = says()
    value["removed"].append({"path": ["w"], "base": value["leaves"][0]["base"]})
    value["leaves"][0] |= {"base": None, "like_base": False}
    return stream(BASE), MARK + blocks_(value, ["00 00 35 78 12 57", ADDED]) + manifest_(value)


@refuses_to_recover("DELTA-3")
def kind_that_is_not_known():
    """A leaf of kind `chunked`. A chunked array is an `ndarray`."""
    return of(tensor("n", "uint8", (1,), "07")._replace(kind="chunked"), "00 00 07")


@refuses_to_recover("DELTA-3", also=("DTYPE-1",))
def dtype_that_is_not_known():
    """A dtype `float31`, under which the digest was made as well."""
    return of(tensor("n", "float31", (1,), "00 00 80 3f"), "00 00 00 00 80 3f")


@refuses_to_recover("DELTA-3", also=("LEAF-3",))
def shape_of_65_dimensions():
    """One dimension more than a shape can have."""
    return of(tensor("n", "uint8", (1,) * 65, "07"), "00 00 07")


@refuses_to_recover("DELTA-3", also=("LEAF-4",))
def shape_that_is_too_large():
    """Shape (0, 2^62) of uint16: no element, and more than LEAF-4 allows."""
    return of(tensor("n", "uint16", (0, 1 << 62), ""))


@refuses_to_recover("DELTA-3", also=("LEAF-6",))
def scalar_with_a_dimension():
    """A numpy scalar has the shape []."""
    return of(tensor("n", "uint8", (1,), "07")._replace(kind="scalar"), "00 00 07")


@refuses_to_recover("DELTA-3")
def text_with_a_shape():
    """A str has neither dtype nor shape: both are null."""
    return changed(1, shape=[])


@refuses_to_recover("DELTA-3", also=("DTYPE-1",))
def array_without_a_dtype():
    """The dtype of an array is null."""
    return changed(0, dtype=None)


@refuses_to_recover("DELTA-3")
def bytes_that_are_not_those_of_the_shape():
    """Shape (2,) of uint16 has 4 bytes, and the manifest says 6."""
    return changed(0, bytes=6)


@refuses_to_recover("DELTA-3")
def blocks_that_do_not_follow_from_the_bytes():
    """Two blocks for 4 bytes; the delta has both."""
    value = says()
    value["leaves"][0]["blocks"] = 2
    return stream(BASE), MARK + blocks_(value, [CHANGED, "03", ADDED]) + manifest_(value)


@refuses_to_recover("DELTA-3", also=("DELTA-6",))
def block_of_a_leaf_that_is_the_bases():
    """Both digests of the leaf are equal, and it has a block all the same."""
    value = manifest(BASE, BASE)
    value["leaves"][0]["blocks"] = 1
    return stream(BASE), MARK + blocks_(value, ["00 00 34 78 12 56"]) + manifest_(value)


@refuses_to_recover("DELTA-3", also=("DELTA-6", "CONF-4"))
def leaf_of_a_terabyte():
    """A manifest of an array of 2^40 bytes and 2^18 blocks, which the delta does not have. Nothing is reserved
    for them.
    """
    value = manifest(BASE, [tensor("n", "uint8", (1,), "07")])
    value["leaves"][0] |= {"shape": [1 << 40], "bytes": 1 << 40, "blocks": 1 << 18}
    return stream(BASE), MARK + manifest_(value)


@refuses_to_recover("DELTA-3", also=("LEAF-4", "DELTA-6"))
def shape_of_2_to_the_64():
    """A dimension of 2^64, which a reader of 64 bits takes for 0."""
    return of(tensor("n", "uint8", (0,), ""), shape=[1 << 64])


# --- what the manifest says of the base ---------------------------------------------------------------------------


@refuses_to_recover("DELTA-3", also=("DELTA-11",))
def base_digests_that_are_swapped():
    """The base digests of two leaves have changed places. The digest of the base's tree is that of both."""
    base = [tensor("a", "uint8", (1,), "01"), tensor("b", "uint8", (1,), "02")]
    target = [tensor("a", "uint8", (1,), "03"), tensor("b", "uint8", (1,), "04")]
    value = manifest(base, target)
    first, second = value["leaves"]
    first["base"], second["base"] = second["base"], first["base"]
    return stream(base), MARK + blocks_(value, ["01 00 02", "01 00 06"]) + manifest_(value)


@refuses_to_recover("DELTA-3")
def like_base_that_is_false_for_an_array_like_the_bases():
    """`w` has the dtype and shape of the base's leaf. Its block is stored as it is, and would give the target."""
    value = says()
    value["leaves"][0]["like_base"] = False
    return stream(BASE), MARK + blocks_(value, ["00 00 35 78 12 57", ADDED]) + manifest_(value)


@refuses_to_recover("DELTA-3")
def like_base_that_is_true_for_another_shape():
    """The base's `w` has the shape (2,), the target's (1, 2). The bytes of both would fit."""
    value = manifest(BASE, [tensor("w", "uint16", (1, 2), "35 12 78 57")])
    value["leaves"][0]["like_base"] = True
    return stream(BASE), MARK + blocks_(value, [CHANGED]) + manifest_(value)


@refuses_to_recover("DELTA-3")
def like_base_that_is_true_for_a_text():
    """`like_base` is for arrays and scalars: it is false for a str that the base has as well."""
    base = [small("s", "str", "a1 78")]
    value = manifest(base, [small("s", "str", "a1 79")])
    value["leaves"][0]["like_base"] = True
    return stream(base), MARK + blocks_(value, ["01 00 00 01"]) + manifest_(value)


@refuses_to_recover("DELTA-3")
def like_base_that_is_true_for_a_leaf_that_is_added():
    """The base has no such leaf."""
    value = manifest(BASE, [number("n", "uint8", "07")])
    value["leaves"][0]["like_base"] = True
    return stream(BASE), MARK + blocks_(value, ["00 00 07"]) + manifest_(value)


@refuses_to_recover("DELTA-3")
def like_base_that_is_false_for_the_bases_array():
    """Both digests of `w` are equal: an array of which that is so has a true `like_base`."""
    value = manifest(BASE, BASE)
    value["leaves"][0]["like_base"] = False
    return stream(BASE), MARK + manifest_(value)


@refuses_to_recover("DELTA-3", also=("DELTA-11",))
def leaf_of_the_base_that_is_in_neither_list():
    """`old` is not in `removed`; the digest of the base is that of all its leaves."""
    return refused(says() | {"removed": []})


@refuses_to_recover("DELTA-3", also=("DELTA-5", "DELTA-11"))
def digests_of_the_base_that_are_not_sorted():
    """`base` is made from the digests of the base's leaves in the order of their paths, and not in that of their
    bytes.
    """
    base = [small("a", "int", "01"), small("b", "int", "02"), small("c", "int", "03"), small("d", "int", "04")]
    joined = hashlib.sha256(b"".join(leaf.digest() for leaf in base)).hexdigest()
    return stream(base), MARK + manifest_(manifest(base, base) | {"base": joined})


def _of_another_digest(leaf: Leaf, *contents: str) -> tuple[Bytes, Bytes]:
    """A delta of one leaf, which has another digest; those that follow from it are right."""
    digest = hashlib.sha256(b"another").digest()
    value = manifest(BASE, [leaf])
    value["leaves"][0]["target"] = digest.hex()
    value |= dict.fromkeys(("target", "order"), hashlib.sha256(digest).hexdigest())
    return stream(BASE), MARK + blocks_(value, contents) + manifest_(value)


@refuses_to_recover("DELTA-12", "CONF-7", also=("DELTA-3", "DELTA-6"))
def array_without_elements_of_another_digest():
    """An array of shape (0, 3) is added, which has no block: its digest is not that of its path, dtype and shape."""
    return _of_another_digest(tensor("none", "int16", (0, 3), ""))


@refuses_to_recover("DELTA-12", "CONF-7", also=("DELTA-3", "DELTA-6"))
def text_of_no_byte_of_another_digest():
    """The empty text is added, whose one block is its header, and has another digest."""
    return _of_another_digest(small("none", "str", "a0"), "00 00 a0")


@refuses_to_recover("DELTA-12", "CONF-7", also=("DELTA-3", "DELTA-6"))
def bin_of_no_byte_of_another_digest():
    """The empty bin is added, whose one block is its header, and has another digest."""
    return _of_another_digest(small("none", "bin", "c4 00"), "00 00 c4 00")

"""Chapter 10: the order of leaves in a manifest and in what is recovered, and what it says of the base (DELTA-3)."""

from typing import Any

from ..assembly import Bytes, map_, str_
from ..declare import Conversion, recovers, refuses_to_recover
from .delta_assembly import (
    BASE,
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
    text_,
    tree_digest,
)
from .delta_manifest import says

PATHS = (("a", "x"), ("b",), ("a", "y"), ("c", "d", "e"), ("c", "f"))
MIXED = [small(path, "int", f"0{i}") for i, path in enumerate(PATHS)]
DEPTH_FIRST = [MIXED[i] for i in (0, 2, 1, 3, 4)]


def delta(leaves: list[Leaf]) -> Bytes:
    """A delta from BASE whose manifest lists these leaves in this order, each with one block."""
    value = manifest(BASE, leaves)
    return MARK + blocks_(value, [f"00 00 {leaf.content.data().hex()}" for leaf in leaves]) + manifest_(value)


@recovers("DELTA-3", "TREE-5", "CONF-6")
def leaves_that_are_not_depth_first():
    """A manifest lists `a/x`, `b` and then `a/y`. The subtree `a` is whole in what is recovered, at the place where it
    begins: a writer emits depth-first order, whatever a manifest says."""
    return stream(BASE), delta(MIXED), stream(DEPTH_FIRST)


@recovers("DELTA-3", "TREE-5", "CONF-6")
def leaves_that_are_not_depth_first_and_stay():
    """The same of leaves that the base has and that stay: nothing stands in the delta but the manifest."""
    base = DEPTH_FIRST
    return stream(base), MARK + manifest_(manifest(base, MIXED)), stream(DEPTH_FIRST)


@recovers("DELTA-3", "TREE-5", "DELTA-12")
def leaves_that_are_not_depth_first_and_change():
    """Arrays that change by exclusive or, in an order in which each subtree is left and come back to."""
    paths = [(a, b) for b in "xyz" for a in "pqr"]
    base = [tensor(path, "uint16", (2,), f"0{i} 00 00 0{i}") for i, path in enumerate(sorted(paths))]
    now = {leaf.path: leaf.content.data()[:1] + b"\x01" + leaf.content.data()[2:] for leaf in base}
    target = [tensor(path, "uint16", (2,), now[path].hex()) for path in paths]
    value = manifest(base, target)
    made = MARK + blocks_(value, ["01 00 00 00 01 00"] * len(paths)) + manifest_(value)
    return stream(base), made, stream(sorted(target, key=lambda leaf: leaf.path))


@recovers("DELTA-3", "TREE-5", "CONF-6")
def leaves_that_are_not_depth_first_far_below():
    """The same in subtrees of subtrees, all of them under one key: each stands whole at the place of its first leaf."""
    paths = [("a", b, c, d) for d in "xyz" for c in "pqr" for b in "klm"]
    leaves = [small(path, "int", f"{i:02x}") for i, path in enumerate(paths)]
    first = {path[:n]: i for n in range(2, 5) for i, path in reversed([*enumerate(paths)])}
    in_order = sorted(leaves, key=lambda leaf: [first[leaf.path[:n]] for n in range(2, 5)])
    return stream(BASE), delta(leaves), stream(in_order)


@recovers("DELTA-3", "TREE-5")
def leaves_that_are_not_depth_first_in_a_flax_file():
    """In a flax file the maps bring them together."""
    leaf = {leaf.path: str_(leaf.path[-1]) + leaf.encoded for leaf in MIXED}
    first = str_("a") + map_(2) + leaf["a", "x"] + leaf["a", "y"] + leaf["b",]
    last = str_("c") + map_(2) + str_("d") + map_(1) + leaf["c", "d", "e"] + leaf["c", "f"]
    return Conversion(streaming=False), stream(BASE), delta(MIXED), map_(3) + first + last


@refuses_to_recover("DELTA-3")
def order_of_depth_first_leaves():
    """`order` is that of the leaves depth first, and they are listed otherwise: it is that of the list."""
    value = manifest(BASE, MIXED) | {"order": manifest(BASE, DEPTH_FIRST)["order"]}
    contents = [f"00 00 {leaf.content.data().hex()}" for leaf in MIXED]
    return stream(BASE), MARK + blocks_(value, contents) + manifest_(value)


# --- what the manifest says of the base ---------------------------------------------------------------------------


@refuses_to_recover("DELTA-3", also=("DELTA-11",))
def digest_of_the_base_that_does_not_follow():
    """The digests of the base's leaves are right one by one, and `base` is another: that of the target."""
    return refused(says() | {"base": says()["target"]})


@refuses_to_recover("DELTA-11", also=("DELTA-3",))
def leaf_that_is_removed_and_that_the_base_lacks():
    """`removed` has one leaf more than the base, and `base` is the digest of all of them: the manifest is right in
    itself, and the base is another."""
    more = small("older", "int", "06")
    value = says()
    value["removed"].append({"path": ["older"], "base": more.digest().hex()})
    value["base"] = tree_digest([leaf.digest() for leaf in (*BASE, more)])
    return refused(value)


@refuses_to_recover("DELTA-3", also=("DELTA-11",))
def leaf_that_is_removed_and_that_the_base_lacks_but_for_its_digest():
    """`removed` has one leaf more than the base, and `base` is the digest of those that the base has."""
    value = says()
    value["removed"].append({"path": ["older"], "base": small("older", "int", "06").digest().hex()})
    return refused(value)


@refuses_to_recover("DELTA-3", also=("STREAM-5", "DELTA-11"))
def path_that_is_removed_below_another():
    """Among what the base alone has, `old` stands as a leaf and above another, and the digest of the base is that of
    all of them: no base can have both."""
    below = small(("old", "x"), "int", "06")
    value = says()
    value["removed"].append({"path": ["old", "x"], "base": below.digest().hex()})
    value["base"] = tree_digest([leaf.digest() for leaf in (*BASE, below)])
    return refused(value)


@recovers("DELTA-3", "STREAM-5")
def leaf_in_place_of_a_subtree_that_is_removed():
    """The other side: the base has `a/x`, and the target a leaf at `a`. Each tree is right in itself."""
    base = [small(("a", "x"), "int", "01"), small("b", "int", "02")]
    target = [small("a", "int", "03"), base[1]]
    value = manifest(base, target)
    return stream(base), MARK + blocks_(value, ["00 00 03"]) + manifest_(value), stream(target)


@recovers("DELTA-3", "STREAM-5")
def subtree_in_place_of_a_leaf_that_is_removed():
    """The other side of that: the base has a leaf at `a`, and the target `a/x` and `a/y`."""
    base = [small("a", "int", "03"), small("b", "int", "02")]
    target = [small(("a", "x"), "int", "01"), small(("a", "y"), "int", "04"), base[1]]
    value = manifest(base, target)
    return stream(base), MARK + blocks_(value, ["00 00 01", "00 00 04"]) + manifest_(value), stream(target)


# --- kinds ------------------------------------------------------------------------------------------------------------


def kind(name: Any) -> tuple[Bytes, Bytes]:
    """A delta that says of its last leaf that it is of another kind; the digests are those of the kind."""
    target = [BASE[0], small("new", "str", "a1 78")._replace(kind=str(name))]
    value = manifest(BASE, target)
    value["leaves"][1]["kind"] = name
    return stream(BASE), MARK + blocks_(value, ["00 00 a1 78"]) + manifest_(value)


@refuses_to_recover("DELTA-3", also=("LEAF-1",))
def kind_of_a_type_of_python():
    """A leaf of kind `bytes`, as Python calls it."""
    return kind("bytes")


@refuses_to_recover("DELTA-3", also=("LEAF-1",))
def kind_in_upper_case():
    """A leaf of kind `STR`."""
    return kind("STR")


@refuses_to_recover("DELTA-3", also=("LEAF-1",))
def kind_that_is_null():
    """A leaf whose kind is null, which is not `nil`."""
    return kind(None)


@refuses_to_recover("DELTA-3", also=("LEAF-1",))
def kind_that_is_a_list():
    """A leaf whose kind is a list of one."""
    return kind(["str"])


@recovers("DELTA-3", "LEAF-1")
def every_kind_that_is_added():
    """The other side: a leaf of each kind that is not an array."""
    kinds = {
        "nil": "c0",
        "bool": "c3",
        "int": "07",
        "float": "cb 3f f8 00 00 00 00 00 00",
        "complex": "c7 13 02 92 cb 3f f0 00 00 00 00 00 00 cb 00 00 00 00 00 00 00 00",
        "str": "a1 78",
        "bin": "c4 01 78",
        "empty": "80",
    }
    target = [small(name, name, encoded) for name, encoded in kinds.items()]
    return stream(BASE), delta(target), stream(target)


@recovers("DELTA-3", "LEAF-6", "LEAF-2")
def scalar_and_array_of_no_dimension():
    """The other side of scalars with a dimension: `[]` is the shape of a scalar and of an array of one element, and
    the kind tells them apart."""
    target = [tensor("a", "uint8", (), "07"), number("s", "uint8", "07")]
    return stream(BASE), delta(target), stream(target)


# --- objects that are none ------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-3")
def leaf_that_is_a_list_of_its_values():
    """The second leaf is a list of what its fields should hold, in their order."""
    value = says()
    value["leaves"][1] = list(value["leaves"][1].values())
    return refused(value)


@refuses_to_recover("DELTA-3")
def leaf_that_is_null():
    """A third leaf is null, behind two good ones."""
    value = says()
    value["leaves"].append(None)
    return refused(value)


@refuses_to_recover("DELTA-3")
def leaf_that_is_a_text():
    """A leaf is the text of its object, as JSON within JSON."""
    value = says()
    value["leaves"][0] = text_(value["leaves"][0])
    return refused(value)


@refuses_to_recover("DELTA-3")
def removed_that_holds_a_path():
    """`removed` has the key path of a leaf, where an object with it is expected."""
    value = says()
    value["removed"] = [leaf["path"] for leaf in value["removed"]]
    return refused(value)


@refuses_to_recover("DELTA-3")
def removed_that_holds_a_number():
    """`removed` has the number 1: as many as there are."""
    return refused(says() | {"removed": [1]})

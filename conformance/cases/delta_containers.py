"""Chapter 10: bases in containers other than a stream, and targets that are written to one."""

from ..assembly import MARKER, Bytes, chunked_, int_, map_, ndarray_, record_, str_, together
from ..declare import Conversion, recovers, refuses_to_recover
from .conversion_kinds import safetensors_
from .conversion_safetensors import entry_
from .delta_assembly import ADDED, BASE, CHANGED, TARGET, Leaf, number, recovery, small, tensor

FLAX = Conversion("flax")
TO_FLAX = Conversion(streaming=False)
# Weights of two leaves in one subtree, and what they become. By exclusive or, one word differs.
OLD = [tensor(("d", "k"), "uint16", (2,), "34 12 78 56"), tensor(("d", "b"), "uint8", (1,), "07")]
NEW = [tensor(("d", "k"), "uint16", (2,), "35 12 78 57"), OLD[1]]


def flat_(leaves: list[Leaf]) -> Bytes:
    """A flax file of leaves that have key paths of one part."""
    return map_(len(leaves)) + together([str_(leaf.path[0]) + leaf.encoded for leaf in leaves])


def below_(parts: tuple[str, ...], leaves: list[Leaf]) -> Bytes:
    """Records of leaves below some parts."""
    return together([record_((*parts, *leaf.path), leaf.encoded) for leaf in leaves])


# --- the base ----------------------------------------------------------------------------------------------------


@recovers("DELTA-5", "DELTA-11", "CONV-5")
def base_that_is_a_flax_file():
    """The base stands in a flax file. Its digest is that of its leaves, whatever container holds them."""
    _, delta, target = recovery(BASE, TARGET, CHANGED, ADDED)
    return FLAX, flat_(BASE), delta, target


@recovers("DELTA-4", "DELTA-6", "DELTA-9", "LEAF-10")
def base_that_is_a_flax_file_with_a_chunked_array():
    """The array of the base stands in a map of two chunks, which is one leaf, and no subtree."""
    chunks = [ndarray_("uint16", (1,), "34 12"), ndarray_("uint16", (1,), "78 56")]
    _, delta, target = recovery(BASE, TARGET, CHANGED, ADDED)
    return FLAX, map_(2) + str_("w") + chunked_((2,), chunks) + str_("old") + int_(7), delta, target


@recovers("DELTA-4", "DELTA-6")
def base_that_is_a_flax_file_with_every_kind_of_leaf():
    """Leaves of a flax file that is the base, which stay: each has the digest that it has in a stream."""
    leaves = [
        number("scalar", "float32", "00 00 80 3f"),
        tensor("none", "int8", (0, 2), ""),
        small("nil", "nil", "c0"),
        small("true", "bool", "c3"),
        small("float", "float", "cb 3f f0 00 00 00 00 00 00"),
        small("complex", "complex", "c7 13 02 92 cb 00 00 00 00 00 00 00 00 cb 80 00 00 00 00 00 00 00"),
        small("str", "str", "a2 c3 a9"),
        small("bin", "bin", "c4 02 ff 00"),
        small("empty", "empty", "80"),
    ]
    _, delta, target = recovery(leaves, [*leaves, small("n", "int", "07")], "00 00 07")
    return FLAX, flat_(leaves), delta, target


@recovers("DELTA-5", "DELTA-11", "CONV-5", "CONV-7")
def base_that_is_safetensors():
    """The tensors `d.k` and `d.b` are the leaves `d/k` and `d/b` of the base."""
    header = ",".join((entry_("d.k", "U16", "[2]", 0, 4), entry_("d.b", "U8", "[1]", 4, 5)))
    _, delta, target = recovery(OLD, NEW, "01 00 01 00 00 01")
    return Conversion("safetensors"), safetensors_("{" + header + "}", "34 12 78 56 07"), delta, target


@recovers("DELTA-11", "CONV-5", "TREE-6")
def base_that_is_the_weights_of_a_train_state():
    """The base is what stands at `params/params` of a train state. Its step and its moments count for nothing."""
    state = record_("step", int_(7)) + below_(("params", "params"), OLD) + below_(("opt_state", "mu"), OLD)
    _, delta, target = recovery(OLD, NEW, "01 00 01 00 00 01")
    return Conversion("trainstate_params"), state, delta, target


@recovers("DELTA-11", "CONV-5", "TREE-6")
def base_that_is_a_train_state():
    """Base and target are train states, and the step alone has changed."""
    base = [small("step", "int", "07"), tensor(("params", "w"), "int8", (1,), "01")]
    _, delta, target = recovery(base, [small("step", "int", "08"), base[1]], "00 00 08")
    return Conversion("trainstate"), below_((), base), delta, target


@recovers("DELTA-11", "CONV-5", "CONV-6")
def base_that_is_recognised():
    """The base has no prefix, and is recognised as a flax file."""
    _, delta, target = recovery(BASE, TARGET, CHANGED, ADDED)
    return Conversion(None), flat_(BASE), delta, target


@refuses_to_recover("DELTA-11")
def base_that_is_a_flax_file_with_another_value():
    """The flax file of another base: one bit of its array is not what it was."""
    _, delta, _ = recovery(BASE, TARGET, CHANGED, ADDED)
    return FLAX, flat_([tensor("w", "uint16", (2,), "34 12 79 56"), BASE[1]]), delta


@refuses_to_recover("DELTA-11")
def base_that_is_the_train_state_around_its_weights():
    """The delta is from weights to weights. With `trainstate::` the base is the whole state, which is another tree."""
    state = record_("step", int_(7)) + below_(("params", "params"), OLD)
    _, delta, _ = recovery(OLD, NEW, "01 00 01 00 00 01")
    return Conversion("trainstate"), state, delta


@refuses_to_recover("CONV-5", also=("TREE-6", "DELTA-11"))
def base_that_is_a_train_state_given_as_weights():
    """`params::` is refused for a train state, although this is the base whose digest the delta has."""
    base = [small("step", "int", "07"), tensor(("params", "w"), "int8", (1,), "01")]
    _, delta, _ = recovery(base, [small("step", "int", "08"), base[1]], "00 00 08")
    return Conversion(), below_((), base), delta


@refuses_to_recover("CONV-5", also=("CONV-6", "FLAX-1", "DELTA-11"))
def base_that_is_a_stream_given_as_a_flax_file():
    """A base of one record, which is one MessagePack value, with the prefix `flax::`."""
    base, delta, _ = recovery(BASE[:1], BASE[:1])
    return FLAX, base, delta


@refuses_to_recover("DELTA-13", also=("CONV-6", "DELTA-1", "DELTA-11"))
def delta_as_a_base_without_a_prefix():
    """The delta is given as its own base, and is recognised as one."""
    _, delta, _ = recovery(BASE, TARGET, CHANGED, ADDED)
    return Conversion(None), delta, delta


# --- the target --------------------------------------------------------------------------------------------------


@recovers("DELTA-3", "DELTA-6", "DELTA-12", "DELTA-13")
def target_that_is_a_flax_file():
    """The same delta as for a stream; the target is written as a flax file, with the digests that it has."""
    base, delta, _ = recovery(BASE, TARGET, CHANGED, ADDED)
    return TO_FLAX, base, delta, flat_(TARGET)


@recovers("DELTA-3", "DELTA-13", "TREE-5")
def target_that_is_a_flax_file_of_subtrees():
    """The order of the manifest is that of the maps: `b` before `a`, and in it `z` before `y`."""
    leaves = [tensor((a, b), "uint8", (1,), f"0{i}") for i, (a, b) in enumerate(("bz", "by", "ax"))]
    base, delta, _ = recovery([leaves[2], leaves[0]], leaves, "00 00 01")
    inner = [str_(leaf.path[1]) + leaf.encoded for leaf in leaves]
    tree = map_(2) + str_("b") + map_(2) + inner[0] + inner[1] + str_("a") + map_(1) + inner[2]
    return TO_FLAX, base, delta, tree


@recovers("DELTA-6", "DELTA-13")
def base_and_target_that_are_flax_files():
    """From flax file to flax file: the small leaves stand in it as they are, without the bin of a record."""
    base = [small("s", "str", "a1 78"), small("e", "empty", "80"), small("n", "int", "07")]
    target = [*base[:2], small("n", "int", "08")]
    _, delta, _ = recovery(base, target, "00 00 08")
    return Conversion("flax", streaming=False), flat_(base), delta, flat_(target)


@recovers("DELTA-13", "CONV-5")
def weights_of_a_train_state_become_a_flax_file():
    """What is published of a training run: its new weights as a flax file, from the state of the old one."""
    state = below_(("params", "params"), OLD) + record_("step", int_(7))
    _, delta, _ = recovery(OLD, NEW, "01 00 01 00 00 01")
    tree = map_(1) + str_("d") + map_(2) + str_("k") + NEW[0].encoded + str_("b") + NEW[1].encoded
    return Conversion("trainstate_params", streaming=False), state, delta, tree


@refuses_to_recover("CONV-1", also=("FLAX-3", "DELTA-13", "CONF-7"))
def target_that_a_flax_file_cannot_hold():
    """A key path with the part `__msgpack_chunked_array__` can stand in a stream, and in no flax file."""
    base, delta, _ = recovery(BASE, [*BASE, small(("b", MARKER), "bool", "c3")], "00 00 c3")
    return TO_FLAX, base, delta


@refuses_to_recover("CONV-9", also=("CONV-1", "DELTA-13", "CONF-7"))
def target_that_safetensors_cannot_hold():
    """The target has a text, and safetensors holds arrays alone. It is not dropped."""
    base, delta, _ = recovery(BASE, TARGET, CHANGED, ADDED)
    return Conversion(via="safetensors"), base, delta


@refuses_to_recover("DELTA-12")
def block_with_another_bit_on_the_way_to_a_flax_file():
    """The block of the last leaf gives another text than the one whose digest the manifest has. No file is left."""
    base, delta, _ = recovery(BASE, TARGET, CHANGED, "00 00 a1 79")
    return TO_FLAX, base, delta

"""Deltas of bases and targets that stand in any container, in any order and in forms that no writer writes (DELTA-3 to
DELTA-6): what a delta says is said of the leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ..assembly import Bytes, chunked_, map_, ndarray_, raw, record_, str_, together
from ..cases.conversion_safetensors import TABLE
from ..cases.delta_assembly import MARK, Leaf, blocks_, manifest, manifest_, number, small, stream, tensor
from ..declare import Conversion
from .conversions import in_maps
from .product import Plain, product
from .recoveries import planes_of

_DTYPES: Final = {tag: (name, int(width)) for name, tag, width in TABLE}


def _diff(_: Any) -> str:
    return "diff"


def _in_safetensors(leaves: Sequence[Leaf]) -> Bytes:
    """The payloads in the opposite order."""
    entries, at, payloads = [], 0, []
    for leaf in reversed(leaves):
        assert leaf.dtype is not None
        assert leaf.shape is not None
        name, shape, end = ".".join(leaf.path), ",".join(map(str, leaf.shape)), at + leaf.content.size
        dtype, _ = _DTYPES[leaf.dtype]
        entries.append(f'"{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{at},{end}]}}')
        payloads.append(leaf.content)
        at = end
    header = ("{" + ",".join(reversed(entries)) + "}").encode()
    return raw(len(header).to_bytes(8, "little").hex()) + raw(header.hex()) + together(payloads)


def _in_a_state(leaves: Sequence[Leaf]) -> Bytes:
    """The weights of a train state, before which its step stands, and others that are called as they are."""
    held = [leaf._replace(path=("params", "params", *leaf.path)) for leaf in leaves]
    step = [small(("step",), "int", "07"), small(("opt", *leaves[0].path), "int", "08")]
    return stream([*step, *held, small(("params", "other"), "nil", "c0")])


class Side(NamedTuple):
    """A container with its prefix."""

    name: str
    about: str
    prefix: str | None
    write: Callable[[Sequence[Leaf]], Bytes]


_SIDES: Final = (
    Side("stream", "in a stream", "params", stream),
    Side("flax-file", "in a flax file", "flax", lambda leaves: in_maps([(leaf.path, leaf.encoded) for leaf in leaves])),
    Side("safetensors", "in a safetensors file", "safetensors", _in_safetensors),
    Side("train-state", "in a train state", "trainstate_params", _in_a_state),
)
_INTO: Final = tuple(side._replace(name=f"to-{side.name}", about=f"the target {side.about}") for side in _SIDES)


def _made(base: Sequence[Leaf], target: Sequence[Leaf], in_order: Sequence[Leaf] | None = None) -> Bytes:
    """A delta whose blocks are the leaves as they are. `in_order` are those of the target in depth-first order."""
    says = manifest(base, in_order or target)
    leaves = [leaf for leaf, said in zip(in_order or target, says["leaves"], strict=True) if said["blocks"]]
    return MARK + blocks_(says, [raw("00 00") + planes_of(leaf) for leaf in leaves]) + manifest_(says)


_OLD: Final = [
    tensor(("b", "y"), "float32", (2,), "00 00 80 3f 00 00 00 80"),
    tensor(("b", "x"), "int16", (2,), "01 00 02 80"),
    tensor(("gone", "x"), "int16", (), "07 00"),
    tensor(("a",), "uint8", (2, 2), "01 02 03 04"),
    tensor(("nothing",), "float32", (0, 3), ""),
]
_NEW: Final = [
    tensor(("b", "y"), "float32", (2,), "00 00 80 3f 00 00 00 00"),
    tensor(("b", "x"), "int16", (2,), "01 00 02 80"),
    tensor(("b", "z"), "uint8", (1,), "ff"),
    tensor(("a",), "uint8", (4,), "01 02 03 04"),
    tensor(("nothing",), "int16", (0, 3), ""),
]


@product("DELTA-4", "DELTA-13", "CONV-5", want="accept", places=_SIDES, sizes=_INTO, part=_diff)
def a_base_and_a_target_in_containers(base: Side, target: Side):
    """Leaves that stay, change their bits, their shape or their dtype, are added and are removed, in a base and a
    target of every kind of file."""
    asked = Conversion(base.prefix, via=target.prefix)
    return asked, base.write(_OLD), target.write(_NEW), _made(_OLD, _NEW)


_MIXED: Final = (
    Plain("base", "the records of the base stand", 0),
    Plain("target", "the records of the target stand", 1),
    Plain("tensors", "the tensors of the target, which is a safetensors file, stand", 2),
)
_ORDERS: Final = (
    Plain("mixed", "in turn, of one subtree and of another", (0, 3, 1, 4, 2)),
    Plain("backwards", "backwards", (4, 3, 2, 1, 0)),
    Plain("within", "between those of one subtree", (1, 3, 4, 2, 0)),
)


@product("DELTA-3", "TREE-5", want="accept", places=_MIXED, sizes=_ORDERS, part=_diff)
def records_in_another_order(side: Plain, order: Plain):
    """A reader takes any order, and a program that writes deltas lists depth-first order: each subtree at the place of
    its first leaf."""
    target = [_NEW[i] for i in order.value] if side.value else _NEW
    base = _OLD if side.value else [_OLD[i] for i in order.value]
    roots = list(dict.fromkeys(leaf.path[0] for leaf in target))
    listed = sorted(target, key=lambda leaf: roots.index(leaf.path[0]))
    write = _in_safetensors if side.value == 2 else stream
    asked = Conversion("params", via="safetensors" if side.value == 2 else "params")
    return asked, stream(base), write(target), _made(base, target, listed)


_NOT_CANONICAL: Final = (
    Plain("int", "an int of 7 in nine bytes", ("d3 00 00 00 00 00 00 00 07", small("k", "int", "07"))),
    Plain("negative-int", "an int of -1 in two bytes", ("d0 ff", small("k", "int", "ff"))),
    Plain("text", "a text of one letter in three bytes and more", ("da 00 01 78", small("k", "str", "a1 78"))),
    Plain("bin", "a bin of one byte with a header of five", ("c6 00 00 00 01 78", small("k", "bin", "c4 01 78"))),
    Plain("empty", "an empty node with a header of three bytes", ("de 00 00", small("k", "empty", "80"))),
    Plain(
        "scalar",
        "a scalar whose ext has a header of six bytes",
        ("c9 00 00 00 0c 03 93 90 a5 69 6e 74 31 36 c4 02 07 00", number("k", "int16", "07 00")),
    ),
)
_WHERE: Final = (
    Plain("in-both", "in both", (True, True)),
    Plain("in-the-base", "in the base", (True, False)),
    Plain("in-the-target", "in the target", (False, True)),
    Plain("added", "in the target alone", (None, True)),
)


def _stream(leaf: Leaf, longer: Bytes | None) -> Bytes:
    return record_("a", ndarray_("uint8", (1,), "05")) + record_(leaf.path, longer or leaf.encoded)


@product("DELTA-4", "DELTA-6", "WIRE-2", want="accept", places=_NOT_CANONICAL, sizes=_WHERE, part=_diff)
def leaves_with_longer_headers(form: Plain, where: Plain):
    """A leaf with longer headers is the same leaf: its digest, its bytes and its blocks are those of its canonical
    encoding, and where the other side has it in that form nothing has changed."""
    longer, leaf = form.value
    first = tensor("a", "uint8", (1,), "05")
    in_base, in_target = where.value
    base = [first] if in_base is None else [first, leaf]
    before = stream(base) if in_base is None else _stream(leaf, raw(longer) if in_base else None)
    return before, _stream(leaf, raw(longer) if in_target else None), _made(base, [first, leaf])


_CHUNKS: Final = chunked_((3,), [ndarray_("int16", (1,), "01 00"), ndarray_("int16", (2,), "02 00 03 00")])


@product("DELTA-4", "LEAF-10", want="accept", places=_WHERE, part=_diff)
def chunked_arrays(where: Plain, _: Plain):
    """An array in chunks is the array: where the other side has it in one piece nothing has changed."""
    leaf, first = tensor("k", "int16", (3,), "01 00 02 00 03 00"), tensor("a", "uint8", (1,), "05")
    in_base, in_target = where.value
    base = [first] if in_base is None else [first, leaf]
    before = stream(base) if in_base is None else _stream(leaf, _CHUNKS if in_base else None)
    return before, _stream(leaf, _CHUNKS if in_target else None), _made(base, [first, leaf])


@product("DELTA-4", "FLAX-2", want="accept", places=_WHERE[:3], part=_diff)
def chunked_arrays_in_flax_files(where: Plain, _: Plain):
    """The same in flax files, where the map of chunks is one leaf and no subtree."""
    leaf, first = tensor("k", "int16", (3,), "01 00 02 00 03 00"), tensor("a", "uint8", (1,), "05")
    before, after = (
        map_(2) + str_("a") + first.encoded + str_("k") + (_CHUNKS if one else leaf.encoded) for one in where.value
    )
    return Conversion("flax", via="flax"), before, after, _made([first, leaf], [first, leaf])

"""MessagePack values in which any one header can be another than the shortest, or be replaced with all that is behind
it.

Each value that a rule may look at has a slot, the name of its place; `assembled` puts a whole together and leaves one
slot to the rule. Lengths around what a rule puts there are those of what it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ..assembly import MARKER, Bytes, arr_, bin_, data, ext_, hexed, int_, map_, str_of, together


class Value(NamedTuple):
    """A value: `n` is an int, the type of an ext, or a count; `inner` are its elements, keys and values in turn, or
    what its body holds; `content` is that of a str, of a bin that holds no values, or the whole of a value of another
    kind."""

    kind: str  # int, str, bin, array, map, ext, or another, which has no length
    slot: str
    n: int = 0
    inner: tuple[Value, ...] = ()
    content: Bytes = Bytes()
    clause: str = ""  # what says that a value of this kind is expected here


Instead = Callable[[Value, Bytes], Bytes]
COUNTED: Final = ("array", "map")
SIZED: Final = ("str", "bin", "ext")


def headed(value: Value, body: Bytes) -> Bytes:
    """A value with the shortest header, around a body that is assembled."""
    match value.kind:
        case "int":
            return int_(value.n)
        case "str":
            return str_of(body)
        case "bin":
            return bin_(body)
        case "ext":
            return ext_(value.n, body)
        case "array":
            return arr_(value.n) + body
        case "map":
            return map_(value.n) + body
    return body


def assembled(value: Value, slot: str = "", instead: Instead = headed) -> Bytes:
    """The bytes of a value; at the slot those that `instead` gives for the value there and its assembled body."""
    body = together([assembled(one, slot, instead) for one in value.inner]) + value.content
    return (instead if slot and value.slot == slot else headed)(value, body)


def slots(value: Value) -> Iterator[Value]:
    """Every value that has a slot, in the order of the bytes."""
    if value.slot:
        yield value
    for one in value.inner:
        yield from slots(one)


# --- the values of the format ------------------------------------------------------------------------------------


def text(slot: str, content: str, clause: str = "") -> Value:
    return Value("str", slot, content=data(content.encode()), clause=clause)


def number(slot: str, n: int, clause: str = "") -> Value:
    return Value("int", slot, n, clause=clause)


def plain(slot: str, digits: str, clause: str = "", kind: str = "plain") -> Value:
    """A value without a length: nil, a bool, a float."""
    return Value(kind, slot, content=hexed(digits), clause=clause)


def body(slot: str, code: int, tag: str, shape: Sequence[int], payload: str | Bytes, shaped: str = "LEAF-3") -> Value:
    """An ext 1 or 3."""
    dims = tuple(number(f"{slot}dimension-{i}", n, "LEAF-3") for i, n in enumerate(shape))
    inner = (
        Value("array", f"{slot}shape", len(dims), dims, clause=shaped),
        text(f"{slot}tag", tag, "DTYPE-2"),
        Value("bin", f"{slot}payload", content=hexed(payload), clause="LEAF-5"),
    )
    array = Value("array", f"{slot}body", 3, inner, clause="LEAF-2")
    return Value("ext", f"{slot}ext", code, (array,), clause="LEAF-12" if slot else "LEAF-1")


def chunked(shape: Sequence[int], chunks: Sequence[tuple[str, int, str | Bytes]]) -> Value:
    """A chunked array; of each chunk the tag, the number of elements and the payload."""
    dims = [
        (text(f"key-of-dimension-{i}", str(i), "LEAF-11"), number(f"dimension-{i}", n, "LEAF-3"))
        for i, n in enumerate(shape)
    ]
    held = [
        (text(f"key-of-chunk-{i}", str(i), "LEAF-12"), body(f"chunk-{i}-", 1, tag, (n,), payload))
        for i, (tag, n, payload) in enumerate(chunks)
    ]
    inner = (
        text("marker", MARKER, "LEAF-1"),
        plain("value-of-the-marker", "c3", "LEAF-10", "bool"),
        text("key-of-the-shape", "shape", "LEAF-10"),
        Value("map", "shape", len(dims), tuple(one for pair in dims for one in pair), clause="LEAF-11"),
        text("key-of-the-chunks", "chunks", "LEAF-10"),
        Value("map", "chunks", len(held), tuple(one for pair in held for one in pair), clause="LEAF-12"),
    )
    return Value("map", "map", 3, inner, clause="LEAF-1")


# --- what bodies hold --------------------------------------------------------------------------------------------


def is_body(value: Value) -> bool:
    """Whether it is a bin or ext that holds encoded values (WIRE-6)."""
    return value.kind in ("bin", "ext") and bool(value.inner)


def is_last(value: Value, slot: str) -> bool:
    """Whether the value at the slot is the last in the body around it, so that its end is the body's."""

    def find(one: Value, last: bool) -> bool:
        if one.slot == slot:
            return last
        ends = (last or is_body(one), one.inner[-1:])
        return any(find(inner, ends[0] and inner is one.inner[-1]) for inner in one.inner)

    return find(value, False)


def ended_before(value: Value, slot: str) -> Bytes:
    """The bytes of a value in which the body around the slot ends where the value there is expected."""

    def cut(one: Value) -> tuple[Bytes, bool]:
        if one.slot == slot:
            return Bytes(), True
        body = Bytes()
        for inner in one.inner:
            made, ended = cut(inner)
            body += made
            if ended:
                return headed(one, body), not is_body(one)
        return headed(one, body + one.content), False

    return cut(value)[0]

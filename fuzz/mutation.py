"""The structure-aware mutator: it knows records, lengths and tags, so that what it makes gets past the first header.

    mutated = Mutator(pool).mutate(data, random.Random(seed), max_size)

Files of all kinds are taken: streams, flax files and deltas as trees of MessagePack values, the JSON of a delta's
manifest and of a safetensors header as JSON, and anything else as bytes. About one in eight is changed as bytes alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, Final

from . import lies
from .nodes import Node, encode, of, parse

# Texts that mean something somewhere in the format, and near misses.
TAGS: Final = (
    *(
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
    ),
    *("complex64", "complex128", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float4_e2m1fn"),
    *("int4", "uint4", "int2", "uint2", "int1", "uint1", "float6_e2m3fn", "complex32", "bcomplex32"),
    *("float128", "object", "datetime64[ns]", "str64", "void", "Float32", "float32 ", ">f4", "<f4", ""),
)
WORDS: Final = (
    *(
        "__msgpack_chunked_array__",
        "shape",
        "chunks",
        "0",
        "1",
        "2",
        "00",
        "-1",
        "params",
        "step",
        "opt_state",
        "chunk_0",
    ),
    *("streamckpt-delta", "1.0", "1.1", "manifest", "blocks", "a", "b", "a/b", "\\", "\x00", "é", "é", "\U0001f600"),
)
_EDGES: Final = (1, 16, 32, 64, 127, 255, 512, 65_535, 1 << 20, 1 << 22, 1 << 31, 1 << 32, 1 << 53, 1 << 63)
NUMBERS: Final = (0, *(n + d for n in _EDGES for d in (-1, 0, 1)), (1 << 64) - 1)
_BODIES: Final = ("str", "bin", "ext")
_LONG: Final = 1 << 14  # bytes from which a file is not doubled any more


class Mutator:
    """Changes files. `pool` is a list of other files, parts of which are put in."""

    def __init__(self, pool: Sequence[bytes]) -> None:
        self._pool = [data for data in pool if 0 < len(data) <= _LONG] or [b"\x92\x91\xa1a\xc4\x01\x07"]

    def mutate(self, data: bytes, rng: random.Random, max_size: int) -> bytes:
        """Other bytes, at most `max_size` of them."""
        if not data:
            data = rng.choice(self._pool)
        if rng.random() < 0.125:
            changed = _as_bytes(data, rng)
        elif data[8:9] == b"{":
            changed = _safetensors(data, rng)
        else:
            changed = lies.changed(data, rng, self._change) or self._tree(data, rng)
        return changed[:max_size]

    def cross(self, data: bytes, other: bytes, rng: random.Random, max_size: int) -> bytes:
        """The values of two files in one: those of the first up to a place, then those of the second."""
        first, second = parse(data).children or [], parse(other).children or []
        file = Node("file", children=[*first[: rng.randint(0, len(first))], *second[rng.randint(0, len(second)) :]])
        return encode(file)[:max_size]

    def _tree(self, data: bytes, rng: random.Random) -> bytes:
        file = parse(data)
        self._change(file, rng)
        return encode(file)

    def _change(self, file: Node, rng: random.Random) -> None:
        for _ in range(1 + min(int(rng.expovariate(0.8)), 5)):
            nodes = list(file.walk())
            change = rng.choice(_CHANGES)
            change(self, rng.choice(nodes), rng, nodes)

    # --- changes of one node; each takes the node, and the list of all nodes of the file ------------------------------

    def _claim(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """A length or count that is not true."""
        if node.kind in ("scalar", "raw", "file"):
            return self._number(node, rng, nodes)
        true = len(node.data) if node.children is None else len(node.children)
        node.claim = max(0, rng.choice((true - 1, true + 1, 2 * true, true // 2, rng.choice(NUMBERS), true + 9)))
        return None

    def _widen(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """A header longer than it needs to be."""
        node.width = rng.choice((1, 2, 4))

    def _widen_all(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        for one in node.walk():
            one.width = rng.choice((one.width, 1, 2, 4))

    def _number(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        numbers = [one for one in nodes if one.kind == "scalar"]
        if numbers:
            one = rng.choice(numbers)
            value = rng.choice((None, True, False, 0.0, float("nan"), rng.choice(NUMBERS), -rng.choice(NUMBERS)))
            one.data = rng.choice(
                (encode(of(value)), bytes((rng.choice((0xCA, 0xCB, 0xCC, 0xD0)),)) + rng.randbytes(8))
            )

    def _text(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """A tag, a key or the text of a leaf becomes another."""
        texts = [one for one in nodes if one.kind == "str"]
        if not texts:
            return
        one = rng.choice(texts)
        if one.data[:1] == b"{" and rng.random() < 0.8:
            one.data = _json(one.data, rng)
        elif one.data.decode(errors="replace") in TAGS and rng.random() < 0.7:
            one.data = rng.choice(TAGS).encode()
        else:
            others = [rng.choice(WORDS).encode(), rng.choice(TAGS).encode(), rng.choice(texts).data]
            one.data = rng.choice((*others, _as_bytes(one.data, rng), one.data + rng.choice(others)))

    def _body(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """The bytes of a payload change: bits, or their number."""
        bodies = [one for one in nodes if one.kind in _BODIES and one.children is None]
        if bodies:
            one = rng.choice(bodies)
            one.data = _as_bytes(one.data, rng)

    def _kind(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """Another type of ext, or another kind with the same content."""
        ext = [one for one in nodes if one.kind == "ext"]
        if ext and rng.random() < 0.5:
            rng.choice(ext).code = rng.choice((0, 1, 2, 3, 4, 5, 127, 128, 255))
        elif node.kind in _BODIES:
            node.kind = rng.choice(_BODIES)
        elif node.kind in ("array", "map"):
            node.kind = "map" if node.kind == "array" and len(node.children or ()) % 2 == 0 else "array"

    def _drop(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        if node.children:
            del node.children[rng.randrange(len(node.children))]

    def _double(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        if node.children and len(nodes) < 2000:
            child = rng.choice(node.children)
            node.children.insert(rng.randint(0, len(node.children)), child.copy())

    def _swap(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """Two children change places."""
        if node.children and len(node.children) > 1:
            i, k = (rng.randrange(len(node.children)) for _ in range(2))
            node.children[i], node.children[k] = node.children[k], node.children[i]

    def _graft(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """A child becomes a value from elsewhere in this file or from another file."""
        if not node.children:
            return
        there = nodes if rng.random() < 0.5 else list(parse(rng.choice(self._pool)).walk())
        new = rng.choice([one for one in there if one.kind != "file"] or [of(None)]).copy()
        if rng.random() < 0.6:
            node.children[rng.randrange(len(node.children))] = new
        else:
            node.children.insert(rng.randint(0, len(node.children)), new)

    def _append(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """A record of another file, with its key path as it is or made new, at the end of this one."""
        file = nodes[0]
        other = parse(rng.choice(self._pool)).children or []
        if not other or file.children is None:
            return
        new = rng.choice(other).copy()
        if new.children and new.children[0].children and rng.random() < 0.8:
            new.children[0].children.append(of(f"{rng.randrange(1 << 16)}"))
        file.children.insert(rng.randint(0, len(file.children)), new)

    def _wrap(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """A child becomes the only content of an array, map, bin or ext."""
        if node.children:
            i = rng.randrange(len(node.children))
            wraps = [Node("array", children=[node.children[i]]), Node("map", children=[of("a"), node.children[i]])]
            wraps += [Node("bin", children=[node.children[i]]), Node("ext", children=[node.children[i]], code=1)]
            node.children[i] = rng.choice(wraps)

    def _cut(self, node: Node, rng: random.Random, nodes: list[Node]) -> None:
        """The file, or a body, ends early."""
        data = encode(node)
        node.kind, node.children, node.data = (
            ("file" if node.kind == "file" else "raw"),
            None,
            data[: -rng.randint(1, 9)],
        )


_CHANGES: Final[tuple[Any, ...]] = tuple(
    change
    for name, change in vars(Mutator).items()
    if name.startswith("_") and callable(change) and name not in ("__init__", "_tree", "_change")
    for _ in range(3 if name in ("_claim", "_number", "_text", "_append") else 1)
)


def _as_bytes(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, put in, left out or doubled."""
    out = bytearray(data)
    for _ in range(1 + min(int(rng.expovariate(0.7)), 8)):
        at = rng.randint(0, len(out))
        what = rng.randrange(6)
        if what == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif what == 1 and at < len(out):
            out[at] = rng.choice((0x00, 0x7F, 0x80, 0x90, 0x92, 0xA0, 0xC0, 0xC1, 0xC4, 0xC6, 0xC7, 0xD8, 0xDD, 0xFF))
        elif what == 2:
            out[at:at] = rng.randbytes(rng.choice((1, 1, 2, 4, 8, 9)))
        elif what == 3:
            del out[at : at + rng.choice((1, 1, 2, 4, 8, 64))]
        elif what == 4 and len(out) < _LONG:
            out[at:at] = out[at : at + rng.choice((1, 4, 16, 64))]
        elif what == 5:
            out[at : at + 4] = rng.choice(NUMBERS).to_bytes(9, "big", signed=True)[-4:]
    return bytes(out)


# --- JSON: a safetensors header, the manifest of a delta --------------------------------------------------------------


def _safetensors(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file with another header, whose length is told truly or not, or with another payload."""
    size = int.from_bytes(data[:8], "little")
    header, payload = data[8 : 8 + size], data[8 + size :]
    if rng.random() < 0.15:
        payload = _as_bytes(payload, rng)
    if rng.random() < 0.85:
        header = _json(header, rng)
        size = len(header)
    if rng.random() < 0.1:
        size = rng.choice((*NUMBERS, size - 1, size + 1))
    return (size & (1 << 64) - 1).to_bytes(8, "little") + header + payload


def _json(text: bytes, rng: random.Random) -> bytes:
    """A JSON text in which a few members differ; bytes are changed where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _as_bytes(text, rng)
    if rng.random() < 0.15:
        return _as_bytes(text, rng)
    for _ in range(1 + min(int(rng.expovariate(1.0)), 3)):
        value = _changed(value, rng)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=rng.random() < 0.2).encode(errors="surrogatepass")


def _changed(value: Any, rng: random.Random) -> Any:
    """A JSON value in which one place differs."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        what = rng.randrange(8)
        if what == 0:
            return {other: value[other] for other in value if other != key}
        if what == 1:
            return {(rng.choice(WORDS) if other == key else other): value[other] for other in value}
        if what == 2:
            return value | {rng.choice(WORDS): value[key]}
        return value | {key: _changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        i = rng.randrange(len(value))
        what = rng.randrange(6)
        if what == 0:
            return value[:i] + value[i + 1 :]
        if what == 1:
            return [*value[:i], value[i], *value[i:]]
        return [*value[:i], _changed(value[i], rng), *value[i + 1 :]]
    if type(value) is int and rng.random() < 0.7:
        return rng.choice((value + 1, value - 1, 2 * value, -value, float(value), rng.choice(NUMBERS)))
    if isinstance(value, str) and rng.random() < 0.7:
        tags = ("BOOL", "I8", "U8", "I32", "F16", "BF16", "F32", "F64", "F8_E4M3", "C64", "F4")
        flipped = "".join(char if rng.random() < 0.98 else rng.choice("0123456789abcdef") for char in value)
        return rng.choice((rng.choice(TAGS), rng.choice(WORDS), rng.choice(tags), value + "x", value[:-1], flipped))
    return rng.choice((None, True, False, 0, 1, -1, 0.5, "", "a", [], {}, [value], {"a": value}, rng.choice(NUMBERS)))

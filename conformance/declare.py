"""How a case is declared: one function, whose docstring says what it is about, under one of these decorators.

The name of the function, with dashes, is the name of the case; its module is the chapter. What is declared is a
`Source`; `compile` turns all of them into the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from .assembly import Bytes, hexed
from .digests import sha256

MUST: Final = "MUST"
SHOULD: Final = "SHOULD"
DIALECT: Final = "dialect"
SHOWN: Final = 64  # payload bytes up to which a value is given in full


class Source(NamedTuple):
    """A case as it is declared."""

    module: str
    name: str
    about: str
    clauses: tuple[str, ...]
    also: tuple[str, ...]  # clauses that a refusal may name as well (CONF-8)
    level: str
    since: str | None  # None where it is the version that has all the clauses that are cited
    until: str | None
    part: str  # stream, flax, convert, diff or recover
    want: str  # accept or reject
    canonical: bool  # whether a writer has to give the bytes of a case that is read
    make: Callable[[], Any]
    largest: int | None = None  # bytes of the largest leaf; None where that is no more than the file has
    rule: Rule | None = None  # of a case that is one of a product


class Rule(NamedTuple):
    """What the cases of a product have in common; `clause` is that of the chapter in which it stands."""

    clause: str
    name: str
    about: str


SOURCES: Final[list[Source]] = []


def _declared(clauses: tuple[str, ...], part: str, want: str, canonical: bool, **more: Any) -> Callable[..., Any]:
    def take(function: Callable[[], Any]) -> Callable[[], Any]:
        about = " ".join((function.__doc__ or "").split())
        settings = {"also": (), "level": MUST, "since": None, "until": None} | more
        name = function.__name__.strip("_").replace("_", "-")
        module = function.__module__.rsplit(".", 1)[-1]
        SOURCES.append(
            Source(module, name, about, clauses, part=part, want=want, canonical=canonical, make=function, **settings)
        )
        return function

    return take


def accept(*clauses: str, longer: bool = False, **more: Any) -> Callable[..., Any]:
    """A stream that every reader takes: `return bytes, [records]`, and what is read of its seal where it has one. With
    a detached seal, `return bytes, [records], seal, bytes of the seal`.

    Writers have to give the same bytes, unless they are `longer` than what a writer emits, or in another order.
    """
    return _declared(clauses, "stream", "accept", not longer, **more)


def refuse(*clauses: str, **more: Any) -> Callable[..., Any]:
    """A stream that every reader refuses: `return bytes`, or with a detached seal `return bytes, bytes of the seal`.
    The first clause is the one that a refusal should name."""
    return _declared(clauses, "stream", "reject", False, **more)


def flax_accept(*clauses: str, longer: bool = False, **more: Any) -> Callable[..., Any]:
    """As `accept`, for a standard flax file."""
    return _declared(clauses, "flax", "accept", not longer, **more)


def flax_refuse(*clauses: str, **more: Any) -> Callable[..., Any]:
    """As `refuse`, for a standard flax file."""
    return _declared(clauses, "flax", "reject", False, **more)


def writes(*clauses: str, container: str = "stream", **more: Any) -> Callable[..., Any]:
    """What a writer makes of a tree: `return [inputs], bytes`, or `encode(...), bytes`."""
    return _declared(clauses, f"{container}-encode", "accept", True, **more)


def refuses_to_write(*clauses: str, container: str = "stream", **more: Any) -> Callable[..., Any]:
    """A tree that no writer writes: `return [inputs]`, or `encode(...)`."""
    return _declared(clauses, f"{container}-encode", "reject", True, **more)


def converts(*clauses: str, **more: Any) -> Callable[..., Any]:
    """A conversion: `return Conversion(...), input bytes, output bytes`, and the bytes of a detached seal of the input
    where it has one."""
    return _declared(clauses, "convert", "accept", True, **more)


def refuses_to_convert(*clauses: str, **more: Any) -> Callable[..., Any]:
    """A conversion that is refused: `return Conversion(...), input bytes`, and the bytes of a detached seal."""
    return _declared(clauses, "convert", "reject", True, **more)


def recovers(*clauses: str, **more: Any) -> Callable[..., Any]:
    """A recovery: `return base bytes, delta bytes, target bytes`, after a `Conversion(...)` where one is needed."""
    return _declared(clauses, "recover", "accept", True, **more)


def refuses_to_recover(*clauses: str, **more: Any) -> Callable[..., Any]:
    """A recovery that is refused: `return base bytes, delta bytes`, after a `Conversion(...)` where one is needed."""
    return _declared(clauses, "recover", "reject", True, **more)


def diffs(*clauses: str, **more: Any) -> Callable[..., Any]:
    """What a delta is written of: `return base bytes, target bytes, delta bytes`, of which the last is one that will
    do, after a `Conversion(...)` where one is needed: the base has its prefix, and `via` is that of the target."""
    return _declared(clauses, "diff", "accept", True, **more)


def refuses_to_diff(*clauses: str, **more: Any) -> Callable[..., Any]:
    """Two checkpoints of which no delta is written: `return base bytes, target bytes`."""
    return _declared(clauses, "diff", "reject", True, **more)


class Conversion(NamedTuple):
    """What a converter is asked for, or a recoverer, whose base has the prefix."""

    prefix: str | None = "params"
    streaming: bool = True
    float_dtype: str | None = None
    via: str | None = None  # a container to which the output goes; a converter then converts from there again
    says: str | None = None  # a text that the program should print
    format: str | None = None  # the version of the stream that is written


# --- what is wanted of a record ---------------------------------------------------------------------------------


def _path(path: str | Sequence[str]) -> list[str]:
    return [path] if isinstance(path, str) else list(path)


def _payload(payload: Bytes) -> dict[str, Any]:
    if payload.size <= SHOWN:
        return {"sha256": sha256(payload.pieces()), "payload": payload.data().hex()}
    (first, *rest) = payload.parts
    ends = rest[0].data if rest else b""
    if first.times > 1 and len(rest) < 2 and first.data.startswith(ends):
        return {"sha256": sha256(payload.pieces()), "fill": first.data.hex()}
    return {"sha256": sha256(payload.pieces()), "payload": payload.data().hex()}


def array(path: str | Sequence[str], dtype: str, shape: Sequence[int], payload: str | Bytes) -> dict[str, Any]:
    """An ndarray; the payload is hexadecimal text or bytes. `settled` is added by `cleared`."""
    wanted = {"path": _path(path), "kind": "ndarray", "dtype": dtype, "shape": [str(n) for n in shape]}
    return wanted | _payload(hexed(payload))


def scalar(path: str | Sequence[str], dtype: str, payload: str) -> dict[str, Any]:
    return {"path": _path(path), "kind": "scalar", "dtype": dtype} | _payload(hexed(payload))


def cleared(record: dict[str, Any], payload: str) -> dict[str, Any]:
    """An array whose payload may also be read as `payload`, bits without meaning cleared (DTYPE-4, DTYPE-5)."""
    return record | {"settled": sha256(hexed(payload).pieces())}


def nil(path: str | Sequence[str]) -> dict[str, Any]:
    return {"path": _path(path), "kind": "nil"}


def empty(path: str | Sequence[str]) -> dict[str, Any]:
    return {"path": _path(path), "kind": "empty"}


def boolean(path: str | Sequence[str], value: bool) -> dict[str, Any]:
    return {"path": _path(path), "kind": "bool", "value": value}


def integer(path: str | Sequence[str], value: int) -> dict[str, Any]:
    return {"path": _path(path), "kind": "int", "value": str(value)}


def floating(path: str | Sequence[str], bits: str) -> dict[str, Any]:
    """A float, as the 16 hexadecimal digits of its float 64."""
    return {"path": _path(path), "kind": "float", "value": bits.replace(" ", "")}


def complexes(path: str | Sequence[str], real: str, imaginary: str) -> dict[str, Any]:
    return {"path": _path(path), "kind": "complex", "value": [real.replace(" ", ""), imaginary.replace(" ", "")]}


def text(path: str | Sequence[str], value: str) -> dict[str, Any]:
    raw = value.encode()
    digest = sha256([(raw, 1)])
    return {"path": _path(path), "kind": "str", "bytes": str(len(raw)), "sha256": digest, "value": value}


def binary(path: str | Sequence[str], value: bytes) -> dict[str, Any]:
    digest = sha256([(value, 1)])
    return {"path": _path(path), "kind": "bin", "bytes": str(len(value)), "sha256": digest, "value": value.hex()}


# --- what an encoder gets ------------------------------------------------------------------------------------------


def given(path: Any, kind: str, **members: Any) -> dict[str, Any]:
    """A record of an encoder's input, as CLIENT.md describes it."""
    return {"path": path, "kind": kind, **members}


def encode(records: Sequence[dict[str, Any]], empty_nodes: str = "keep") -> dict[str, Any]:
    return {"records": list(records), "empty_nodes": empty_nodes}


def encode_sealed(
    records: Sequence[dict[str, Any]],
    metadata: dict[str, Any] | None = None,
    alignment: str = "64",
    digests: bool = False,
    empty_nodes: str = "keep",
) -> dict[str, Any]:
    """What an encoder gets that is to write a sealed stream; metadata as CLIENT.md describes it."""
    settings = {"format": "2.0", "metadata": metadata or {"kind": "map", "value": []}}
    return encode(records, empty_nodes) | settings | {"alignment": alignment, "digests": digests}

"""The examples in the text of the specification: each block of bytes is a case, and what it holds is listed here by
hand."""

import functools
import re
from collections.abc import Callable

from ..assembly import Bytes, hexed, map_, raw
from ..clauses import Example, introduction_examples, read_clauses
from ..declare import (
    accept,
    array,
    binary,
    boolean,
    complexes,
    empty,
    flax_accept,
    flax_refuse,
    floating,
    integer,
    nil,
    recovers,
    refuse,
    scalar,
    text,
)
from .delta_assembly import Leaf
from .sealed_assembly import sealed
from .sealed_leaves import item, number, padded, tensor

VERSIONS = ("1.0", "2.0")  # each chapter 00 has examples of its own
MARK = raw("dd 00 00 00 02").data()  # with which a stream of 1.0 may begin, and one of 2.0 is sealed

# The records of each example that is accepted: by clause, and which of its blocks it is.
RECORDS = {
    ("CONF", 1): [array("w", "float32", (2,), "0000803f 00000040")],
    ("WIRE-1", 1): [integer("a", 128)],
    ("WIRE-2", 1): [integer("a", 7)],
    ("KEY-1", 1): [nil(["params", "0", "kernel"])],
    ("KEY-2", 1): [
        nil(""),
        nil("a/b"),
        nil(["a", "b"]),
        nil("\u00e9"),
        nil("e\u0301"),
        nil("\ufeffa"),
        nil("__proto__"),
    ],
    ("DTYPE-1", 1): [array("k", "bfloat16", (2,), "0000 803f")],
    ("DTYPE-2", 1): [array("k", "int8", (2,), "00 01")],
    ("DTYPE-3", 1): [array("k", "int16", (1,), "0100")],
    ("DTYPE-4", 1): [array("k", "int4", (2,), "08 07")],
    ("DTYPE-5", 1): [array("k", "bool", (2,), "00 01")],
    ("LEAF-1", 1): [
        nil("a"),
        boolean("b", True),
        integer("c", -33),
        integer("d", 2**64 - 1),
        text("e", ""),
        binary("f", b"ab"),
    ],
    ("LEAF-2", 1): [array("k", "uint16", (2,), "0000 0100")],
    ("LEAF-3", 1): [array("k", "float32", (), "0000803f")],
    ("LEAF-4", 1): [array("k", "int8", (2**32, 0), "")],
    ("LEAF-5", 1): [array("k", "int8", (2, 2), "01 02 03 04")],
    ("LEAF-6", 1): [scalar("k", "float32", "0000803f")],
    ("LEAF-7", 1): [complexes("k", "3ff0000000000000", "4000000000000000")],
    ("LEAF-8", 1): [floating("f", "3ff8000000000000")],
    ("LEAF-8", 2): [floating("f", "3ff8000000000000")],
    ("LEAF-9", 1): [empty("a")],
    ("LEAF-10", 1): [array("k", "int8", (3,), "01 02 03")],
    ("REC-1", 1): [integer("a", 7)],
    ("STREAM-5", 3): [integer(["a", "b"], 1), integer("ab", 2)],
    ("TREE-1", 1): [integer(["a", "x"], 1), integer(["a", "y"], 2), integer("b", 3)],
    ("FLAX-1", 1): [integer(["a", "x"], 1), nil("b")],
    ("DELTA-3", 1): [array("w", "float32", (2,), "0000803f 00000040")],
    ("DELTA-3", 3): [array("w", "float32", (2,), "0000803f 00002040"), integer("n", 7)],
    ("CONF-9", 1): [integer("a", 7)],
}

SIXTEEN = bytes(range(16)).hex(" ")
# The examples of sealed streams, each put together once more.
SEALED = {
    ("CONF-IN-2.0", 1): sealed([tensor("w", "float32", (2,), "0000803f 00000040")]),
    ("ALIGN-1", 1): sealed([tensor("w", "uint8", (16,), SIXTEEN, form=padded("uint8", (16,), hexed(SIXTEEN), 64))]),
    ("META-2", 1): sealed([number("a", 1)], metadata={"name": "a", "step": 30_000}),
    ("INDEX-2", 1): sealed([number("a", 1), item(Leaf(("b",), "empty", map_(0), map_(0)), empty("b"))]),
    ("INDEX-9", 1): sealed([number("a", 1)], digests=True),
}


CLAUSES = read_clauses(VERSIONS[-1])


def _declare(clause: str, cited: str, number: int, example: Example) -> None:
    words = example.info.split()
    bytes_ = raw(example.text)
    is_flax = "flax" in words

    def case() -> object:
        if "accept" not in words:
            return Bytes(*bytes_.parts)
        if (whole := SEALED.get((clause, number))) is not None:
            assert bytes_.data() == whole.data().data(), (clause, number)
            return (bytes_, whole.read(), whole.seal())
        return (bytes_, RECORDS[clause, number])

    case.__name__ = f"example_{re.sub('[-.]', '_', clause.lower())}_{number}"
    case.__doc__ = f"Example {number} under {clause} in the text of the specification."
    if "recover" in words:
        _recovers(clause, cited, number, case)
    elif "accept" in words:
        until = "1.0" if bytes_.data().startswith(MARK) and CLAUSES[cited].version == "1.0" else None
        (flax_accept if is_flax else accept)(cited, longer="longer" in words, until=until)(case)
    else:
        named = words[-1] if "-" in words[-1] else cited
        citing = (named,) if named == cited else (named, cited)
        also = ("REC-1",) if cited == "DELTA-1" else ()  # where the kind of a file is recognised first
        (flax_refuse if is_flax else refuse)(*citing, also=also)(case)


def _recovers(clause: str, cited: str, number: int, case: Callable[[], object]) -> None:
    """A delta, which stands between its base and its target."""
    base, delta, target = (raw(CLAUSES[clause].examples[i - 1].text) for i in range(number - 1, number + 2))
    made = functools.wraps(case)(lambda: (base, delta, target))
    recovers(cited)(made)


for _clause in CLAUSES.values():
    for _number, _example in enumerate(_clause.examples, 1):
        _declare(_clause.id, _clause.id, _number, _example)
for _version, _cited in zip(VERSIONS, ("CONF-2", "CONF-9"), strict=True):
    for _number, _example in enumerate(introduction_examples(_version), 1):
        _declare("CONF" if _version == "1.0" else f"CONF-IN-{_version}", _cited, _number, _example)

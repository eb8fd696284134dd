"""A picture of one record: its bytes, drawn as they stand in the example of the introduction of the specification."""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

from conformance.assembly import raw
from conformance.clauses import introduction_examples

from . import links

_WIDTH, _HEIGHT, _GAP = 46, 40, 6  # of a byte, in units of the drawing
_COLUMNS: Final = 9  # bytes in a row


class Field(NamedTuple):
    """A run of bytes with one meaning; `tone` is its class in the style sheet."""

    size: int
    name: str
    clause: str
    tone: str


# The record of that example, from its first byte to its last. `drawing` compares this with the bytes.
FIELDS: Final = (
    Field(1, "record: array of 2", "REC-1", "frame"),
    Field(1, "key path: array of 1", "KEY-1", "path"),
    Field(2, '"w"', "KEY-2", "path"),
    Field(2, "leaf: bin of 24 bytes", "REC-2", "frame"),
    Field(3, "ext 1 (ndarray) of 21 bytes", "LEAF-2", "frame"),
    Field(1, "array of 3", "LEAF-2", "frame"),
    Field(2, "shape (2,)", "LEAF-3", "shape"),
    Field(8, 'dtype tag "float32"', "DTYPE-1", "dtype"),
    Field(2, "payload: bin of 8 bytes", "LEAF-5", "frame"),
    Field(8, "1.0 and 2.0, little-endian", "DTYPE-3", "payload"),
)


def example() -> bytes:
    """The bytes of the first example of version 1.0, a plain stream."""
    return raw(introduction_examples("1.0")[0].text).data()


def drawing(page: str) -> str:
    """The picture as SVG for a page, and under it what each run of bytes is. Raises ValueError where the example is no
    longer what is drawn."""
    data = example()
    if sum(field.size for field in FIELDS) != len(data):
        raise ValueError("the picture of a record does not fit the example of the specification any more")
    boxes, at = [], 0
    for number, field in enumerate(FIELDS, 1):
        for i in range(at, at + field.size):
            boxes.append(_byte(data[i], i, field, number if i == at else None))
        at += field.size
    rows = -(-len(data) // _COLUMNS)
    width, height = _COLUMNS * (_WIDTH + _GAP), rows * (_HEIGHT + _GAP * 3)
    return (
        '<figure class="record">'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="record-title">'
        f'<title id="record-title">The {len(data)} bytes of one record, coloured by what they mean</title>'
        f'{"".join(boxes)}</svg></figure>\n\n<div class="fields" markdown>\n\n'
        + "\n".join(_item(field, page) for field in FIELDS)
        + "\n\n</div>\n"
    )


def _byte(value: int, at: int, field: Field, number: int | None) -> str:
    x, y = at % _COLUMNS * (_WIDTH + _GAP), at // _COLUMNS * (_HEIGHT + _GAP * 3) + _GAP * 2
    mark = f'<text class="number" x="{x + 3}" y="{y - 2}">{number}</text>' if number else ""
    return (
        f'<g class="{field.tone}"><title>byte {at}: {escape(field.name)}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>'
        f'<text x="{x + _WIDTH / 2}" y="{y + 26}" text-anchor="middle">{value:02x}</text>{mark}</g>'
    )


def _item(field: Field, page: str) -> str:
    return f'1. <span class="{field.tone}">{escape(field.name)}</span> {links.clause_link(field.clause, page)}'

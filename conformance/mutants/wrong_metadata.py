"""Wrong programs that were thought of: those that take or make other metadata of a sealed stream."""

from __future__ import annotations

from typing import Final

# What the program does; the file of the reference; the text in it; the text that takes its place.
WRONG: Final = (
    (
        "writes keys of metadata in the order of UTF-16",
        "format/metadata",
        "key=lambda key: _text(key, where))",
        'key=lambda key: (_text(key, where), key.encode("utf-16-be"))[1])',
    ),
    (
        "writes short keys of metadata first",
        "format/metadata",
        "key=lambda key: _text(key, where))",
        "key=lambda key: (len(_text(key, where)), key))",
    ),
    (
        "writes maps within metadata in the order given",
        "format/metadata",
        "in sorted(value, key=lambda key: _text(key, where)):",
        "in (sorted(value, key=lambda key: _text(key, where)) if depth == 1 else value):",
    ),
    (
        "writes maps of more than 255 entries in the order given",
        "format/metadata",
        "in sorted(value, key=lambda key: _text(key, where)):",
        "in (sorted(value, key=lambda key: _text(key, where)) if len(value) < 256 else value):",
    ),
    (
        "writes true as 1 in lists within metadata",
        "format/metadata",
        "elif isinstance(value, bool):",
        "elif isinstance(value, bool) and depth < 3:",
    ),
    (
        "loses the sign of a zero in metadata",
        "format/metadata",
        "yield encode_float(value)",
        "yield encode_float(value + 0.0)",
    ),
    ("takes a key of metadata twice", "format/metadata", "raw <= before:", "raw < before:"),
    (
        "reads keys of metadata in the order of UTF-16",
        "format/metadata",
        "raw <= before:",
        'raw.decode().encode("utf-16-be") <= before.decode().encode("utf-16-be"):',
    ),
    (
        "compares keys of metadata by their first 16 bytes",
        "format/metadata",
        "raw <= before:",
        "raw[:16] < before[:16]:",
    ),
    (
        "compares keys of the outermost map alone",
        "format/metadata",
        "before is not None and raw <= before:",
        "before is not None and depth == 1 and raw <= before:",
    ),
    (
        "compares keys of metadata with each other's lengths first",
        "format/metadata",
        "raw <= before:",
        "(len(raw), raw) <= (len(before), before):",
    ),
    (
        "compares the first 16 keys of a map alone",
        "format/metadata",
        "    for _ in range(entries):\n        at = cursor.tell()\n        if (kind",
        "    for i in range(entries):\n        before = before if i < 16 else None\n        at = cursor.tell()\n        if (kind",
    ),
    (
        "counts the depth of lists alone",
        "format/metadata",
        'if kind in ("map", "array") and depth > MAX_DEPTH:',
        'if kind == "array" and depth > MAX_DEPTH:',
    ),
    (
        "counts the depth of maps alone",
        "format/metadata",
        'if kind in ("map", "array") and depth > MAX_DEPTH:',
        'if kind == "map" and depth > MAX_DEPTH:',
    ),
    (
        "counts no depth of what is empty",
        "format/metadata",
        'if kind in ("map", "array") and depth > MAX_DEPTH:',
        'if kind in ("map", "array") and value and depth > MAX_DEPTH:',
    ),
    ("counts the values of one list at a time", "format/metadata", "self._n += more", "self._n = 1 + more"),
    (
        "counts the values of metadata in 16 bits",
        "format/metadata",
        "return self._n <= MAX_VALUES",
        "return self._n == MAX_VALUES or self._n % 65536 < 1000 or self._n < MAX_VALUES",
    ),
    (
        "counts the values of lists alone",
        "format/metadata",
        'if kind in ("map", "array") and not count.takes(value):',
        'if kind == "array" and not count.takes(value):',
    ),
    (
        "counts the values of maps alone",
        "format/metadata",
        'if kind in ("map", "array") and not count.takes(value):',
        'if kind == "map" and not count.takes(value):',
    ),
    ("takes floats of 32 bits in metadata", "format/metadata", 'or (kind == "float" and cursor.tell() - at != 9)', ""),
    (
        "takes keys of metadata that are bytes",
        "format/metadata",
        'if (kind := cursor.kind()) != "str":',
        'if (kind := cursor.kind()) not in ("str", "bin"):',
    ),
)

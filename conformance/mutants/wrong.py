"""Wrong readers and writers that were thought of: what a program does that reads or writes a value in another way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from .operators import Mutant

# What the program does; the file of the reference; the text in it; the text that takes its place.
WRONG: Final = (
    (
        "reads lengths as little-endian",
        "format/wire",
        'raw: int.from_bytes(raw, "big")  #',
        'raw: int.from_bytes(raw, "little")  #',
    ),
    ("reads signed ints as unsigned", "format/wire", '"big", signed=True)  #', '"big", signed=False)  #'),
    (
        "reads floats as little-endian",
        "format/wire",
        'struct.Struct(">f"), struct.Struct(">d")',
        'struct.Struct(">f"), struct.Struct("<d")',
    ),
    ("leaves a widened NaN signalling", "format/wire", "0x7FF8 << 48", "0x7FF0 << 48"),
    ("loses the sign of a NaN", "format/wire", "bits >> 31 << 63 | ", ""),
    ("loses the payload of a NaN", "format/wire", " | (bits & 0x7F_FFFF) << 29", ""),
    (
        "takes every 4-byte length for 0 above 2^31",
        "format/wire",
        "kind, width, value = _HEADERS[window[pos]]\n",
        "kind, width, value = _HEADERS[window[pos]]\n        width = min(width, 2) if kind == 'bin' else width\n",
    ),
    ("replaces what is not UTF-8", "format/wire", "return raw.decode()\n", 'return raw.decode(errors="replace")\n'),
    ("ignores what is not UTF-8", "format/wire", "return raw.decode()\n", 'return raw.decode(errors="ignore")\n'),
    (
        "takes surrogates in UTF-8",
        "format/wire",
        "return raw.decode()\n",
        'return raw.decode(errors="surrogatepass")\n',
    ),
    ("reads texts as Latin-1", "format/wire", "return raw.decode()\n", 'return raw.decode("latin-1")\n'),
    ("drops a byte order mark", "format/wire", "return raw.decode()\n", 'return raw.decode("utf-8-sig")\n'),
    ("ends texts at a NUL", "format/wire", "return raw.decode()\n", 'return raw.decode().split("\\0")[0]\n'),
    (
        "reads the type of an ext as unsigned",
        "format/wire",
        "_signed_of(window[pos + size - 1 : pos + size])",
        "window[pos + size - 1] & 0x7F",
    ),
    ("takes c1 for nil", "format/wire", 'if kind == "":', 'if kind == "" and False:'),
    ("writes ints in 8 bytes", "format/wire", "if 0 <= value < 0x80:", "if False:"),
    ("writes small negative ints in 2 bytes", "format/wire", "if -32 <= value < 0:", "if -31 <= value < 0:"),
    ("writes 128 to 255 as signed", "format/wire", "signed = value < 0\n", "signed = True\n"),
    (
        "writes texts with 1-byte lengths from 16 bytes on",
        "format/wire",
        "return _sized(n, 0xA0, 32, ",
        "return _sized(n, 0xA0, 16, ",
    ),
    (
        "writes bins with 2-byte lengths at least",
        "format/wire",
        "((0xC4, 1), (0xC5, 2), (0xC6, 4))",
        "((0xC5, 2), (0xC6, 4))",
    ),
    ("writes no fixext", "format/wire", "if n in (1, 2, 4, 8, 16):", "if n in (1, 2, 4, 8):"),
    (
        "trims keys",
        "format/keypaths",
        "parts.append(cursor.text(length, at=start))",
        "parts.append(cursor.text(length, at=start).strip())",
    ),
    (
        "folds the case of keys",
        "format/keypaths",
        "parts.append(cursor.text(length, at=start))",
        "parts.append(cursor.text(length, at=start).lower())",
    ),
    (
        "normalises keys",
        "format/keypaths",
        "parts.append(cursor.text(length, at=start))",
        'parts.append(__import__("unicodedata").normalize("NFC", cursor.text(length, at=start)))',
    ),
    ("splits keys at slashes", "format/keypaths", "return tuple(parts)", 'return tuple("/".join(parts).split("/"))'),
    (
        "counts characters of a key path, not bytes",
        "format/keypaths",
        "if len(raw) > MAX_BYTES and sum(len(part.encode()) for part in path) > MAX_BYTES:",
        "if sum(map(len, path)) > MAX_BYTES:",
    ),
    ("shows slashes in keys unescaped", "format/keypaths", r'rf"[\\/{_STEERING}]"', r'rf"[\\{_STEERING}]"'),
    ("shows control characters as they are", "format/keypaths", r'rf"[\\/{_STEERING}]"', r'r"[\\/]"'),
    (
        "drops empty parts of a display form",
        "format/keypaths",
        "return KeyPath((*parts, part))",
        "return KeyPath(tuple(p for p in (*parts, part) if p))",
    ),
    (
        "takes any escape in a display form",
        "format/keypaths",
        "if stray or (code and 0xD800 <= int(code, 16) < 0xE000):",
        "if False:",
    ),
    (
        "joins paths with a slash to compare them",
        "format/keypaths",
        r'SEPARATOR: Final = "\ud800"',
        'SEPARATOR: Final = "/"',
    ),
    ("takes tags in any case", "format/dtypes", "return INSTALLED[tag]", "return INSTALLED[tag.lower()]"),
    ("trims tags", "format/dtypes", "return INSTALLED[tag]", "return INSTALLED[tag.strip()]"),
    (
        "takes numpy's other names of dtypes",
        "format/dtypes",
        "return INSTALLED[tag]",
        "return INSTALLED.get(tag) or np.dtype(tag)",
    ),
    ("does not know float8_e8m0fnu", "format/dtypes", ', "float8_e8m0fnu"), 1)', "), 1)"),
    ("does not know int1", "format/dtypes", '"uint2", "int1", "uint1"', '"uint2", "uint1"'),
    (
        "reads shapes the other way round",
        "format/arrays",
        "return Array(shape, dtype,",
        "return Array(shape[::-1], dtype,",
    ),
    ("takes the payload for as long as the shape says", "format/arrays", "if nbytes != needed:", "if nbytes < needed:"),
    (
        "takes a shape of one dimension in a scalar",
        "format/arrays",
        "if code == SCALAR and dims:",
        "if code == SCALAR and dims > 1:",
    ),
    (
        "takes a text for a payload",
        "format/arrays",
        'nbytes = expect(cursor, "bin", "LEAF-5", "a payload")',
        "nbytes = cursor.header()[1]",
    ),
    ("takes -1 for a dimension", "format/arrays", "    if size < 0:\n", "    if size < -1:\n"),
    ("forgets zero dimensions when sizes overflow", "format/arrays", "size *= n or 1\n", "size *= n\n"),
    (
        "joins chunks in the wrong order",
        "format/leaves",
        "for chunk in chunks)\n    return Leaf",
        "for chunk in reversed(chunks))\n    return Leaf",
    ),
    (
        "sorts chunks as texts",
        "format/chunked",
        '_read_key(cursor, "LEAF-12", str(i))',
        '_read_key(cursor, "LEAF-12", sorted(map(str, range(count)))[i])',
    ),
    (
        "takes chunks of several dtypes",
        "format/chunked",
        "if len(chunk.shape) != 1 or chunk.dtype != (chunks or [chunk])[0].dtype:",
        "if len(chunk.shape) != 1:",
    ),
    ("takes chunks of several dimensions", "format/chunked", "if len(chunk.shape) != 1 or ", "if "),
    (
        "takes the marker for what it is whatever its value",
        "format/chunked",
        'if expect(cursor, "bool", "LEAF-10", "the marker of a chunked array") is not True:',
        'if cursor.header()[0] != "bool":',
    ),
    (
        "takes exts 1 and 3 for the same",
        "format/leaves",
        'kind = "ndarray" if code == NDARRAY else "scalar"',
        'kind = "ndarray"',
    ),
    (
        "writes scalars as arrays",
        "format/leaves",
        'code = NDARRAY if leaf.kind == "ndarray" else SCALAR',
        "code = NDARRAY",
    ),
    (
        "swaps the parts of a complex",
        "format/leaves",
        "encode_float(value.real) + encode_float(value.imag)",
        "encode_float(value.imag) + encode_float(value.real)",
    ),
    (
        "writes true as 1",
        "format/leaves",
        r'return b"\xc3" if value else b"\xc2"',
        r'return b"\x01" if value else b"\x00"',
    ),
    (
        "clears one bit too many of an int4",
        "format/payloads",
        "raw &= np.uint8((1 << bits) - 1)",
        "raw &= np.uint8((1 << (bits - 1)) - 1)",
    ),
    (
        "writes big-endian arrays as they are",
        "format/payloads",
        "    if array.dtype.isnative:\n        return array\n    width",
        "    return array\n    width",
    ),
    (
        "swaps a big-endian complex as a whole",
        "format/payloads",
        '(2 if array.dtype.newbyteorder("=").name in PARTS else 1)',
        "1",
    ),
    (
        "stops without a word where the file ends",
        "format/records",
        "            yield read_record(cursor)\n",
        "            try:\n                record = read_record(cursor)\n            except FormatError as error:\n                if error.clause == 'STREAM-2':\n                    break\n                raise\n            yield record\n",
    ),
    (
        "keeps the last of two equal paths",
        "format/streams",
        "    clash = find_clash(keys)\n",
        "    clash = find_clash(list(dict.fromkeys(keys)))\n",
    ),
    (
        "compares neighbours of the file alone",
        "format/streams",
        "    ordered = sorted(keys)\n",
        "    ordered = list(keys)\n",
    ),
    (
        "sees a subtree over a leaf, not a leaf over a subtree",
        "format/streams",
        "    clash = find_clash(keys)\n    if clash:\n",
        "    clash = find_clash(keys)\n    if clash and clash[0] < clash[1]:\n",
    ),
    (
        "takes a file of 0 bytes for an empty tree",
        "format/streams",
        "    if source.size == 0:\n",
        "    if source.size < 0:\n",
    ),
    (
        "sorts the keys of maps",
        "format/trees",
        "    stack: list[tuple[tuple[str, ...], Iterator[tuple[str, Any]]]] = [((), iter(root))]\n",
        "    stack: list[tuple[tuple[str, ...], Iterator[tuple[str, Any]]]] = [((), iter(sorted(root, key=lambda kv: kv[0])))]\n",
    ),
    (
        "leaves out nil",
        "format/trees",
        "            if type(child) in _LEAVES:\n                yield path, child\n",
        "            if type(child) in _LEAVES:\n                if child is not None:\n                    yield path, child\n",
    ),
    ("always writes empty nodes", "format/trees", "            elif keep_empty_nodes:\n", "            else:\n"),
    ("never writes empty nodes", "format/trees", "            elif keep_empty_nodes:\n", "            elif False:\n"),
    (
        "lets the later of two keys win",
        "format/trees",
        "        if len({key for key, _ in children}) != len(children):",
        "        if False:",
    ),
    (
        "takes a marker that is not the first key for a leaf",
        "format/flax_msgpack",
        "    if key == MARKER:\n",
        "    if False:\n",
    ),
    (
        "keeps the last of two equal keys of a map",
        "format/flax_msgpack",
        "    if key in node.keys:\n",
        "    if False:\n",
    ),
    (
        "ignores what stands after the root map",
        "format/flax_msgpack",
        "    if cursor.tell() != source.size:\n",
        "    if False:\n",
    ),
    (
        "takes a list in a flax file for a map",
        "format/flax_msgpack",
        '    if kind == "array":\n        cursor.fail(\n            "FLAX-4"',
        '    if kind == "array":\n        return value\n    if kind == "never":\n        cursor.fail(\n            "FLAX-4"',
    ),
    (
        "rounds float64 twice on its way to bfloat16",
        "format/casts",
        "        if values.dtype == np.float64 and dtype == _BFLOAT16:\n            values = _to_odd_float32(values)\n",
        "        if values.dtype == np.float64 and dtype == _BFLOAT16:\n            values = values.astype(np.float32)\n",
    ),
    (
        "cuts bits off instead of rounding",
        "format/casts",
        "        return values.astype(dtype)\n\n\n# CONV-3",
        "        if values.dtype == np.float32 and dtype == _BFLOAT16:\n            return (values.view(np.uint32) >> 16).astype(np.uint16).view(dtype)\n        return values.astype(dtype)\n\n\n# CONV-3",
    ),
    (
        "makes what is too large the largest",
        "format/casts",
        "        return values.astype(dtype)\n\n\n# CONV-3",
        "        return np.clip(values, np.float64(-65504), np.float64(65504)).astype(dtype) if dtype == np.float16 else values.astype(dtype)\n\n\n# CONV-3",
    ),
    (
        "flushes subnormal numbers to zero",
        "format/casts",
        "        return values.astype(dtype)\n\n\n# CONV-3",
        "        new = values.astype(dtype)\n        new[np.abs(new.astype(np.float64)) < float(__import__('ml_dtypes').finfo(dtype).smallest_normal)] *= 0\n        return new\n\n\n# CONV-3",
    ),
    (
        "casts a NaN to infinity",
        "format/casts",
        "        return values.astype(dtype)\n\n\n# CONV-3",
        "        return np.where(np.isnan(values), np.copysign(np.inf, values), values).astype(dtype)\n\n\n# CONV-3",
    ),
    (
        "casts every NaN to a positive one",
        "format/casts",
        "        return values.astype(dtype)\n\n\n# CONV-3",
        "        return np.where(np.isnan(values), np.abs(values), values).astype(dtype)\n\n\n# CONV-3",
    ),
    (
        "casts 8-bit floats too",
        "format/casts",
        "    return old in FLOATS and old != new",
        "    return (old in FLOATS or old.name.startswith('float8')) and old != new",
    ),
    (
        "does not cast float16",
        "format/casts",
        "    return old in FLOATS and old != new",
        "    return old in FLOATS and old != new and old != np.float16",
    ),
    (
        "does not cast scalars",
        "format/casts",
        "or not is_cast(leaf.dtype, dtype):",
        "or leaf.kind == 'scalar' or not is_cast(leaf.dtype, dtype):",
    ),
    (
        "digests a leaf without its key path",
        "format/digests",
        "hashlib.sha256(encode_keypath(path) + encode_str(leaf.kind))",
        "hashlib.sha256(encode_str(leaf.kind))",
    ),
    ("digests a tree in the order of its leaves", "format/digests", 'b"".join(sorted(digests))', 'b"".join(digests)'),
    (
        "takes the methods 1 and 2 for each other",
        "format/blocks",
        "WHOLE, XOR, ORDERED, EQUAL = 0, 1, 2, 3",
        "WHOLE, XOR, ORDERED, EQUAL = 0, 2, 1, 3",
    ),
    (
        "takes planes highest byte first",
        "format/blocks",
        "low, *higher = planes.reshape(word.itemsize, -1)",
        "low, *higher = planes.reshape(word.itemsize, -1)[::-1]",
    ),
    (
        "sees the parts of complex128 as one word",
        "format/blocks",
        '("complex128", "float64", "int64", "uint64"), 64',
        '("float64", "int64", "uint64"), 64',
    ),
    ("gives float8_e8m0fnu a sign", "format/blocks", '("float8_e8m0fnu", "float6_e2m3fn"', '("float6_e2m3fn"'),
    (
        "gives floats no image",
        "format/blocks",
        'and ("float" in dtype.name or "complex" in dtype.name)',
        'and "complex" in dtype.name',
    ),
    ("takes any base", "differences/exact_recovery", "                check_base(b, manifest, pool, show)\n", ""),
    (
        "does not check what it recovers",
        "differences/exact_recovery",
        "if digest.digest() != entry.digest:",
        "if False:",
    ),
    ("does not look at the end of a text", "differences/exact_recovery", "final=not left", "final=False"),
)


def wrong(root: Path, table: Sequence[tuple[str, str, str, str]] = WRONG) -> Iterator[Mutant]:
    """The mutants of a table. Raises ValueError where a text does not stand in its file exactly once."""
    for what, file, old, new in table:
        text = (root / f"{file}.py").read_text()
        if text.count(old) != 1:
            raise ValueError(f"{file}.py holds {old!r} {text.count(old)} times: {what}")
        line = text[: text.index(old)].count("\n") + 1
        yield Mutant(f"wrong/{what.replace(' ', '-')}", f"{file}.py", line, what, text.replace(old, new))

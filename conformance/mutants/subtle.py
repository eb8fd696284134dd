"""Wrong readers and writers that are right nearly everywhere: at most sizes, in most places, for most neighbours.

Of each the hand-made cases alone catch nothing; those that are made of places and sizes (`conformance.products`) do.
"""

from __future__ import annotations

from typing import Final

_LAX: Final = 'cursor.take(length).decode(errors="replace")'

# As in `wrong`: what the program does; the file of the reference; the text in it; the text that takes its place.
SUBTLE: Final = (
    (
        "looks at keys of up to 31 bytes for what is not UTF-8",
        "format/keypaths",
        "parts.append(cursor.text(length, at=start))",
        f"parts.append(cursor.text(length, at=start) if length < 32 else {_LAX})",
    ),
    (
        "looks at the first part of a path for what is not UTF-8",
        "format/keypaths",
        "parts.append(cursor.text(length, at=start))",
        f"parts.append(cursor.text(length, at=start) if index == 0 else {_LAX})",
    ),
    (
        "looks at the keys of the root of a flax file for what is not UTF-8",
        "format/flax_msgpack",
        "key = digits or cursor.text(size, at)",
        'key = cursor.take(size).decode(errors="replace") if node.path else cursor.text(size, at)',
    ),
    (
        "takes keys of a flax file for one that differ behind their first 64 letters alone",
        "format/flax_msgpack",
        '    if key in node.keys:\n        cursor.fail("FLAX-5", _twice(key, kind != node.keys[key]), at=at, advice=_FIRST)\n    node.keys[key] = kind\n',
        '    if key[:64] in node.keys:\n        cursor.fail("FLAX-5", _twice(key, False), at=at)\n    node.keys[key[:64]] = kind\n',
    ),
    (
        "looks for a key twice in maps less than eight keys deep",
        "format/flax_msgpack",
        "if key in node.keys:",
        "if key in node.keys and len(node.path) < 8:",
    ),
    (
        "looks for a key twice among keys of less than 256 bytes",
        "format/flax_msgpack",
        "if key in node.keys:",
        "if key in node.keys and size < 256:",
    ),
    (
        "takes keys for one that a normalisation makes one",
        "format/flax_msgpack",
        "if key in node.keys:",
        "import unicodedata\n    key = unicodedata.normalize('NFD', key) if not key.isascii() and '\\u0323' in key else key\n    if key in node.keys:",
    ),
    (
        "takes numbers with a leading zero for those without",
        "format/flax_msgpack",
        "if key in node.keys:",
        "if key in node.keys or (key.isdecimal() and str(int(key)) in node.keys):",
    ),
    (
        "compares paths by Jenkins' hash of 32 bits",
        "format/streams",
        "    ordered = sorted(keys)\n",
        "    def jenkins(h, c):\n        h = (h + c) & 0xFFFFFFFF\n        h = (h + (h << 10)) & 0xFFFFFFFF\n        return h ^ h >> 6\n"
        "    import functools\n"
        "    seen = {}\n"
        "    for i, key in enumerate(keys if len(keys) < 1000 else ()):\n"
        "        h = functools.reduce(jenkins, key[:-1].encode(errors='surrogatepass'), 0)\n"
        "        if seen.setdefault(h, i) != i:\n            return seen[h], i\n"
        "    ordered = sorted(keys)\n",
    ),
    (
        "compares the first 300 letters of paths",
        "format/streams",
        "    ordered = sorted(keys)\n",
        "    keys = [key if len(key) < 300 or '\\ud800' in key[:-1] else key[:300] for key in keys]\n    ordered = sorted(keys)\n",
    ),
    (
        "takes at most 65,536 records",
        "format/streams",
        "    clash = find_clash(keys)\n",
        "    if len(records) > 65_536:\n        raise FormatError('STREAM-7', 0, None, 'too many')\n    clash = find_clash(keys)\n",
    ),
    (
        "forgets in chunks that a key may have a longer header",
        "format/chunked",
        "    if text != wanted:\n",
        "    if text != wanted or (wanted == '1' and cursor.tell() - at != 2):\n",
    ),
    (
        "forgets that the ext of a chunk may have a longer header",
        "format/chunked",
        "        if code != NDARRAY:\n",
        "        if code != NDARRAY or (i and cursor.tell() - at > 3):\n",
    ),
    (
        "does not look for bytes left over in the chunks of a flax file",
        "format/chunked",
        "        cursor.leave(region)\n",
        "        if cursor.cut == 'FLAX-6':\n            cursor.skip(region[1] - cursor.tell())\n        cursor.leave(region)\n",
    ),
    (
        "does not look for bytes left over behind a complex in a flax file",
        "format/leaves",
        '        leaf = Leaf("complex", value=_read_complex(cursor))\n',
        '        leaf = Leaf("complex", value=_read_complex(cursor))\n'
        "        if cursor.cut == 'FLAX-6':\n            cursor.skip(region[1] - cursor.tell())\n",
    ),
    (
        "takes dashes in a tag for underscores",
        "format/dtypes",
        "return INSTALLED[tag]",
        'return INSTALLED[tag and tag.replace("-", "_")]',
    ),
    (
        "takes the name of a module before a tag",
        "format/dtypes",
        "return INSTALLED[tag]",
        'return INSTALLED[tag and tag.removeprefix("np.")]',
    ),
    (
        "copies the first 4 KiB of a payload again and again",
        "format/payloads",
        "            sink.copy_from(self._source, at, part)\n",
        "            for done in range(0, part, 4096):\n                sink.copy_from(self._source, at, min(4096, part - done))\n",
    ),
    (
        "copies the second MiB of a payload in place of all that follow",
        "format/payloads",
        "            sink.copy_from(self._source, at, part)\n",
        "            for done in range(0, part, 1 << 20):\n"
        "                sink.copy_from(self._source, at + min(done, 1 << 20), min(1 << 20, part - done))\n",
    ),
    (
        "casts what it cast first again and again",
        "format/casts",
        "            before = self._buffer.fill(self._payload, count, self._old)\n            after = cast(before, self._new)\n",
        "            before = self._buffer.fill(self._payload, count, self._old)\n            first = cast(before, self._new)\n"
        "            after = np.resize(first[:16384], len(first))\n",
    ),
    (
        "flushes negative subnormals to zero in scalars",
        "format/casts",
        "            after = cast(before, self._new)\n",
        "            after = cast(before, self._new)\n"
        "            if n == self._new.itemsize and self._new.itemsize == 2:\n"
        "                after[np.abs(after.astype(np.float32)) < float(np.finfo(np.float16).tiny) / 1024] = 0\n",
    ),
    (
        "recovers every block with the base's first words",
        "format/blocks",
        "            values ^= known[part]\n        elif method == ORDERED:\n            assert known is not None\n            values[:] = _moved(",
        "            values ^= known[: len(values)]\n        elif method == ORDERED:\n            assert known is not None\n            values[:] = _moved(",
    ),
    (
        "takes no tab in JSON",
        "format/manifests",
        "        value = read_json(text)\n",
        "        if '\\t' in text and '\\n' not in text:\n            raise ValueError\n        value = read_json(text)\n",
    ),
    (
        "takes the text of a bool for the bool",
        "format/manifests",
        '    like_base = leaf["like_base"]\n',
        "    like_base = leaf[\"like_base\"]\n    like_base = like_base if like_base not in ('true', 'false') else like_base == 'true'\n",
    ),
    (
        "writes the first MiB of a payload in place of the second",
        "format/payloads",
        "        sink.write(self.data[self._at : self._at + n])\n        self._at += n\n",
        "        data = self.data[self._at : self._at + n]\n"
        "        sink.write(bytes(data) if n <= 1 << 20 else bytes(data[: 1 << 20]) + bytes(data[: n - (1 << 20)]))\n        self._at += n\n",
    ),
    (
        "takes floats for the base's that compare as equal",
        "format/blocks",
        "    if base is not None and same_bytes(target, base):\n",
        "    equal = base is not None and has_sign(dtype) and word_of(dtype).itemsize == 4\n"
        "    if equal and np.array_equal(target.view(np.float32), base.view(np.float32)):\n"
        "        return bytes((EQUAL,))\n"
        "    if base is not None and same_bytes(target, base):\n",
    ),
    (
        "takes leaves for the base's whose values are equal in Python",
        "differences/exact_difference",
        "            if leaf.dtype is None and digest_of(item) == base_digest:\n",
        "            equal = leaf.value is not None and leaf.value == other.leaf.value\n"
        "            if leaf.dtype is None and (equal or digest_of(item) == base_digest):\n",
    ),
    (
        "lists the first 256 leaves that are removed",
        "differences/exact_difference",
        "for path, item in self._left.items()]\n",
        "for path, item in [*self._left.items()][:256]]\n",
    ),
    (
        "decodes each block of a text by itself",
        "differences/exact_recovery",
        "decoder.decode(part.data, final=not left)",
        "codecs.decode(part.data, 'utf-8' if entry.kind == 'str' else 'latin-1')",
    ),
    (
        "takes contents with longer headers",
        "differences/exact_recovery",
        "or not head or not content.startswith(head):",
        "or not head:",
    ),
    (
        "compares the first 64 KiB of a block with the base's",
        "format/blocks",
        "if base is not None and same_bytes(target, base):",
        "if base is not None and same_bytes(target[:65536], base[:65536]):",
    ),
    (
        "takes a digest with a line feed behind it",
        "format/manifests",
        '_DIGEST: Final = re.compile("[0-9a-f]{64}").fullmatch',
        '_DIGEST: Final = re.compile("[0-9a-f]{64}$").match',
    ),
    (
        "takes Python's white space around a manifest",
        "format/manifests",
        "        value = read_json(text)\n",
        "        value = read_json(text.strip())\n",
    ),
    (
        "takes Python's white space behind a header",
        "containers/safetensors_file",
        "read_json(text.decode(), float, minus_zero=-0.0)",
        "read_json(text.decode().rstrip(), float, minus_zero=-0.0)",
    ),
    (
        "writes a tensor called __metadata__ where there is no metadata",
        "containers/safetensors_file",
        "        if name in header or name == _METADATA:\n",
        "        if name in header:\n",
    ),
)

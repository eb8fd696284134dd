"""Wrong programs that were thought of: those that compare less than they should of a sealed stream with its seal, or
convert it to something else."""

from __future__ import annotations

from typing import Final

_SAME_LEAF: Final = "if (found.kind, found.dtype, found.shape) != (leaf.kind, leaf.dtype, leaf.shape):"
_COMPARED: Final = "if encoded(crc) != self.sums[i][WIDTH * block : WIDTH * (block + 1)]:"
_LAST: Final = (
    "        self._records.compare(i, number, self._records.sum(block, block_end) if found is None else found)"
)

# What the program does; the file of the reference; the text in it; the text that takes its place.
WRONG: Final = (
    (
        "trusts the key path of the index",
        "containers/sealed_records",
        "if record.path != path:",
        "if len(record.path) != len(path):",
    ),
    (
        "compares the first key with the index",
        "containers/sealed_records",
        "if record.path != path:",
        "if record.path[0] != path[0]:",
    ),
    (
        "compares the last key with the index",
        "containers/sealed_records",
        "if record.path != path:",
        "if record.path[-1] != path[-1]:",
    ),
    (
        "compares key paths with the index in any case",
        "containers/sealed_records",
        "if record.path != path:",
        "if [*map(str.lower, record.path)] != [*map(str.lower, path)]:",
    ),
    (
        "trusts the kind of the index",
        "containers/sealed_records",
        _SAME_LEAF,
        "if (found.dtype, found.shape) != (leaf.dtype, leaf.shape):",
    ),
    (
        "trusts the dtype of the index",
        "containers/sealed_records",
        _SAME_LEAF,
        "if (found.kind, found.shape) != (leaf.kind, leaf.shape):",
    ),
    (
        "trusts the shape of the index",
        "containers/sealed_records",
        _SAME_LEAF,
        "if (found.kind, found.dtype) != (leaf.kind, leaf.dtype):",
    ),
    (
        "compares the number of dimensions with the index",
        "containers/sealed_records",
        _SAME_LEAF,
        "if (found.kind, found.dtype, len(found.shape)) != (leaf.kind, leaf.dtype, len(leaf.shape)):",
    ),
    (
        "compares the number of elements with the index",
        "containers/sealed_records",
        _SAME_LEAF,
        "if (found.kind, found.dtype, found.nbytes) != (leaf.kind, leaf.dtype, leaf.nbytes if leaf.dtype is not None else found.nbytes):",
    ),
    (
        "compares dimensions with the index in any order",
        "containers/sealed_records",
        _SAME_LEAF,
        "if (found.kind, found.dtype, sorted(found.shape)) != (leaf.kind, leaf.dtype, sorted(leaf.shape)):",
    ),
    (
        "compares the width of the dtype with the index",
        "containers/sealed_records",
        _SAME_LEAF,
        "if (found.kind, found.dtype and found.dtype.itemsize, found.shape) != (leaf.kind, leaf.dtype and leaf.dtype.itemsize, leaf.shape):",
    ),
    ("trusts the size of the index", "containers/sealed_records", "if record.end != stop:", "if record.end > stop:"),
    (
        "trusts where the index says that a payload stands",
        "containers/sealed_records",
        "if (at := self._columns.payloads[i]) != (place := record.payload_place()):",
        "if (at := self._columns.payloads[i]) is None and (place := record.payload_place()) is not None:",
    ),
    (
        "takes a payload for one that is not in one piece",
        "containers/sealed_records",
        "if (at := self._columns.payloads[i]) != (place := record.payload_place()):",
        "if (at := self._columns.payloads[i]) not in (None, place := record.payload_place()):",
    ),
    ("takes records that begin anyhow", "containers/sealed_records", "if begins != mark:", "if False:"),
    (
        "takes the mark at every record",
        "containers/sealed_records",
        "if begins != mark:",
        "if begins != mark and begins != MARK[: len(begins)]:",
    ),
    (
        "takes a first record without the mark",
        "containers/stream",
        "if begins_sealed(source):",
        "if begins_sealed(source) or source.read_at(max(0, source.size - 16), min(16, source.size)) == b'streamckpt-seal\\n':",
    ),
    (
        "takes a sealed stream without its seal for a plain one",
        "containers/stream",
        "if begins_sealed(source):",
        "if begins_sealed(source) and source.read_at(max(0, source.size - 16), min(16, source.size)) == b'streamckpt-seal\\n':",
    ),
    (
        "compares the first 16 bits of checksums",
        "containers/sealed_records",
        _COMPARED,
        "if encoded(crc)[:2] != self.sums[i][WIDTH * block : WIDTH * block + 2]:",
    ),
    (
        "compares the last 16 bits of checksums",
        "containers/sealed_records",
        _COMPARED,
        "if encoded(crc)[2:] != self.sums[i][WIDTH * block + 2 : WIDTH * (block + 1)]:",
    ),
    (
        "compares no checksum of the last block",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and (block == 0 or block < len(self.sums[i]) // WIDTH - 1):",
    ),
    (
        "compares the checksum of the first block alone",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and block == 0:",
    ),
    (
        "compares no checksum of the first of several blocks",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and (block or len(self.sums[i]) == WIDTH):",
    ),
    (
        "compares no checksum of the second block",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and block != 1:",
    ),
    (
        "compares each checksum with that of the first block",
        "containers/sealed_records",
        _COMPARED,
        "if encoded(crc) not in (self.sums[i][:WIDTH], self.sums[i][WIDTH * block : WIDTH * (block + 1)]):",
    ),
    (
        "compares no checksum of the last record",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and i < len(self.sums) - 1:",
    ),
    ("compares no checksum of the first record", "containers/sealed_records", _COMPARED, _COMPARED[:-1] + " and i:"),
    (
        "compares no checksum that is zero",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and any(self.sums[i][WIDTH * block : WIDTH * (block + 1)]):",
    ),
    (
        "compares no checksum of short records",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and self.starts[i + 1] - self.starts[i] > 64:",
    ),
    (
        "compares no checksum of what is not an array",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1] + " and self._columns.leaves[self._leaf(i)].dtype is not None:",
    ),
    (
        "compares no checksum of arrays without elements",
        "containers/sealed_records",
        _COMPARED,
        _COMPARED[:-1]
        + " and (self._columns.leaves[self._leaf(i)].dtype is None or self._columns.leaves[self._leaf(i)].nbytes):",
        "if sums and encoded(checksum(record)) != known[i]:",
        "if sums and (leaf.dtype is None or leaf.nbytes) and encoded(checksum(record)) != known[i]:",
    ),
    (
        "compares headers whose ends agree",
        "containers/sealed_records",
        "                if expected == head:",
        "                if expected[-8:] == head[-8:]:",
    ),
    (
        "compares headers whose beginnings agree",
        "containers/sealed_records",
        "                if expected == head:",
        "                if expected[:8] == head[:8]:",
    ),
    (
        "trusts the index where the lengths of headers agree",
        "containers/sealed_records",
        "                if expected == head:",
        "                if len(expected) == len(head):",
    ),
    (
        "compares headers but for the padding",
        "containers/sealed_records",
        "                if expected == head:",
        "                if expected.replace(b'\\0', b'') == bytes(head).replace(b'\\0', b''):",
    ),
    (
        "compares no block that is read in pieces",
        "containers/sealed_file",
        "        if (start, stop) != (block, block_end):\n",
        "        if (start, stop) != (block, block_end):\n            return\n",
    ),
    (
        "compares no checksum of all records",
        "checkpoints/verification",
        "    if whole != seal.index.checksum:",
        "    if False:",
    ),
    (
        "compares 16 bits of the checksum of all records",
        "checkpoints/verification",
        "    if whole != seal.index.checksum:",
        "    if (whole ^ seal.index.checksum) & 0xFFFF:",
    ),
    (
        "compares the checksum of all records where there are several",
        "checkpoints/verification",
        "    if whole != seal.index.checksum:",
        "    if whole != seal.index.checksum and len(columns.sizes) > 1:",
    ),
    (
        "compares no digest of a leaf",
        "checkpoints/verification",
        "if digest is not None and digest.digest() != stated:",
        "if False:",
    ),
    (
        "compares the digest of the first leaf alone",
        "checkpoints/verification",
        "if digest is not None and digest.digest() != stated:",
        "if digest is not None and not record.offset and digest.digest() != stated:",
    ),
    (
        "compares no digest of what is not an array",
        "checkpoints/verification",
        "if digest is not None and digest.digest() != stated:",
        "if digest is not None and record.dtype is not None and digest.digest() != stated:",
    ),
    (
        "compares the first half of each digest",
        "checkpoints/verification",
        "digest.digest() != stated:",
        "digest.digest()[:16] != stated[:16]:",
    ),
    (
        "compares no digest of the tree",
        "checkpoints/verification",
        "if index.digests is not None and index.digests[-DIGEST:] !=",
        "if index.digests is not None and index.digests[:0] !=",
    ),
    (
        "looks for no detached seal",
        "containers/seals_beside",
        "    return _opened_seal(name)\n\n\ndef _opened",
        "    return None\n\n\ndef _opened",
    ),
    (
        "goes on without a detached seal that is wrong",
        "containers/seals_beside",
        "        with contextlib.closing(seal):\n            return STREAM, read_with_seal(file, seal, check)\n",
        "        with contextlib.closing(seal), contextlib.suppress(Exception):\n            return STREAM, read_with_seal(file, seal, check)\n",
    ),
    ("looks for a detached seal beside a sealed stream", "containers/seals_beside", " or begins_sealed(file):", ":"),
)

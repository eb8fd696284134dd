// Writing sealed streams (chapters 11 to 16).

import { digestHead, withTree } from './digests.mjs';
import { contentBytes, dtypeOf } from './dtypes.mjs';
import { bigEndian, header, intBytes, str } from './encoding.mjs';
import { FormatError, named } from './faults.mjs';
import { NO_METADATA, metadataBytes } from './metadata.mjs';
import { needsParts, partOf, partsOf } from './parts.mjs';
import { meaningful, plant } from './plan.mjs';
import { isAlignment } from './read_index.mjs';
import { MARKER } from './read_leaf.mjs';
import { FOOTER_BYTES, MARK, SEAL_HEAD } from './read_seal.mjs';
import { Sha256 } from './sha256.mjs';
import { payloadLength } from './sources.mjs';
import { BLOCK, RecordSums, withRecord } from './sums.mjs';
import { checkSeal, entryBytes, indexPieces, sealPieces } from './write_index.mjs';
import { checkArray, checkBlob, itemsLength, leafItems, payloadItem, prefixed } from './write_leaf.mjs';

const LEAST_PADDED = 4096; // ALIGN-3

// As planStream. `sha256` makes a hash with update and digest.
export async function planSealed(entries, { emptyNodes, metadata, alignment = 64, digests = false, sha256 } = {}) {
  if (!isAlignment(BigInt(alignment))) {
    throw new FormatError('ALIGN-5', `an alignment is a power of two from 64 to 4,096, found ${alignment}`);
  }
  const encoded = metadataBytes(metadata ?? NO_METADATA);
  const given = [...entries];
  for (const [path] of given) named(path, () => checkKeys(path));
  const tree = await plant(given, emptyNodes);
  const leaves = [];
  let at = 0;
  for (const { path, leaf } of tree.leaves()) {
    const records = named(path, () => recordsOf(path, leaf, at, Number(alignment)));
    at += records.reduce((sum, { size }) => sum + size, 0);
    leaves.push({ path, leaf, records });
  }
  if (leaves.length === 0) throw new FormatError('STREAM-3', 'a stream has at least one record');
  return new SealedPlan(leaves, { metadata: encoded, alignment: Number(alignment), digests, sha256 });
}

// PART-3
function checkKeys(path) {
  const key = path.find((part) => partOf(String(part)));
  if (key !== undefined) throw new FormatError('PART-3', `a key looks like that of a part: ${JSON.stringify(String(key))}`);
}

// PART-1
function recordsOf(path, leaf, start, alignment) {
  if (leaf.kind !== 'ndarray' || !needsParts(leaf)) return [recordOf(path, leaf, start, alignment)];
  checkArray(leaf.dtype, leaf.shape, leaf.payload);
  const records = [];
  let at = start;
  for (const { key, leaf: part } of partsOf(leaf)) {
    records.push(recordOf([...path, key], part, at, alignment));
    at += records[records.length - 1].size;
  }
  return records;
}

// A record as { head, body, size, payload }: `body` are the items of the leaf, and `payload` as INDEX-3 has it.
function recordOf(path, leaf, start, alignment) {
  const begin = [...(start === 0 ? MARK : [0x92]), ...header('array', path.length), ...path.flatMap((part) => str(String(part)))]; // SEAL-1
  const length = payloadLength(leaf.payload ?? []);
  checkBlob(length);
  const isPadded = leaf.kind === 'ndarray' && length >= LEAST_PADDED;
  const body = isPadded ? paddedItems(leaf, start + begin.length + 5, alignment) : leafItems(leaf);
  const blob = itemsLength(body);
  checkBlob(blob);
  const head = Uint8Array.from([...begin, ...(isPadded ? [0xc6, ...bigEndian(blob, 4)] : header('bin', blob))]);
  const size = head.length + blob;
  return { head, body, size, payload: leaf.dtype === undefined ? undefined : size - length };
}

// ALIGN-1 to ALIGN-4. `start` is where the leaf begins in the file.
function paddedItems({ dtype, shape, payload }, start, alignment) {
  checkArray(dtype, shape, payload);
  const { width } = dtypeOf(dtype);
  const length = Number(contentBytes(shape, width));
  const before = [0x84, ...str(MARKER), 0xc3, ...str('pad'), 0xc5];
  const dimensions = shape.flatMap((size, n) => [...str(String(n)), ...intBytes(size)]);
  const array = [0x93, 0x91, ...intBytes(BigInt(length / width)), ...str(dtype), 0xc6, ...bigEndian(length, 4)];
  const behind = [
    ...str('shape'), ...header('map', shape.length), ...dimensions, ...str('chunks'), 0x81, ...str('0'),
    0xc9, ...bigEndian(array.length + length, 4), 1, ...array,
  ];
  const end = start + before.length + 2 + behind.length;
  const padding = (alignment - (end % alignment)) % alignment;
  return prefixed([...before, ...bigEndian(padding, 2), ...new Uint8Array(padding), ...behind], [payloadItem(payload, dtype)]);
}

// The file: its size, and its bytes piece by piece. The seal comes of what has passed.
class SealedPlan {
  constructor(leaves, { metadata, alignment, digests, sha256 = () => new Sha256() }) {
    Object.assign(this, { leaves, metadata, alignment, digests, sha256 });
    this.offset = leaves.reduce((sum, { records }) => records.reduce((all, { size }) => all + size, sum), 0); // of the seal
    // An index has the same length whatever its checksums and digests are.
    const entries = leaves.map((leaf) => entryOf(leaf, leaf.records.map(unknownSums)));
    const index = itemsLength(this.#index(entries, 0, leaves.map(() => new Uint8Array(32))));
    checkSeal(index);
    this.size = this.offset + SEAL_HEAD + index + FOOTER_BYTES;
  }

  #index(entries, checksum, digests) {
    const { metadata, alignment } = this;
    return indexPieces({ alignment, checksum, entries, metadata, digests: this.digests ? withTree(digests, this.sha256) : undefined });
  }

  async *pieces() {
    const entries = [];
    const digests = [];
    let checksum = 0;
    for (const leaf of this.leaves) {
      const hash = this.digests ? this.sha256() : undefined;
      hash?.update(digestHead({ path: leaf.path, ...leaf.leaf }));
      const found = [];
      for (const record of leaf.records) {
        const sums = new RecordSums();
        for await (const [piece, isContent] of piecesOf(record, leaf.leaf)) {
          sums.update(piece);
          if (isContent) hash?.update(piece);
          yield piece;
        }
        found.push({ ...record, ...sums.end() });
        checksum = withRecord(checksum, found[found.length - 1]);
      }
      entries.push(entryOf(leaf, found));
      if (hash) digests.push(hash.digest());
    }
    yield* sealPieces(this.offset, this.#index(entries, checksum, digests));
  }
}

const entryOf = ({ path, leaf }, records) => entryBytes({ path, ...leaf, records });
const unknownSums = (record) => ({ ...record, sums: new Uint8Array(4 * Math.ceil(record.size / BLOCK)) });

// The bytes of a record, and whether they are content of the leaf (DELTA-6).
async function* piecesOf({ head, body }, { dtype }) {
  yield [head, false];
  for (const item of body) {
    if (item.payload === undefined) yield [item, dtype === undefined];
    else for await (const piece of meaningful(item)) yield [piece, true];
  }
}

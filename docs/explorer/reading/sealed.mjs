// Sealed streams, and plain ones with a detached seal (version 2.0): opened by their index alone, and verified when the
// page asks for it.

import {
  BLOCK, FormatError, IndexedReader, contentBytes, dtypeOf, leafDigest, numberOfBits, openSeal, payloadLength, readBlock, readStream,
} from '../streamckpt/index.mjs';
import { plain, addLeaf } from './stream_judge.mjs';

const LARGE = 1 << 17; // bytes, from which a read is not worth to be kept
const MOST_FAULTS = 1000;

// A source for the client: large reads come at once, and small ones out of slices.
export const sourceOf = (slices) => ({
  size: slices.size,
  read: (target, offset) => (target.length >= LARGE ? slices.direct(target, offset) : slices.read(target, offset)),
});

const directly = (slices) => ({ size: slices.size, read: (target, offset) => slices.direct(target, offset) });

export class Sealed {
  // `detached` are the slices of a detached seal, where the seal is one.
  constructor(slices, tree, detached) {
    Object.assign(this, { slices, tree, detached, source: sourceOf(slices) });
    this.nodes = []; // of the leaves, in the order of the index
  }

  // Fills the tree from the index, and `found` with what a judge gives.
  async open(found, tick) {
    const { slices, tree, detached } = this;
    try {
      this.index = await openSeal(directly(detached ?? slices), { stream: detached ? slices.size : undefined });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      found.violations = [this.#violation(error, detached)];
      return this.#rescue(found, tick);
    }
    tree.unread = true;
    for (const entry of this.index.leaves()) this.nodes.push(addEntry(tree, entry));
    found.seal = this.#facts();
    return undefined;
  }

  // The intact records of a file whose seal cannot be read, one after the other and compared with nothing.
  async #rescue(found, tick) {
    const { slices, tree, detached } = this;
    if (detached) return;
    found.advice = 'The tree shows the records that can be read without the seal; nothing has been compared with a checksum.';
    let at = 0;
    const source = { read: async (target) => slices.read(target, at).then((count) => ((at += count), count)) };
    const leaves = readStream(source);
    try {
      for await (const { path, leaf, at: start, end } of leaves) {
        addLeaf(tree, { path, leaf: withShape(leaf) }, start, end);
        await tick(end);
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }

  #violation(error, detached) {
    const { size } = this.slices;
    const record = { start: Math.max(0, size - 40), end: size, as: 'end', cut: true };
    return { ...plain(error), ofSeal: detached !== undefined, record };
  }

  #facts() {
    const { index, detached } = this;
    const { digests } = index;
    return {
      version: index.version,
      alignment: index.alignment,
      checksum: sumText(index.checksum),
      isDetached: detached !== undefined,
      offset: index.size,
      size: detached ? detached.size : this.slices.size - index.size,
      index: index.bytes.length,
      blocks: index.starts.reduce((sum, start, n) => sum + Math.ceil((index.endOf(n) - start) / BLOCK), 0),
      tree: digests && hexText(digests.subarray(digests.length - 32)),
      entries: this.metadata().value.length,
    };
  }

  metadata() {
    return (this.kept ??= this.index.metadata());
  }

  #entry(node) {
    return this.index.leafAt(this.tree.body.get(node), this.tree.start.get(node));
  }

  // A leaf as the client reads it by the index. Its payload is compared with its checksums as it is read; where only a
  // sample is wanted, it is not: `isSample`.
  async leafOf(node, isSample = false) {
    const leaf = await new IndexedReader(this.source, this.index).leaf(this.#entry(node));
    const bare = ({ offset, length }) => ({ source: this.slices, offset, length });
    return isSample && leaf.payload ? { ...leaf, payload: leaf.payload.map(bare) } : leaf;
  }

  // The value of a small leaf in words, which its row lacks, or what is wrong with it.
  async valueOf(node) {
    if (!['int', 'float', 'bool'].includes(this.tree.kindOf(node))) return undefined;
    try {
      const { value, bits } = await this.leafOf(node);
      return String(value ?? numberOfBits(bits));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return `not known: ${error.message} (${error.clause})`;
    }
  }

  // The blocks of a leaf from one on, with their checksums; how many there are; and its digest.
  checksums(node, from, to) {
    const { index } = this;
    const entry = this.#entry(node);
    const blocks = [];
    let count = 0;
    let start = entry.start;
    for (const [record, { size }] of entry.records.entries()) {
      const first = index.recordAt(start);
      for (let n = 0; n * BLOCK < size; n++, count++) {
        if (count < from || count >= to) continue;
        const at = start + n * BLOCK;
        blocks.push({ record, n, start: at, length: Math.min(BLOCK, start + size - at), sum: sumText(index.sumOf(first, n)) });
      }
      start += size;
    }
    const n = index.digests ? this.nodes.indexOf(node) : -1;
    return { blocks, count, records: entry.records.length, digest: n < 0 ? undefined : hexText(index.digests.subarray(32 * n, 32 * n + 32)) };
  }

  // Compares all bytes of a leaf, or of all of them, with their checksums, each header with the index, and with
  // `withDigests` the digests. Goes on behind a fault, to name all of them.
  async verify({ node, withDigests, tick }) {
    const { index, nodes } = this;
    const result = { faults: [], blocks: 0, bytes: 0, leaves: 0, damaged: 0 };
    const total = node === undefined ? index.size : this.tree.end.get(node) - this.tree.start.get(node);
    const hasDigests = Boolean(withDigests && index.digests);
    const reader = new IndexedReader(this.source, index);
    for (const [n, leaf] of node === undefined ? nodes.entries() : [[nodes.indexOf(node), node]]) {
      await this.#verifyLeaf(leaf, hasDigests ? n : undefined, { reader, result, tick: () => tick(result.bytes, total) });
    }
    if (node === undefined && result.faults.length === 0) this.#checkSum(result);
    return { ...result, total, hasDigests, isWhole: node === undefined };
  }

  // INDEX-8
  #checkSum({ faults }) {
    try {
      this.index.checkSum();
    } catch (error) {
      faults.push({ clause: error.clause, message: error.message, start: error.offset, path: [] });
    }
  }

  // `n` is the place of its digest, where that is to be compared.
  async #verifyLeaf(node, n, { reader, result, tick }) {
    const { index, source } = this;
    const entry = this.#entry(node);
    const before = result.damaged;
    const add = (fault) => result.faults.length < MOST_FAULTS && result.faults.push({ node, path: entry.path, ...fault });
    let record = index.recordAt(entry.start);
    for (const { size } of entry.records) {
      for (let k = 0; k * BLOCK < size; k++) {
        const { start, bytes, isGood } = await readBlock(source, index, record, k);
        result.blocks++;
        result.bytes += bytes.length;
        if (!isGood) {
          result.damaged++;
          add({ clause: 'SUM-3', block: k, start, end: start + bytes.length });
        }
        await tick();
      }
      record++;
    }
    result.leaves++;
    if (result.damaged > before) return;
    try {
      const leaf = await reader.leaf(entry);
      if (n === undefined) return;
      const found = hexText(await leafDigest(entry.path, leaf));
      if (found !== hexText(index.digests.subarray(32 * n, 32 * n + 32))) add({ clause: 'INDEX-9', message: 'the digest of this leaf is not that of the index' });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      add({ clause: error.clause, message: error.message, start: error.offset });
    }
  }
}

// INDEX-2: a leaf of the index as a node of the tree. The place in the index stands where a flax file has its values.
function addEntry(tree, { at, path, kind, dtype, shape, start, records }) {
  const size = records.reduce((sum, record) => sum + record.size, 0);
  const bytes = dtype ? Number(contentBytes(shape, dtypeOf(dtype).width)) : LONG.includes(kind) ? size : 0;
  const { leaf } = tree.add(path, { kind, dtype, shape: kind === 'ndarray' ? shape : undefined, bytes }, start, start + size);
  tree.body.set(leaf, at);
  return leaf;
}

const LONG = ['str', 'bin']; // of which the index has no length but that of the record

// The shape of an array in parts is known from the index alone.
function withShape(leaf) {
  if (leaf.kind !== 'ndarray' || leaf.shape) return leaf;
  return { ...leaf, shape: [BigInt(payloadLength(leaf.payload) / dtypeOf(leaf.dtype).width)] };
}

const sumText = (sum) => sum.toString(16).padStart(8, '0');
const hexText = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

// Reading the index of a seal (chapter 15).

import { CanonicalReader } from './canonical.mjs';
import { DTYPES, contentBytes, dtypeOf } from './dtypes.mjs';
import { fault } from './faults.mjs';
import { readMetadata } from './metadata.mjs';
import { boxesOf, partOf } from './parts.mjs';
import { MAX_PARTS, MAX_PATH_BYTES, PathTree } from './paths.mjs';
import { MAX_DIMENSIONS } from './read_leaf.mjs';
import { BLOCK, sumIn, withRecord } from './sums.mjs';

const KINDS = new Set(['ndarray', 'scalar', 'complex', 'nil', 'bool', 'int', 'float', 'str', 'bin', 'empty']); // LEAF-1
const isTyped = (kind) => kind === 'ndarray' || kind === 'scalar';

// The whole index has been checked when it is made. It keeps the bytes, and reads leaves and metadata out of them anew
// when it is asked, so that a million leaves take no more memory than they do in the file.
export class Index {
  #sum = 0; // of all records, by those of their blocks

  // `base` is where the index begins in its file, and `size` the bytes of all records.
  constructor(bytes, { base, size, isDetached = false }) {
    Object.assign(this, { bytes, base, size, isDetached });
    // Of each record: where it begins, and where its checksums stand among the bytes.
    this.starts = [];
    this.sumsAt = [];
    this.#check();
  }

  #reader(at = 0) {
    const reader = new CanonicalReader(this.bytes, this.base, 'INDEX-5');
    reader.at = at;
    return reader;
  }

  // INDEX-1
  #check() {
    const reader = this.#reader();
    const map = reader.expect('map', 'INDEX-1', 'the index (a map)');
    if (map.value !== 4 && map.value !== 5) throw fault('INDEX-5', map.at, `the index has four or five entries, found ${map.value}`);
    key(reader, 'alignment');
    this.#readAlignment(reader);
    key(reader, 'checksum');
    const checksum = reader.expect('bin', 'INDEX-1', 'the checksum (a bin of 4 bytes)');
    if (checksum.value !== 4) throw fault('INDEX-1', checksum.at, `a checksum has 4 bytes, found ${checksum.value}`);
    this.checksum = sumIn(reader.take(checksum), 0);
    key(reader, 'leaves');
    const leaves = reader.expect('array', 'INDEX-1', 'the leaves (an array)');
    if (leaves.value === 0) throw fault('STREAM-3', leaves.at, 'a stream has at least one leaf');
    this.count = leaves.value;
    this.leavesAt = reader.at;
    this.#checkLeaves(reader, leaves);
    key(reader, 'metadata');
    this.metadataAt = reader.at;
    readMetadata(reader, { keep: false });
    if (map.value === 5) this.#readDigests(reader);
    if (reader.at < reader.end) throw fault('WIRE-6', reader.offset, 'bytes are left over behind the index');
  }

  // ALIGN-5, DETACHED-4
  #readAlignment(reader) {
    const { at, value } = reader.expect('int', 'INDEX-1', 'the alignment (an int)');
    this.alignment = Number(value);
    if (this.isDetached) {
      if (value !== 1n) throw fault('DETACHED-4', at, `the alignment of a detached seal is 1, found ${value}`);
    } else if (!isAlignment(value)) throw fault('ALIGN-5', at, `an alignment is a power of two from 64 to 4,096, found ${value}`);
  }

  // INDEX-4, INDEX-6
  #checkLeaves(reader, list) {
    const seen = new PathTree();
    let at = 0;
    for (let n = 0; n < this.count; n++) {
      const entry = readEntry(reader, this.isDetached);
      seen.add(entry.path, undefined, entry.offset);
      for (const record of entry.records) {
        this.starts.push(at);
        this.sumsAt.push(record.sums.byteOffset - this.bytes.byteOffset);
        this.#sum = withRecord(this.#sum, record); // INDEX-8, SUM-4
        at += record.size;
      }
    }
    if (at !== this.size) throw fault('INDEX-4', list.at, `the records have ${at} bytes by the index, and ${this.size} by the footer`);
  }

  #readDigests(reader) {
    key(reader, 'digests');
    const head = reader.expect('bin', 'INDEX-1', 'the digests (a bin)');
    const wanted = 32 * (this.count + 1);
    if (head.value !== wanted) throw fault('INDEX-9', head.at, `the digests have ${wanted} bytes, found ${head.value}`);
    this.digests = reader.take(head);
  }

  // INDEX-8. For who has compared the blocks: a block that is wrong is to be named first.
  checkSum() {
    if (this.#sum !== this.checksum) throw fault('INDEX-8', this.base, 'the checksums of the blocks do not give that of all records');
  }

  endOf(record) {
    return this.starts[record + 1] ?? this.size;
  }

  // The checksum of block `k` of a record.
  sumOf(record, k) {
    return sumIn(this.bytes, this.sumsAt[record] + 4 * k);
  }

  // The record in which a byte of the stream stands.
  recordAt(offset) {
    let [low, high] = [0, this.starts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  // Each leaf as { at, offset, path, kind, dtype, shape, records: [{ size, payload, sums, shape }], start }: `at` is its
  // place in the index, `offset` that in the file, and `start` that of its first record in the stream.
  *leaves() {
    const reader = this.#reader(this.leavesAt);
    let start = 0;
    for (let n = 0; n < this.count; n++) {
      const entry = readEntry(reader, this.isDetached);
      yield { ...entry, start };
      for (const { size } of entry.records) start += size;
    }
  }

  leafAt(at, start) {
    return { ...readEntry(this.#reader(at), this.isDetached), start };
  }

  metadata() {
    return readMetadata(this.#reader(this.metadataAt));
  }
}

export const isAlignment = (value) => value >= 64n && value <= 4096n && (value & (value - 1n)) === 0n;

function key(reader, name) {
  const head = reader.expect('str', 'INDEX-5', `the key ${name}`);
  if (reader.text(head) !== name) throw fault('INDEX-5', head.at, `the key ${name} is expected here`);
}

// INDEX-2. Also for what a reader of a pipe has noted of a record itself.
export function readEntry(reader, isDetached) {
  const { at } = reader;
  const list = reader.expect('array', 'INDEX-2', 'a leaf (an array of five)');
  if (list.value !== 5) throw fault('INDEX-2', list.at, `a leaf has five elements, found ${list.value}`);
  const path = readKeyPath(reader, isDetached);
  const kind = readKind(reader);
  const { dtype, shape } = isTyped(kind) ? readType(reader, kind) : readNoType(reader);
  const entry = { at, offset: list.at, path, kind, dtype, shape };
  return { ...entry, records: readRecords(reader, entry, isDetached) };
}

// KEY-1 to KEY-4, PART-3
function readKeyPath(reader, isDetached) {
  const list = reader.expect('array', 'KEY-1', 'a key path (an array)');
  if (list.value === 0) throw fault('KEY-1', list.at, 'a key path has one part or more');
  if (list.value > MAX_PARTS) throw fault('KEY-3', list.at, `a key path has at most 512 parts, found ${list.value}`);
  let room = MAX_PATH_BYTES;
  const path = [];
  for (let n = 0; n < list.value; n++) {
    const head = reader.expect('str', 'KEY-1', 'a part (a str)');
    room -= head.value;
    if (room < 0) throw fault('KEY-4', list.at, 'the parts of a key path take at most 65,535 bytes');
    const text = reader.text(head);
    if (!isDetached && partOf(text)) throw fault('PART-3', head.at, 'a key looks like that of a part');
    path.push(text);
  }
  return path;
}

function readKind(reader) {
  const head = reader.expect('str', 'INDEX-2', 'a kind (a str)');
  const kind = reader.text(head);
  if (!KINDS.has(kind)) throw fault('LEAF-1', head.at, `not a kind of leaf: ${JSON.stringify(kind.slice(0, 20))}`);
  return kind;
}

function readNoType(reader) {
  reader.expect('nil', 'INDEX-2', 'nil, since this kind has no dtype');
  reader.expect('nil', 'INDEX-2', 'nil, since this kind has no shape');
  return {};
}

// DTYPE-1, LEAF-3, LEAF-4, LEAF-6
function readType(reader, kind) {
  const tag = reader.expect('str', 'INDEX-2', 'a dtype tag (a str)');
  const dtype = reader.text(tag);
  if (!DTYPES.has(dtype)) throw fault('DTYPE-1', tag.at, `not a dtype tag: ${JSON.stringify(dtype.slice(0, 20))}`);
  const list = reader.expect('array', 'LEAF-3', 'a shape (an array)');
  if (list.value > MAX_DIMENSIONS) throw fault('LEAF-3', list.at, `a shape has at most 64 dimensions, found ${list.value}`);
  if (kind === 'scalar' && list.value > 0) throw fault('LEAF-6', list.at, 'a scalar has no dimension');
  const shape = [];
  for (let n = 0; n < list.value; n++) {
    const { at, value } = reader.expect('int', 'LEAF-3', 'a dimension (an int)');
    if (value < 0n) throw fault('LEAF-3', at, 'a dimension is 0 or more');
    shape.push(value);
  }
  contentBytes(shape, dtypeOf(dtype).width, list.at);
  return { dtype, shape };
}

function readRecords(reader, { kind, dtype, shape }, isDetached) {
  const list = reader.expect('array', 'INDEX-2', 'the records (an array)');
  const count = list.value;
  if (count === 0) throw fault('INDEX-2', list.at, 'a leaf has one record or more');
  if (count > 1 && isDetached) throw fault('DETACHED-1', list.at, 'a plain stream has no parts');
  if (count > 1 && kind !== 'ndarray') throw fault('PART-1', list.at, `only an ndarray is written in parts, found ${kind}`);
  const boxes = count > 1 ? boxesOf(shape, dtypeOf(dtype).width) : undefined;
  if (boxes && boxes.count !== BigInt(count)) throw fault('PART-2', list.at, `this shape gives ${boxes.count} parts, found ${count}`);
  if (boxes && !boxes.isLarge) throw fault('PART-1', list.at, 'an array of this size is written in one record');
  const records = [];
  for (let n = 0; n < count; n++) records.push(readRecord(reader, kind, dtype, boxes ? boxes.shapeOf(n) : shape));
  return records;
}

// INDEX-3, INDEX-4
function readRecord(reader, kind, dtype, shape) {
  const list = reader.expect('array', 'INDEX-3', 'a record (an array of three)');
  if (list.value !== 3) throw fault('INDEX-3', list.at, `a record has three elements, found ${list.value}`);
  const size = readCount(reader, reader.head(), 'the size of a record');
  const payload = readPayload(reader, kind);
  const length = isTyped(kind) && payload !== undefined ? Number(contentBytes(shape, dtypeOf(dtype).width)) : 0;
  if (payload + length > size) throw fault('INDEX-4', list.at, 'the payload would reach beyond its record');
  const sums = reader.expect('bin', 'INDEX-3', 'the checksums (a bin)');
  const wanted = 4 * Math.ceil(size / BLOCK);
  if (sums.value !== wanted) throw fault('INDEX-4', sums.at, `a record of ${size} bytes has ${wanted} bytes of checksums, found ${sums.value}`);
  return { size, payload, sums: reader.take(sums), shape };
}

function readPayload(reader, kind) {
  const head = reader.head();
  if (head.type === 'nil' && kind !== 'scalar') return undefined;
  if (!isTyped(kind)) throw fault('INDEX-3', head.at, `nil is expected here, since a leaf of kind ${kind} has no payload`);
  return readCount(reader, head, 'the place of the payload');
}

function readCount(reader, { at, type, value }, what) {
  if (type !== 'int' || value < 0n) throw fault('INDEX-3', at, `${what} is an int of 0 or more`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw fault('INDEX-4', at, `${what} is larger than any file, found ${value}`);
  return Number(value);
}

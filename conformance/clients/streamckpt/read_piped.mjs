// Reading sealed streams from a pipe: the index comes last.

import { CanonicalReader } from './canonical.mjs';
import { damage } from './checked.mjs';
import { FormatError, fault, naming } from './faults.mjs';
import { partOf } from './parts.mjs';
import { PathTree } from './paths.mjs';
import { readEntry } from './read_index.mjs';
import { SEAL_HEAD, sealIn } from './read_seal.mjs';
import { checkPadded, checksumsOf, compare, differs, joined, readRecord } from './sealed_record.mjs';
import { BLOCK, RecordSums, sumIn } from './sums.mjs';
import { entryBytes } from './write_index.mjs';

// Every leaf, as it passes. What is to be compared with the index is kept until that has come. The shape of an array
// in parts is known from the index alone: until then it is undefined, and the same object is given it in the end.
export async function* readPiped(cursor, onSeal) {
  const notes = new Notes();
  const seen = new PathTree();
  const sums = new RecordSums();
  cursor.tally = sums;
  cursor.cutClause = 'SEAL-5';
  const padded = new Paddings();
  cursor.padded = (place) => padded.add(place);
  let parts = []; // of the array that has begun
  for (let isFirst = true; ; isFirst = false) {
    if (cursor.low) await cursor.fill();
    if (cursor.atEnd) throw cursor.cut(cursor.offset);
    if (!isFirst && cursor.first === 0xc6) break;
    const record = await readRecord(cursor, false);
    cursor.settle();
    Object.assign(record, sums.end());
    try {
      const leafPath = pathOfLeaf(record, parts);
      if (parts.length === 0) seen.add(leafPath, undefined, record.at);
      parts.push(record);
      const count = partOf(record.path[record.path.length - 1])?.count ?? 1;
      if (parts.length < count) continue;
      const checksums = checksumsOf({ records: parts });
      const leaf = notes.add(leafPath, parts);
      const { at } = parts[0];
      parts = [];
      yield { path: leafPath, leaf, checksums, at, end: cursor.offset };
    } catch (error) {
      throw naming(record.path, error);
    }
  }
  const { offset } = cursor;
  if (parts.length > 0) throw fault('PART-2', offset, 'parts of an array are missing');
  const seal = await sealBehind(cursor, offset);
  padded.check(seal.alignment);
  notes.compare(seal);
  seal.checkSum();
  onSeal?.(seal);
}

// SEAL-2, SEAL-3. The length tells where the seal ends; a file of known size does not ask it.
async function sealBehind(cursor, offset) {
  const bytes = await cursor.rest(statedLength(cursor));
  if (cursor.atEnd) return sealIn(bytes, offset);
  try {
    sealIn(bytes, offset);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw fault('SEAL-3', offset, 'the length of the seal is not that of what follows it');
  }
  await cursor.drain();
  throw fault('SEAL-2', cursor.size, 'something follows the seal');
}

// How many bytes the seal here has by its length, which is one more than there are; more than that are not read.
function statedLength({ view, at, filled }) {
  return filled - at < SEAL_HEAD ? SEAL_HEAD : SEAL_HEAD + view.getUint32(at + 1) - 1;
}

// PART-1 to PART-3: the key path of the leaf to which a record belongs.
function pathOfLeaf({ at, path, leaf }, parts) {
  const part = partOf(path[path.length - 1]);
  if (parts.length > 0) {
    const [first] = parts;
    const wanted = partOf(first.path[first.path.length - 1]);
    const isNext = part?.index === parts.length && part.count === wanted.count
      && path.length === first.path.length && path.slice(0, -1).every((key, n) => key === first.path[n]);
    if (!isNext) throw fault('PART-2', at, `part ${parts.length} of ${wanted.count} is expected here`);
    if (leaf.dtype !== first.leaf.dtype) throw fault('PART-2', at, 'the parts have more than one dtype');
  }
  if (!part) return path;
  if (path.length === 1) throw fault('KEY-1', at, 'a key path has one part or more beside the name of a piece');
  if (parts.length === 0 && part.index !== 0) throw fault('PART-2', at, `part 0 is expected first, found part ${part.index}`);
  if (leaf.kind !== 'ndarray') throw fault('PART-1', at, `a part is an ndarray, found ${leaf.kind}`);
  return path.slice(0, -1);
}

// What the index has to say, noted while the records pass: for a leaf in one record as the bytes of its entry.
class Notes {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;
  #parts = new Map(); // by the number of the leaf, the records of those in parts
  #count = 0;

  add(path, records) {
    const [{ leaf, path: first }] = records;
    const n = this.#count++;
    if (first === path) {
      this.#push(entryBytes({ path, ...leaf, records }));
      return leaf;
    }
    const whole = { kind: 'ndarray', dtype: leaf.dtype, shape: undefined, payload: records.flatMap((record) => record.leaf.payload) };
    this.#parts.set(n, { records, whole });
    return whole;
  }

  #push(bytes) {
    while (this.#length + bytes.length > this.#bytes.length) {
      const wider = new Uint8Array(2 * this.#bytes.length);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  compare(seal) {
    const reader = new CanonicalReader(this.#bytes.subarray(0, this.#length), 0, 'INDEX-7');
    let at = 0;
    let n = 0;
    for (const stated of seal.leaves()) {
      if (n === this.#count) throw fault('INDEX-7', at, 'the index has more leaves than there are records');
      const parts = this.#parts.get(n++);
      try {
        at = parts ? compareParts(parts, stated) : compareNoted(readEntry(reader, false), stated, at);
      } catch (error) {
        throw naming(stated.path, error);
      }
    }
    if (n < this.#count) throw fault('INDEX-7', at, 'there are more records than the index has leaves');
  }
}

// Both give the place behind the leaf.
function compareNoted({ path, records: [record], ...leaf }, stated, at) {
  if (stated.records.length > 1) throw differs(at, 'number of parts', 1, stated.records.length);
  compare({ ...record, at, path, leaf }, stated.records[0], stated);
  compareSums(record, stated.records[0], at);
  return at + record.size;
}

function compareParts({ records, whole }, stated) {
  const { at } = records[0];
  if (records.length !== stated.records.length) throw differs(at, 'number of parts', records.length, stated.records.length);
  Object.assign(whole, joined(records, stated, false));
  records.forEach((record, n) => compareSums(record, stated.records[n], record.at));
  const last = records[records.length - 1];
  return last.at + last.size;
}

// SUM-3
function compareSums({ sums }, stated, at) {
  for (let k = 0; k < sums.length / 4; k++) {
    if (sumIn(sums, 4 * k) !== sumIn(stated.sums, 4 * k)) throw fault('SUM-3', at + k * BLOCK, damage(k, at + k * BLOCK));
  }
}

// ALIGN-5, where the alignment is not known yet: of each that there can be, the first payload that does not fit.
class Paddings {
  #first = new Map();

  add(place) {
    for (let alignment = 64; alignment <= 4096; alignment *= 2) {
      if (place.offset % alignment !== 0 && !this.#first.has(alignment)) this.#first.set(alignment, place);
    }
  }

  check(alignment) {
    const place = this.#first.get(alignment);
    if (place) checkPadded(place, alignment);
  }
}

// A record of a sealed stream, and what the index says of it (SEAL-1, INDEX-7, PART-2).

import { dtypeOf } from './dtypes.mjs';
import { fault, naming } from './faults.mjs';
import { boxesOf, partKey, partOf } from './parts.mjs';
import { readBlob, readPath } from './read_record.mjs';
import { MARK, beginsWith } from './read_seal.mjs';
import { sumIn } from './sums.mjs';

// ALIGN-5
export function checkPadded({ at, offset }, alignment) {
  if (offset % alignment === 0) return;
  throw fault('ALIGN-5', at, `expected a padded payload at a multiple of ${alignment}, found it at ${offset}`);
}

// SUM-2: of all records of a leaf, in order.
export const checksumsOf = ({ records }) =>
  records.flatMap(({ sums }) => Array.from({ length: sums.length / 4 }, (_, k) => sumIn(sums, 4 * k)));

// { at, path, leaf, payload, shape }: `payload` counts from the first byte of the record (INDEX-3).
export async function readRecord(cursor, isPlain) {
  const at = cursor.offset;
  const record = cursor.expect('array', isPlain ? 'REC-1' : 'SEAL-1', 'a record (an array)');
  if (record.value !== 2) throw fault('REC-1', at, `a record has two elements, found ${record.value}`);
  if (!isPlain) checkMark(cursor, at);
  const path = readPath(cursor, isPlain ? undefined : partOf);
  cursor.path = path;
  try {
    const leaf = await readBlob(cursor);
    const payload = leaf.payloadAt === undefined ? undefined : leaf.payloadAt - at;
    return { at, path, leaf, payload, shape: leaf.shape };
  } catch (error) {
    throw naming(path, error);
  }
}

// SEAL-1. The header has been read, and its bytes still stand in the window, just before the place.
function checkMark(cursor, at) {
  const length = cursor.offset - at;
  const bytes = cursor.buffer.subarray(cursor.at - length, cursor.at);
  if (!(at === 0 ? beginsWith(bytes, MARK) : length === 1)) {
    throw fault('SEAL-1', at, 'the first record begins with dd 00 00 00 02, and every other one with 92');
  }
}

// The leaf of some records, after they have been compared with what the index says of them (INDEX-7).
export function joined(records, stated, isPlain) {
  const count = stated.records.length;
  const [{ leaf, path, at }] = records;
  const isPart = !isPlain && partOf(path[path.length - 1]) !== undefined;
  if (count > 1 && !isPart) throw differs(at, 'key path', path, [...stated.path, partKey(0, count)]);
  records.forEach((record, n) => compare(record, stated.records[n], stated, isPart ? { n, count } : undefined));
  if (!isPart) return leaf;
  if (leaf.kind !== 'ndarray') throw fault('PART-1', at, `a part is an ndarray, found ${leaf.kind}`);
  checkBoxes(records, stated);
  return { kind: 'ndarray', dtype: leaf.dtype, shape: stated.shape, payload: records.flatMap((record) => record.leaf.payload) };
}

// INDEX-7
export function compare(record, wanted, stated, part) {
  const { at, path, leaf } = record;
  const due = part ? [...stated.path, partKey(part.n, part.count)] : stated.path;
  if (path.length !== due.length || path.some((key, n) => key !== due[n])) throw differs(at, 'key path', path, due);
  for (const [what, found, said] of [
    ['kind', leaf.kind, stated.kind], ['dtype', leaf.dtype, stated.dtype], ['size', record.size, wanted.size],
    ['place of the payload', record.payload, wanted.payload],
    ['shape', part ? undefined : shapeText(leaf), part ? undefined : shapeText(stated)],
  ]) {
    if (found !== said) throw differs(at, what, found, said);
  }
}

// The shape as text; a scalar has none.
const shapeText = ({ kind, shape }) => (kind === 'ndarray' ? `[${shape}]` : undefined);

export function differs(at, what, found, said) {
  return fault('INDEX-7', at, `the record and the index differ in the ${what}: ${show(found)} compared with ${show(said)}`);
}

const show = (value) => (Array.isArray(value) ? JSON.stringify(value) : String(value ?? 'none')).slice(0, 200);

// PART-2
function checkBoxes(records, { dtype, shape }) {
  const boxes = boxesOf(shape, dtypeOf(dtype).width);
  if (boxes.count !== BigInt(records.length)) {
    throw fault('PART-2', records[0].at, `the shape [${shape}] gives ${boxes.count} parts, found ${records.length}`);
  }
  if (!boxes.isLarge) throw fault('PART-1', records[0].at, 'an array of this size is written in one record');
  records.forEach(({ at, shape: found }, n) => {
    const box = boxes.shapeOf(n);
    if (String(found) !== String(box)) throw fault('PART-2', at, `this part has the shape [${box}], found [${found}]`);
  });
}

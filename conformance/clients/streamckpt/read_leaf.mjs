// Reading leaves (chapter 04).

import { DTYPES, LONGEST_TAG, contentBytes, dtypeOf, elementsOf } from './dtypes.mjs';
import { fault } from './faults.mjs';

export const MARKER = '__msgpack_chunked_array__';
export const MAX_DIMENSIONS = 64; // LEAF-3
const MAX_PADDING = 4095; // ALIGN-2

// LEAF-1. `head` is that of the leaf.
export async function readLeaf(cursor, head) {
  const { type, value } = head;
  if (type === 'nil') return { kind: 'nil' };
  if (type === 'bool' || type === 'int') return { kind: type, value };
  if (type === 'float') return { kind: 'float', bits: value };
  if (type === 'ext') return readExt(cursor, head);
  if (type === 'array') throw fault('LEAF-1', head.at, 'a leaf is not an array');
  cursor.fits(head);
  if (type === 'map') return value === 0 ? { kind: 'empty' } : readMap(cursor, head); // LEAF-9
  return { kind: type, payload: await cursor.pass(head, { kind: type, length: value }) }; // str, bin
}

async function readMap(cursor, head) {
  if (!cursor.holds(cursor.head(), MARKER)) throw fault('LEAF-1', head.at, 'a map with entries is not a leaf');
  return readChunked(cursor, head);
}

async function readExt(cursor, head) {
  const read = [readArray, readComplex, readScalar][head.ext - 1];
  if (!read) throw fault('LEAF-1', head.at, `no leaf is an ext of type ${head.ext}`);
  return inside(cursor, head, read);
}

export async function inside(cursor, head, read) {
  cursor.fits(head);
  const outer = cursor.enter(head.value);
  const result = await read(cursor);
  cursor.leave(outer);
  return result;
}

async function readArray(cursor) {
  const { dtype, shape, content } = readArrayHead(cursor);
  const about = { kind: 'ndarray', dtype, shape, payloadAt: cursor.offset };
  return { ...about, payload: await cursor.pass(content, about) };
}

// LEAF-6
async function readScalar(cursor) {
  const { dtype, content } = readArrayHead(cursor, { rank: 0, clause: 'LEAF-6' });
  const about = { kind: 'scalar', dtype, payloadAt: cursor.offset };
  return { ...about, payload: await cursor.pass(content, about) };
}

// LEAF-7
async function readComplex(cursor) {
  const list = cursor.expect('array', 'LEAF-7', 'an array of two floats');
  if (list.value !== 2) throw fault('LEAF-7', list.at, `a complex has two parts, not ${list.value}`);
  const real = cursor.expect('float', 'LEAF-7', 'the real part (a float)');
  const imaginary = cursor.expect('float', 'LEAF-7', 'the imaginary part (a float)');
  return { kind: 'complex', bits: [real.value, imaginary.value] };
}

// LEAF-2: all of an array but its payload, of which `content` is the head.
function readArrayHead(cursor, { rank, clause } = {}) {
  const list = cursor.expect('array', 'LEAF-2', 'an array of shape, dtype tag and payload');
  if (list.value !== 3) throw fault('LEAF-2', list.at, `an ndarray has three elements, not ${list.value}`);
  const shapeAt = cursor.offset;
  const shape = readShape(cursor);
  if (rank !== undefined && shape.length !== rank) {
    throw fault(clause, shapeAt, `${rank} dimensions are expected here, found ${shape.length}`);
  }
  const dtypeAt = cursor.offset;
  const dtype = readDtype(cursor);
  const { width } = dtypeOf(dtype);
  const bytes = contentBytes(shape, width, shapeAt);
  const content = cursor.expect('bin', 'LEAF-5', 'the payload (a bin)');
  if (BigInt(content.value) !== bytes) {
    throw fault('LEAF-5', content.at, `the payload has ${content.value} bytes; shape and dtype say ${bytes}`);
  }
  return { shape, dtype, dtypeAt, width, content };
}

// LEAF-3
function readShape(cursor) {
  const list = cursor.expect('array', 'LEAF-3', 'a shape (an array)');
  checkRank(list);
  return Array.from({ length: list.value }, () => readDimension(cursor));
}

function checkRank({ at, value }) {
  if (value > MAX_DIMENSIONS) throw fault('LEAF-3', at, `a shape has at most 64 dimensions, not ${value}`);
}

function readDimension(cursor) {
  const { at, type, value } = cursor.head();
  if (type !== 'int' || value < 0n) throw fault('LEAF-3', at, 'a dimension is an int of 0 or more');
  return value;
}

// DTYPE-1, DTYPE-2
function readDtype(cursor) {
  const head = cursor.head();
  if (head.type !== 'str' && head.type !== 'bin') throw fault('DTYPE-2', head.at, 'expected a dtype tag (a str)');
  cursor.fits(head);
  const tag = head.value <= LONGEST_TAG ? String.fromCharCode(...cursor.take(head)) : undefined;
  if (!DTYPES.has(tag)) throw fault('DTYPE-1', head.at, `no dtype tag: ${JSON.stringify(tag ?? 'a long text')}`);
  return tag;
}

// LEAF-10. The marker has been read.
export async function readChunked(cursor, map) {
  const isPadded = map.value === 4 && cursor.padded !== undefined; // ALIGN-1
  if (map.value !== 3 && !isPadded) throw fault('LEAF-10', map.at, `a chunked array has three entries, not ${map.value}`);
  const marker = cursor.head();
  if (marker.value !== true) throw fault('LEAF-10', marker.at, 'the value of the marker is not true');
  if (isPadded) readPadding(cursor);
  expectKey(cursor, 'shape', 'LEAF-10');
  const shapeAt = cursor.offset;
  const shape = readShapeMap(cursor);
  expectKey(cursor, 'chunks', 'LEAF-10');
  return readChunks(cursor, shape, shapeAt, isPadded ? cursor.padded : undefined);
}

// ALIGN-1, ALIGN-2
function readPadding(cursor) {
  expectKey(cursor, 'pad', 'ALIGN-1');
  const pad = cursor.head();
  if (pad.type !== 'bin') throw fault('ALIGN-2', pad.at, 'the padding is a bin');
  cursor.fits(pad);
  if (pad.value > MAX_PADDING) throw fault('ALIGN-2', pad.at, `the padding has at most 4,095 bytes, found ${pad.value}`);
  if (cursor.take(pad).some((byte) => byte !== 0)) throw fault('ALIGN-2', pad.at, 'a byte of the padding is not zero');
}

function expectKey(cursor, name, clause) {
  const head = cursor.expect('str', clause, `the key ${name}`);
  if (!cursor.holds(head, name)) throw fault(clause, head.at, `the key ${name} is expected here`);
}

// LEAF-11
function readShapeMap(cursor) {
  const map = cursor.expect('map', 'LEAF-11', 'a shape (a map)');
  checkRank(map);
  return Array.from({ length: map.value }, (_, n) => {
    expectKey(cursor, String(n), 'LEAF-11');
    return readDimension(cursor);
  });
}

// LEAF-12
async function readChunks(cursor, shape, shapeAt, onPadded) {
  const map = cursor.expect('map', 'LEAF-12', 'the chunks (a map)');
  if (map.value === 0) throw fault('LEAF-12', map.at, 'a chunked array has one chunk or more');
  const leaf = { kind: 'ndarray', dtype: undefined, shape, payload: [] };
  let elements = 0n;
  for (let n = 0; n < map.value; n++) {
    if (cursor.low) await cursor.fill();
    expectKey(cursor, String(n), 'LEAF-12');
    const head = cursor.head();
    if (head.ext !== 1) throw fault('LEAF-12', head.at, 'a chunk is an ndarray');
    const chunk = await inside(cursor, head, () => readChunk(cursor, leaf, shapeAt, n === 0 ? onPadded : undefined));
    if (map.value === 1) leaf.payloadAt = chunk.payloadAt;
    for (const segment of chunk.payload) leaf.payload.push(segment);
    elements += chunk.elements;
  }
  if (elements !== elementsOf(shape)) {
    throw fault('LEAF-12', map.at, `the chunks have ${elements} elements, the shape ${elementsOf(shape)}`);
  }
  return leaf;
}

async function readChunk(cursor, leaf, shapeAt, onPadded) {
  const { dtype, dtypeAt, width, shape, content } = readArrayHead(cursor, { rank: 1, clause: 'LEAF-12' });
  if (leaf.dtype === undefined) contentBytes(leaf.shape, width, shapeAt); // LEAF-4
  leaf.dtype ??= dtype;
  if (dtype !== leaf.dtype) throw fault('LEAF-12', dtypeAt, 'the chunks have more than one dtype');
  const payloadAt = cursor.offset;
  onPadded?.({ at: content.at, offset: payloadAt });
  return { elements: shape[0], payload: await cursor.pass(content, leaf), payloadAt };
}

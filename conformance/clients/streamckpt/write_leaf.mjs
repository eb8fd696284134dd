// Writing leaves (chapter 04). What is to be written is a list of items: Uint8Arrays, and payloads as
// { payload, length, dtype } in their places.

import { contentBytes, dtypeOf } from './dtypes.mjs';
import { MAX_LENGTH, extHeader, floatBytes, header, intBytes, str } from './encoding.mjs';
import { FormatError } from './faults.mjs';
import { MARKER, MAX_DIMENSIONS } from './read_leaf.mjs';
import { payloadLength, slice } from './sources.mjs';

const CHUNK_BYTES = 2 ** 30; // LEAF-13

// REC-3
export function checkBlob(length) {
  if (length > MAX_LENGTH) throw new FormatError('REC-3', `a leaf blob has at most 2^32 - 1 bytes, not ${length}`);
}

export const itemsLength = (items) => items.reduce((sum, { length }) => sum + length, 0);

export function payloadItem(payload, dtype) {
  return { payload, length: payloadLength(payload), dtype };
}

// LEAF-1
export function leafItems(leaf) {
  const { kind, dtype, payload, value, bits } = leaf;
  switch (kind) {
    case 'nil': return [Uint8Array.of(0xc0)];
    case 'bool': return [Uint8Array.of(value ? 0xc3 : 0xc2)];
    case 'int': return [Uint8Array.from(intBytes(value))];
    case 'float': return [Uint8Array.from(floatBytes(bits))];
    // LEAF-7
    case 'complex': return extItems(2, [Uint8Array.from([0x92, ...floatBytes(bits[0]), ...floatBytes(bits[1])])]);
    case 'str': case 'bin': return prefixed(header(kind, payloadLength(payload)), [payloadItem(payload)]);
    case 'empty': return [Uint8Array.of(0x80)]; // LEAF-9
    case 'ndarray': return arrayItems(leaf);
    case 'scalar': return extItems(3, arrayBody(dtype, [], payload)); // LEAF-6
    default: throw new FormatError('LEAF-1', `no kind of leaf: ${kind}`);
  }
}

export const prefixed = (bytes, items) => [Uint8Array.from(bytes), ...items];

export const extItems = (type, body) => prefixed(extHeader(itemsLength(body), type), body);

// LEAF-2 to LEAF-5
export function arrayBody(dtype, shape, payload) {
  checkArray(dtype, shape, payload);
  const item = payloadItem(payload, dtype);
  const head = [0x93, ...header('array', shape.length), ...shape.flatMap(intBytes), ...str(dtype)];
  return prefixed([...head, ...header('bin', item.length)], [item]);
}

export function checkArray(dtype, shape, payload) {
  const { width } = dtypeOf(dtype);
  if (shape.length > MAX_DIMENSIONS) throw new FormatError('LEAF-3', 'a shape has at most 64 dimensions');
  if (shape.some((dimension) => dimension < 0n)) throw new FormatError('LEAF-3', 'a dimension is 0 or more');
  const bytes = contentBytes(shape, width);
  const length = payloadLength(payload);
  if (BigInt(length) !== bytes) {
    throw new FormatError('LEAF-5', `the payload has ${length} bytes; shape and dtype say ${bytes}`);
  }
}

// LEAF-13
function arrayItems({ dtype, shape, payload }) {
  return payloadLength(payload) > CHUNK_BYTES
    ? chunkedItems(dtype, shape, payload)
    : extItems(1, arrayBody(dtype, shape, payload));
}

// LEAF-10 to LEAF-13. The width of every dtype divides 2^30, so that all chunks but the last have CHUNK_BYTES.
function chunkedItems(dtype, shape, payload) {
  checkArray(dtype, shape, payload);
  const { width } = dtypeOf(dtype);
  const length = payloadLength(payload);
  const count = Math.ceil(length / CHUNK_BYTES);
  const dimensions = shape.flatMap((size, n) => [...str(String(n)), ...intBytes(size)]);
  const shapeMap = [...header('map', shape.length), ...dimensions];
  const items = prefixed(
    [0x83, ...str(MARKER), 0xc3, ...str('shape'), ...shapeMap, ...str('chunks'), ...header('map', count)],
    [],
  );
  for (let n = 0; n < count; n++) {
    const start = n * CHUNK_BYTES;
    const part = slice(payload, start, Math.min(length, start + CHUNK_BYTES));
    const elements = BigInt(payloadLength(part) / width);
    items.push(Uint8Array.from(str(String(n))), ...extItems(1, arrayBody(dtype, [elements], part)));
  }
  return items;
}

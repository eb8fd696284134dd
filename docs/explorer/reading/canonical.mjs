// How long a leaf is in canonical form (WIRE-1, LEAF-8, LEAF-13), by arithmetic: what is longer was written by another
// hand than the writers that the specification describes, and is read all the same (WIRE-2).

import { payloadLength } from '../streamckpt/index.mjs';
import { shortest, shortestInt } from './heads.mjs';

const CHUNK_BYTES = 2 ** 30;
const MARKER_ENTRY = 27; // the key, with its header, and true
const SHAPE_KEY = 6;
const CHUNKS_KEY = 7;

export function canonicalLength(leaf) {
  const { kind, payload, value, dtype, shape = [] } = leaf;
  switch (kind) {
    case 'int': return shortestInt(value);
    case 'float': return 9;
    case 'complex': return 22;
    case 'str': case 'bin': return withHeader(kind, payloadLength(payload));
    case 'ndarray': {
      const length = payloadLength(payload);
      return length > CHUNK_BYTES ? chunkedLength(dtype, shape, length) : arrayLength(dtype, shape, length);
    }
    case 'scalar': return arrayLength(dtype, [], payloadLength(payload));
    default: return 1; // nil, bool, empty
  }
}

const withHeader = (type, length) => shortest(type, length) + length;

function arrayLength(dtype, shape, payload) {
  const dimensions = shape.reduce((sum, size) => sum + shortestInt(size), shortest('array', shape.length));
  return withHeader('ext', 1 + dimensions + withHeader('str', dtype.length) + withHeader('bin', payload));
}

function chunkedLength(dtype, shape, length) {
  const count = Math.ceil(length / CHUNK_BYTES);
  let total = 1 + MARKER_ENTRY + SHAPE_KEY + shortest('map', shape.length) + CHUNKS_KEY + shortest('map', count);
  shape.forEach((size, n) => (total += 1 + String(n).length + shortestInt(size)));
  const elements = BigInt(length) / BigInt(widthOf(shape, length));
  const each = BigInt(Math.floor(CHUNK_BYTES / widthOf(shape, length)));
  for (let n = 0; n < count; n++) {
    const bytes = Math.min(CHUNK_BYTES, length - n * CHUNK_BYTES);
    const size = n < count - 1 ? each : elements - BigInt(n) * each;
    total += 1 + String(n).length + arrayLength(dtype, [size], bytes);
  }
  return total;
}

const widthOf = (shape, length) => length / Number(shape.reduce((product, size) => product * size, 1n));

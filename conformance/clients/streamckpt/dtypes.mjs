// Dtypes (chapter 03), and how many bytes an array takes (LEAF-4).

import { FormatError, fault } from './faults.mjs';

const MAX_CONTENT = 2n ** 63n - 1n; // LEAF-4

// DTYPE-1: the width of an element. DTYPE-3, DTYPE-6: the unit that has a byte order, half of a complex element.
// DTYPE-4, DTYPE-5: the bits of a one-byte element that carry a meaning.
export const DTYPES = new Map();
for (const [names, width, unit, bits] of [
  ['bool', 1, 1, 1],
  ['int8 uint8', 1, 1, 8],
  ['int16 uint16 float16 bfloat16', 2, 2],
  ['int32 uint32 float32', 4, 4],
  ['int64 uint64 float64', 8, 8],
  ['complex32 bcomplex32', 4, 2],
  ['complex64', 8, 4],
  ['complex128', 16, 8],
  ['float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn', 1, 1, 8],
  ['float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu', 1, 1, 8],
  ['float6_e2m3fn float6_e3m2fn', 1, 1, 6],
  ['float4_e2m1fn int4 uint4', 1, 1, 4],
  ['int2 uint2', 1, 1, 2],
  ['int1 uint1', 1, 1, 1],
]) {
  for (const name of names.split(' ')) DTYPES.set(name, { width, unit, bits });
}
export const LONGEST_TAG = Math.max(...[...DTYPES.keys()].map((tag) => tag.length));

// DTYPE-7
export function dtypeOf(tag) {
  const dtype = DTYPES.get(tag);
  if (!dtype) throw new FormatError('DTYPE-7', `no dtype tag: ${JSON.stringify(tag)}`);
  return dtype;
}

// DTYPE-3: turns big-endian elements into little-endian ones, or back, where they stand.
export function swapBytes(bytes, tag) {
  const { unit } = dtypeOf(tag);
  for (let at = 0; unit > 1 && at < bytes.length; at += unit) bytes.subarray(at, at + unit).reverse();
}

// DTYPE-4, DTYPE-5: clears the bits without meaning, where they stand.
export function clearBits(bytes, tag) {
  const { bits = 8 } = dtypeOf(tag);
  if (tag === 'bool') for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i] ? 1 : 0;
  else if (bits < 8) for (let i = 0; i < bytes.length; i++) bytes[i] &= (1 << bits) - 1;
}

export const elementsOf = (shape) => shape.reduce((product, dimension) => product * dimension, 1n);

// LEAF-4, LEAF-5: the bytes of the payload. A dimension of 0 does not excuse the others.
export function contentBytes(shape, width, offset) {
  const product = elementsOf(shape.filter((dimension) => dimension > 0n)) * BigInt(width);
  if (product > MAX_CONTENT) throw fault('LEAF-4', offset, 'the shape has more than 2^63 - 1 bytes');
  return shape.includes(0n) ? 0n : product;
}

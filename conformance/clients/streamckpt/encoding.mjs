// Writing the headers and the small values of MessagePack (chapter 01).

import { FormatError } from './faults.mjs';
import { utf8Of } from './text.mjs';

export const MAX_LENGTH = 2 ** 32 - 1; // REC-3, and the longest length that MessagePack can say

export const bigEndian = (value, count) => {
  const bytes = [];
  for (let left = BigInt(value); bytes.length < count; left >>= 8n) bytes.unshift(Number(left & 0xffn));
  return bytes;
};

// WIRE-1: the shortest header. `small` is the first byte for a length of 0, where there are such short forms, and
// `codes` are the first bytes before lengths of 1, 2 and 4 bytes.
const HEADERS = {
  map: { small: 0x80, smallMax: 15, codes: [, 0xde, 0xdf] },
  array: { small: 0x90, smallMax: 15, codes: [, 0xdc, 0xdd] },
  str: { small: 0xa0, smallMax: 31, codes: [0xd9, 0xda, 0xdb] },
  bin: { smallMax: -1, codes: [0xc4, 0xc5, 0xc6] },
  ext: { smallMax: -1, codes: [0xc7, 0xc8, 0xc9] },
};

export function header(type, length) {
  const { small, smallMax, codes } = HEADERS[type];
  if (length > MAX_LENGTH) throw new FormatError('CONF-7', `no ${type} can have a length of ${length}`);
  if (length <= smallMax) return [small + length];
  if (length < 256 && codes[0]) return [codes[0], length];
  return length < 65536 ? [codes[1], ...bigEndian(length, 2)] : [codes[2], ...bigEndian(length, 4)];
}

export function extHeader(length, type) {
  const fixed = [1, 2, 4, 8, 16].indexOf(length);
  return fixed < 0 ? [...header('ext', length), type] : [0xd4 + fixed, type];
}

export const str = (text) => {
  const bytes = utf8Of(text);
  return [...header('str', bytes.length), ...bytes];
};

// WIRE-1, LEAF-1
export function intBytes(value) {
  if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new FormatError('LEAF-1', `an int out of range: ${value}`);
  if (value >= 0n) {
    if (value < 128n) return [Number(value)];
    const n = [2n ** 8n, 2n ** 16n, 2n ** 32n, 2n ** 64n].findIndex((end) => value < end);
    return [0xcc + n, ...bigEndian(value, 1 << n)];
  }
  if (value >= -32n) return [256 + Number(value)];
  const n = [8n, 16n, 32n, 64n].findIndex((bits) => value >= -(2n ** (bits - 1n)));
  return [0xd0 + n, ...bigEndian(value, 1 << n)];
}

export const floatBytes = (bits) => [0xcb, ...bigEndian(bits, 8)]; // LEAF-8

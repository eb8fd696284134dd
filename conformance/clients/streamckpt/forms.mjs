// The headers of MessagePack values (chapter 01).

import { widen } from './floats.mjs';

// For each first byte: the type of the value, the number of bytes of its header after the first, and how to read
// what the header says: the value of an int, the bits of a float, the length or count of the others.
export const FORMS = new Array(256);
const UNSIGNED = [
  (view, at) => view.getUint8(at),
  (view, at) => view.getUint16(at),
  (view, at) => view.getUint32(at),
  (view, at) => view.getBigUint64(at),
];
const SIGNED = [
  (view, at) => view.getInt8(at),
  (view, at) => view.getInt16(at),
  (view, at) => view.getInt32(at),
  (view, at) => view.getBigInt64(at),
];

function form(first, type, extra, read) {
  FORMS[first] = { type, extra, read };
}

for (let n = 0; n < 128; n++) form(n, 'int', 0, () => BigInt(n));
for (let n = 0; n < 16; n++) form(0x80 + n, 'map', 0, () => n);
for (let n = 0; n < 16; n++) form(0x90 + n, 'array', 0, () => n);
for (let n = 0; n < 32; n++) form(0xa0 + n, 'str', 0, () => n);
for (let n = -32; n < 0; n++) form(0x100 + n, 'int', 0, () => BigInt(n));
form(0xc0, 'nil', 0, () => null);
form(0xc1, 'never', 0, () => null);
form(0xc2, 'bool', 0, () => false);
form(0xc3, 'bool', 0, () => true);
form(0xca, 'float', 4, (view, at) => widen(view.getUint32(at)));
form(0xcb, 'float', 8, (view, at) => view.getBigUint64(at));
for (let n = 0; n < 3; n++) {
  form(0xc4 + n, 'bin', 1 << n, UNSIGNED[n]);
  form(0xc7 + n, 'ext', (1 << n) + 1, UNSIGNED[n]);
  form(0xd9 + n, 'str', 1 << n, UNSIGNED[n]);
}
for (let n = 0; n < 4; n++) {
  form(0xcc + n, 'int', 1 << n, (view, at) => BigInt(UNSIGNED[n](view, at)));
  form(0xd0 + n, 'int', 1 << n, (view, at) => BigInt(SIGNED[n](view, at)));
}
for (let n = 0; n < 5; n++) form(0xd4 + n, 'ext', 1, () => 1 << n);
for (let n = 1; n < 3; n++) {
  form(0xdb + n, 'array', 1 << n, UNSIGNED[n]);
  form(0xdd + n, 'map', 1 << n, UNSIGNED[n]);
}

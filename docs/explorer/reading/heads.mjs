// Headers of MessagePack values (chapter 01), read for what they are and how long they are. This is the explorer's own
// reading: it explains bytes, also wrong ones, and leaves it to the client to say what is wrong with them.

const RANGES = [
  [0x00, 0x7f, 'int', 0], [0x80, 0x8f, 'map', 0], [0x90, 0x9f, 'array', 0], [0xa0, 0xbf, 'str', 0],
  [0xc0, 0xc0, 'nil', 0], [0xc1, 0xc1, 'never', 0], [0xc2, 0xc3, 'bool', 0],
  [0xc4, 0xc4, 'bin', 1], [0xc5, 0xc5, 'bin', 2], [0xc6, 0xc6, 'bin', 4],
  [0xc7, 0xc7, 'ext', 1], [0xc8, 0xc8, 'ext', 2], [0xc9, 0xc9, 'ext', 4],
  [0xca, 0xca, 'float', 4], [0xcb, 0xcb, 'float', 8],
  [0xcc, 0xcc, 'int', 1], [0xcd, 0xcd, 'int', 2], [0xce, 0xce, 'int', 4], [0xcf, 0xcf, 'int', 8],
  [0xd0, 0xd0, 'int', 1], [0xd1, 0xd1, 'int', 2], [0xd2, 0xd2, 'int', 4], [0xd3, 0xd3, 'int', 8],
  [0xd4, 0xd8, 'ext', 0],
  [0xd9, 0xd9, 'str', 1], [0xda, 0xda, 'str', 2], [0xdb, 0xdb, 'str', 4],
  [0xdc, 0xdc, 'array', 2], [0xdd, 0xdd, 'array', 4], [0xde, 0xde, 'map', 2], [0xdf, 0xdf, 'map', 4],
  [0xe0, 0xff, 'int', 0],
];
const TYPES = [];
const WIDTHS = new Uint8Array(256);
for (const [from, to, type, width] of RANGES) {
  for (let byte = from; byte <= to; byte++) [TYPES[byte], WIDTHS[byte]] = [type, width];
}

// The header at a place in some bytes: { type, head, n, value, ext }. `head` is its length in bytes, `n` the length of
// what follows it, in bytes or elements or entries, and `value` an int as BigInt, a float or a bool. Undefined where
// the bytes end too early.
export function headOf(bytes, at = 0) {
  if (at >= bytes.length) return undefined;
  const first = bytes[at];
  const type = TYPES[first];
  const width = WIDTHS[first];
  const head = 1 + width + (type === 'ext' ? 1 : 0);
  if (at + head > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, head);
  switch (type) {
    case 'int': return { type, head, n: 0, value: intOf(view, first, width) };
    case 'float': return { type, head, n: 0, value: width === 4 ? view.getFloat32(1) : view.getFloat64(1), width };
    case 'bool': return { type, head, n: 0, value: first === 0xc3 };
    case 'nil': case 'never': return { type, head, n: 0 };
    case 'ext': return { type, head, n: width ? unsigned(view, width) : 1 << (first - 0xd4), ext: view.getInt8(head - 1) };
    default: return { type, head, n: width ? unsigned(view, width) : first & (type === 'str' ? 0x1f : 0x0f) };
  }
}

function unsigned(view, width) {
  return width === 1 ? view.getUint8(1) : width === 2 ? view.getUint16(1) : view.getUint32(1);
}

function intOf(view, first, width) {
  if (width === 0) return BigInt(first < 0x80 ? first : first - 256);
  if (width === 8) return first === 0xcf ? view.getBigUint64(1) : view.getBigInt64(1);
  if (first < 0xd0) return BigInt(unsigned(view, width));
  return BigInt(width === 1 ? view.getInt8(1) : width === 2 ? view.getInt16(1) : view.getInt32(1));
}

// WIRE-1: the length of the shortest header.
export function shortest(type, n) {
  if (type === 'ext') return [1, 2, 4, 8, 16].includes(n) ? 2 : n < 256 ? 3 : n < 65536 ? 4 : 6;
  if (type === 'bin') return n < 256 ? 2 : n < 65536 ? 3 : 5;
  if (type === 'str') return n < 32 ? 1 : n < 256 ? 2 : n < 65536 ? 3 : 5;
  return n < 16 ? 1 : n < 65536 ? 3 : 5; // array, map
}

export function shortestInt(value) {
  if (value >= -32n && value < 128n) return 1;
  const bits = value < 0n ? [7n, 15n, 31n] : [8n, 16n, 32n];
  const n = bits.findIndex((b) => (value < 0n ? value >= -(1n << b) : value < 1n << b));
  return [9, 2, 3, 5][n + 1];
}

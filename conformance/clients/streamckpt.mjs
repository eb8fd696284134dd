// Reader and writer of streaming checkpoints (chapters 01 to 07 of the specification, version 1.0) and of
// standard flax files (chapter 08). Written from the specification alone. No dependency; runs in Node 18 or later
// and unchanged in a browser.
//
//   for await (const { path, leaf } of readStream(blobSource(file))) ...      // or readFlax
//   const file = await planStream([[['params', 'w'], leaf], ...]);           // or planFlax; throws before any output
//   for await (const piece of file.pieces()) await write(piece);
//
// A leaf is one of
//   { kind: 'ndarray', dtype, shape: BigInt[], payload }    { kind: 'scalar', dtype, payload }
//   { kind: 'str' | 'bin', payload }                        { kind: 'int', value: BigInt }
//   { kind: 'float', bits: BigInt }                         { kind: 'complex', bits: [BigInt, BigInt] }
//   { kind: 'bool', value: Boolean }                        { kind: 'nil' }   { kind: 'empty' }
// where bits are those of a float 64, so that no NaN loses any of them, and a payload is a list of segments
// { source, offset, length }: the bytes stay in their source until pieces() or load() asks for them. What a reader
// yields can therefore be given to a writer as it is, whatever its size.
//
// A source is { size, read(target, offset) }. read fills the Uint8Array `target`, or the beginning of it, with the
// bytes from `offset` on and returns their number, or a promise of it; 0 means that the input has ended. The size is
// undefined where it is not known, as on a pipe.

const MARKER = '__msgpack_chunked_array__';
const MAX_PARTS = 512; // KEY-3
const MAX_PATH_BYTES = 65535; // KEY-4
const MAX_DIMENSIONS = 64; // LEAF-3
const MAX_CONTENT = 2n ** 63n - 1n; // LEAF-4
const MAX_LENGTH = 2 ** 32 - 1; // REC-3, and the longest length that MessagePack can say
const CHUNK_BYTES = 2 ** 30; // LEAF-13
const WINDOW = 1 << 19;
// More than all that one record or map entry has beside its payload: a key path of 512 parts and 65,535 bytes, a
// shape of 64 dimensions, a dtype tag. With so many bytes at hand, all of it is read without waiting.
const LOOKAHEAD = 1 << 17;

export class FormatError extends Error {
  constructor(clause, message, { offset, path } = {}) {
    super(message);
    this.name = 'FormatError';
    Object.assign(this, { clause, offset, path });
  }
}

const fault = (clause, offset, message) => new FormatError(clause, message, { offset });

// CONF-5: adds the key path to a refusal that does not have one yet.
function naming(path, error) {
  if (error instanceof FormatError && path.length > 0) error.path ??= path.map(String);
  return error;
}

export function named(path, action) {
  try {
    return action();
  } catch (error) {
    throw naming(path, error);
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Dtypes (chapter 03)

// DTYPE-1: the width of an element. DTYPE-3, DTYPE-6: the unit that has a byte order, half of a complex element.
// DTYPE-4, DTYPE-5: the bits of a one-byte element that carry a meaning.
const DTYPES = new Map();
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
const LONGEST_TAG = Math.max(...[...DTYPES.keys()].map((tag) => tag.length));

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
function clearBits(bytes, tag) {
  const { bits = 8 } = dtypeOf(tag);
  if (tag === 'bool') for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i] ? 1 : 0;
  else if (bits < 8) for (let i = 0; i < bytes.length; i++) bytes[i] &= (1 << bits) - 1;
}

const elementsOf = (shape) => shape.reduce((product, dimension) => product * dimension, 1n);

// LEAF-4, LEAF-5: the bytes of the payload. A dimension of 0 does not excuse the others.
export function contentBytes(shape, width, offset) {
  const product = elementsOf(shape.filter((dimension) => dimension > 0n)) * BigInt(width);
  if (product > MAX_CONTENT) throw fault('LEAF-4', offset, 'the shape has more than 2^63 - 1 bytes');
  return shape.includes(0n) ? 0n : product;
}

// ---------------------------------------------------------------------------------------------------------------
// Key paths (chapter 02)

const ESCAPED = /[\\/\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

// KEY-5
export const displayPath = (path) => path.map((part) => part.replace(ESCAPED, escapeOf)).join('/');

function escapeOf(char) {
  return char === '\\' || char === '/' ? `\\${char}` : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

// KEY-6
export function parsePath(display) {
  const path = [''];
  for (const [token] of display.matchAll(/\\u[0-9a-fA-F]{4}|\\[^]?|\/|[^\\/]+/g)) {
    if (token === '/') path.push('');
    else if (token[0] !== '\\') path[path.length - 1] += token;
    else path[path.length - 1] += unescaped(token);
  }
  return path;
}

function unescaped(token) {
  const char = token.length === 6 ? String.fromCharCode(parseInt(token.slice(2), 16)) : token[1];
  const allowed = token.length === 6 ? !/[\ud800-\udfff]/.test(char) : char === '\\' || char === '/';
  if (!allowed) throw new FormatError('KEY-6', `not an escape of the display form: ${token}`);
  return char;
}

const encoder = new TextEncoder();

// WIRE-5: TextEncoder would put U+FFFD in the place of a lone surrogate.
function utf8Of(text) {
  if (/\p{Surrogate}/u.test(text)) throw new FormatError('WIRE-5', 'a lone surrogate cannot be encoded');
  return encoder.encode(text);
}

// The key paths of a tree, each with its leaf. A node stands for the parts path[0] to path[end - 1], and only where
// paths part or end is there a node, so that memory stays in proportion to the number of paths. A key of `children`
// is the text of the part that follows; a Map keeps the order in which they came (TREE-5) and knows no prototype.
class PathTree {
  root = { path: [], end: 0, children: new Map() };

  // STREAM-4, STREAM-5. In CONF-5's words: the offset is that of the record that comes second.
  add(path, leaf, offset) {
    let node = this.root;
    for (;;) {
      const key = String(path[node.end]);
      const child = node.children.get(key);
      if (!child) return void node.children.set(key, { path, end: path.length, leaf });
      const shared = commonParts(node.end, child, path);
      if (shared === path.length && shared === child.end && !child.children) {
        throw fault('STREAM-4', offset, 'this key path stands here twice');
      }
      if (shared === path.length) throw fault('STREAM-5', offset, 'this key path is the beginning of another');
      if (shared < child.end) return void split(node, key, child, shared, { path, end: path.length, leaf });
      if (!child.children) throw fault('STREAM-5', offset, 'the beginning of this key path is another');
      node = child;
    }
  }

  *leaves(node = this.root) {
    const open = [node.children.values()];
    while (open.length > 0) {
      const { value, done } = open[open.length - 1].next();
      if (done) open.pop();
      else if (value.children) open.push(value.children.values());
      else yield value;
    }
  }
}

function commonParts(from, { path: other, end }, path) {
  const stop = Math.min(end, path.length);
  let n = from;
  while (n < stop && sameKey(other[n], path[n])) n++;
  return n;
}

// TREE-3: two keys of a map that are not the same, such as 1 and '1', must not give the same text.
function sameKey(a, b) {
  if (a === b) return true;
  if (String(a) !== String(b)) return false;
  throw new FormatError('TREE-3', `two keys of a map give the same text, ${JSON.stringify(String(a))}`);
}

function split(node, key, child, end, leaf) {
  const children = new Map([[String(child.path[end]), child], [String(leaf.path[end]), leaf]]);
  node.children.set(key, { path: child.path, end, children });
}

// ---------------------------------------------------------------------------------------------------------------
// Sources and payloads

export function bytesSource(bytes) {
  return {
    size: bytes.length,
    read(target, offset) {
      const part = bytes.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
  };
}

export function blobSource(blob) {
  return {
    size: blob.size,
    async read(target, offset) {
      const part = new Uint8Array(await blob.slice(offset, offset + target.length).arrayBuffer());
      target.set(part);
      return part.length;
    },
  };
}

// A pipe, as an iterable of Uint8Arrays. It can be read once, from the beginning to the end; give readStream a sink
// to see the payloads as they pass.
export function pipeSource(iterable) {
  const iterator = (iterable[Symbol.asyncIterator] ?? iterable[Symbol.iterator]).call(iterable);
  let chunk = new Uint8Array(0);
  return {
    size: undefined,
    async read(target) {
      while (chunk.length === 0) {
        const { value, done } = await iterator.next();
        if (done) return 0;
        chunk = value;
      }
      const part = chunk.subarray(0, target.length);
      target.set(part);
      chunk = chunk.subarray(part.length);
      return part.length;
    },
  };
}

// Bytes that are repeated, the last time in part.
export function fillSource(cycle, size) {
  if (cycle.length === 1) return { size, read: (target) => target.fill(cycle[0]).length };
  const read = (target, offset) => {
    for (let i = 0, at = offset % cycle.length; i < target.length; i++, at++) {
      if (at === cycle.length) at = 0;
      target[i] = cycle[at];
    }
    return target.length;
  };
  return { size, read };
}

// Payloads
export const payloadOf = (source) => [{ source, offset: 0, length: source.size }];
export const payloadOfBytes = (bytes) => payloadOf(bytesSource(bytes));
export const payloadOfText = (text) => payloadOfBytes(utf8Of(text));
export const payloadLength = (payload) => payload.reduce((sum, { length }) => sum + length, 0);

// The bytes of a payload, piece by piece. Each piece is good until the next one is asked for.
export async function* pieces(payload) {
  const buffer = new Uint8Array(Math.min(WINDOW, payloadLength(payload)));
  for (const { source, offset, length } of payload) {
    for (let done = 0; done < length; ) {
      const target = buffer.subarray(0, Math.min(buffer.length, length - done));
      const count = await source.read(target, offset + done);
      if (count === 0) throw new Error('a source has fewer bytes than it said');
      yield target.subarray(0, count);
      done += count;
    }
  }
}

// The whole payload in memory.
export async function load(payload) {
  const bytes = new Uint8Array(payloadLength(payload));
  let at = 0;
  for await (const piece of pieces(payload)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

const TYPED_ARRAYS = new Map(
  [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array,
    Float32Array, Float64Array].map((type) => [type.name.replace(/Big|Array/g, '').toLowerCase(), type]),
);

// The elements of an array or scalar as a typed array, or undefined where JavaScript has none for its dtype.
export async function typedArray({ dtype, payload }) {
  const type = TYPED_ARRAYS.get(dtype);
  if (!type) return undefined;
  const bytes = await load(payload);
  const hostIsLittle = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  if (!hostIsLittle) swapBytes(bytes, dtype);
  return new type(bytes.buffer);
}

export function numberOfBits(bits) {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0];
}

// LEAF-8: widens through the bits. A number of JavaScript might lose those of a NaN.
function widen(bits) {
  if ((bits & 0x7f800000) !== 0x7f800000) {
    return new BigUint64Array(Float64Array.of(new Float32Array(Uint32Array.of(bits).buffer)[0]).buffer)[0];
  }
  const sign = BigInt(bits >>> 31) << 63n;
  const fraction = BigInt(bits & 0x7fffff) << 29n;
  const quiet = fraction === 0n ? 0n : 1n << 51n;
  return sign | (0x7ffn << 52n) | quiet | fraction;
}

// WIRE-5 over pieces: RFC 3629, with the range of the second byte kept in `low` and `high`.
class Utf8Check {
  missing = 0;
  low = 0x80;
  high = 0xbf;

  accepts(bytes) {
    let { missing, low, high } = this;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i];
      if (missing > 0) {
        if (byte < low || byte > high) return false;
        missing--;
        low = 0x80;
        high = 0xbf;
      } else if (byte >= 0x80) {
        if (byte < 0xc2 || byte > 0xf4) return false;
        missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        if (byte === 0xe0) low = 0xa0;
        else if (byte === 0xf0) low = 0x90;
        else if (byte === 0xed) high = 0x9f;
        else if (byte === 0xf4) high = 0x8f;
      }
    }
    Object.assign(this, { missing, low, high });
    return true;
  }

  get complete() {
    return this.missing === 0;
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Reading MessagePack (chapter 01)

// For each first byte: the type of the value, the number of bytes of its header after the first, and how to read
// what the header says: the value of an int, the bits of a float, the length or count of the others.
const FORMS = new Array(256);
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

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // KEY-2: a byte order mark stays

// A place in a source, and a window of bytes from there on. The window is all the memory that a reader takes for the
// bytes of its input (CONF-4), whatever the lengths in it say.
class Cursor {
  constructor(source, cutClause, sink) {
    this.source = source;
    this.cutClause = cutClause; // STREAM-2 or FLAX-6
    this.sink = sink;
    this.buffer = new Uint8Array(WINDOW);
    this.view = new DataView(this.buffer.buffer);
    this.base = 0; // where the window begins in the input
    this.filled = 0; // how much of the window holds bytes
    this.at = 0; // the place in the window
    this.size = source.size ?? Infinity; // of the input; becomes known at its end at the latest
    this.bodyEnd = undefined; // where the bin or ext ends that encloses this place, if one does
    this.promised = { at: 0, end: 0 }; // the last value outside a body, and how far its header says that it reaches
  }

  get offset() {
    return this.base + this.at;
  }

  get atEnd() {
    return this.offset === this.size;
  }

  get low() {
    return this.filled - this.at < LOOKAHEAD && this.base + this.filled < this.size;
  }

  // Moves the window here and fills it with at least LOOKAHEAD bytes, if the input has them.
  async fill() {
    this.buffer.copyWithin(0, this.at, this.filled);
    this.filled -= this.at;
    this.base += this.at;
    this.at = 0;
    while (this.low) {
      const end = Math.min(WINDOW, this.size - this.base);
      const count = await this.source.read(this.buffer.subarray(this.filled, end), this.base + this.filled);
      if (count === 0) this.foundEnd();
      this.filled += count;
    }
  }

  foundEnd() {
    if (this.size !== Infinity) throw new Error('the input has fewer bytes than its source said');
    this.size = this.base + this.filled;
    if (this.promised.end > this.size) throw this.cut(this.promised.at);
  }

  cut(offset) {
    return fault(this.cutClause, offset, 'the input ends too early');
  }

  // Reads a header. What a length in it says has not been checked yet: fits() does so.
  head() {
    const at = this.offset;
    const end = this.bodyEnd ?? this.size;
    if (at >= end) throw this.bodyEnd === undefined ? this.cut(at) : fault('WIRE-6', at, 'a value is missing');
    const { type, extra, read } = FORMS[this.buffer[this.at]];
    if (type === 'never') throw fault('WIRE-4', at, 'the byte c1 begins no value');
    if (at + 1 + extra > end) throw this.tooLong(at);
    const value = read(this.view, this.at + 1);
    this.at += 1 + extra;
    return { at, type, value, ext: type === 'ext' ? this.view.getInt8(this.at - 1) : undefined };
  }

  // WIRE-3, before anything is read or allocated: an element has a byte at least, an entry of a map two.
  fits({ at, type, value }) {
    if (typeof value !== 'number') return; // neither a length nor a count
    const end = this.offset + (type === 'map' ? 2 * value : value);
    if (end > (this.bodyEnd ?? this.size)) throw this.tooLong(at);
    if (this.bodyEnd === undefined) this.promised = { at, end };
  }

  tooLong(at) {
    return this.bodyEnd === undefined ? this.cut(at) : fault('WIRE-3', at, 'reaches beyond what encloses it');
  }

  // CONF-8: first the kind, then the length.
  expect(type, clause, what) {
    const head = this.head();
    if (head.type !== type) throw fault(clause, head.at, `${what} is due here, not a value of type ${head.type}`);
    this.fits(head);
    return head;
  }

  // WIRE-6: what stands between enter and leave uses up the body exactly.
  enter(length) {
    const outer = this.bodyEnd;
    this.bodyEnd = this.offset + length;
    return outer;
  }

  leave(outer) {
    if (this.offset < this.bodyEnd) throw fault('WIRE-6', this.offset, 'bytes are left over');
    this.bodyEnd = outer;
  }

  // The bytes of a short str or bin, whose length the caller has limited.
  take({ value: length }) {
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }

  text(head) {
    try {
      return decoder.decode(this.take(head));
    } catch {
      throw fault('WIRE-5', head.at, 'a str is not valid UTF-8');
    }
  }

  // Whether the value is this str. If it is, it has been read; if not, its header alone.
  holds(head, ascii) {
    if (head.type !== 'str' || head.value !== ascii.length) return false;
    this.fits(head);
    for (let i = 0; i < ascii.length; i++) if (this.buffer[this.at + i] !== ascii.charCodeAt(i)) return false;
    this.at += ascii.length;
    return true;
  }

  // Goes past the bytes of a value and shows them to the sink, if there is one. STREAM-7: without one they are
  // skipped, and not read where the size is known and nobody needs to see them.
  async pass({ at, type, value: length }) {
    const payload = length > 0 ? [{ source: this.source, offset: this.offset, length }] : [];
    const text = type === 'str' ? new Utf8Check() : undefined;
    if (!text && !this.sink && this.size !== Infinity) this.jump(length);
    else {
      for (let left = length; left > 0; ) {
        if (this.at === this.filled) await this.fill();
        const piece = this.take({ value: Math.min(left, this.filled - this.at) });
        if (text && !text.accepts(piece)) throw fault('WIRE-5', at, 'a str is not valid UTF-8');
        if (this.sink) await this.sink(piece);
        left -= piece.length;
      }
    }
    if (text && !text.complete) throw fault('WIRE-5', at, 'a str is not valid UTF-8');
    return payload;
  }

  jump(length) {
    if (length <= this.filled - this.at) this.at += length;
    else {
      this.base = this.offset + length;
      this.at = this.filled = 0;
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Reading leaves (chapter 04)

// LEAF-1. `head` is that of the leaf.
async function readLeaf(cursor, head) {
  const { type, value } = head;
  if (type === 'nil') return { kind: 'nil' };
  if (type === 'bool' || type === 'int') return { kind: type, value };
  if (type === 'float') return { kind: 'float', bits: value };
  if (type === 'ext') return readExt(cursor, head);
  if (type === 'array') throw fault('LEAF-1', head.at, 'a leaf is not an array');
  cursor.fits(head);
  if (type === 'map') return value === 0 ? { kind: 'empty' } : readMap(cursor, head); // LEAF-9
  return { kind: type, payload: await cursor.pass(head) }; // str, bin
}

async function readMap(cursor, head) {
  if (!cursor.holds(cursor.head(), MARKER)) throw fault('LEAF-1', head.at, 'a map with entries is no leaf');
  return readChunked(cursor, head);
}

async function readExt(cursor, head) {
  const read = [readArray, readComplex, readScalar][head.ext - 1];
  if (!read) throw fault('LEAF-1', head.at, `no leaf is an ext of type ${head.ext}`);
  return inside(cursor, head, read);
}

async function inside(cursor, head, read) {
  cursor.fits(head);
  const outer = cursor.enter(head.value);
  const result = await read(cursor);
  cursor.leave(outer);
  return result;
}

async function readArray(cursor) {
  const { dtype, shape, content } = readArrayHead(cursor);
  return { kind: 'ndarray', dtype, shape, payload: await cursor.pass(content) };
}

// LEAF-6
async function readScalar(cursor) {
  const { dtype, content } = readArrayHead(cursor, { rank: 0, clause: 'LEAF-6' });
  return { kind: 'scalar', dtype, payload: await cursor.pass(content) };
}

// LEAF-7
async function readComplex(cursor) {
  const list = cursor.expect('array', 'LEAF-7', 'an array of two floats');
  if (list.value !== 2) throw fault('LEAF-7', list.at, `a complex has two parts, not ${list.value}`);
  const real = cursor.expect('float', 'LEAF-7', 'the real part, a float,');
  const imaginary = cursor.expect('float', 'LEAF-7', 'the imaginary part, a float,');
  return { kind: 'complex', bits: [real.value, imaginary.value] };
}

// LEAF-2: all of an array but its payload, of which `content` is the head.
function readArrayHead(cursor, { rank, clause } = {}) {
  const list = cursor.expect('array', 'LEAF-2', 'an array of shape, dtype tag and payload');
  if (list.value !== 3) throw fault('LEAF-2', list.at, `an ndarray has three elements, not ${list.value}`);
  const shapeAt = cursor.offset;
  const shape = readShape(cursor);
  if (rank !== undefined && shape.length !== rank) {
    throw fault(clause, shapeAt, `${rank} dimensions are due here, not ${shape.length}`);
  }
  const dtypeAt = cursor.offset;
  const dtype = readDtype(cursor);
  const { width } = dtypeOf(dtype);
  const bytes = contentBytes(shape, width, shapeAt);
  const content = cursor.expect('bin', 'LEAF-5', 'the payload, a bin,');
  if (BigInt(content.value) !== bytes) {
    throw fault('LEAF-5', content.at, `the payload has ${content.value} bytes; shape and dtype say ${bytes}`);
  }
  return { shape, dtype, dtypeAt, width, content };
}

// LEAF-3
function readShape(cursor) {
  const list = cursor.expect('array', 'LEAF-3', 'a shape, an array,');
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
  if (head.type !== 'str' && head.type !== 'bin') throw fault('DTYPE-2', head.at, 'a dtype tag, a str, is due here');
  cursor.fits(head);
  const tag = head.value <= LONGEST_TAG ? String.fromCharCode(...cursor.take(head)) : undefined;
  if (!DTYPES.has(tag)) throw fault('DTYPE-1', head.at, `no dtype tag: ${JSON.stringify(tag ?? 'a long text')}`);
  return tag;
}

// LEAF-10. The marker has been read.
async function readChunked(cursor, map) {
  if (map.value !== 3) throw fault('LEAF-10', map.at, `a chunked array has three entries, not ${map.value}`);
  const marker = cursor.head();
  if (marker.value !== true) throw fault('LEAF-10', marker.at, 'the value of the marker is not true');
  expectKey(cursor, 'shape', 'LEAF-10');
  const shapeAt = cursor.offset;
  const shape = readShapeMap(cursor);
  expectKey(cursor, 'chunks', 'LEAF-10');
  return readChunks(cursor, shape, shapeAt);
}

function expectKey(cursor, name, clause) {
  const head = cursor.expect('str', clause, `the key ${name}`);
  if (!cursor.holds(head, name)) throw fault(clause, head.at, `the key ${name} is due here`);
}

// LEAF-11
function readShapeMap(cursor) {
  const map = cursor.expect('map', 'LEAF-11', 'a shape, a map,');
  checkRank(map);
  return Array.from({ length: map.value }, (_, n) => {
    expectKey(cursor, String(n), 'LEAF-11');
    return readDimension(cursor);
  });
}

// LEAF-12
async function readChunks(cursor, shape, shapeAt) {
  const map = cursor.expect('map', 'LEAF-12', 'the chunks, a map,');
  if (map.value === 0) throw fault('LEAF-12', map.at, 'a chunked array has one chunk or more');
  const leaf = { kind: 'ndarray', dtype: undefined, shape, payload: [] };
  let elements = 0n;
  for (let n = 0; n < map.value; n++) {
    if (cursor.low) await cursor.fill();
    expectKey(cursor, String(n), 'LEAF-12');
    const head = cursor.head();
    if (head.ext !== 1) throw fault('LEAF-12', head.at, 'a chunk is an ndarray');
    const chunk = await inside(cursor, head, () => readChunk(cursor, leaf, shapeAt));
    for (const segment of chunk.payload) leaf.payload.push(segment);
    elements += chunk.elements;
  }
  if (elements !== elementsOf(shape)) {
    throw fault('LEAF-12', map.at, `the chunks have ${elements} elements, the shape ${elementsOf(shape)}`);
  }
  return leaf;
}

async function readChunk(cursor, leaf, shapeAt) {
  const { dtype, dtypeAt, width, shape, content } = readArrayHead(cursor, { rank: 1, clause: 'LEAF-12' });
  if (leaf.dtype === undefined) contentBytes(leaf.shape, width, shapeAt); // LEAF-4
  leaf.dtype ??= dtype;
  if (dtype !== leaf.dtype) throw fault('LEAF-12', dtypeAt, 'the chunks have more than one dtype');
  return { elements: shape[0], payload: await cursor.pass(content) };
}

// ---------------------------------------------------------------------------------------------------------------
// Reading streams (chapters 05 and 06)

// Yields { path, leaf } for each record. CONF-3: all that was yielded counts only when the last one has been. The
// sink, if given, is called with each piece of the payload of a leaf before that leaf is yielded; it must be done
// with the piece when it returns, or when its promise is kept.
export async function* readStream(source, { sink } = {}) {
  const cursor = new Cursor(source, 'STREAM-2', sink);
  const seen = new PathTree();
  await cursor.fill();
  if (cursor.atEnd) throw fault('STREAM-3', 0, 'the input is empty');
  while (!cursor.atEnd) {
    const at = cursor.offset;
    const record = cursor.expect('array', 'REC-1', 'a record, an array,');
    if (record.value !== 2) throw fault('REC-1', at, `a record has two elements, not ${record.value}`);
    const path = readPath(cursor);
    try {
      seen.add(path, undefined, at);
      yield { path, leaf: await readBlob(cursor) };
    } catch (error) {
      throw naming(path, error);
    }
    if (cursor.low) await cursor.fill();
  }
}

// KEY-1 to KEY-4
function readPath(cursor) {
  const list = cursor.expect('array', 'KEY-1', 'a key path, an array,');
  if (list.value === 0) throw fault('KEY-1', list.at, 'a key path has one part or more');
  if (list.value > MAX_PARTS) throw fault('KEY-3', list.at, `a key path has at most 512 parts, not ${list.value}`);
  let room = MAX_PATH_BYTES;
  return Array.from({ length: list.value }, () => {
    const part = cursor.expect('str', 'KEY-1', 'a part, a str,');
    room -= part.value;
    if (room < 0) throw fault('KEY-4', list.at, 'the parts of a key path take at most 65,535 bytes');
    return cursor.text(part);
  });
}

// REC-2
function readBlob(cursor) {
  const blob = cursor.expect('bin', 'REC-2', 'a leaf blob, a bin,');
  return inside(cursor, blob, () => readLeaf(cursor, cursor.head()));
}

// ---------------------------------------------------------------------------------------------------------------
// Reading flax files (chapter 08)

// A record of a flax file. It holds the last part of its key path and its parent, and puts the path together when
// asked, so that whoever keeps all records needs no more memory than in proportion to the file.
class FlaxRecord {
  constructor(link, leaf) {
    this.link = link;
    this.leaf = leaf;
  }

  get path() {
    return pathTo(this.link);
  }
}

function pathTo(link) {
  const path = [];
  for (let at = link; at; at = at.parent) path.push(at.part);
  return path.reverse();
}

// As readStream, for a flax file.
export async function* readFlax(source, { sink } = {}) {
  const cursor = new Cursor(source, 'FLAX-6', sink);
  await cursor.fill();
  if (cursor.atEnd) throw fault('FLAX-1', 0, 'the input is empty');
  const root = cursor.expect('map', 'FLAX-1', 'a map');
  if (root.value === 0) throw fault('FLAX-1', 0, 'the root map is empty');
  const open = [{ left: root.value, keys: new Set(), link: undefined, bytes: 0 }]; // the maps around this place
  let total = 0; // FLAX-8
  while (open.length > 0) {
    const map = open[open.length - 1];
    if (map.left === 0) {
      open.pop();
      continue;
    }
    map.left--;
    if (cursor.low) await cursor.fill();
    let { link } = map; // what is known of the key path
    try {
      const key = readKey(cursor, map, open.length);
      link = key.link;
      const head = cursor.head();
      if (isBranch(cursor, head)) {
        open.push({ left: head.value, keys: new Set(), link, bytes: key.bytes });
      } else {
        total += key.bytes + 8 * open.length;
        checkPaths(total, cursor.size, head.at);
        yield new FlaxRecord(link, await readFlaxLeaf(cursor, head));
      }
    } catch (error) {
      throw naming(pathTo(link), error);
    }
  }
  if (cursor.low) await cursor.fill();
  if (!cursor.atEnd) throw fault('FLAX-1', cursor.offset, 'bytes are left over after the root map');
  checkPaths(total, cursor.size, 0); // on a pipe the size is known only now
}

// FLAX-2, FLAX-3, FLAX-5, and KEY-3 and KEY-4 for the path that ends with this key
function readKey(cursor, { keys, link: parent, bytes: before }, depth) {
  const head = cursor.expect('str', 'FLAX-2', 'a key, a str,');
  const bytes = before + head.value;
  if (cursor.holds(head, MARKER)) throw fault('FLAX-3', head.at, 'the marker of a chunked array may not stand here');
  if (depth > MAX_PARTS) throw fault('KEY-3', head.at, 'a key path has at most 512 parts');
  if (bytes > MAX_PATH_BYTES) throw fault('KEY-4', head.at, 'the parts of a key path take at most 65,535 bytes');
  const link = { parent, part: cursor.text(head) };
  if (keys.has(link.part)) throw naming(pathTo(link), fault('FLAX-5', head.at, 'this key stands twice in the map'));
  keys.add(link.part);
  return { link, bytes };
}

// Whether the value is a map with entries that is no chunked array. Of a chunked array the marker has then been read.
function isBranch(cursor, head) {
  if (head.type !== 'map' || head.value === 0) return false;
  cursor.fits(head);
  const start = cursor.at;
  if (cursor.holds(cursor.head(), MARKER)) return false;
  cursor.at = start;
  return true;
}

async function readFlaxLeaf(cursor, head) {
  if (head.type === 'array') throw fault('FLAX-4', head.at, 'a value is not an array');
  return head.type === 'map' && head.value > 0 ? readChunked(cursor, head) : readLeaf(cursor, head);
}

// FLAX-8
function checkPaths(total, size, offset) {
  if (total > 2 ** 20 + 64 * size) throw fault('FLAX-8', offset, 'the key paths are too long for the file');
}

// ---------------------------------------------------------------------------------------------------------------
// Writing leaves (chapters 01 and 04). What is to be written is a list of items: Uint8Arrays, and payloads as
// { payload, length, dtype } in their places.

const bigEndian = (value, count) => {
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

function header(type, length) {
  const { small, smallMax, codes } = HEADERS[type];
  if (length > MAX_LENGTH) throw new FormatError('CONF-7', `no ${type} can have a length of ${length}`);
  if (length <= smallMax) return [small + length];
  if (length < 256 && codes[0]) return [codes[0], length];
  return length < 65536 ? [codes[1], ...bigEndian(length, 2)] : [codes[2], ...bigEndian(length, 4)];
}

function extHeader(length, type) {
  const fixed = [1, 2, 4, 8, 16].indexOf(length);
  return fixed < 0 ? [...header('ext', length), type] : [0xd4 + fixed, type];
}

const str = (text) => {
  const bytes = utf8Of(text);
  return [...header('str', bytes.length), ...bytes];
};

// WIRE-1, LEAF-1
function intBytes(value) {
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

const floatBytes = (bits) => [0xcb, ...bigEndian(bits, 8)]; // LEAF-8

const itemsLength = (items) => items.reduce((sum, { length }) => sum + length, 0);

function payloadItem(payload, dtype) {
  return { payload, length: payloadLength(payload), dtype };
}

// LEAF-1
function leafItems(leaf) {
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

const prefixed = (bytes, items) => [Uint8Array.from(bytes), ...items];

const extItems = (type, body) => prefixed(extHeader(itemsLength(body), type), body);

// LEAF-2 to LEAF-5
function arrayBody(dtype, shape, payload) {
  checkArray(dtype, shape, payload);
  const item = payloadItem(payload, dtype);
  const head = [0x93, ...header('array', shape.length), ...shape.flatMap(intBytes), ...str(dtype)];
  return prefixed([...head, ...header('bin', item.length)], [item]);
}

function checkArray(dtype, shape, payload) {
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

function slice(payload, start, end) {
  const part = [];
  let at = 0; // where the segment begins in the payload
  for (const { source, offset, length } of payload) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + length);
    if (from < to) part.push({ source, offset: offset + from - at, length: to - from });
    at += length;
  }
  return part;
}

// ---------------------------------------------------------------------------------------------------------------
// Writing files

// A file to be written: its size, and its bytes piece by piece. Each piece is good until the next is asked for.
class Plan {
  constructor(items) {
    this.items = items;
    this.size = itemsLength(items);
  }

  async *pieces() {
    for (const item of this.items) {
      if (item.payload === undefined) yield item;
      else yield* meaningful(item);
    }
  }
}

async function* meaningful({ payload, dtype }) {
  for await (const piece of pieces(payload)) {
    if (dtype !== undefined) clearBits(piece, dtype);
    yield piece;
  }
}

// Plans the stream of a tree, which is given as [path, leaf] in the order in which the leaves are put into nested
// maps. A part that is no string is a key of another type, such as the place in a list (TREE-2, TREE-3).
// `emptyNodes` is 'keep' or 'leave out' (TREE-4). CONF-7: all that is to be refused is refused here.
export async function planStream(entries, { emptyNodes = 'keep' } = {}) {
  const items = [];
  const tree = await plant(entries, emptyNodes);
  for (const { path, leaf } of tree.leaves()) items.push(...named(path, () => recordItems(path, leaf)));
  if (items.length === 0) throw new FormatError('STREAM-3', 'a stream has at least one record');
  return new Plan(items);
}

// REC-1 to REC-3
function recordItems(path, leaf) {
  checkBlob(payloadLength(leaf.payload ?? []));
  const body = leafItems(leaf);
  const length = itemsLength(body);
  checkBlob(length);
  const parts = path.flatMap((part) => str(String(part)));
  return prefixed([0x92, ...header('array', path.length), ...parts, ...header('bin', length)], body);
}

function checkBlob(length) {
  if (length > MAX_LENGTH) throw new FormatError('REC-3', `a leaf blob has at most 2^32 - 1 bytes, not ${length}`);
}

// As planStream, for a flax file.
export async function planFlax(entries, { emptyNodes = 'keep' } = {}) {
  const items = [];
  const tree = await plant(entries, emptyNodes);
  if (tree.root.children.size === 0) throw new FormatError('FLAX-1', 'a flax file has at least one entry');
  pushMap(items, tree.root);
  const plan = new Plan(items);
  checkPaths(pathTotal(tree), plan.size);
  return plan;
}

// FLAX-7. Between two nodes of the tree stand maps of one entry. Depth is at most 512 (KEY-3).
function pushMap(items, { end, children }) {
  items.push(Uint8Array.from(header('map', children.size)));
  for (const { path, leaf, ...child } of children.values()) {
    const keys = path.slice(end, child.end).map((part) => named(path, () => flaxKey(String(part))));
    items.push(Uint8Array.from(keys.flatMap((key, n) => (n === 0 ? key : [...header('map', 1), ...key]))));
    if (child.children) pushMap(items, child);
    else items.push(...named(path, () => leafItems(leaf)));
  }
}

// FLAX-3
function flaxKey(part) {
  if (part === MARKER) throw new FormatError('FLAX-3', 'a part is the marker of a chunked array');
  return str(part);
}

function pathTotal(tree) {
  let total = 0;
  for (const { path } of tree.leaves()) total += pathBytes(path) + 8 * path.length;
  return total;
}

const pathBytes = (path) => path.reduce((sum, part) => sum + utf8Of(String(part)).length, 0);

// The tree of the leaves that are to be written. An empty node counts as a leaf where paths clash (STREAM-5), and
// keeps the place of its branch in the order (TREE-5), also where it is left out in the end.
async function plant(entries, emptyNodes) {
  const tree = new PathTree();
  for (const [path, leaf] of entries) {
    try {
      checkPath(path);
      if (leaf.kind === 'str') await checkText(leaf.payload);
      tree.add(path, leaf);
    } catch (error) {
      throw naming(path, error);
    }
  }
  return emptyNodes === 'keep' ? tree : withoutEmptyNodes(tree);
}

function withoutEmptyNodes(tree) {
  const rest = new PathTree();
  for (const { path, leaf } of tree.leaves()) if (leaf.kind !== 'empty') rest.add(path, leaf);
  return rest;
}

function checkPath(path) {
  if (path.length === 0) throw new FormatError('KEY-1', 'a key path has one part or more');
  if (path.length > MAX_PARTS) throw new FormatError('KEY-3', 'a key path has at most 512 parts');
  if (pathBytes(path) > MAX_PATH_BYTES) {
    throw new FormatError('KEY-4', 'the parts of a key path take at most 65,535 bytes');
  }
}

// WIRE-5
async function checkText(payload) {
  const check = new Utf8Check();
  for await (const piece of pieces(payload)) {
    if (!check.accepts(piece)) throw new FormatError('WIRE-5', 'a str is not valid UTF-8');
  }
  if (!check.complete) throw new FormatError('WIRE-5', 'a str is not valid UTF-8');
}

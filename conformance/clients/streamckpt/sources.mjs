// Sources of bytes, and payloads, which are parts of sources.

import { dtypeOf, swapBytes } from './dtypes.mjs';
import { utf8Of } from './text.mjs';

export const WINDOW = 1 << 19;

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

export function slice(payload, start, end) {
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

// Exactly so many bytes, in memory of their own. The caller has made sure that the source has them (CONF-4).
export async function readFully(source, offset, length) {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const count = await source.read(bytes.subarray(done), offset + done);
    if (count === 0) throw new Error('a source has fewer bytes than it said');
    done += count;
  }
  return bytes;
}

export function joinedBytes(pieces) {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

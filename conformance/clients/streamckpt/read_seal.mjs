// Reading seals (chapters 16 and 17): the footer, and what it leads to.

import { crc32c } from './crc32c.mjs';
import { fault } from './faults.mjs';
import { Index } from './read_index.mjs';
import { joinedBytes, readFully } from './sources.mjs';

export const MARK = Uint8Array.of(0xdd, 0, 0, 0, 2); // SEAL-1
export const FOOTER_BYTES = 40; // SEAL-4
export const SEAL_HEAD = 5; // c6 and the length
const MAGIC = new TextEncoder().encode('streamckpt-seal\n');
const TAIL = 2 ** 16; // SEAL-8
const MAX_LENGTH = 2 ** 31 - 1; // SEAL-3

export const beginsWith = (bytes, start) => start.every((byte, n) => bytes[n] === byte);

// The seal of a source of known size, from its end. With `stream` the source is a detached seal, and `stream` the
// size of the file beside which it stands.
export async function openSeal(source, { stream } = {}) {
  const { size } = source;
  const tail = await readFully(source, Math.max(0, size - TAIL), Math.min(size, TAIL));
  const footer = readFooter(tail.subarray(Math.max(0, tail.length - FOOTER_BYTES)), size);
  const isDetached = stream !== undefined;
  const head = isDetached ? 0 : SEAL_HEAD;
  const base = size - FOOTER_BYTES - footer.length;
  checkSize(footer, size - (isDetached ? 0 : footer.offset), head, size);
  if (isDetached) checkStream(footer, stream);
  // As much before the tail as the index takes (SEAL-8).
  const missing = Math.max(0, size - tail.length - (base - head));
  const before = await readFully(source, base - head, missing);
  const rest = tail.subarray(missing > 0 ? 0 : base - head - (size - tail.length), tail.length - FOOTER_BYTES);
  const bytes = missing > 0 ? joinedBytes([before, rest]) : rest;
  return sealOf(footer, bytes, { base, isDetached });
}

// The seal whose bytes, from its c6 to its last, a reader of a pipe has got at `offset`. They end with the input.
export function sealIn(bytes, offset) {
  const size = offset + bytes.length;
  const footer = readFooter(bytes.subarray(Math.max(0, bytes.length - FOOTER_BYTES)), size);
  checkSize(footer, size - footer.offset, SEAL_HEAD, size);
  if (footer.offset !== offset) {
    throw fault('SEAL-4', size - FOOTER_BYTES, `the footer says that the seal begins at ${footer.offset}, found it at ${offset}`);
  }
  return sealOf(footer, bytes.subarray(0, bytes.length - FOOTER_BYTES), { base: offset + SEAL_HEAD, isDetached: false });
}

// SEAL-4 to SEAL-6. `size` is that of the input, with which the bytes end.
function readFooter(bytes, size) {
  const magic = bytes.subarray(Math.max(0, bytes.length - MAGIC.length));
  if (bytes.length < FOOTER_BYTES || !beginsWith(magic, MAGIC)) {
    throw fault('SEAL-5', size, 'the file does not end with the footer of a seal: it has been cut off, or something follows it');
  }
  const at = size - FOOTER_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (crc32c(bytes.subarray(0, 20)) !== view.getUint32(20)) throw fault('SEAL-4', at, 'the checksum of the footer is wrong');
  const [major, minor] = [view.getUint16(16), view.getUint16(18)];
  if (major !== 2 || minor !== 0) throw fault('SEAL-6', at, `the seal is of version ${major}.${minor}, and this program reads 2.0`);
  return { offset: Number(view.getBigUint64(0)), length: view.getUint32(8), checksum: view.getUint32(12), version: `${major}.${minor}` };
}

function checkSize(footer, left, head, size) {
  if (left !== head + footer.length + FOOTER_BYTES) {
    throw fault('SEAL-4', size - FOOTER_BYTES, 'the footer does not fit the size of the file: it has been cut, or joined with another');
  }
}

// DETACHED-2
function checkStream({ offset }, size) {
  if (offset === size) return;
  throw fault('DETACHED-2', Math.min(offset, size), `the detached seal is of a file of ${offset} bytes, found one of ${size}`);
}

// SEAL-3, SEAL-4
function sealOf(footer, bytes, { base, isDetached }) {
  const { offset, length } = footer;
  if (!isDetached) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, SEAL_HEAD);
    const stated = view.getUint32(1);
    const wanted = length + FOOTER_BYTES + 1;
    if (view.getUint8(0) !== 0xc6) throw fault('SEAL-3', offset, 'a seal begins with c6');
    if (stated !== wanted || stated > MAX_LENGTH) throw fault('SEAL-3', offset, `the length of the seal is ${wanted}, found ${stated}`);
  }
  const index = isDetached ? bytes : bytes.subarray(SEAL_HEAD);
  if (crc32c(index) !== footer.checksum) throw fault('SEAL-4', base, 'the checksum of the index is wrong');
  return Object.assign(new Index(index, { base, size: offset, isDetached }), { version: footer.version });
}

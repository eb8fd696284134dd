// Reading MessagePack that stands in the one form in which its content can be written (INDEX-5, META-2), from bytes
// that are in memory.

import { header, intBytes } from './encoding.mjs';
import { fault, unexpected } from './faults.mjs';
import { FORMS } from './forms.mjs';
import { decoder } from './text.mjs';

export class CanonicalReader {
  // `base` is where the bytes begin in the file, and `clause` the one that asks for the one form.
  constructor(bytes, base, clause) {
    Object.assign(this, { bytes, base, clause, at: 0, end: bytes.length });
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get offset() {
    return this.base + this.at;
  }

  // { at, type, value } of the value here: its header has been read, and what follows it is there.
  head() {
    const at = this.offset;
    if (this.at >= this.end) throw fault('WIRE-6', at, 'a value is missing');
    const first = this.bytes[this.at];
    const { type, extra, read } = FORMS[first];
    if (type === 'never') throw fault('WIRE-4', at, 'the byte c1 begins no value');
    if (this.at + 1 + extra > this.end) throw fault('WIRE-3', at, 'reaches beyond what encloses it');
    const value = read(this.view, this.at + 1);
    this.at += 1 + extra;
    const least = type === 'map' ? 2 * value : typeof value === 'number' ? value : 0;
    if (this.at + least > this.end) throw fault('WIRE-3', at, 'reaches beyond what encloses it');
    if (first !== firstByte(type, value, first)) throw fault(this.clause, at, 'a header is longer than needed');
    return { at, type, value };
  }

  expect(type, clause, what) {
    const head = this.head();
    if (head.type !== type) throw unexpected(clause, head, what);
    return head;
  }

  // The bytes of a str or bin whose header has been read.
  take({ value: length }) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(head) {
    try {
      return decoder.decode(this.take(head));
    } catch {
      throw fault('WIRE-5', head.at, 'a str is not valid UTF-8');
    }
  }
}

// WIRE-1: the first byte of the shortest header.
function firstByte(type, value, first) {
  if (type === 'int') return intBytes(value)[0];
  return type in LENGTHS ? header(type, value)[0] : first;
}

const LENGTHS = { str: true, bin: true, array: true, map: true };

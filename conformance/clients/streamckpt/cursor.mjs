// Reading MessagePack values (chapter 01) from a source, through a window of bytes.

import { fault, unexpected } from './faults.mjs';
import { FORMS } from './forms.mjs';
import { WINDOW, joinedBytes } from './sources.mjs';
import { Utf8Check, decoder } from './text.mjs';

// More than all that one record or map entry has beside its payload: a key path of 512 parts and 65,535 bytes, a
// shape of 64 dimensions, a dtype tag. With so many bytes at hand, all of it is read without waiting.
const LOOKAHEAD = 1 << 17;

// A place in a source, and a window of bytes from there on. The window is all the memory that a reader takes for the
// bytes of its input (CONF-4), whatever the lengths in it say.
export class Cursor {
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
    this.limit = Infinity; // how far to read ahead
    this.record = undefined; // where the record begins whose end the index states
    this.depth = 0; // of bodies around this place
    this.bodyEnd = undefined; // where the bin or ext ends that encloses this place, if one does
    this.promised = { at: 0, end: 0 }; // the last value outside a body, and how far its header says that it reaches
    this.path = undefined; // of the record here, for the sink
    this.padded = undefined; // in a sealed stream, what is called with the place of each padded payload (ALIGN-5)
    this.tally = undefined; // what is shown all bytes that have been gone past, and up to where it has seen them
    this.tallied = 0;
  }

  get offset() {
    return this.base + this.at;
  }

  get atEnd() {
    return this.offset === this.size;
  }

  get low() {
    return this.filled - this.at < LOOKAHEAD && this.base + this.filled < Math.min(this.size, this.limit);
  }

  get first() {
    return this.buffer[this.at];
  }

  begins(bytes) {
    return this.filled - this.at >= bytes.length && bytes.every((byte, n) => this.buffer[this.at + n] === byte);
  }

  // Goes to a record of a source of known size, which ends where the index says.
  async moveTo(at, end) {
    if (at >= this.base && at <= this.base + this.filled) this.at = at - this.base;
    else {
      this.base = at;
      this.at = this.filled = 0;
    }
    this.limit = this.bodyEnd = end;
    this.record = at;
    this.depth = 0;
    if (this.low) await this.fill();
  }

  // Shows the tally what has been gone past since.
  settle() {
    if (!this.tally || this.offset === this.tallied) return;
    this.tally.update(this.buffer.subarray(this.tallied - this.base, this.at));
    this.tallied = this.offset;
  }

  // Moves the window here and fills it with at least LOOKAHEAD bytes, if the input has them.
  async fill() {
    this.settle();
    this.buffer.copyWithin(0, this.at, this.filled);
    this.filled -= this.at;
    this.base += this.at;
    this.at = 0;
    while (this.low) {
      const end = Math.min(WINDOW, this.size - this.base, this.limit - this.base);
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
    // SEAL-9: a sealed stream that has been cut off is at fault at its end.
    return fault(this.cutClause, this.cutClause === 'SEAL-5' ? this.size : offset, 'the input ends too early');
  }

  // Reads a header. What a length in it says has not been checked yet: fits() does so.
  head() {
    const at = this.offset;
    const end = this.bodyEnd ?? this.size;
    if (at >= end) throw this.bodyEnd === undefined || this.depth === 0 ? this.tooLong(at) : fault('WIRE-6', at, 'a value is missing');
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
    if (this.bodyEnd === undefined) return this.cut(at);
    if (this.depth === 0) return fault('INDEX-7', this.record, 'the record has more bytes than the index says');
    return fault('WIRE-3', at, 'reaches beyond what encloses it');
  }

  // CONF-8: first the kind, then the length.
  expect(type, clause, what) {
    const head = this.head();
    if (head.type !== type) throw unexpected(clause, head, what);
    this.fits(head);
    return head;
  }

  // WIRE-6: what stands between enter and leave uses up the body exactly.
  enter(length) {
    const outer = this.bodyEnd;
    this.depth++;
    this.bodyEnd = this.offset + length;
    return outer;
  }

  leave(outer) {
    if (this.offset < this.bodyEnd) throw fault('WIRE-6', this.offset, 'bytes are left over');
    this.depth--;
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

  // The bytes from here on, up to a limit or the end of the input. They are allocated as they arrive.
  async rest(most) {
    const pieces = [];
    for (let left = most; left > 0; ) {
      if (this.at === this.filled) await this.fill();
      if (this.atEnd) break;
      const piece = this.take({ value: Math.min(left, this.filled - this.at) }).slice();
      pieces.push(piece);
      left -= piece.length;
    }
    if (this.low) await this.fill();
    return joinedBytes(pieces);
  }

  // Goes to the end of the input, which SEAL-9 wants to be named.
  async drain() {
    this.tally = undefined;
    while (!this.atEnd) {
      this.at = this.filled;
      await this.fill();
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
  // skipped, and not read where the size is known and nobody needs to see them. `about` is what is known of the leaf.
  async pass({ at, type, value: length }, about) {
    const payload = length > 0 ? [{ source: this.source, offset: this.offset, length }] : [];
    const text = type === 'str' ? new Utf8Check() : undefined;
    if (!text && !this.sink && this.size !== Infinity) this.jump(length);
    else {
      for (let left = length; left > 0; ) {
        if (this.at === this.filled) await this.fill();
        const piece = this.take({ value: Math.min(left, this.filled - this.at) });
        if (text && !text.accepts(piece)) throw fault('WIRE-5', at, 'a str is not valid UTF-8');
        if (this.sink) await this.sink(piece, about, this.path);
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

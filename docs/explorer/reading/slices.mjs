// A file, read in slices. It remembers the last few of them, so that the client and the explorer's own code may look
// at the same bytes and the disk is asked once. It counts what it reads: the page says how little that is.
//
// An origin is { name, size, slice(start, end), head, isFetched }, where slice gives a promise of the bytes, head is its
// first bytes where they are known, and isFetched says that a server has sent all of it already.

const STEP = 1 << 17; // the bytes that the client wants at hand; after a long jump, no more are read
const LONGEST = 1 << 20; // of a slice, when many small records stand in a row
const KEPT = 6;
export const HEAD = 512;

export class Slices {
  constructor(origin) {
    this.name = origin.name;
    this.size = origin.size;
    this.origin = origin;
    this.bytesRead = origin.isFetched ? origin.size : 0; // all of it, where the server has sent it as a whole
    this.kept = []; // the last used one first
  }

  #count(bytes) {
    if (!this.origin.isFetched) this.bytesRead += bytes.length;
  }

  // The first bytes, by which a file is known. No more are read: a sealed stream is opened from its end.
  async head() {
    const bytes = this.origin.head ?? (await this.origin.slice(0, Math.min(HEAD, this.size)));
    this.#count(bytes);
    if (bytes.length > 0) this.kept.unshift({ start: 0, bytes, run: 0 });
    return bytes;
  }

  // What the client calls. Fewer bytes than asked for are allowed, and spare the payloads behind a header.
  async read(target, offset) {
    if (target.length === 0 || offset >= this.size) return 0;
    const part = (this.at(offset) ?? (await this.fetch(offset))).subarray(0, target.length);
    target.set(part);
    return part.length;
  }

  // The kept bytes from an offset on, at least one, or undefined.
  at(offset) {
    const n = this.kept.findIndex(({ start, bytes }) => offset >= start && offset < start + bytes.length);
    if (n < 0) return undefined;
    const [slice] = n > 0 ? this.kept.splice(n, 1) : [this.kept[0]];
    if (n > 0) this.kept.unshift(slice);
    return slice.bytes.subarray(offset - slice.start);
  }

  // Exactly so many bytes, or as many as there are up to the end.
  async bytes(offset, length) {
    const stop = Math.min(this.size, offset + length);
    if (offset >= stop) return new Uint8Array(0);
    const wanted = stop - offset;
    const kept = this.at(offset);
    if (!kept) return (await this.fetch(offset, wanted)).subarray(0, wanted);
    if (kept.length >= wanted) return kept.subarray(0, wanted);
    const joined = new Uint8Array(wanted);
    joined.set(kept);
    joined.set(await this.bytes(offset + kept.length, wanted - kept.length), kept.length);
    return joined;
  }

  // As read, for who knows how much is needed: so much is asked for at once, and nothing of it is kept.
  async direct(target, offset) {
    const end = Math.min(this.size, offset + target.length);
    if (offset >= end) return 0;
    const bytes = await this.origin.slice(offset, end);
    if (bytes.length !== end - offset) throw new Error('The file has become shorter while it was read.');
    this.#count(bytes);
    target.set(bytes);
    return bytes.length;
  }

  async fetch(offset, atLeast = 0) {
    // Behind a short gap too: one long slice is read in less time than two short ones.
    const before = this.kept.find(({ start, bytes }) => offset >= start + bytes.length && offset - start - bytes.length <= STEP);
    const run = before ? before.run + 1 : 0; // how many slices stand in a row
    const wanted = run < 3 ? STEP : Math.min(LONGEST, STEP << Math.min(run - 2, 8));
    const end = Math.min(this.size, offset + Math.max(wanted, atLeast));
    const bytes = await this.origin.slice(offset, end);
    if (bytes.length !== end - offset) throw new Error('The file has become shorter while it was read.');
    this.#count(bytes);
    this.kept.unshift({ start: offset, bytes, run });
    this.kept.length = Math.min(this.kept.length, KEPT);
    return bytes;
  }
}

// A part of a source, as a source of its own.
export function part(source, start, end = source.size) {
  const size = end - start;
  return {
    size,
    read: (target, offset) => source.read(target.subarray(0, Math.max(0, size - offset)), start + offset),
  };
}

// A few bytes, and a part of a source behind them.
export function prefixed(bytes, source, start, end) {
  const rest = part(source, start, end);
  return {
    size: bytes.length + rest.size,
    read(target, offset) {
      if (offset >= bytes.length) return rest.read(target, offset - bytes.length);
      const piece = bytes.subarray(offset, offset + target.length);
      target.set(piece);
      return piece.length;
    },
  };
}

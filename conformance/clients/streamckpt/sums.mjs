// The checksums of records (chapter 13).

import { combined, crc32c } from './crc32c.mjs';

export const BLOCK = 2 ** 22; // SUM-2

export const sumIn = (bytes, at) => ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;

// The checksums of a record whose bytes come in pieces (SUM-2).
export class RecordSums {
  #sums = [];
  #length = 0;
  #sum = 0;

  update(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + BLOCK - (this.#length % BLOCK));
      this.#sum = crc32c(piece, this.#sum);
      this.#length += piece.length;
      if (this.#length % BLOCK === 0) this.#close();
      at += piece.length;
    }
  }

  #close() {
    this.#sums.push(this.#sum >>> 24, (this.#sum >>> 16) & 255, (this.#sum >>> 8) & 255, this.#sum & 255);
    this.#sum = 0;
  }

  // { size, sums }, and the next record begins.
  end() {
    if (this.#length % BLOCK > 0) this.#close();
    const found = { size: this.#length, sums: Uint8Array.from(this.#sums) };
    [this.#sums, this.#length] = [[], 0];
    return found;
  }
}

// SUM-4: the checksum of what `before` is that of and of a record behind it.
export function withRecord(before, { size, sums }) {
  let sum = before;
  for (let k = 0; k * BLOCK < size; k++) sum = combined(sum, sumIn(sums, 4 * k), Math.min(BLOCK, size - k * BLOCK));
  return sum;
}

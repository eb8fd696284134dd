// The bytes of a stream, compared with the checksums of its index before anybody sees them (SUM-3).

import { crc32c } from './crc32c.mjs';
import { fault } from './faults.mjs';
import { readFully } from './sources.mjs';
import { BLOCK } from './sums.mjs';

// A source of the records of `source`. What is asked for is read as whole blocks; the last one is kept.
export class CheckedSource {
  constructor(source, index) {
    Object.assign(this, { source, index, size: index.size, start: 0, bytes: new Uint8Array(0) });
  }

  async read(target, offset) {
    if (offset >= this.size || target.length === 0) return 0;
    const isHeld = offset >= this.start && offset < this.start + this.bytes.length;
    const { start, bytes } = isHeld ? this : await this.#load(offset); // what is held may be another block by then
    const part = bytes.subarray(offset - start, offset - start + target.length);
    target.set(part);
    return part.length;
  }

  async #load(offset) {
    const record = this.index.recordAt(offset);
    const n = Math.floor((offset - this.index.starts[record]) / BLOCK);
    const { start, bytes, isGood } = await readBlock(this.source, this.index, record, n);
    if (!isGood) throw fault('SUM-3', start, damage(n, start));
    Object.assign(this, { start, bytes });
    return { start, bytes };
  }
}

export const damage = (n, start) => `the checksum of block ${n} of this record, at byte ${start}, is wrong: its bytes have changed`;

// Block `n` of a record: where it begins, its bytes, and whether they are those of its checksum.
export async function readBlock(source, index, record, n) {
  const start = index.starts[record] + n * BLOCK;
  const bytes = await readFully(source, start, Math.min(BLOCK, index.endOf(record) - start));
  return { start, bytes, isGood: crc32c(bytes) === index.sumOf(record, n) };
}

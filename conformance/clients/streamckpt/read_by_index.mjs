// Reading sealed streams by their index, and plain ones by that of their detached seal (chapters 11 to 17).

import { CheckedSource } from './checked.mjs';
import { Cursor } from './cursor.mjs';
import { naming } from './faults.mjs';
import { checkPadded, checksumsOf, joined, readRecord } from './sealed_record.mjs';

// Every leaf, in the order of the file. All that is handed over has been compared with its checksums, and its headers
// with the index.
export async function* readByIndex(source, index, { sink } = {}) {
  const reader = new IndexedReader(source, index, { sink });
  for (const entry of index.leaves()) {
    yield { path: entry.path, leaf: await reader.leaf(entry), checksums: checksumsOf(entry) };
  }
  index.checkSum();
}

// Leaves of an index in any order, one at a time. The payload of a leaf is compared as it is read. A plain stream beside
// a detached seal is read by the clauses of 1.0, a sealed one by all.
export class IndexedReader {
  constructor(source, index, { sink } = {}) {
    this.index = index;
    this.cursor = new Cursor(new CheckedSource(source, index), 'SEAL-5', sink);
    if (!index.isDetached) this.cursor.padded = (place) => checkPadded(place, index.alignment);
  }

  // The leaf of an entry of `index.leaves()`.
  async leaf(entry) {
    const { cursor, index } = this;
    const records = [];
    let at = entry.start;
    try {
      for (const { size, sums } of entry.records) {
        await cursor.moveTo(at, at + size);
        const record = await readRecord(cursor, index.isDetached);
        records.push({ ...record, size: cursor.offset - at, sums });
        at += size;
      }
      return joined(records, entry, index.isDetached);
    } catch (error) {
      throw naming(entry.path, error);
    }
  }
}

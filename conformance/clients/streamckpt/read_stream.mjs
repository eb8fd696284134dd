// Reading streams (chapters 05 and 06).

import { Cursor } from './cursor.mjs';
import { fault, naming } from './faults.mjs';
import { PathTree } from './paths.mjs';
import { readByIndex } from './read_by_index.mjs';
import { readPiped } from './read_piped.mjs';
import { readBlob, readPath } from './read_record.mjs';
import { MARK, openSeal } from './read_seal.mjs';

// Yields { path, leaf } for each record. CONF-3: all that was yielded counts only when the last one has been. The
// sink, if given, is called with each piece of the payload of a leaf before that leaf is yielded; it must be done
// with the piece when it returns, or when its promise is kept. It is told of the leaf what is known by then: its kind,
// its dtype and shape or its length; and, where there is a seal, the key path of its record.
//
// CONF-9: an input that begins with the mark is a sealed stream. Then, or where `detached` is the source of a detached
// seal, `onSeal` is called with the index, and each record has `checksums`, too. The source is to have a size with that.
export async function* readStream(source, { sink, detached, onSeal } = {}) {
  const cursor = new Cursor(source, 'STREAM-2', sink);
  await cursor.fill();
  const isMarked = cursor.begins(MARK);
  if (isMarked) detached = undefined; // DETACHED-3: "Beside a sealed stream a detached seal means nothing."
  if (detached && source.size === undefined) throw new Error('a stream with a detached seal is read from a source of known size');
  if (!isMarked && !detached) return yield* readPlain(cursor);
  if (source.size === undefined) return yield* readPiped(cursor, onSeal);
  const index = await openSeal(detached ?? source, { stream: detached ? source.size : undefined });
  onSeal?.(index);
  return yield* readByIndex(source, index, { sink });
}

async function* readPlain(cursor) {
  const seen = new PathTree();
  if (cursor.atEnd) throw fault('STREAM-3', 0, 'the input is empty');
  while (!cursor.atEnd) {
    const at = cursor.offset;
    const record = cursor.expect('array', 'REC-1', 'a record (an array)');
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

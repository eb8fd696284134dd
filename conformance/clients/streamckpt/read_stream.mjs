// Reading streams (chapters 05 and 06).

import { Cursor } from './cursor.mjs';
import { fault, naming } from './faults.mjs';
import { MAX_PARTS, MAX_PATH_BYTES, PathTree } from './paths.mjs';
import { inside, readLeaf } from './read_leaf.mjs';

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

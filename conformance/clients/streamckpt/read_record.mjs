// What every record has: a key path and a leaf blob (chapters 02 and 05).

import { fault } from './faults.mjs';
import { MAX_PARTS, MAX_PATH_BYTES } from './paths.mjs';
import { inside, readLeaf } from './read_leaf.mjs';

const SHORT = 64; // bytes: a key of a part that is longer would name more parts than there can be

// KEY-1 to KEY-4. In a sealed stream `partOf` tells the key of a part (PART-3): it may stand last, and is not counted.
export function readPath(cursor, partOf) {
  const list = cursor.expect('array', 'KEY-1', 'a key path (an array)');
  const { value: count } = list;
  if (count === 0) throw fault('KEY-1', list.at, 'a key path has one part or more');
  if (count > MAX_PARTS + (partOf ? 1 : 0)) throw fault('KEY-3', list.at, `a key path has at most 512 parts, not ${count}`);
  let room = MAX_PATH_BYTES;
  return Array.from({ length: count }, (_, n) => {
    const head = cursor.expect('str', 'KEY-1', 'a part (a str)');
    const isLast = n === count - 1;
    const mayBePart = partOf && isLast && head.value <= SHORT;
    if (head.value > room && !mayBePart) throw fault('KEY-4', list.at, 'the parts of a key path take at most 65,535 bytes');
    const text = cursor.text(head);
    const isPart = partOf?.(text) !== undefined;
    if (isPart && !isLast) throw fault('PART-3', head.at, 'a key that looks like that of a part comes before the last place');
    if (!isPart) room -= head.value;
    if (room < 0) throw fault('KEY-4', list.at, 'the parts of a key path take at most 65,535 bytes');
    if (!isPart && n === MAX_PARTS) throw fault('KEY-3', list.at, `a key path has at most 512 parts, not ${count}`);
    return text;
  });
}

// REC-2
export function readBlob(cursor) {
  const blob = cursor.expect('bin', 'REC-2', 'a leaf blob (a bin)');
  return inside(cursor, blob, () => readLeaf(cursor, cursor.head()));
}

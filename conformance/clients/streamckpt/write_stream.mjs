// Writing streams (chapters 05 to 07).

import { header, str } from './encoding.mjs';
import { FormatError, named } from './faults.mjs';
import { Plan, plant } from './plan.mjs';
import { payloadLength } from './sources.mjs';
import { checkBlob, itemsLength, leafItems, prefixed } from './write_leaf.mjs';
import { planSealed } from './write_sealed.mjs';

// Plans the stream of a tree, which is given as [path, leaf] in the order in which the leaves are put into nested
// maps. A part that is not a string is a key of another type, such as the place in a list (TREE-2, TREE-3).
// `emptyNodes` is 'keep' or 'leave out' (TREE-4). CONF-7: all that is to be refused is refused here.
//
// With `format: '2.0'` the stream is a sealed one. Then `metadata` is a map (see metadata.mjs), `alignment` a number, and
// with `digests` the index has those of the leaves.
export async function planStream(entries, { emptyNodes = 'keep', format = '1.0', ...settings } = {}) {
  if (format === '2.0') return planSealed(entries, { emptyNodes, ...settings });
  const items = [];
  const tree = await plant(entries, emptyNodes);
  for (const { path, leaf } of tree.leaves()) items.push(...named(path, () => recordItems(path, leaf)));
  if (items.length === 0) throw new FormatError('STREAM-3', 'a stream has at least one record');
  return new Plan(items);
}

// REC-1 to REC-3
function recordItems(path, leaf) {
  checkBlob(payloadLength(leaf.payload ?? []));
  const body = leafItems(leaf);
  const length = itemsLength(body);
  checkBlob(length);
  const parts = path.flatMap((part) => str(String(part)));
  return prefixed([0x92, ...header('array', path.length), ...parts, ...header('bin', length)], body);
}

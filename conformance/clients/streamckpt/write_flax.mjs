// Writing standard flax files (chapter 08).

import { header, str } from './encoding.mjs';
import { FormatError, named } from './faults.mjs';
import { Plan, pathBytes, plant } from './plan.mjs';
import { MARKER } from './read_leaf.mjs';
import { checkPaths } from './read_flax.mjs';
import { leafItems } from './write_leaf.mjs';

export async function planFlax(entries, { emptyNodes = 'keep' } = {}) {
  const items = [];
  const tree = await plant(entries, emptyNodes);
  if (tree.root.children.size === 0) throw new FormatError('FLAX-1', 'a flax file has at least one entry');
  pushMap(items, tree.root);
  const plan = new Plan(items);
  checkPaths(pathTotal(tree), plan.size);
  return plan;
}

// FLAX-7. Between two nodes of the tree stand maps of one entry. Depth is at most 512 (KEY-3).
function pushMap(items, { end, children }) {
  items.push(Uint8Array.from(header('map', children.size)));
  for (const { path, leaf, ...child } of children.values()) {
    const keys = path.slice(end, child.end).map((part) => named(path, () => flaxKey(String(part))));
    items.push(Uint8Array.from(keys.flatMap((key, n) => (n === 0 ? key : [...header('map', 1), ...key]))));
    if (child.children) pushMap(items, child);
    else items.push(...named(path, () => leafItems(leaf)));
  }
}

// FLAX-3
function flaxKey(part) {
  if (part === MARKER) throw new FormatError('FLAX-3', 'a part is the marker of a chunked array');
  return str(part);
}

function pathTotal(tree) {
  let total = 0;
  for (const { path } of tree.leaves()) total += pathBytes(path) + 8 * path.length;
  return total;
}

// A tree that is to be written, and the file that comes of it.

import { clearBits } from './dtypes.mjs';
import { FormatError, naming } from './faults.mjs';
import { MAX_PARTS, MAX_PATH_BYTES, PathTree } from './paths.mjs';
import { pieces } from './sources.mjs';
import { Utf8Check, utf8Of } from './text.mjs';
import { itemsLength } from './write_leaf.mjs';

// A file to be written: its size, and its bytes piece by piece. Each piece is good until the next is asked for.
export class Plan {
  constructor(items) {
    this.items = items;
    this.size = itemsLength(items);
  }

  async *pieces() {
    for (const item of this.items) {
      if (item.payload === undefined) yield item;
      else yield* meaningful(item);
    }
  }
}

export async function* meaningful({ payload, dtype }) {
  for await (const piece of pieces(payload)) {
    if (dtype !== undefined) clearBits(piece, dtype);
    yield piece;
  }
}

export const pathBytes = (path) => path.reduce((sum, part) => sum + utf8Of(String(part)).length, 0);

// The tree of the leaves that are to be written. An empty node counts as a leaf where paths clash (STREAM-5), and
// keeps the place of its branch in the order (TREE-5), also where it is left out in the end.
export async function plant(entries, emptyNodes) {
  const tree = new PathTree();
  for (const [path, leaf] of entries) {
    try {
      checkPath(path);
      if (leaf.kind === 'str') await checkText(leaf.payload);
      tree.add(path, leaf);
    } catch (error) {
      throw naming(path, error);
    }
  }
  return emptyNodes === 'keep' ? tree : withoutEmptyNodes(tree);
}

function withoutEmptyNodes(tree) {
  const rest = new PathTree();
  for (const { path, leaf } of tree.leaves()) if (leaf.kind !== 'empty') rest.add(path, leaf);
  return rest;
}

function checkPath(path) {
  if (path.length === 0) throw new FormatError('KEY-1', 'a key path has one part or more');
  if (path.length > MAX_PARTS) throw new FormatError('KEY-3', 'a key path has at most 512 parts');
  if (pathBytes(path) > MAX_PATH_BYTES) {
    throw new FormatError('KEY-4', 'the parts of a key path take at most 65,535 bytes');
  }
}

// WIRE-5
async function checkText(payload) {
  const check = new Utf8Check();
  for await (const piece of pieces(payload)) {
    if (!check.accepts(piece)) throw new FormatError('WIRE-5', 'a str is not valid UTF-8');
  }
  if (!check.complete) throw new FormatError('WIRE-5', 'a str is not valid UTF-8');
}

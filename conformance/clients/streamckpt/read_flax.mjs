// Reading standard flax files (chapter 08).

import { Cursor } from './cursor.mjs';
import { fault, naming } from './faults.mjs';
import { MAX_PARTS, MAX_PATH_BYTES } from './paths.mjs';
import { MARKER, readChunked, readLeaf } from './read_leaf.mjs';

// A record of a flax file. It holds the last part of its key path and its parent, and puts the path together when
// asked, so that whoever keeps all records needs no more memory than in proportion to the file.
class FlaxRecord {
  constructor(link, leaf) {
    this.link = link;
    this.leaf = leaf;
  }

  get path() {
    return pathTo(this.link);
  }
}

function pathTo(link) {
  const path = [];
  for (let at = link; at; at = at.parent) path.push(at.part);
  return path.reverse();
}

// As readStream, for a flax file.
export async function* readFlax(source, { sink } = {}) {
  const cursor = new Cursor(source, 'FLAX-6', sink);
  await cursor.fill();
  if (cursor.atEnd) throw fault('FLAX-1', 0, 'the input is empty');
  const root = cursor.expect('map', 'FLAX-1', 'a map');
  if (root.value === 0) throw fault('FLAX-1', 0, 'the root map is empty');
  const open = [{ left: root.value, keys: new Set(), link: undefined, bytes: 0 }]; // the maps around this place
  let total = 0; // FLAX-8
  while (open.length > 0) {
    const map = open[open.length - 1];
    if (map.left === 0) {
      open.pop();
      continue;
    }
    map.left--;
    if (cursor.low) await cursor.fill();
    let { link } = map; // what is known of the key path
    try {
      const key = readKey(cursor, map, open.length);
      link = key.link;
      const head = cursor.head();
      if (isBranch(cursor, head)) {
        open.push({ left: head.value, keys: new Set(), link, bytes: key.bytes });
      } else {
        total += key.bytes + 8 * open.length;
        checkPaths(total, cursor.size, head.at);
        yield new FlaxRecord(link, await readFlaxLeaf(cursor, head));
      }
    } catch (error) {
      throw naming(pathTo(link), error);
    }
  }
  if (cursor.low) await cursor.fill();
  if (!cursor.atEnd) throw fault('FLAX-1', cursor.offset, 'bytes are left over after the root map');
  checkPaths(total, cursor.size, 0); // on a pipe the size is known only now
}

// FLAX-2, FLAX-3, FLAX-5, and KEY-3 and KEY-4 for the path that ends with this key
function readKey(cursor, { keys, link: parent, bytes: before }, depth) {
  const head = cursor.expect('str', 'FLAX-2', 'a key (a str)');
  const bytes = before + head.value;
  if (cursor.holds(head, MARKER)) throw fault('FLAX-3', head.at, 'the marker of a chunked array may not occur here');
  if (depth > MAX_PARTS) throw fault('KEY-3', head.at, 'a key path has at most 512 parts');
  if (bytes > MAX_PATH_BYTES) throw fault('KEY-4', head.at, 'the parts of a key path take at most 65,535 bytes');
  const link = { parent, part: cursor.text(head) };
  if (keys.has(link.part)) throw naming(pathTo(link), fault('FLAX-5', head.at, 'the map has this key twice'));
  keys.add(link.part);
  return { link, bytes };
}

// Whether the value is a map with entries that is not a chunked array. If it is one, its marker has been read.
function isBranch(cursor, head) {
  if (head.type !== 'map' || head.value === 0) return false;
  cursor.fits(head);
  const start = cursor.at;
  if (cursor.holds(cursor.head(), MARKER)) return false;
  cursor.at = start;
  return true;
}

async function readFlaxLeaf(cursor, head) {
  if (head.type === 'array') throw fault('FLAX-4', head.at, 'a value is not an array');
  return head.type === 'map' && head.value > 0 ? readChunked(cursor, head) : readLeaf(cursor, head);
}

// FLAX-8
export function checkPaths(total, size, offset) {
  if (total > 2 ** 20 + 64 * size) throw fault('FLAX-8', offset, 'the key paths are too long for the file');
}

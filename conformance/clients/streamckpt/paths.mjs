// Key paths (chapter 02): their display form, and the tree that they make.

import { FormatError, fault } from './faults.mjs';

export const MAX_PARTS = 512; // KEY-3
export const MAX_PATH_BYTES = 65535; // KEY-4

const ESCAPED = /[\\/\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

// KEY-5
export const displayPath = (path) => path.map((part) => part.replace(ESCAPED, escapeOf)).join('/');

function escapeOf(char) {
  return char === '\\' || char === '/' ? `\\${char}` : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

// KEY-6
export function parsePath(display) {
  const path = [''];
  for (const [token] of display.matchAll(/\\u[0-9a-fA-F]{4}|\\[^]?|\/|[^\\/]+/g)) {
    if (token === '/') path.push('');
    else if (token[0] !== '\\') path[path.length - 1] += token;
    else path[path.length - 1] += unescaped(token);
  }
  return path;
}

function unescaped(token) {
  const char = token.length === 6 ? String.fromCharCode(parseInt(token.slice(2), 16)) : token[1];
  const allowed = token.length === 6 ? !/[\ud800-\udfff]/.test(char) : char === '\\' || char === '/';
  if (!allowed) throw new FormatError('KEY-6', `not an escape of the display form: ${token}`);
  return char;
}

// The key paths of a tree, each with its leaf. A node stands for the parts path[0] to path[end - 1], and only where
// paths part or end is there a node, so that memory stays in proportion to the number of paths. A key of `children`
// is the text of the part that follows; a Map keeps the order in which they came (TREE-5) and knows no prototype.
export class PathTree {
  root = { path: [], end: 0, children: new Map() };

  // STREAM-4, STREAM-5. In CONF-5's words: the offset is that of the record that comes second.
  add(path, leaf, offset) {
    let node = this.root;
    for (;;) {
      const key = String(path[node.end]);
      const child = node.children.get(key);
      if (!child) return void node.children.set(key, { path, end: path.length, leaf });
      const shared = commonParts(node.end, child, path);
      if (shared === path.length && shared === child.end && !child.children) {
        throw fault('STREAM-4', offset, 'the stream has this key path already');
      }
      if (shared === path.length) throw fault('STREAM-5', offset, 'this key path is the beginning of another');
      if (shared < child.end) return void split(node, key, child, shared, { path, end: path.length, leaf });
      if (!child.children) throw fault('STREAM-5', offset, 'the beginning of this key path is another');
      node = child;
    }
  }

  *leaves(node = this.root) {
    const open = [node.children.values()];
    while (open.length > 0) {
      const { value, done } = open[open.length - 1].next();
      if (done) open.pop();
      else if (value.children) open.push(value.children.values());
      else yield value;
    }
  }
}

function commonParts(from, { path: other, end }, path) {
  const stop = Math.min(end, path.length);
  let n = from;
  while (n < stop && sameKey(other[n], path[n])) n++;
  return n;
}

// TREE-3: two keys of a map that are not the same, such as 1 and '1', must not give the same text.
function sameKey(a, b) {
  if (a === b) return true;
  if (String(a) !== String(b)) return false;
  throw new FormatError('TREE-3', `two keys of a map give the same text, ${JSON.stringify(String(a))}`);
}

function split(node, key, child, end, leaf) {
  const children = new Map([[String(child.path[end]), child], [String(leaf.path[end]), leaf]]);
  node.children.set(key, { path: child.path, end, children });
}

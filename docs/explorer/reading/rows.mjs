// The rows of the tree that are to be seen: which branches are open, which leaves match the filter, in which order.
// They are numbered, and the page asks for those few that stand on the screen.

import { displayPath } from '../streamckpt/index.mjs';

const FEW = 60; // rows that the tree opens to at first
const MOST_SORTED = 2_000_000;

export class Rows {
  open = new Set([0]);
  filter = '';
  sort = 'file'; // file, size, name
  flat = false;
  #rows; // node numbers
  #depths;
  #damaged = new Set(); // leaves, and all above them
  #matching; // Uint8Array: 1 for leaves that match and for all above them

  constructor(tree) {
    this.tree = tree;
    this.openFew();
  }

  // Opens level after level while there are few rows.
  openFew() {
    let level = [0];
    let count = 0;
    while (level.length > 0) {
      const next = [];
      for (const n of level) for (const child of this.tree.childrenOf(n)) if (next.push(child) > FEW) break;
      count += next.length;
      if (count > FEW) break;
      for (const n of level) this.open.add(n);
      level = next.filter((n) => this.tree.isBranch(n));
    }
    this.#rows = undefined;
  }

  set({ filter = this.filter, sort = this.sort, flat = this.flat }) {
    if (filter !== this.filter) this.#matching = matching(this.tree, filter);
    Object.assign(this, { filter, sort, flat });
    this.#rows = undefined;
    return { rows: this.count(), leaves: this.#matched() };
  }

  // How many leaves match the filter.
  #matched() {
    if (this.filter === '') return this.tree.count.get(0);
    let found = 0;
    for (let n = 1; n < this.tree.size; n++) if (this.#matching[n] && !this.tree.isBranch(n)) found++;
    return found;
  }

  toggle(n, isOpen = !this.open.has(n)) {
    if (isOpen) this.open.add(n);
    else this.open.delete(n);
    this.#rows = undefined;
  }

  toggleAll(isOpen) {
    this.open.clear();
    this.open.add(0);
    for (let n = 1; isOpen && n < this.tree.size; n++) if (this.tree.isBranch(n)) this.open.add(n);
    this.#rows = undefined;
  }

  // Opens all that stands above a node, and gives the number of its row.
  reveal(n) {
    for (let at = this.tree.parent.get(n); at >= 0; at = this.tree.parent.get(at)) this.open.add(at);
    this.#rows = undefined;
    return this.#list().indexOf(n);
  }

  // Marks leaves in which verifying has found a fault; `undefined` is a fault of no leaf.
  setDamaged(leaves) {
    this.#damaged.clear();
    for (const leaf of leaves) for (let n = leaf; n > 0; n = this.tree.parent.get(n)) this.#damaged.add(n);
  }

  count() {
    return this.#list().length;
  }

  slice(start, end) {
    const rows = this.#list();
    return Array.from(rows.subarray(start, end), (n, i) => this.row(n, this.#depths[start + i]));
  }

  indexOf(n) {
    return this.#list().indexOf(n);
  }

  row(n, depth = 0) {
    const { tree } = this;
    const isBranch = tree.isBranch(n);
    return {
      node: n,
      depth,
      name: this.flat ? tree.displayOf(n) : displayPath([tree.names[n]]), // neutralised (KEY-5)
      isBranch,
      isDamaged: this.#damaged.has(n),
      isOpen: isBranch && (this.filter !== '' || this.open.has(n)),
      kind: tree.kindOf(n),
      dtype: tree.dtypeOf(n),
      shape: tree.shapeOf(n)?.map(String),
      value: tree.valueOf(n),
      count: tree.count.get(n),
      bytes: tree.bytes.get(n),
      start: tree.start.get(n),
      parent: tree.parent.get(n),
    };
  }

  #list() {
    if (this.#rows) return this.#rows;
    if (this.flat) {
      this.#rows = Int32Array.from(this.#ordered(this.#shown(this.tree.leavesOf())));
      this.#depths = new Uint16Array(this.#rows.length);
      return this.#rows;
    }
    const rows = [];
    const depths = [];
    const stack = [this.#childrenOf(0)];
    while (stack.length > 0) {
      const children = stack[stack.length - 1];
      const n = children.pop();
      if (n === undefined) {
        stack.pop();
        continue;
      }
      rows.push(n);
      depths.push(stack.length - 1);
      if (this.tree.isBranch(n) && (this.filter !== '' || this.open.has(n))) stack.push(this.#childrenOf(n));
    }
    this.#depths = Uint16Array.from(depths);
    return (this.#rows = Int32Array.from(rows));
  }

  // In reverse, to be popped.
  #childrenOf(n) {
    return this.#ordered(this.#shown(this.tree.childrenOf(n))).reverse();
  }

  #shown(nodes) {
    const all = [...nodes];
    return this.filter === '' ? all : all.filter((n) => this.#matching[n]);
  }

  #ordered(nodes) {
    const { bytes, names, start } = this.tree;
    if (nodes.length > MOST_SORTED) return nodes;
    if (this.sort === 'size') return nodes.sort((a, b) => bytes.get(b) - bytes.get(a) || start.get(a) - start.get(b));
    if (this.sort === 'name') {
      const nameOf = this.flat ? (n) => this.tree.displayOf(n) : (n) => names[n];
      const keyed = nodes.map((n) => [nameOf(n), n]);
      return keyed.sort((a, b) => inOrder.compare(a[0], b[0])).map(([, n]) => n);
    }
    return nodes;
  }
}

const inOrder = new Intl.Collator('en', { numeric: true });

function matching(tree, filter) {
  const found = new Uint8Array(tree.size);
  const test = tester(filter);
  for (const leaf of tree.leavesOf()) {
    if (!test(tree.displayOf(leaf))) continue;
    for (let n = leaf; n >= 0 && !found[n]; n = tree.parent.get(n)) found[n] = 1;
  }
  return found;
}

// A glob of the whole key path where the filter has * ? or [, as in `inspect --match`; else a part of it in any case.
export function tester(filter) {
  if (!/[*?[]/.test(filter)) {
    const part = filter.toLowerCase();
    return (text) => text.toLowerCase().includes(part);
  }
  const glob = filter.replace(/\[(!?)([^\]]+)\]|[*?]|[.+^${}()|[\]\\]/g, (token, not, set) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    return set === undefined ? `\\${token}` : `[${not ? '^' : ''}${set.replace(/[\\^[]/g, '\\$&')}]`;
  });
  const expression = safeExpression(glob);
  return (text) => expression.test(text);
}

function safeExpression(glob) {
  try {
    return new RegExp(`^${glob}$`, 's');
  } catch {
    return /^$/;
  }
}

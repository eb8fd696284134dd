// The tree of a file, in columns: a million leaves take some hundred bytes each. Node 0 is the root, and every node
// comes after its parent.

import { displayPath } from '../streamckpt/index.mjs';

const KINDS = ['branch', 'ndarray', 'scalar', 'complex', 'nil', 'bool', 'int', 'float', 'str', 'bin', 'empty'];
const MOST_NAMES = 50_000; // of those that are kept once for all nodes

class Column {
  constructor(Type) {
    this.values = new Type(1024);
  }

  set(n, value) {
    if (n >= this.values.length) {
      const wider = new this.values.constructor(2 * this.values.length);
      wider.set(this.values);
      this.values = wider;
    }
    this.values[n] = value;
  }

  get(n) {
    return this.values[n];
  }
}

export class Tree {
  size = 0;
  names = [];
  parent = new Column(Int32Array);
  first = new Column(Int32Array); // child, or 0
  last = new Column(Int32Array);
  next = new Column(Int32Array); // sibling, or 0
  kind = new Column(Uint8Array);
  type = new Column(Uint8Array); // place in this.types, + 1
  form = new Column(Int32Array); // place in this.shapes
  start = new Column(Float64Array); // of the record, or of the key of an entry
  end = new Column(Float64Array);
  body = new Column(Float64Array); // where the value of an entry of a flax file begins
  bytes = new Column(Float64Array); // of the payload; of a branch, of all leaves below it
  count = new Column(Int32Array); // of leaves below a branch
  value = new Column(Float64Array); // of an int, float or bool
  unread = false; // whether it comes from an index, which holds no values
  types = []; // dtype tags
  shapes = []; // as BigInt[]

  #byName = []; // of a branch, its children
  #kept = new Map();
  #forms = new Map();
  #open = [0]; // the branches around the last leaf

  constructor() {
    this.#node(-1, '', 'branch');
  }

  #node(parent, name, kind) {
    const n = this.size++;
    if (this.#kept.has(name)) name = this.#kept.get(name);
    else if (this.#kept.size < MOST_NAMES) this.#kept.set(name, name);
    this.names.push(name);
    this.kind.set(n, KINDS.indexOf(kind));
    for (const column of [this.first, this.last, this.next, this.type, this.form, this.count]) column.set(n, 0);
    for (const column of [this.start, this.end, this.body, this.bytes, this.value]) column.set(n, 0);
    this.parent.set(n, parent);
    if (parent < 0) return n;
    const last = this.last.get(parent);
    if (last) this.next.set(last, n);
    else this.first.set(parent, n);
    this.last.set(parent, n);
    (this.#byName[parent] ??= new Map()).set(name, n);
    return n;
  }

  // The node with which this path clashes (STREAM-4, STREAM-5), or undefined.
  clash(path) {
    let node = 0;
    for (const name of path) {
      if (this.kindOf(node) !== 'branch') return node;
      node = this.#byName[node]?.get(name);
      if (node === undefined) return undefined;
    }
    return node;
  }

  // Adds a leaf whose path does not clash. Says whether it reopens a branch that was left (TREE-5).
  add(path, { kind, dtype, shape, bytes, value = NaN }, start, end) {
    let node = 0;
    let reopens = false;
    for (let depth = 0; depth < path.length - 1; depth++) {
      let child = this.#byName[node]?.get(path[depth]);
      if (child === undefined) child = this.#node(node, path[depth], 'branch');
      else if (this.#open[depth + 1] !== child) reopens = true;
      if (this.#open[depth + 1] !== child) this.#open.length = depth + 1;
      this.#open[depth + 1] = child;
      node = child;
    }
    this.#open.length = path.length;
    const leaf = this.#node(node, path[path.length - 1], kind);
    this.start.set(leaf, start);
    this.end.set(leaf, end);
    this.bytes.set(leaf, bytes);
    this.value.set(leaf, value);
    if (dtype !== undefined) this.type.set(leaf, this.#typeOf(dtype));
    if (shape !== undefined) this.form.set(leaf, this.#formOf(shape));
    return { leaf, reopens };
  }

  #typeOf(dtype) {
    const n = this.types.indexOf(dtype);
    return n < 0 ? this.types.push(dtype) : n + 1;
  }

  #formOf(shape) {
    const text = shape.join();
    if (!this.#forms.has(text)) this.#forms.set(text, this.shapes.push(shape) - 1);
    return this.#forms.get(text);
  }

  // Sums up the branches, when all leaves are there.
  close() {
    this.#byName = [];
    this.#kept.clear();
    for (let n = this.size - 1; n > 0; n--) {
      const parent = this.parent.get(n);
      const isBranch = this.kindOf(n) === 'branch';
      if (!isBranch) this.count.set(n, 1);
      this.count.set(parent, this.count.get(parent) + this.count.get(n));
      this.bytes.set(parent, this.bytes.get(parent) + this.bytes.get(n));
      const start = this.start.get(n);
      const known = this.end.get(parent) > 0;
      if (!this.body.get(parent)) this.start.set(parent, known ? Math.min(this.start.get(parent), start) : start);
      this.end.set(parent, Math.max(this.end.get(parent), this.end.get(n)));
    }
  }

  kindOf(n) {
    return KINDS[this.kind.get(n)];
  }

  isBranch(n) {
    return this.kind.get(n) === 0;
  }

  dtypeOf(n) {
    return this.types[this.type.get(n) - 1];
  }

  // The value of an int, float or bool; undefined where only the index of the file has been read, not the leaf.
  valueOf(n) {
    return this.unread ? undefined : this.value.get(n);
  }

  // The shape of an array, else undefined.
  shapeOf(n) {
    return this.kindOf(n) === 'ndarray' ? this.shapes[this.form.get(n)] : undefined;
  }

  elementsOf(n) {
    const kind = this.kindOf(n);
    if (kind === 'ndarray') return Number(this.shapeOf(n).reduce((product, size) => product * size, 1n));
    return kind === 'scalar' ? 1 : 0;
  }

  pathOf(n) {
    const path = [];
    for (let at = n; at > 0; at = this.parent.get(at)) path.push(this.names[at]);
    return path.reverse();
  }

  displayOf(n) {
    return displayPath(this.pathOf(n));
  }

  *childrenOf(n) {
    for (let child = this.first.get(n); child; child = this.next.get(child)) yield child;
  }

  *leavesOf(root = 0) {
    if (!this.isBranch(root)) return void (yield root);
    const open = [this.first.get(root)];
    while (open.length > 0) {
      const n = open.pop();
      if (!n) continue;
      open.push(this.next.get(n));
      if (this.isBranch(n)) open.push(this.first.get(n));
      else yield n;
    }
  }

  // Leaves, elements and bytes of each dtype, and of each kind that has none; the largest first.
  totalsOf(root = 0) {
    const totals = new Map();
    for (const n of this.leavesOf(root)) {
      const name = this.dtypeOf(n) ?? this.kindOf(n);
      let total = totals.get(name);
      if (!total) totals.set(name, (total = { name, leaves: 0, elements: 0, bytes: 0, isDtype: this.type.get(n) > 0 }));
      total.leaves++;
      total.elements += this.elementsOf(n);
      total.bytes += this.bytes.get(n);
    }
    return [...totals.values()].sort((a, b) => b.bytes - a.bytes || b.leaves - a.leaves);
  }
}

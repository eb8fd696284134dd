// What is worth knowing of a file that breaks no clause.

import { payloadLength } from '../streamckpt/index.mjs';
import { canonicalLength } from './canonical.mjs';

const SHOWN = 20; // places of each note

const TEXTS = {
  longer: ['WIRE-2', 'is not in canonical form: a header is longer than needed. Every reader takes it.'],
  reopens: ['TREE-5', 'goes back to a branch that was left. The order carries no meaning.'],
  chunked: ['LEAF-13', 'is chunked although it has 2^30 bytes or fewer. Every reader takes it.'],
  large: ['REC-4', 'has a leaf blob of 2^31 bytes or more, which loaders built on msgpack-python cannot read.'],
  empty: ['TREE-4', 'is an empty node, as JAXSeq writes it.'],
  float32: ['LEAF-8', 'has a float of 32 bits, which a reader widens.'],
};

export class Notes {
  #found = new Map();

  // Of one record or entry: its leaf, the place and length of the leaf's bytes, their first one, and whether what stands
  // before them is longer than needed.
  look(leaf, start, { length, first, longer, reopens }) {
    const canonical = canonicalLength(leaf);
    const isMap = first >> 4 === 8 || first === 0xde || first === 0xdf;
    const isChunked = leaf.kind === 'ndarray' && isMap && payloadLength(leaf.payload) <= 2 ** 30;
    const isFloat32 = (leaf.kind === 'float' && length === 5) || (leaf.kind === 'complex' && length < canonical);
    if (isFloat32) this.#note('float32', start);
    else if (isChunked) this.#note('chunked', start);
    else if (longer || length > canonical) this.#note('longer', start);
    if (reopens) this.#note('reopens', start);
    if (length >= 2 ** 31) this.#note('large', start);
    if (leaf.kind === 'empty') this.#note('empty', start);
  }

  #note(name, offset) {
    const note = this.#found.get(name) ?? { count: 0, offsets: [] };
    note.count++;
    if (note.offsets.length < SHOWN) note.offsets.push(offset);
    this.#found.set(name, note);
  }

  list() {
    return [...this.#found].map(([name, note]) => ({ clause: TEXTS[name][0], text: TEXTS[name][1], ...note }));
  }
}

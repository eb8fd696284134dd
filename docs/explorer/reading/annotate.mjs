// Says of every byte of a record, or of an entry of a flax file, what it is and which clause governs it. It explains
// and does not judge: where the bytes are not what is expected, it says what they are instead and shows the rest as it is.
//
// A run is { at, length, depth, what, value, clause, payload }: some bytes that mean one thing. `payload` is set where
// they are elements or the bytes of a text, and says how to show them: { dtype } or { text: true }.

import { displayPath } from '../streamckpt/index.mjs';
import { headOf, shortest, shortestInt } from './heads.mjs';
import { annotateLeaf } from './annotate_leaf.mjs';
import { Odd, count, described } from './words.mjs';

const SHOWN_TEXT = 80; // bytes of a key or tag that are spelled out

export class Annotator {
  runs = [];
  depth = 0;

  // In a sealed stream the mark and the headers of ALIGN-4 are no longer than they should be.
  constructor(slices, start, end, { budget, isSealed = false }) {
    Object.assign(this, { slices, at: start, end, budget, isSealed });
  }

  // Reads the header here, within the innermost body.
  async head() {
    const head = this.at < this.end ? headOf(await this.slices.bytes(this.at, Math.min(9, this.end - this.at))) : undefined;
    if (!head) throw new Odd('the bytes end here');
    if (head.type === 'never') throw new Odd('c1, which begins no value');
    return head;
  }

  // Adds a run of some bytes and goes past them.
  run(length, what, clause, more = {}) {
    if (this.runs.length >= this.budget) throw new Budget();
    const size = Math.min(length, this.end - this.at);
    this.runs.push({ at: this.at, length: size, depth: this.depth, what, clause, ...more });
    this.at += size;
  }

  // Whether the header is longer than needed.
  isLonger({ type, head, n, value }) {
    if (type === 'int') return head > shortestInt(value);
    return ['str', 'bin', 'ext', 'array', 'map'].includes(type) && head > shortest(type, n);
  }

  // A run of one header, with a word on a long form (WIRE-2).
  header(head, what, clause, more) {
    const note = this.isSealed && FIXED.has(head.type) ? 'of a fixed width, ALIGN-4' : 'longer than needed, WIRE-2';
    this.run(head.head, this.isLonger(head) ? `${what} (${note})` : what, clause, more);
  }

  // A str, or another short value, with its content in one run.
  async text(head, what, clause, escape = quoted) {
    const bytes = await this.slices.bytes(this.at + head.head, Math.min(head.n, SHOWN_TEXT, this.end - this.at));
    const value = escape(decoded(bytes)) + (head.n > SHOWN_TEXT ? ` and ${head.n - SHOWN_TEXT} more bytes` : '');
    this.run(head.head + head.n, this.isLonger(head) ? `${what} (longer than needed, WIRE-2)` : what, clause, { value });
    return decoded(bytes);
  }

  async inside(length, action) {
    const { end } = this;
    this.end = Math.min(end, this.at + length);
    this.depth++;
    try {
      await action();
      this.rest('left over: the body is not used up', 'WIRE-6');
    } catch (error) {
      if (!(error instanceof Odd)) throw error;
      this.rest(this.at < this.end ? `not what is expected here: ${error.message}` : error.message, undefined);
    }
    this.depth--;
    this.end = end;
  }

  // The bytes up to the end of the body, if there are any.
  rest(what, clause) {
    if (this.at < this.end) this.run(this.end - this.at, what, clause, { payload: {} });
  }

  async expect(type, due) {
    const head = await this.head();
    if (head.type !== type) throw new Odd(`${described(head)}, where ${due} is expected`);
    return head;
  }

  async record() {
    const outer = await this.expect('array', 'a record, an array,');
    if (this.isSealed && this.at === 0) this.run(outer.head, 'the mark of a sealed stream, and record: array of 2', 'SEAL-1');
    else this.header(outer, `record: array of ${outer.n}`, 'REC-1');
    this.depth++;
    await this.path();
    const blob = await this.expect('bin', 'a leaf blob, a bin,');
    this.header(blob, `leaf blob: bin of ${count(blob.n, 'byte')}`, 'REC-2');
    await this.inside(blob.n, () => annotateLeaf(this));
    this.depth--;
  }

  async path() {
    const list = await this.expect('array', 'a key path, an array,');
    this.header(list, `key path: array of ${list.n}`, 'KEY-1');
    this.depth++;
    for (let n = 0; n < list.n; n++) await this.text(await this.expect('str', 'a part, a str,'), `part ${n + 1}`, 'KEY-2');
    this.depth--;
  }

  async entry(value) {
    await this.key(value);
    await annotateLeaf(this);
  }

  async key(value) {
    const head = await this.head();
    if (head.type === 'str') await this.text(head, 'key', 'FLAX-2');
    else this.run(value === undefined ? lengthOf(head) : value - this.at, `key: ${described(head)}, where a str is expected`, 'FLAX-2');
  }

  // The map of a branch, of which only the header is shown: the entries have rows of their own.
  async map(isRoot) {
    const head = await this.expect('map', 'a map');
    this.header(head, `${isRoot ? 'root map' : 'map'} of ${count(head.n, 'entry', 'entries')}`, isRoot ? 'FLAX-1' : 'FLAX-2');
  }
}

const FIXED = new Set(['bin', 'ext']);

// What a value takes at least, where nobody knows where it ends: of a list or map, its header.
const lengthOf = ({ type, head, n }) => head + (FIXED.has(type) ? n : 0);

export class Budget extends Error {}

// The runs of a place { start, end, value, as }, where `as` is record, records, entry, branch or root. With more than `budget`
// runs, the rest is left out and `more` is true.
export async function annotate(slices, { start, end, value, as, isSealed }, budget = 200) {
  const annotator = new Annotator(slices, start, Math.min(end, slices.size), { budget, isSealed });
  try {
    if (as === 'records') while (annotator.at < annotator.end) await annotator.record(); // of an array in parts several
    else if (as === 'record') await annotator.record();
    else if (as === 'entry') await annotator.entry(value);
    else if (as === 'root') await annotator.map(true);
    else if (as === 'end') annotator.rest('the end of the file, where a footer is expected', 'SEAL-4');
    else {
      await annotator.key(value);
      await annotator.map(false);
    }
    if (as === 'record' || as === 'entry') annotator.rest('behind the leaf, and no part of it', undefined);
  } catch (error) {
    if (error instanceof Budget) return { runs: annotator.runs, more: true };
    if (!(error instanceof Odd)) throw error;
    annotator.budget++;
    annotator.rest(`not what is expected here: ${error.message}`, undefined);
  }
  return { runs: annotator.runs, more: false };
}

const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const decoded = (bytes) => lenient.decode(bytes);
const quoted = (text) => JSON.stringify(displayPath([text]).replaceAll('\\/', '/')).replaceAll('\\\\', '\\');

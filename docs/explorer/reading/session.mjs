// One open file: what was read of it, and what the page asks about it.

import { readFlax, readStream } from '../streamckpt/index.mjs';
import { annotate } from './annotate.mjs';
import { annotateSeal } from './annotate_seal.mjs';
import { blocksOf } from './blocks.mjs';
import { endOfMark, manifestFacts, versionOf } from './delta.mjs';
import { elementsOf, textOf, widthOf } from './dtypes.mjs';
import { judgeFlax } from './flax_judge.mjs';
import { SAMPLE_OVER, histogramOf } from './histogram.mjs';
import { A_SEAL, DETACHED, isSeal, kindNamed, kindOf } from './kinds.mjs';
import { entriesAt, textAt } from './metadata.mjs';
import { Notes } from './notes.mjs';
import { Rows } from './rows.mjs';
import { readSafetensors, tensorOf } from './safetensors.mjs';
import { Sealed } from './sealed.mjs';
import { part, prefixed, Slices } from './slices.mjs';
import { judgeStream } from './stream_judge.mjs';
import { Tree } from './tree.mjs';

export class Session {
  // `seal` is the origin of the file beside it that has `.seal` behind its name, or gives a promise of it when it is
  // called; undefined where there is none.
  constructor(origin, seal) {
    this.slices = new Slices(origin);
    this.seal = seal;
    this.tree = new Tree();
    this.notes = new Notes();
    this.found = { violations: [], facts: [] };
    this.faults = []; // found by verifying
  }

  // Reads the file and judges it. `as` is stream or flax to take it for one whatever its first bytes say. When `tick`
  // throws Stopped, what was read so far stays.
  async read({ as, tick }) {
    const { slices } = this;
    const head = await slices.head();
    this.detected = (await isSeal(slices, head)) ? A_SEAL : kindOf(head, slices.size);
    const detached = as ? undefined : await this.#detached();
    this.kind = as ? kindNamed(as) : detached ? DETACHED : this.detected;
    if (this.kind.container === 'sealed') this.sealed = new Sealed(slices, this.tree, detached);
    const started = performance.now();
    try {
      await this.#readAs(this.kind.container, tick);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      this.found.stoppedAt = error.at;
    }
    this.tree.close();
    this.rows = new Rows(this.tree);
    this.milliseconds = performance.now() - started;
    return this.summary();
  }

  // DETACHED-3: looked for beside a plain stream.
  async #detached() {
    if (this.detected.container !== 'stream' || !this.seal) return undefined;
    const origin = typeof this.seal === 'function' ? await this.seal() : this.seal;
    return origin && new Slices(origin);
  }

  async #readAs(container, tick) {
    const { slices, tree, notes, found } = this;
    if (container === 'sealed') await this.sealed.open(found, tick);
    else if (container === 'stream') Object.assign(found, await judgeStream(slices, { tree, notes, tick }));
    else if (container === 'flax') {
      const onBegin = (newTree, newNotes) => Object.assign(this, { tree: newTree, notes: newNotes });
      Object.assign(found, await judgeFlax(slices, { tick, onBegin }));
    } else if (container === 'safetensors') Object.assign(found, await readSafetensors(slices, tree));
    else if (container === 'delta') await this.#readDelta(tick);
    else if (this.kind.name === 'a file of an unknown kind') await this.#readUnknown(tick);
  }

  async #readDelta(tick) {
    const { slices, tree, notes, found } = this;
    const start = await endOfMark(slices);
    let last;
    const onRecord = (record) => (last = record);
    if (start === undefined || start >= slices.size) found.problems = ['It ends in its mark: it has been cut off (DELTA-2).'];
    else Object.assign(found, await judgeStream(slices, { tree, notes, start, onRecord, tick }));
    const { facts = [], problem } = await manifestFacts(last);
    found.facts = [['version of chapter 10', await versionOf(slices)], ...facts];
    if (problem) (found.problems ??= []).push(problem);
  }

  // Judged as a stream, to show where it goes wrong.
  async #readUnknown(tick) {
    const { slices, tree, notes, found } = this;
    Object.assign(found, await judgeStream(slices, { tree, notes, tick }));
    found.isGuess = true;
  }

  summary() {
    const { slices, tree, kind, detected, found, milliseconds } = this;
    const totals = tree.totalsOf();
    const top = [...tree.childrenOf(0)].map((n) => tree.names[n]);
    return {
      name: slices.name,
      size: slices.size,
      kind,
      detected,
      ...found,
      notes: this.notes.list(),
      totals,
      leaves: tree.count.get(0),
      bytes: tree.bytes.get(0),
      isFetched: slices.origin.isFetched,
      elements: totals.reduce((sum, total) => sum + total.elements, 0),
      isTrainState: top.includes('step') && top.includes('params') && tree.isBranch(this.#child('params')), // TREE-6
      bytesRead: slices.bytesRead,
      milliseconds,
      rows: this.rows.count(),
    };
  }

  #child(name) {
    return [...this.tree.childrenOf(0)].find((n) => this.tree.names[n] === name);
  }

  async describe(node) {
    const { tree } = this;
    return {
      read: tree.unread ? await this.sealed.valueOf(node) : undefined,
      ...this.rows.row(node),
      display: tree.displayOf(node),
      path: tree.pathOf(node),
      end: tree.end.get(node),
      elements: tree.elementsOf(node),
      totals: tree.isBranch(node) ? tree.totalsOf(node) : [],
      hasBytes: this.#placeOf(node) !== undefined,
      hasValues: tree.dtypeOf(node) !== undefined && (!this.sealed || this.sealed.index !== undefined),
      hasChecksums: this.sealed?.index !== undefined && !tree.isBranch(node),
    };
  }

  checksums({ node, from, to }) {
    return this.sealed.checksums(node, from, to);
  }

  // What was verified now, and all that is known since: the faults of all leaves, and how much has been read.
  async verify({ node, ...wanted }) {
    const started = performance.now();
    const result = await this.sealed.verify({ node, ...wanted });
    this.milliseconds += performance.now() - started;
    this.faults = [...this.faults.filter((fault) => node !== undefined && fault.node !== node), ...result.faults];
    this.rows.setDamaged(this.faults.map((fault) => fault.node));
    if (node === undefined) this.verified = result;
    const damaged = node === undefined ? result.damaged : this.faults.filter(({ block }) => block !== undefined).length;
    const known = { faults: this.faults, damaged, isWhole: this.verified !== undefined };
    return { ...result, known: { ...known, bytesRead: this.slices.bytesRead, milliseconds: this.milliseconds } };
  }

  metadata({ path, from }) {
    return entriesAt(this.sealed.metadata(), path, from);
  }

  metadataText({ path, from }) {
    return textAt(this.sealed.metadata(), path, from);
  }

  // Where the bytes of a node stand, and what they are; undefined for the branches of a stream, which have none.
  #placeOf(node) {
    const { tree, kind } = this;
    const [start, end, value] = [tree.start, tree.end, tree.body].map((column) => column.get(node));
    if (kind.container === 'safetensors') return tree.isBranch(node) ? undefined : { start, end, as: 'tensor', node };
    if (kind.container === 'sealed') return tree.isBranch(node) ? undefined : { start, end, as: 'records' };
    if (kind.container !== 'flax') return tree.isBranch(node) ? undefined : { start, end, as: 'record' };
    if (node === 0) return { start: 0, end: 16, as: 'root' };
    if (tree.isBranch(node)) {
      return { start, end: value + 16, value, as: 'branch' };
    }
    return { start, end, value, as: 'entry' };
  }

  async annotate({ node, place = this.#placeOf(node), budget }) {
    const { kind } = this;
    if (place.as === 'tensor') {
      const dtype = this.tree.dtypeOf(node);
      const run = { at: place.start, length: place.end - place.start, depth: 0, what: `${dtype}, little-endian, in C order`, clause: 'CONV-8' };
      return { runs: [{ ...run, payload: { dtype } }], more: false };
    }
    const as = place.as ?? (kind.container === 'flax' ? 'entry' : 'record');
    if (as === 'seal') return annotateSeal(this.slices, place);
    const isSealed = kind.container === 'sealed' && !this.sealed.detached;
    return annotate(this.slices, { ...place, as, isSealed }, budget);
  }

  // Some bytes, and the elements that they hold.
  async bytes({ at, length, dtype }) {
    const bytes = (await this.slices.bytes(at, length)).slice();
    if (!dtype) return { bytes };
    return { bytes, width: widthOf(dtype), values: elementsOf(bytes, dtype).map((value) => textOf(value, dtype)) };
  }

  // A leaf as the client reads it, from its own bytes.
  async leafOf(node, isSample) {
    const { slices, tree, kind } = this;
    if (this.sealed?.index) return this.sealed.leafOf(node, isSample);
    const { start, end } = this.#placeOf(node);
    if (kind.container === 'safetensors') return tensorOf(tree, node, slices);
    const client = kind.container === 'flax'
      ? readFlax(prefixed(Uint8Array.of(0x81), slices, start, end))
      : readStream(part(slices, start, end));
    return (await client.next()).value.leaf;
  }

  async histogram({ node, all, part: half, tick }) {
    const { dtype, payload } = await this.leafOf(node, !all && this.tree.bytes.get(node) > SAMPLE_OVER);
    return histogramOf({ dtype, payload }, { all, part: half, tick });
  }

  blocks(node) {
    return blocksOf(this.tree, node);
  }

  // Where the node of an offset is, to go there from a note.
  nodeAt(offset) {
    for (const n of this.tree.leavesOf()) if (this.tree.start.get(n) === offset) return n;
    return undefined;
  }
}

export class Stopped extends Error {
  constructor(at) {
    super('stopped');
    this.at = at;
  }
}

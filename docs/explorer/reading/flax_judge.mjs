// Judges a flax file by the client, and goes on behind a violation: the bad key or value is replaced by a harmless one
// of the same length, and the client reads the file again. (A map states how many entries it has, so that none can be
// left out.)

import { FormatError, readFlax } from '../streamckpt/index.mjs';
import { flaxFrames } from './flax_frames.mjs';
import { Patched } from './patches.mjs';
import { Notes } from './notes.mjs';
import { MOST_VIOLATIONS, addLeaf, plain } from './stream_judge.mjs';
import { Tree } from './tree.mjs';
import { count } from './words.mjs';

const LONGEST = 15_000; // milliseconds for reading again

// Gives { violations, ended } as judgeStream does. `onBegin` is given the tree and the notes that are filled, anew each
// time that the file is read.
export async function judgeFlax(slices, { tick, onBegin }) {
  const violations = [];
  const patched = new Patched(slices);
  const stop = performance.now() + LONGEST;
  for (;;) {
    const { error, frame } = await readOnce(slices, patched, tick, onBegin);
    const end = (ended) => ({ violations, ended });
    if (!error) return end();
    const place = frame && placeOf(frame, error.offset);
    const record = { start: frame?.key ?? error.offset, end: frame?.end ?? slices.size, cut: frame?.end === undefined };
    const isNew = !violations.some(({ offset }) => offset === error.offset);
    if (isNew) violations.push({ ...error, record });
    if (!place || patched.has(place.start) || !isNew) return end(endedAt(error, slices.size));
    if (violations.length >= MOST_VIOLATIONS || performance.now() > stop) {
      return end({ at: error.offset, why: `${violations.length} violations have been found; the rest was not read.` });
    }
    if (place.isKey) patched.putKey(place.start, place.end);
    else patched.putValue(place.start, place.end);
  }
}

async function readOnce(slices, patched, tick, onBegin) {
  const [tree, notes] = [new Tree(), new Notes()];
  onBegin?.(tree, notes);
  const frames = flaxFrames(slices);
  const client = readFlax(patched);
  let hidden; // where the last branch ends whose key is bad
  for (;;) {
    const { value: frame } = await frames.next();
    await tick(frame?.key ?? slices.size);
    let step;
    try {
      step = await client.next();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return { error: plain(error), frame };
    }
    if (step.done) return {};
    const { path, leaf } = step.value;
    const depth = path.length;
    hidden = hidden && depth > hidden.depth && frame.branches.length < depth - hidden.depth ? hidden : undefined;
    const bad = frame.branches.findIndex(({ key }) => patched.has(key));
    if (bad >= 0) hidden = { depth: depth - frame.branches.length + bad };
    if (hidden || patched.has(frame.key) || patched.has(frame.value)) continue;
    place(tree, addLeaf(tree, { path, leaf }, frame.key, frame.end).leaf, frame);
    const first = slices.at(frame.value)?.[0];
    notes.look(leaf, frame.key, { length: frame.end - frame.value, first, longer: false, reopens: false });
  }
}

// Notes where the value of a leaf stands, and where the branches begin that were entered on the way to it.
function place(tree, leaf, { value, branches }) {
  tree.body.set(leaf, value);
  let node = leaf;
  for (const branch of branches.toReversed()) {
    node = tree.parent.get(node);
    tree.start.set(node, branch.key);
    tree.body.set(node, branch.value);
  }
}

// The key or value in which an offset lies, if its end is known.
function placeOf({ key, value, end, branches, odd }, offset) {
  const keys = odd ? branches : [...branches, { key, value }];
  const at = keys.find((branch) => offset >= branch.key && offset < branch.value);
  if (at) return { start: at.key, end: at.value, isKey: true };
  if (end !== undefined && offset >= value && offset < end) return { start: value, end };
  return undefined;
}

function endedAt({ clause, offset }, size) {
  if (clause === 'FLAX-6') return { at: offset, why: 'The file ends before its root map does.' };
  return { at: offset, why: `Where the next entry begins is not known: the last ${count(size - offset, 'byte')} could not be judged.` };
}

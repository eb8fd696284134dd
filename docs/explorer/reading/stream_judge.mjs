// Judges a stream by the client, and goes on behind a violation. The client stops at the first one, as a reader has
// to. Where the end of the bad record is known, or a whole record is found further on, a second client begins there. It has not seen the
// records before: whether a key path clashes with one of theirs is looked up in the tree, and the client is then shown the two
// records alone, so that its verdict and its words are used here too.

import { FormatError, payloadLength, numberOfBits, planStream, bytesSource, readStream } from '../streamckpt/index.mjs';
import { frameAt, endOfIrregular, nextRecord } from './frames.mjs';
import { part } from './slices.mjs';
import { count } from './words.mjs';

export const MOST_VIOLATIONS = 100;
const CLASHES = ['STREAM-4', 'STREAM-5'];

// Fills `tree` and `notes`. Gives { violations, ended }: `ended` is { at, why } where reading had to end early.
export async function judgeStream(slices, { tree, notes, start = 0, onRecord, tick }) {
  const violations = [];
  let at = start;
  let client;
  let base = start;
  for (;;) {
    await tick(at);
    if (!client) [client, base] = [readStream(part(slices, at)), at];
    const frame = await frameAt(slices, at);
    const { record, done, error } = await nextOf(client, base);
    if (done) return { violations };
    if (record) {
      const clash = base > start ? tree.clash(record.path) : undefined;
      if (clash === undefined) {
        const { reopens } = addLeaf(tree, record, at, frame.end);
        const near = slices.at(frame.body);
        const { longer } = frame;
        notes.look(record.leaf, at, { length: frame.end - frame.body, first: near?.[0], longer, reopens });
        onRecord?.(record, at, frame);
        at = frame.end;
        continue;
      }
      violations.push({ ...(await clashError(tree, clash, record.path, at)), record: { start: at, end: frame.end } });
    } else {
      if (base > start && CLASHES.includes(error.clause) && tree.clash(error.path) === undefined) {
        client = undefined; // it clashes with a bad record alone
        continue;
      }
      const end = frame && frame.end <= slices.size ? frame.end : await endOfIrregular(slices, at);
      const next = end === undefined ? await nextRecord(slices, at + 1, isRecord(slices)) : undefined;
      const where = { start: at, end: end ?? next ?? slices.size, cut: end === undefined && next === undefined };
      const more = end === undefined ? undefined : await behind(slices, tree, error, at, end, base > start);
      const found = more ? [error, more].sort((a, b) => a.offset - b.offset) : [error];
      for (const one of found) violations.push({ ...one, record: where, next });
      if (where.cut) return { violations, ended: endedAt(at, error, slices.size) };
    }
    const last = violations[violations.length - 1];
    at = last.record.end;
    client = undefined;
    if (at === slices.size) return { violations };
    if (violations.length >= MOST_VIOLATIONS) {
      return { violations, ended: { at, why: `${MOST_VIOLATIONS} violations have been found; the rest was not read.` } };
    }
  }
}

async function nextOf(client, base) {
  try {
    const { value, done } = await client.next();
    return { record: value, done };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { error: plain(error, base) };
  }
}

// An error of the client as it is sent to the page, with its offset in the whole file.
export function plain({ clause, message, offset, path }, base = 0) {
  return { clause, message, offset: base + (offset ?? 0), path };
}

// Whether the client takes some bytes for one record.
function isRecord(slices) {
  return async (start, end) => {
    const { record } = await nextOf(readStream(part(slices, start, end)), start);
    return record !== undefined;
  };
}

// The second fault of a record, if it has one: of its leaf where its path clashes, of its path where its leaf is bad.
async function behind(slices, tree, error, start, end, isLater) {
  if (CLASHES.includes(error.clause)) {
    const { error: other } = await nextOf(readStream(part(slices, start, end)), start);
    return other;
  }
  const clash = isLater && error.path ? tree.clash(error.path) : undefined;
  return clash === undefined ? undefined : clashError(tree, clash, error.path, start);
}

async function clashError(tree, clash, path, offset) {
  const [first] = tree.leavesOf(clash);
  const pair = [await recordBytes(tree.pathOf(first)), await recordBytes(path)];
  const client = readStream(bytesSource(Uint8Array.from(pair.flat())));
  await client.next();
  const { error } = await nextOf(client, 0);
  const earlier = tree.start.get(first);
  return { ...error, offset, path, earlier };
}

// Two records with these paths and nothing in them, to ask the client for its verdict.
async function recordBytes(path) {
  const bytes = [];
  const plan = await planStream([[path, { kind: 'nil' }]]);
  for await (const piece of plan.pieces()) bytes.push(...piece);
  return bytes;
}

function endedAt(at, error, size) {
  if (size === 0) return { at, why: 'The file is empty.' };
  if (error.clause === 'STREAM-2') return { at, why: 'The file ends inside this record.' };
  return { at, why: `Where the next record begins is not known: the last ${count(size - at, 'byte')} could not be judged.` };
}

export function addLeaf(tree, { path, leaf }, start, end) {
  const bytes = leaf.payload ? payloadLength(leaf.payload) : 0;
  return tree.add(path, { kind: leaf.kind, dtype: leaf.dtype, shape: leaf.shape, bytes, value: numberOf(leaf) }, start, end);
}

function numberOf({ kind, value, bits }) {
  if (kind === 'float') return numberOfBits(bits);
  return kind === 'int' || kind === 'bool' ? Number(value) : NaN;
}

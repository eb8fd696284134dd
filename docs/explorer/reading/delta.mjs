// The facts of a delta (chapter 10). Its blocks and its manifest are a stream behind a mark, and are judged as one.

import { load, payloadLength } from '../streamckpt/index.mjs';
import { headOf } from './heads.mjs';
import { endOfValue } from './frames.mjs';

const MOST_MANIFEST = 1 << 28; // bytes

// Where the stream behind the mark begins (DELTA-1), or undefined.
export async function endOfMark(slices) {
  return endOfValue(slices, 0);
}

export async function versionOf(slices) {
  const bytes = await slices.bytes(19, 64);
  const head = headOf(bytes);
  return head?.type === 'str' ? new TextDecoder().decode(bytes.subarray(head.head, head.head + head.n)) : '?';
}

// Of the last record, which should be the manifest (DELTA-2): [name, value] pairs, or a problem.
export async function manifestFacts(record) {
  if (record?.path.join('/') !== 'manifest' || record.leaf.kind !== 'str') {
    return { problem: 'It has no manifest at its end: it has been cut off (DELTA-2).' };
  }
  if (payloadLength(record.leaf.payload) > MOST_MANIFEST) return { problem: 'Its manifest is too large to be shown.' };
  try {
    return { facts: factsOf(JSON.parse(new TextDecoder().decode(await load(record.leaf.payload)))) };
  } catch (error) {
    return { problem: `Its manifest cannot be read (DELTA-2): ${error.message}` };
  }
}

function factsOf({ base, target, leaves, removed }) {
  const same = leaves.filter((leaf) => leaf.base === leaf.target).length;
  const added = leaves.filter((leaf) => leaf.base === null).length;
  const bytes = leaves.reduce((sum, leaf) => sum + leaf.bytes, 0);
  return [
    ['base', String(base)],
    ['target', String(target)],
    ['leaves of the target', `${leaves.length}: ${same} the same, ${leaves.length - same - added} changed, ${added} added`],
    ['leaves that the base alone has', String(removed.length)],
    ['content of the target', `${bytes.toLocaleString('en')} bytes`],
  ];
}

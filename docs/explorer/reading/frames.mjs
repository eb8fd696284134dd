// The frames of records: where one begins, where its leaf blob stands, and where it ends. Payloads are not looked at.

import { headOf, shortest } from './heads.mjs';

// More than a key path of the greatest length takes, with its headers.
const NEEDED = 72 << 10;
const MOST_STEPS = 200_000;
const MOST_ELEMENTS = 8; // of what may be meant as a record

// { blob, body, end, longer } of the regular record at this place, or undefined: where its leaf blob begins, with
// header and without, where it ends (perhaps behind the end of the file), and whether a header is longer than needed.
export async function frameAt(slices, start) {
  const near = slices.at(start);
  const frame = near && frameIn(near, start);
  if (frame || (near && near.length >= Math.min(NEEDED, slices.size - start))) return frame;
  return frameIn(await slices.bytes(start, NEEDED), start);
}

function frameIn(bytes, start) {
  const outer = headOf(bytes);
  if (outer?.type !== 'array' || outer.n !== 2) return undefined;
  const list = headOf(bytes, outer.head);
  if (list?.type !== 'array') return undefined;
  let at = outer.head + list.head;
  let longer = outer.head > 1 || list.head > shortest('array', list.n);
  for (let left = list.n; left > 0; left--) {
    const part = headOf(bytes, at);
    if (part?.type !== 'str') return undefined;
    longer ||= part.head > shortest('str', part.n);
    at += part.head + part.n;
  }
  const bin = headOf(bytes, at);
  if (bin?.type !== 'bin') return undefined;
  longer ||= bin.head > shortest('bin', bin.n);
  const body = start + at + bin.head;
  return { blob: start + at, body, end: body + bin.n, longer };
}

// Where the value ends that begins here, whatever it is; undefined where that cannot be told, or is too far to walk.
export async function endOfValue(slices, start) {
  let at = start;
  let left = 1; // values that are still to come
  for (let steps = 0; left > 0; steps++) {
    if (steps === MOST_STEPS || at >= slices.size) return undefined;
    const head = headOf(await slices.bytes(at, 9));
    if (!head || head.type === 'never') return undefined;
    at += head.head;
    left--;
    if (head.type === 'array') left += head.n;
    else if (head.type === 'map') left += 2 * head.n;
    else at += head.n;
    if (at + left > slices.size) return undefined;
  }
  return at;
}

// Where an irregular record ends: an array behind which something like a record begins or the file ends. With less,
// there is no telling where the next record would be.
export async function endOfIrregular(slices, start) {
  const head = headOf(await slices.bytes(start, 16));
  if (head?.type !== 'array' || head.n === 0 || head.n > MOST_ELEMENTS) return undefined;
  const end = await endOfValue(slices, start);
  return end !== undefined && (end === slices.size || (await beginsRecord(slices, end))) ? end : undefined;
}

async function beginsRecord(slices, offset) {
  const bytes = await slices.bytes(offset, 16);
  const outer = headOf(bytes);
  return outer?.type === 'array' && outer.n > 0 && outer.n <= MOST_ELEMENTS && headOf(bytes, outer.head)?.type === 'array';
}

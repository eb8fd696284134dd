// The entries of a flax file in its order, as the client yields them: each leaf with the path of its maps. Told from
// the bytes alone and without judging them, so that the place of the next entry is known before the client reads it.

import { headOf } from './heads.mjs';
import { endOfValue } from './frames.mjs';

const MARKER = new TextEncoder().encode('__msgpack_chunked_array__');
const NEEDED = 72 << 10;

// Yields { key, value, end, branches }: where the key of a leaf begins, where its value does, where it ends (undefined
// if that cannot be told), and the keys of the branches that were entered since the last leaf, as { key, value }.
// What is not a regular entry is yielded too, with `odd` set, and is the last.
export async function* flaxFrames(slices) {
  const root = headOf(await slices.bytes(0, 16));
  if (root?.type !== 'map') return;
  const open = [root.n];
  let branches = [];
  let at = root.head;
  while (open.length > 0) {
    if (open[open.length - 1] === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]--;
    const key = at;
    const value = await endOfValue(slices, key);
    const head = value === undefined ? undefined : headOf(await slices.bytes(value, 16));
    if (!head) return void (yield { key, value, end: undefined, branches, odd: true });
    if (head.type === 'map' && head.n > 0 && !(await isChunked(slices, value + head.head))) {
      branches.push({ key, value });
      open.push(head.n);
      at = value + head.head;
      continue;
    }
    const end = await endOfValue(slices, value);
    yield { key, value, end, branches };
    if (end === undefined) return;
    branches = [];
    at = end;
  }
}

export async function isChunked(slices, at) {
  const bytes = await slices.bytes(at, 32);
  const head = headOf(bytes);
  if (head?.type !== 'str' || head.n !== MARKER.length) return false;
  return MARKER.every((byte, n) => bytes[head.head + n] === byte);
}

// Leaf and tree digests (DELTA-4 to DELTA-6).

import { header, intBytes, str } from './encoding.mjs';
import { Sha256 } from './sha256.mjs';
import { leafItems } from './write_leaf.mjs';
import { pieces } from './sources.mjs';

// DELTA-4: what stands before the content.
export function digestHead({ path, kind, dtype, shape }) {
  const isTyped = kind === 'ndarray' || kind === 'scalar';
  const dimensions = kind === 'ndarray' ? shape : [];
  return Uint8Array.from([
    ...header('array', path.length), ...path.flatMap((part) => str(String(part))), ...str(kind),
    ...(isTyped ? [...str(dtype), ...header('array', dimensions.length), ...dimensions.flatMap(intBytes)] : []),
  ]);
}

// The leaf digest of a leaf as a reader hands it over: all of its payload is read. `newHash` makes a SHA-256 with update
// and digest, such as that of Node, which is faster than ours.
export async function leafDigest(path, leaf, newHash = () => new Sha256()) {
  const hash = newHash();
  hash.update(digestHead({ path, ...leaf }));
  const content = leaf.dtype !== undefined ? [leaf] : leafItems(leaf); // DELTA-6
  for (const item of content) {
    if (item.payload === undefined) hash.update(item);
    else for await (const piece of pieces(item.payload)) hash.update(piece);
  }
  return Uint8Array.from(hash.digest());
}

// INDEX-9, DELTA-5: the digests of all leaves, and the tree digest behind them.
export function withTree(digests, newHash = () => new Sha256()) {
  const joined = new Uint8Array(32 * (digests.length + 1));
  digests.forEach((digest, n) => joined.set(digest, 32 * n));
  const hash = newHash();
  for (const digest of [...digests].sort(compared)) hash.update(digest);
  joined.set(hash.digest(), 32 * digests.length);
  return joined;
}

function compared(a, b) {
  for (let n = 0; n < 32; n++) if (a[n] !== b[n]) return a[n] - b[n];
  return 0;
}

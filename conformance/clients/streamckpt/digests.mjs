// Leaf and tree digests (DELTA-4 to DELTA-6).

import { header, intBytes, str } from './encoding.mjs';
import { FormatError } from './faults.mjs';
import { partOf } from './parts.mjs';
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

// The same of leaves whose content passes: a sink of readStream. An array in parts has none, since its shape is
// not known while they pass.
export class PassingDigests {
  #hash;
  #isPart = false;

  constructor(newHash = () => new Sha256()) {
    this.newHash = newHash;
  }

  add(piece, about, path) {
    this.#hash ??= this.#begin(path, about);
    this.#isPart ||= partOf(path[path.length - 1]) !== undefined;
    this.#hash.update(piece);
  }

  #begin(path, about) {
    const hash = this.newHash();
    hash.update(digestHead({ path, ...about }));
    if (about.length !== undefined) hash.update(Uint8Array.from(header(about.kind, about.length)));
    return hash;
  }

  // Of the leaf that has passed, or undefined.
  end(path, leaf) {
    const { kind, payload } = leaf;
    const isPart = this.#isPart || (kind === 'ndarray' && leaf.shape === undefined);
    if (isPart) {
      [this.#hash, this.#isPart] = [undefined, false];
      return undefined;
    }
    const hash = this.#hash ?? this.#begin(path, { ...leaf, length: kind === 'str' || kind === 'bin' ? 0 : undefined });
    if (!payload) for (const item of leafItems(leaf)) hash.update(item);
    this.#hash = undefined;
    return Uint8Array.from(hash.digest());
  }
}

// INDEX-9: compares the digests of an index with those of its leaves, in their order; undefined is one not known.
export function checkDigests(index, digests, newHash) {
  let n = 0;
  for (const { path, offset } of index.leaves()) {
    const stated = index.digests.subarray(32 * n, 32 * n + 32);
    const found = digests[n++];
    if (found && compared(found, stated) !== 0) {
      throw new FormatError('INDEX-9', 'the digest of this leaf is not that of the index', { offset, path });
    }
  }
  const stated = Array.from({ length: n }, (_, k) => index.digests.subarray(32 * k, 32 * k + 32));
  const tree = withTree(stated, newHash).subarray(32 * n);
  if (compared(tree, index.digests.subarray(32 * n)) !== 0) {
    throw new FormatError('INDEX-9', 'the tree digest is not that of the leaves', { offset: index.base });
  }
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

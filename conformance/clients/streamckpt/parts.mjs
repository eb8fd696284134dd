// Arrays in parts (chapter 12).

import { dtypeOf } from './dtypes.mjs';
import { payloadLength, slice } from './sources.mjs';

const MOST_WHOLE = 2 ** 31 - 2 ** 17; // PART-1
const BOX_BYTES = 2n ** 30n; // PART-2

export const needsParts = ({ kind, payload }) => kind === 'ndarray' && payloadLength(payload) > MOST_WHOLE;

// PART-3
export const partKey = (index, count) => `__part_${index}_of_${count}__`;

// PART-3: { index, count } of a key that looks like that of a part, or undefined.
export function partOf(key) {
  const [, index, count] = /^__part_(0|[1-9][0-9]*)_of_([1-9][0-9]*)__$/.exec(key) ?? [];
  if (index === undefined) return undefined;
  const isLess = index.length < count.length || (index.length === count.length && index < count);
  return isLess ? { index: Number(index), count: Number(count) } : undefined;
}

// PART-2: how an array is cut, as { count, isLarge, shapeOf(n) }, which only a large one may be (PART-1). One without
// elements or without dimensions cannot be, and has no box.
export function boxesOf(shape, width) {
  if (shape.length === 0 || shape.includes(0n)) return { count: 0n, isLarge: false };
  const after = (n) => shape.slice(n + 1).reduce((product, size) => product * size, BigInt(width)); // the bytes of a row
  const cut = shape.findIndex((_, n) => after(n) <= BOX_BYTES);
  const rows = BOX_BYTES / after(cut);
  const perRange = (shape[cut] + rows - 1n) / rows;
  return {
    isLarge: shape.reduce((product, size) => product * size, BigInt(width)) > MOST_WHOLE,
    count: shape.slice(0, cut).reduce((product, size) => product * size, perRange),
    shapeOf(n) {
      const start = (BigInt(n) % perRange) * rows;
      const left = shape[cut] - start;
      return shape.map((size, at) => (at < cut ? 1n : at > cut ? size : left < rows ? left : rows));
    },
  };
}

// The parts of a leaf that is to be written, each { key, leaf }.
export function* partsOf({ kind, dtype, shape, payload }) {
  const { width } = dtypeOf(dtype);
  const boxes = boxesOf(shape, width);
  let at = 0;
  for (let n = 0; n < boxes.count; n++) {
    const box = boxes.shapeOf(n);
    const length = Number(box.reduce((product, size) => product * size, BigInt(width)));
    yield { key: partKey(n, boxes.count), leaf: { kind, dtype, shape: box, payload: slice(payload, at, at + length) } };
    at += length;
  }
}

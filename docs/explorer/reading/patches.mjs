// A source in which some values are replaced by harmless ones of the same length, so that a reader gets past them and
// every other byte keeps its offset.

export class Patched {
  #patches = [];

  constructor(slices) {
    this.slices = slices;
    this.size = slices.size;
  }

  has(start) {
    return this.#patches.some((patch) => patch.start === start);
  }

  // In the place of a bad value: nil, or a bin of zeros.
  putValue(start, end) {
    const length = end - start;
    const head = length === 1 ? [0xc0] : length < 258 ? [0xc4, length - 2] : [0xc6, ...four(length - 5)];
    this.#patches.push({ start, end, head, fill: 0, tail: [] });
  }

  // In the place of a bad key: a text that no model uses, and the number of the patch to tell it from others.
  putKey(start, end) {
    const length = end - start;
    const head = length < 33 ? [0xa0 + length - 1] : length < 258 ? [0xd9, length - 2] : [0xdb, ...four(length - 5)];
    const room = length - head.length;
    const tail = [...`${this.#patches.length}`].map((digit) => digit.charCodeAt(0)).slice(0, room);
    this.#patches.push({ start, end, head, fill: 0x7e, tail });
  }

  async read(target, offset) {
    const count = await this.slices.read(target, offset);
    for (const { start, end, head, fill, tail } of this.#patches) {
      const from = Math.max(start, offset);
      const to = Math.min(end, offset + count);
      for (let at = from; at < to; at++) {
        const inHead = head[at - start];
        const inTail = tail[at - (end - tail.length)];
        target[at - offset] = inHead ?? inTail ?? fill;
      }
    }
    return count;
  }
}

const four = (n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

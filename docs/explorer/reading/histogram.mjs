// Counts the elements of a tensor. Every element falls into a fine cell: the code itself for dtypes of up to 16 bits,
// and otherwise the highest 20 bits of the number (sign, exponent, and 8 or 11 bits of the fraction). From the cells,
// which are made in one pass, the page draws bars on any scale.

import { isWide, partOf, tableOf, widthOf } from './dtypes.mjs';

const STEP = 1 << 20; // bytes that are read at once
const SAMPLE = 16 << 20; // bytes of a sample
export const SAMPLE_OVER = 64 << 20; // bytes of a payload of which only a sample is read at first
const SAMPLE_STEP = 1 << 18;
const CELL_BITS = 20;

// `part` of a complex dtype: real, imaginary or magnitude. `tick(done, total)` is awaited between slices, in bytes.
export async function histogramOf({ dtype, payload }, { all = false, part = 'real', tick }) {
  const length = payload.reduce((sum, segment) => sum + segment.length, 0);
  const isSample = !all && length > SAMPLE_OVER;
  const count = counterOf(dtype, part);
  const total = isSample ? SAMPLE : length;
  let done = 0;
  for await (const bytes of isSample ? sampled(payload, length) : whole(payload)) {
    count.add(bytes);
    done += bytes.length;
    await tick(done, total);
  }
  return { ...count.result(), dtype, part: partOf(dtype) ? part : undefined, read: done, length, isSample };
}

// Pieces hold whole elements: a segment is a chunk, and chunks do.
async function* whole(payload) {
  const buffer = new Uint8Array(STEP);
  for (const segment of payload) {
    for (let at = 0; at < segment.length; at += STEP) yield await filled(buffer, segment, at, Math.min(STEP, segment.length - at));
  }
}

async function* sampled(payload, length) {
  const buffer = new Uint8Array(SAMPLE_STEP);
  const count = SAMPLE / SAMPLE_STEP;
  for (let n = 0; n < count; n++) {
    let at = Math.floor(((length - SAMPLE_STEP) / (count - 1) * n) / 16) * 16;
    const segment = payload.find((candidate) => at < candidate.length || ((at -= candidate.length), false));
    yield await filled(buffer, segment, at, Math.min(SAMPLE_STEP, segment.length - at));
  }
}

async function filled(buffer, { source, offset }, at, length) {
  for (let got = 0; got < length; ) {
    const count = await source.read(buffer.subarray(got, length), offset + at + got);
    if (count === 0) throw new Error('The file has become shorter while it was read.');
    got += count;
  }
  return buffer.subarray(0, length);
}

function counterOf(dtype, part) {
  const inner = partOf(dtype);
  if (inner) return new ComplexCounter(inner, part);
  return isWide(dtype) ? new WideCounter(dtype) : new CodeCounter(dtype);
}

class CodeCounter {
  constructor(dtype) {
    this.table = tableOf(dtype);
    this.isWord = widthOf(dtype) === 2;
    this.counts = new Float64Array(this.table.values.length);
  }

  add(bytes) {
    const { counts } = this;
    if (this.isWord) {
      const end = bytes.length - 1;
      for (let i = 0; i < end; i += 2) counts[bytes[i] | (bytes[i + 1] << 8)]++;
    } else for (let i = 0; i < bytes.length; i++) counts[bytes[i]]++;
  }

  result() {
    const { values, subnormal } = this.table;
    const facts = new Facts();
    const byValue = new Map();
    for (let code = 0; code < values.length; code++) {
      const count = this.counts[code];
      if (count === 0) continue;
      const value = values[code];
      facts.add(value, count, subnormal[code]);
      if (Number.isFinite(value)) byValue.set(value + 0, (byValue.get(value + 0) ?? 0) + count);
    }
    return { ...facts.result(), cells: [...byValue].sort((a, b) => a[0] - b[0]).map(([value, count]) => [value, value, count]) };
  }
}

// Numbers of more than 16 bits, as doubles.
class WideCounter {
  constructor(dtype) {
    this.dtype = dtype;
    this.single = dtype === 'float32';
    this.cells = new Uint32Array(1 << CELL_BITS);
    this.facts = new Facts();
    this.tiny = dtype === 'float64' ? 2 ** -1022 : dtype === 'float32' ? 2 ** -126 : 0;
  }

  add(bytes) {
    const end = bytes.length - (bytes.length % widthOf(this.dtype));
    this.addNumbers(numbersOf(bytes.slice(0, end), this.dtype));
  }

  addNumbers(numbers) {
    this.facts.addAll(numbers, this.tiny);
    const high = highWords(numbers, this.single);
    const { cells } = this;
    const step = this.single ? 1 : 2;
    for (let i = step - 1; i < high.length; i += step) cells[high[i] >>> (32 - CELL_BITS)]++;
  }

  result() {
    const cells = [];
    for (let cell = 0; cell < this.cells.length; cell++) {
      if (this.cells[cell] === 0) continue;
      const [a, b] = boundsOf(cell, this.single);
      if (Number.isFinite(a)) cells.push([Math.min(a, b), Math.max(a, b), this.cells[cell]]);
    }
    cells.sort((x, y) => x[0] - y[0]);
    const { min, max } = this.facts; // no cell says more than what was there
    return { ...this.facts.result(), cells: cells.map(([low, high, count]) => [Math.max(low, min), Math.min(high, max), count]) };
  }
}

function numbersOf(bytes, dtype) {
  switch (dtype) { // elements are little-endian, and so is every machine that runs a browser
    case 'float32': return new Float32Array(bytes.buffer);
    case 'float64': return new Float64Array(bytes.buffer);
    case 'int32': return Float64Array.from(new Int32Array(bytes.buffer));
    case 'uint32': return Float64Array.from(new Uint32Array(bytes.buffer));
    case 'int64': return Float64Array.from(new BigInt64Array(bytes.buffer), Number);
    default: return Float64Array.from(new BigUint64Array(bytes.buffer), Number);
  }
}

const highWords = (numbers, isSingle) => new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length * (isSingle ? 1 : 2));

function boundsOf(cell, isSingle) {
  const low = cell << (32 - CELL_BITS);
  const high = low | ((1 << (32 - CELL_BITS)) - 1);
  if (isSingle) return Array.from(new Float32Array(Uint32Array.of(low, high).buffer));
  return Array.from(new Float64Array(Uint32Array.of(0, low, 0xffffffff, high).buffer));
}

class ComplexCounter {
  constructor(inner, part) {
    this.inner = inner;
    this.part = part;
    this.counter = part === 'magnitude' || isWide(inner) ? new WideCounter(part === 'magnitude' ? 'float64' : inner) : new CodeCounter(inner);
  }

  add(bytes) {
    const width = widthOf(this.inner);
    if (this.part === 'magnitude') return this.counter.addNumbers(this.magnitudes(bytes, width));
    const from = this.part === 'real' ? 0 : width;
    const half = new Uint8Array(bytes.length >> 1);
    for (let i = 0, at = from; i < half.length; i += width, at += 2 * width) half.set(bytes.subarray(at, at + width), i);
    return this.counter.add(half);
  }

  magnitudes(bytes, width) {
    const values = isWide(this.inner) ? numbersOf(bytes.slice(), this.inner)
      : Array.from(new Uint16Array(bytes.slice().buffer), (code) => tableOf(this.inner).values[code]);
    return Float64Array.from({ length: bytes.length / width / 2 }, (_, n) => Math.hypot(values[2 * n], values[2 * n + 1]));
  }

  result() {
    return this.counter.result();
  }
}

class Facts {
  count = 0;
  zeros = 0;
  nans = 0;
  infs = 0;
  negativeInfs = 0;
  subnormals = 0;
  min = Infinity;
  max = -Infinity;
  finite = 0;
  mean = 0;
  squares = 0; // of the differences from the mean

  add(value, count, isSubnormal) {
    this.count += count;
    if (Number.isNaN(value)) this.nans += count;
    else if (value === Infinity) this.infs += count;
    else if (value === -Infinity) this.negativeInfs += count;
    else {
      if (value === 0) this.zeros += count;
      if (isSubnormal) this.subnormals += count;
      if (value < this.min) this.min = value;
      if (value > this.max) this.max = value;
      this.#merge(count, value, 0);
    }
  }

  addAll(numbers, tiny) {
    let [zeros, subnormals, finite, sum, min, max] = [0, 0, 0, 0, this.min, this.max];
    for (let i = 0; i < numbers.length; i++) {
      const value = numbers[i];
      if (value - value !== 0) { // NaN or infinite
        this.add(value, 1, false);
        continue;
      }
      finite++;
      sum += value;
      if (value === 0) zeros++;
      else if (value < tiny && value > -tiny) subnormals++;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (finite === 0) return;
    const mean = sum / finite;
    let squares = 0;
    for (let i = 0; i < numbers.length; i++) {
      const difference = numbers[i] - mean;
      if (difference - difference === 0) squares += difference * difference;
    }
    Object.assign(this, { min, max, count: this.count + finite, zeros: this.zeros + zeros, subnormals: this.subnormals + subnormals });
    this.#merge(finite, mean, squares);
  }

  #merge(count, mean, squares) {
    const total = this.finite + count;
    const difference = mean - this.mean;
    this.squares += squares + difference * difference * ((this.finite / total) * count);
    this.mean += (difference * count) / total;
    this.finite = total;
  }

  result() {
    const { count, zeros, nans, infs, negativeInfs, subnormals, finite } = this;
    const some = finite > 0;
    return {
      count, zeros, nans, infs, negativeInfs, subnormals, finite,
      min: some ? this.min : undefined,
      max: some ? this.max : undefined,
      mean: some ? this.mean : undefined,
      std: some ? Math.sqrt(this.squares / finite) : undefined,
    };
  }
}

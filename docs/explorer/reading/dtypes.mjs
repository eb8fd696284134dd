// Elements as numbers, of every dtype of chapter 03.

// Floats of up to 16 bits: [bits, exponent bits, bias, what the greatest codes mean].
//   ieee  the greatest exponent is infinity and NaN      fn    the greatest code of each sign is NaN, no infinity
//   fnuz  the code of -0 is the only NaN                 none  every code is a number
const SMALL_FLOATS = {
  float16: [16, 5, 15, 'ieee'],
  bfloat16: [16, 8, 127, 'ieee'],
  float8_e3m4: [8, 3, 3, 'ieee'],
  float8_e4m3: [8, 4, 7, 'ieee'],
  float8_e4m3b11fnuz: [8, 4, 11, 'fnuz'],
  float8_e4m3fn: [8, 4, 7, 'fn'],
  float8_e4m3fnuz: [8, 4, 8, 'fnuz'],
  float8_e5m2: [8, 5, 15, 'ieee'],
  float8_e5m2fnuz: [8, 5, 16, 'fnuz'],
  float6_e2m3fn: [6, 2, 1, 'none'],
  float6_e3m2fn: [6, 3, 3, 'none'],
  float4_e2m1fn: [4, 2, 1, 'none'],
};

function smallFloat(code, [bits, exponentBits, bias, top]) {
  const fractionBits = bits - 1 - exponentBits;
  const magnitude = code & ((1 << (bits - 1)) - 1);
  const sign = code >> (bits - 1) ? -1 : 1;
  const fraction = magnitude & ((1 << fractionBits) - 1);
  const exponent = magnitude >> fractionBits;
  if (top === 'fnuz' && sign < 0 && magnitude === 0) return NaN;
  if (top === 'fn' && magnitude === (1 << (bits - 1)) - 1) return NaN;
  if (top === 'ieee' && exponent === (1 << exponentBits) - 1) return fraction ? NaN : sign * Infinity;
  const unit = 2 ** (Math.max(exponent, 1) - bias - fractionBits);
  return sign * unit * (fraction + (exponent ? 1 << fractionBits : 0));
}

const tables = new Map();

// The value of every code of a dtype of up to 16 bits, and whether it is subnormal.
export function tableOf(dtype) {
  if (!tables.has(dtype)) tables.set(dtype, makeTable(dtype));
  return tables.get(dtype);
}

function makeTable(dtype) {
  const form = SMALL_FLOATS[dtype];
  const whole = /^(u?)int(1|2|4|8|16)$/.exec(dtype);
  const size = dtype === 'float16' || dtype === 'bfloat16' || whole?.[2] === '16' ? 1 << 16 : 1 << 8;
  const values = new Float64Array(size);
  const subnormal = new Uint8Array(size);
  for (let code = 0; code < size; code++) {
    if (form) {
      const bits = code & (2 ** form[0] - 1); // DTYPE-4
      values[code] = smallFloat(bits, form);
      const magnitude = bits & ((1 << (form[0] - 1)) - 1);
      subnormal[code] = magnitude > 0 && magnitude < 1 << (form[0] - 1 - form[1]) ? 1 : 0;
    } else if (whole) values[code] = smallInt(code, Number(whole[2]), whole[1] === '');
    else if (dtype === 'bool') values[code] = code ? 1 : 0; // DTYPE-5
    else values[code] = code === 255 ? NaN : 2 ** (code - 127); // float8_e8m0fnu
  }
  return { values, subnormal };
}

function smallInt(code, bits, isSigned) {
  const value = code & (2 ** bits - 1);
  return isSigned && value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

const WIDE = {
  int32: [4, (view, at) => view.getInt32(at, true)],
  uint32: [4, (view, at) => view.getUint32(at, true)],
  int64: [8, (view, at) => view.getBigInt64(at, true)],
  uint64: [8, (view, at) => view.getBigUint64(at, true)],
  float32: [4, (view, at) => view.getFloat32(at, true)],
  float64: [8, (view, at) => view.getFloat64(at, true)],
};

const PARTS = { complex32: 'float16', bcomplex32: 'bfloat16', complex64: 'float32', complex128: 'float64' };

// DTYPE-6: the dtype of the two parts of a complex one, or undefined.
export const partOf = (dtype) => PARTS[dtype];

const KNOWN = new Set(['bool', 'float8_e8m0fnu', ...Object.keys(SMALL_FLOATS), ...Object.keys(WIDE), ...Object.keys(PARTS),
  ...[1, 2, 4, 8, 16].flatMap((bits) => [`int${bits}`, `uint${bits}`])]);

// DTYPE-1
export const isKnown = (tag) => KNOWN.has(tag);
export const dtypes = () => [...KNOWN];

export function widthOf(dtype) {
  if (PARTS[dtype]) return 2 * widthOf(PARTS[dtype]);
  return WIDE[dtype]?.[0] ?? (tableOf(dtype).values.length > 256 ? 2 : 1);
}

export const isWide = (dtype) => dtype in WIDE;
export const isFloat = (dtype) => dtype.includes('float') || dtype in PARTS;

// The elements that stand in some bytes: numbers, BigInts of 64 bits, or pairs of the parts of complex ones.
export function elementsOf(bytes, dtype) {
  const part = PARTS[dtype];
  if (part) {
    const parts = elementsOf(bytes, part);
    return Array.from({ length: parts.length >> 1 }, (_, n) => [parts[2 * n], parts[2 * n + 1]]);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const width = widthOf(dtype);
  const count = Math.floor(bytes.length / width);
  if (WIDE[dtype]) return Array.from({ length: count }, (_, n) => WIDE[dtype][1](view, n * width));
  const { values } = tableOf(dtype);
  return Array.from({ length: count }, (_, n) => values[width === 2 ? view.getUint16(2 * n, true) : bytes[n]]);
}

// A number as short as its dtype allows: float32 0.1 is 0.1, not 0.10000000149011612.
export function textOf(value, dtype) {
  if (Array.isArray(value)) return `${textOf(value[0], PARTS[dtype])}${signed(textOf(value[1], PARTS[dtype]))}j`;
  if (dtype === 'bool') return value ? 'true' : 'false';
  if (typeof value === 'bigint' || Number.isInteger(value)) {
    return Object.is(value, -0) ? '-0' : Math.abs(Number(value)) >= 1e21 ? Number(value).toExponential() : String(value);
  }
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';
  if (dtype === 'float64') return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (sameIn(dtype, Number(text), value)) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

const signed = (text) => (text.startsWith('-') ? text : `+${text}`);

function sameIn(dtype, candidate, value) {
  if (dtype === 'float32') return Math.fround(candidate) === value;
  const ulp = dtype === 'bfloat16' ? 2 ** -9 : dtype === 'float16' ? 2 ** -12 : 2 ** -14; // half of one, or less
  return Math.abs(candidate - value) <= Math.abs(value) * ulp;
}

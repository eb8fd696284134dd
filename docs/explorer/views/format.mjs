// Numbers as people read them. Byte sizes count in powers of 1000, as `inspect` does.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function bytes(n) {
  let unit = 0;
  let value = n;
  while (value >= 999.5 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${UNITS[unit]}`;
}

export const integer = (n) => n.toLocaleString('en');
export const digits = (n) => integer(n).length; // what it takes in a column of digits

export function short(n) {
  if (n < 10_000) return integer(n);
  const [size, unit] = [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'k']].find(([least]) => n >= least);
  return `${Number((n / size).toPrecision(3))} ${unit}`;
}

export function number(value) {
  if (value === undefined) return 'none';
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return integer(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(6))) : value.toExponential(4);
}

export const percent = (part, whole) => {
  if (whole === 0 || part === 0) return '0 %';
  const share = (100 * part) / whole;
  return share < 0.01 ? '< 0.01 %' : `${Number(share.toPrecision(3))} %`;
};

export const plural = (n, one, many = `${one}s`) => `${integer(n)} ${n === 1 ? one : many}`;
export const hex = (n, digits = 2) => n.toString(16).padStart(digits, '0');
export const shape = (sizes) => (sizes === undefined ? '' : `[${sizes.join(', ')}]`);

export function seconds(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toPrecision(3)} s`;
}

const FAMILIES = [
  [/^float32$/, 'f32'], [/^float64$/, 'f64'], [/^bfloat16$/, 'bf16'], [/^float16$/, 'f16'], [/^float[864]_/, 'f8'],
  [/^int\d/, 'int'], [/^(uint\d|bool$)/, 'uint'], [/complex/, 'complex'],
];

// The colour class of a dtype or kind.
export const family = (name) => FAMILIES.find(([test]) => test.test(name ?? ''))?.[1] ?? 'other';

// Metadata as the page shows it: a few values at a time, and of long texts the beginning. It may have 16 MiB.

const ENTRIES = 200; // of a list or map at once
const SHOWN = 400; // characters of a text, or bytes
const PAGE = 20_000; // of a text that is shown in full

// The entries of the list or map at a path of places, from one on: { entries, count }.
export function entriesAt(root, path, from = 0) {
  const { kind, value } = valueAt(root, path);
  const names = kind === 'map' ? value.map(([key]) => key) : undefined;
  const items = value.slice(from, from + ENTRIES);
  const entries = items.map((item, n) => (names ? { name: neutral(item[0]), ...shown(item[1]) } : { name: String(from + n), ...shown(item) }));
  return { entries, count: value.length };
}

// More of a text or of bytes.
export function textAt(root, path, from = 0) {
  const { kind, value } = valueAt(root, path);
  const text = kind === 'bin' ? hexText(value.subarray(from, from + PAGE)) : value.slice(from, from + PAGE);
  return { text: kind === 'bin' ? text : neutral(text), end: Math.min(value.length, from + PAGE), length: value.length };
}

function valueAt(root, path) {
  return path.reduce(({ kind, value }, place) => (kind === 'map' ? value[place][1] : value[place]), root);
}

// { kind, text, count, length }: `count` of a list or map, `length` of a text or of bytes that are not shown whole.
function shown({ kind, value, bits }) {
  switch (kind) {
    case 'nil': return { kind, text: 'nil' };
    case 'bool': return { kind, text: String(value) };
    case 'int': return { kind, text: String(value) };
    case 'float': return { kind, text: floatText(bits) };
    case 'str': return { kind, text: neutral(value.slice(0, SHOWN)), length: value.length > SHOWN ? value.length : undefined };
    case 'bin': return { kind, text: hexText(value.subarray(0, SHOWN / 4)), length: value.length > SHOWN / 4 ? value.length : undefined, bytes: value.length };
    default: return { kind, count: value.length };
  }
}

const floatText = (bits) => {
  const value = new Float64Array(BigUint64Array.of(bits).buffer)[0];
  return Object.is(value, -0) ? '-0.0' : Number.isInteger(value) && Math.abs(value) < 1e16 ? `${value}.0` : String(value);
};
const hexText = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

// What could move or turn the text around it is spelled out, as in key paths (KEY-5); line ends and tabs stay.
const MOVING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
export const neutral = (text) => text.replace(MOVING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

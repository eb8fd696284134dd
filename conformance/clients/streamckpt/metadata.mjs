// Metadata (chapter 14). A value is one of
//   { kind: 'nil' }    { kind: 'bool', value }    { kind: 'int', value: BigInt }    { kind: 'float', bits: BigInt }
//   { kind: 'str', value }    { kind: 'bin', value: Uint8Array }
//   { kind: 'list', value: [value, ...] }    { kind: 'map', value: [[text, value], ...] }

import { floatBytes, header, intBytes } from './encoding.mjs';
import { FormatError, fault } from './faults.mjs';
import { utf8Of } from './text.mjs';

const MOST_BYTES = 2 ** 24; // META-3
const MOST_VALUES = 65536;
const DEEPEST = 64;

export const NO_METADATA = { kind: 'map', value: [] };

// --- Reading

// The metadata at this place of a CanonicalReader. With `keep` false it is checked alone, and nothing is kept of it:
// a value of one byte would take fifty in memory.
export function readMetadata(reader, { keep = true } = {}) {
  const outer = reader.clause;
  reader.clause = 'META-2';
  const { at } = reader;
  const map = reader.expect('map', 'META-1', 'the metadata (a map)');
  const value = readMap(reader, map, { depth: 1, keep, counted: counter() });
  if (reader.at - at > MOST_BYTES) throw fault('META-3', map.at, `metadata has at most 2^24 bytes, found ${reader.at - at}`);
  reader.clause = outer;
  return value;
}

function readValue(reader, settings) {
  const head = reader.head();
  const { at, type, value } = head;
  switch (type) {
    case 'nil': return { kind: 'nil' };
    case 'bool': case 'int': return { kind: type, value };
    case 'float':
      if (reader.at - (at - reader.base) !== 9) throw fault('META-1', at, 'a float of metadata has 64 bits');
      return { kind: 'float', bits: value };
    case 'str': return { kind: 'str', value: reader.text(head) };
    case 'bin': return { kind: 'bin', value: reader.take(head) };
    case 'array': return readList(reader, head, settings);
    case 'map': return readMap(reader, head, settings);
    default: throw fault('META-1', at, `metadata holds no value of type ${type}`);
  }
}

function readList(reader, { at, value: count }, settings) {
  const inside = settingsInside(settings, at, count);
  const value = [];
  for (let n = 0; n < count; n++) {
    const item = readValue(reader, inside);
    if (settings.keep) value.push(item);
  }
  return { kind: 'list', value };
}

// META-2: keys in ascending order, none twice.
function readMap(reader, { at, value: count }, settings) {
  const inside = settingsInside(settings, at, count);
  const value = [];
  let before;
  for (let n = 0; n < count; n++) {
    const head = reader.expect('str', 'META-1', 'a key of a map (a str)');
    const key = reader.text(head);
    const bytes = reader.bytes.subarray(reader.at - head.value, reader.at);
    const order = before === undefined ? -1 : compared(before, bytes);
    if (order === 0) throw fault('META-2', head.at, 'the map has this key twice');
    if (order > 0) throw fault('META-2', head.at, 'this key is smaller than the one before it');
    before = bytes;
    const item = readValue(reader, inside);
    if (settings.keep) value.push([key, item]);
  }
  return { kind: 'map', value };
}

// META-3: the settings for what is in a list or map of so many values.
function settingsInside({ depth, keep, counted }, at, count) {
  if (depth > DEEPEST) throw fault('META-3', at, 'values are nested at most 64 deep');
  if (counted(count) > MOST_VALUES) throw fault('META-3', at, 'metadata has at most 65,536 values');
  return { depth: depth + 1, keep, counted };
}

// How many values there are, the outermost map and so many more.
function counter() {
  let values = 1;
  return (more) => (values += more);
}

// Below 0 where `a` comes first. A text that begins another one comes first.
function compared(a, b) {
  const shared = Math.min(a.length, b.length);
  for (let n = 0; n < shared; n++) if (a[n] !== b[n]) return a[n] - b[n];
  return a.length - b.length;
}

// --- Writing

export function metadataBytes(metadata) {
  if (metadata?.kind !== 'map') throw new FormatError('META-1', 'metadata is a map');
  const pieces = [];
  let size = 0;
  const push = (bytes) => {
    size += bytes.length;
    if (size > MOST_BYTES) throw new FormatError('META-3', 'metadata has at most 2^24 bytes');
    pieces.push(bytes);
  };
  writeValue(push, metadata, { depth: 1, counted: counter() });
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function writeValue(push, { kind, value, bits }, settings) {
  switch (kind) {
    case 'nil': return push([0xc0]);
    case 'bool': return push([value ? 0xc3 : 0xc2]);
    case 'int': return push(metaInt(value));
    case 'float': return push(floatBytes(bits));
    case 'str': return pushBytes(push, 'str', utf8Of(value));
    case 'bin': return pushBytes(push, 'bin', value);
    case 'list': return writeList(push, value, settings);
    case 'map': return writeMap(push, value, settings);
    default: throw new FormatError('META-1', `metadata holds no ${kind}`);
  }
}

function pushBytes(push, type, bytes) {
  push(header(type, bytes.length));
  push(bytes);
}

function metaInt(value) {
  if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new FormatError('META-1', `an int out of range: ${value}`);
  return intBytes(value);
}

function writeList(push, values, settings) {
  const inside = writtenInside(settings, values.length);
  push(header('array', values.length));
  for (const value of values) writeValue(push, value, inside);
}

function writeMap(push, entries, settings) {
  const inside = writtenInside(settings, entries.length);
  const sorted = entries.map(([key, value]) => ({ key, bytes: utf8Of(key), value }));
  sorted.sort((a, b) => compared(a.bytes, b.bytes));
  push(header('map', sorted.length));
  sorted.forEach(({ key, bytes, value }, n) => {
    if (n > 0 && compared(sorted[n - 1].bytes, bytes) === 0) {
      throw new FormatError('META-2', `a key is given twice: ${JSON.stringify(key)}`);
    }
    pushBytes(push, 'str', bytes);
    writeValue(push, value, inside);
  });
}

// META-3: the settings for what is in a list or map of so many values.
function writtenInside({ depth, counted }, count) {
  if (depth > DEEPEST) throw new FormatError('META-3', 'values are nested at most 64 deep');
  if (counted(count) > MOST_VALUES) throw new FormatError('META-3', 'metadata has at most 65,536 values');
  return { depth: depth + 1, counted };
}

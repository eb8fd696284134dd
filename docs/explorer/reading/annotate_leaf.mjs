// The runs of a leaf (chapter 04), wherever it stands.

import { isFloat, isKnown, partOf, widthOf } from './dtypes.mjs';
import { Odd, count, described } from './words.mjs';

const MARKER = '__msgpack_chunked_array__';

export async function annotateLeaf(annotator) {
  const head = await annotator.head();
  const { type, n, value } = head;
  switch (type) {
    case 'nil': return annotator.header(head, 'leaf: nil', 'LEAF-1');
    case 'bool': return annotator.header(head, 'leaf: bool', 'LEAF-1', { value: String(value) });
    case 'int': return annotator.header(head, 'leaf: int', 'LEAF-1', { value: String(value) });
    case 'float': return annotator.header(head, `leaf: float ${8 * head.width}`, 'LEAF-8', { value: String(value) });
    case 'str': case 'bin':
      annotator.header(head, `leaf: ${type} of ${count(n, 'byte')}`, 'LEAF-1');
      if (n > 0) annotator.run(n, type === 'str' ? 'its text' : 'its bytes', type === 'str' ? 'WIRE-5' : 'LEAF-1', { payload: { text: true } });
      return undefined;
    case 'ext': return ext(annotator, head);
    case 'map': return n === 0 ? annotator.header(head, 'leaf: empty node, a map of 0 entries', 'LEAF-9') : chunked(annotator, head);
    default: throw new Odd(`${described(head)}, which is not a leaf (LEAF-1)`);
  }
}

async function ext(annotator, head) {
  const known = {
    1: ['ndarray', 'LEAF-2', array],
    2: ['complex', 'LEAF-7', complex],
    3: ['scalar', 'LEAF-6', (inner) => array(inner, 'LEAF-6')],
  }[head.ext];
  if (!known) throw new Odd(`${described(head)}, which is not a leaf (LEAF-1)`);
  const [name, clause, action] = known;
  annotator.header(head, `${name}: ext type ${head.ext}, body of ${count(head.n, 'byte')}`, clause);
  await annotator.inside(head.n, () => action(annotator));
}

async function complex(annotator) {
  const list = await annotator.expect('array', 'an array of two floats');
  annotator.header(list, `array of ${list.n}`, 'LEAF-7');
  for (const name of ['real', 'imaginary']) {
    const part = await annotator.expect('float', 'a float');
    annotator.header(part, `${name} part, a float ${8 * part.width}`, 'LEAF-7', { value: String(part.value) });
  }
}

async function array(annotator, clause = 'LEAF-2') {
  const list = await annotator.expect('array', 'an array of shape, dtype tag and payload');
  annotator.header(list, `array of ${list.n}`, clause);
  annotator.depth++;
  await shape(annotator);
  const dtype = await tag(annotator);
  const payload = await annotator.head();
  annotator.header(payload, `payload: ${payload.type} of ${count(payload.n, 'byte')}`, 'LEAF-5');
  if (payload.type !== 'bin') throw new Odd(`${described(payload)}, where a bin is expected`);
  if (payload.n > 0) elements(annotator, payload.n, dtype);
  annotator.depth--;
}

async function shape(annotator) {
  const list = await annotator.expect('array', 'a shape, an array,');
  const { at } = annotator;
  let length = list.head;
  const sizes = [];
  for (let n = 0; n < Math.min(list.n, 65); n++) {
    annotator.at = at + length;
    const size = await annotator.head().catch(() => undefined);
    if (size?.type !== 'int') break;
    sizes.push(size.value);
    length += size.head;
  }
  annotator.at = at;
  const whole = sizes.length === list.n;
  const shown = `(${sizes.join(', ')}${sizes.length === 1 ? ',' : ''}${whole ? '' : ' ...'})`;
  annotator.run(length, `shape: array of ${list.n}`, 'LEAF-3', { value: shown });
  if (!whole) throw new Odd(`${described(await annotator.head())}, where a dimension is expected`);
}

async function tag(annotator) {
  const head = await annotator.head();
  if (head.type !== 'str' && head.type !== 'bin') throw new Odd(`${described(head)}, where a dtype tag is expected`);
  const name = await annotator.text(head, head.type === 'str' ? 'dtype tag' : 'dtype tag, as a bin', head.type === 'str' ? 'DTYPE-1' : 'DTYPE-2');
  return isKnown(name) ? name : undefined;
}

function elements(annotator, length, dtype) {
  if (!dtype) return annotator.run(length, 'bytes of an unknown dtype', 'LEAF-5', { payload: {} });
  const small = /^u?int[124]$|^float[46]/.test(dtype);
  const clause = dtype === 'bool' ? 'DTYPE-5' : small ? 'DTYPE-4' : partOf(dtype) ? 'DTYPE-6' : 'DTYPE-3';
  const order = widthOf(dtype) > 1 ? ', little-endian' : '';
  const kind = isFloat(dtype) ? dtype : dtype.replace('_', ' ');
  const what = `${count(Math.floor(length / widthOf(dtype)), 'element')} of ${kind}${order}, in C order`;
  return annotator.run(length, what, clause, { payload: { dtype } });
}

async function chunked(annotator, head) {
  const key = await peekText(annotator, head.head);
  if (key !== MARKER) throw new Odd(`${described(head)}, which is not a leaf (LEAF-1)`);
  annotator.header(head, `chunked ndarray: map of ${count(head.n, 'entry', 'entries')}`, 'LEAF-10');
  annotator.depth++;
  await keyOf(annotator, 'marker', 'LEAF-10');
  const marker = await annotator.head();
  annotator.header(marker, 'its value', 'LEAF-10', { value: marker.type === 'bool' ? String(marker.value) : described(marker) });
  if (annotator.isSealed && head.n === 4) await padding(annotator);
  await keyOf(annotator, 'key', 'LEAF-10');
  await dimensions(annotator);
  await keyOf(annotator, 'key', 'LEAF-10');
  const map = await annotator.expect('map', 'the chunks, a map,');
  annotator.header(map, `chunks: map of ${count(map.n, 'entry', 'entries')}`, 'LEAF-12');
  annotator.depth++;
  for (let n = 0; n < map.n; n++) {
    await keyOf(annotator, 'chunk', 'LEAF-12');
    await ext(annotator, await annotator.expect('ext', 'a chunk, an ext,'));
  }
  annotator.depth -= 2;
}

// ALIGN-1, ALIGN-2
async function padding(annotator) {
  await keyOf(annotator, 'key', 'ALIGN-1');
  const pad = await annotator.expect('bin', 'the padding, a bin,');
  annotator.header(pad, `padding: bin of ${count(pad.n, 'byte')}`, 'ALIGN-2');
  if (pad.n > 0) annotator.run(pad.n, 'zeros, which put the payload at a multiple of the alignment', 'ALIGN-2');
}

async function keyOf(annotator, what, clause) {
  return annotator.text(await annotator.expect('str', 'a key, a str,'), what, clause);
}

async function dimensions(annotator) {
  const map = await annotator.expect('map', 'a shape, a map,');
  annotator.header(map, `shape: map of ${count(map.n, 'entry', 'entries')}`, 'LEAF-11');
  annotator.depth++;
  for (let n = 0; n < map.n; n++) {
    await keyOf(annotator, 'dimension', 'LEAF-11');
    const size = await annotator.expect('int', 'a dimension, an int,');
    annotator.header(size, 'its size', 'LEAF-3', { value: String(size.value) });
  }
  annotator.depth--;
}

async function peekText(annotator, skip) {
  const bytes = await annotator.slices.bytes(annotator.at + skip, 32);
  return bytes[0] === 0xa0 + MARKER.length ? new TextDecoder().decode(bytes.subarray(1, 1 + MARKER.length))
    : bytes[0] === 0xd9 ? new TextDecoder().decode(bytes.subarray(2, 2 + bytes[1])) : '';
}

// Values as the protocol has them in JSON (CLIENT.md), and back.

import { FormatError } from './streamckpt/index.mjs';

export const floatText = (bits) => bits.toString(16).padStart(16, '0');

export const fromHex = (text) => Buffer.from(matching(/^(?:[0-9a-f]{2})*$/, text), 'hex');
export const bitsOf = (text) => BigInt(`0x${matching(/^[0-9a-f]{16}$/, text)}`);

export function matching(pattern, text, clause = 'LEAF-1') {
  const matches = typeof text === 'string' && pattern.test(text);
  if (!matches) throw new FormatError(clause, `not a value of its kind: ${text}`);
  return text;
}

export function metadataText({ kind, value, bits }) {
  switch (kind) {
    case 'int': return { kind, value: String(value) };
    case 'float': return { kind, value: floatText(bits) };
    case 'bin': return { kind, value: Buffer.from(value).toString('hex') };
    case 'list': return { kind, value: value.map(metadataText) };
    case 'map': return { kind, value: value.map(([key, item]) => [key, metadataText(item)]) };
    default: return { kind, value }; // bool, str; of nil there is none
  }
}

const DEEPEST = 64; // META-3; checked here too, since whoever asks may nest a million lists

export function metadataOf(given, depth = 1) {
  const { kind, value } = given ?? {};
  if (depth > DEEPEST && (kind === 'list' || kind === 'map')) throw new FormatError('META-3', 'values are nested at most 64 deep');
  const isList = Array.isArray(value);
  const isPair = (pair) => Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string';
  switch (kind) {
    case 'nil': return { kind };
    case 'bool': return { kind, value: matching(/^(?:true|false)$/, typeof value === 'boolean' && String(value), 'META-1') === 'true' };
    case 'int': return { kind, value: BigInt(matching(/^-?[0-9]+$/, value, 'META-1')) };
    case 'float': return { kind, bits: bitsOf(value) };
    case 'str': return { kind, value: matching(/^/, value, 'META-1') };
    case 'bin': return { kind, value: fromHex(value) };
    case 'list':
      if (isList) return { kind, value: value.map((item) => metadataOf(item, depth + 1)) };
      break;
    case 'map':
      if (isList && value.every(isPair)) return { kind, value: value.map(([key, item]) => [key, metadataOf(item, depth + 1)]) };
      break;
    default:
  }
  throw new FormatError('META-1', `not a value of metadata: ${JSON.stringify(kind)}`);
}

// The tree of a safetensors file, from its JSON header (CONV-7, CONV-8). Such a file is shown, not judged.

import { payloadLength } from '../streamckpt/index.mjs';
import { count } from './words.mjs';

const TAGS = new Map([
  ['BOOL', 'bool'], ['F16', 'float16'], ['BF16', 'bfloat16'], ['F32', 'float32'], ['F64', 'float64'],
  ['I8', 'int8'], ['I16', 'int16'], ['I32', 'int32'], ['I64', 'int64'],
  ['U8', 'uint8'], ['U16', 'uint16'], ['U32', 'uint32'], ['U64', 'uint64'],
  ['F8_E4M3', 'float8_e4m3fn'], ['F8_E5M2', 'float8_e5m2'], ['F8_E8M0', 'float8_e8m0fnu'],
  ['F8_E4M3FNUZ', 'float8_e4m3fnuz'], ['F8_E5M2FNUZ', 'float8_e5m2fnuz'], ['C64', 'complex64'],
]);

// Fills the tree. Gives { facts, problems, cut }: `cut` is { described, size } where the header speaks of more bytes
// than the file has.
export async function readSafetensors(slices, tree) {
  const lengthBytes = await slices.bytes(0, 8);
  const length = Number(new DataView(lengthBytes.buffer, lengthBytes.byteOffset).getBigUint64(0, true));
  const problems = [];
  let header;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await slices.bytes(8, length)));
  } catch (error) {
    return { facts: [], problems: [`Its header is not JSON: ${error.message}`] };
  }
  const { __metadata__: metadata = {}, ...tensors } = header;
  let described = 8 + length;
  for (const [name, tensor] of Object.entries(tensors)) {
    const end = 8 + length + Number(tensor?.data_offsets?.[1]);
    if (end > described) described = end;
    const problem = addTensor(tree, name.split('.'), tensor ?? {}, 8 + length, slices.size);
    if (problem) problems.push(`${name}: ${problem}`);
  }
  const facts = Object.entries(metadata ?? {}).map(([name, value]) => [name, String(value)]);
  return { facts: [['header', `${length.toLocaleString('en')} bytes of JSON`], ...facts], problems, cut: described > slices.size ? { described, size: slices.size } : undefined };
}

function addTensor(tree, path, { dtype, shape, data_offsets: offsets } = {}, base, size) {
  if (!Array.isArray(shape) || !shape.every(Number.isSafeInteger) || !Array.isArray(offsets)) return 'no shape or place';
  const [start, end] = offsets.map((offset) => base + offset);
  if (!(start >= base && end >= start)) return 'its place makes no sense';
  if (start >= size && end > size) return 'all of it is missing';
  if (end > size) return `its last ${count(end - size, 'byte')} are missing`;
  if (!TAGS.has(dtype)) return `its dtype, ${dtype}, has no tag here`;
  if (tree.clash(path) !== undefined) return 'its key path clashes with another';
  const leaf = { kind: 'ndarray', dtype: TAGS.get(dtype), shape: shape.map(BigInt), bytes: end - start };
  tree.add(path, leaf, start, end);
  return undefined;
}

// As the client gives a leaf.
export function tensorOf(tree, node, source) {
  const payload = [{ source, offset: tree.start.get(node), length: tree.bytes.get(node) }];
  return { kind: 'ndarray', dtype: tree.dtypeOf(node), shape: tree.shapeOf(node), payload, length: payloadLength(payload) };
}

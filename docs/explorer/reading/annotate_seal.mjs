// The runs of a seal: its header, the index, and the footer field by field (chapter 16).

const FOOTER = [
  [8, 'offset of the seal'], [4, 'bytes of the index'], [4, 'checksum of the index', true], [2, 'major version'],
  [2, 'minor version'], [4, 'checksum of the 20 bytes before', true], [16, 'the end: streamckpt-seal'],
];
const FOOTER_BYTES = 40;

export async function annotateSeal(slices, { start }) {
  const runs = [];
  let at = start;
  const add = (length, what, clause, more) => {
    runs.push({ at, length, depth: 0, what, clause, ...more });
    at += length;
  };
  const length = new DataView((await slices.bytes(start, 5)).slice().buffer).getUint32(1);
  add(5, `seal: bin of ${length.toLocaleString('en')} bytes, one more than there are`, 'SEAL-3');
  add(slices.size - FOOTER_BYTES - at, 'the index, one MessagePack value', 'INDEX-1', { payload: {} });
  const bytes = (await slices.bytes(at, FOOTER_BYTES)).slice();
  let field = 0;
  for (const [size, what, isSum] of FOOTER) {
    add(size, what, 'SEAL-4', size < 16 ? { value: isSum ? hexOf(bytes, field, size) : String(numberOf(bytes, field, size)) } : {});
    field += size;
  }
  return { runs, more: false };
}

const numberOf = (bytes, at, size) => bytes.subarray(at, at + size).reduce((sum, byte) => sum * 256 + byte, 0);
const hexOf = (bytes, at, size) => Array.from(bytes.subarray(at, at + size), (byte) => byte.toString(16).padStart(2, '0')).join('');

// What a file is, told from its first bytes (CONV-6), and what to do with one of another kind.

const text = (string) => [...string].map((char) => char.charCodeAt(0));
const begins = (head, bytes) => bytes.every((byte, n) => head[n] === byte);
const isPickle = (head) => head[0] === 0x80 && head[1] >= 2 && head[1] <= 5;

function isSafetensors(head, size) {
  if (head.length < 9 || head[8] !== 0x7b) return false;
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  return length >= 2n && length <= 100_000_000n && length <= BigInt(size - 8);
}

// In the order of the table of CONV-6: name, container if it is one, test, advice.
const KINDS = [
  ['an empty file', 'stream', (head) => head.length === 0, 'A save or a copy of it has failed. Get it again.'],
  ['a safetensors file', 'safetensors', isSafetensors],
  ['a delta', 'delta', (head) => begins(head, [0x92, 0x92, 0xb0, ...text('streamckpt-delta')]),
    'It is not a checkpoint by itself: it turns one checkpoint, its base, into another. Recover that with: '
    + 'streamckpt recover BASE DELTA OUT'],
  ['a sealed stream', 'sealed', (head) => begins(head, [0xdd, 0, 0, 0, 2])],
  ['a stream', 'stream', (head) => head[0] === 0x92 || begins(head, [0xdc, 0, 2])],
  ['a pickle', undefined, isPickle,
    'It can run any code when it is opened. Convert it to safetensors where it came from.'],
  ['a picture', undefined,
    (head) => [[0x89, ...text('PNG\r\n\x1a\n')], [0xff, 0xd8, 0xff], text('GIF8')].some((mark) => begins(head, mark)),
    'It holds no tensors. Choose the checkpoint itself.'],
  ['a numpy .npy or HDF5 file', undefined, (head) => begins(head, text('\x93NUMPY')) || begins(head, text('\x89HDF')),
    'Save its arrays as a checkpoint with streamckpt.save.'],
  ['a standard flax file', 'flax', (head) => head[0] >> 4 === 8 || head[0] === 0xde || head[0] === 0xdf],
  ['a zip archive (a torch .pth or a numpy .npz)', undefined, (head) => begins(head, text('PK')),
    'Convert it to safetensors where it came from.'],
  ['a gzip archive', undefined, (head) => begins(head, [0x1f, 0x8b]), 'Unpack it first: gunzip, or tar xzf.'],
  ['a compressed file', undefined,
    (head) => [[0x28, 0xb5, 0x2f, 0xfd], [0xfd, 0x37, 0x7a, 0x58, 0x5a], text('BZh')].some((mark) => begins(head, mark)),
    'Unpack it first.'],
  ['a git-lfs pointer', undefined, (head) => begins(head, text('version https://git-lfs')),
    'The weights themselves have not been fetched. Run: git lfs pull'],
  ['JSON text', undefined, (head) => '{['.includes(firstChar(head) || '?'),
    'If it is the answer to a failed download, download again. If it is an index of shards, open a shard.'],
  ['an HTML or XML page', undefined, (head) => firstChar(head) === '<',
    'A download has failed and its error page was saved. Download it again.'],
  ['a file of zeros', undefined, (head) => head.every((byte) => byte === 0),
    'A download or a copy has not been completed. Get it again.'],
];

const UNKNOWN = {
  name: 'a file of an unknown kind',
  container: undefined,
  advice: 'A checkpoint is a stream, a flax file or a safetensors file.',
};

const firstChar = (head) => new TextDecoder().decode(head).trimStart()[0];

// A detached seal by itself begins with a map of 4 or 5 entries, like many a flax file.
export const A_SEAL = {
  name: 'the seal of another file',
  container: undefined,
  advice: 'It belongs to a stream and contains none of it. Open the two together: the file of the same name without .seal, and this one.',
};

export async function isSeal(slices, head) {
  if (head[0] !== 0x84 && head[0] !== 0x85) return false;
  return begins(await slices.bytes(Math.max(0, slices.size - 16), 16), text('streamckpt-seal\n'));
}

export const DETACHED = { name: 'a stream with a detached seal', container: 'sealed', advice: undefined };

// { name, container, advice }: `container` is sealed, stream, flax, delta or safetensors, or undefined for a wrong kind.
export function kindOf(head, size) {
  const row = KINDS.find(([, , test]) => test(head, size));
  if (!row) return UNKNOWN;
  const [name, container, , advice] = row;
  return { name, container, advice };
}

export function kindNamed(container) {
  const [name] = KINDS.filter((row) => row[1] === container).pop();
  return { name, container, advice: undefined };
}

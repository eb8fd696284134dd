// The command line by which the package streamckpt is judged, for Node 18 or later (protocol version 1, CLIENT.md). Written
// from the specification alone.
//
//   node client.mjs decode [PATH]         node client.mjs encode
//   node client.mjs flax-decode [PATH]    node client.mjs flax-encode
//
// A decoder reads standard input where PATH is `-` or missing. Exit status: 0 accepted, 1 rejected, 3 anything else.

import * as fs from 'node:fs';
import { createHash } from 'node:crypto';
import * as ckpt from './streamckpt/index.mjs';
import { bitsOf, floatText, fromHex, matching, metadataOf, metadataText } from './client_values.mjs';

const { FormatError } = ckpt;
const BATCH = 1 << 16;

// --- Decoders

const newHash = () => createHash('sha256');

async function decode(read, path = '-') {
  const hasher = new Hasher();
  const records = [];
  const source = openSource(path === '-' ? 0 : fs.openSync(path));
  for await (const record of read(source, { sink: (piece) => hasher.add(piece) })) {
    records.push({ record, described: JSON.stringify(describe(record.leaf, hasher)).slice(1) });
    record.leaf = undefined;
  }
  await writeAll(listing(records));
}

// Streams of both versions. A detached seal (DETACHED-1) is used where there is one.
async function decodeStream(path = '-') {
  const [hasher, passing] = [new Hasher(), new ckpt.PassingDigests(newHash)];
  const [records, digests] = [[], []];
  const source = openSource(path === '-' ? 0 : fs.openSync(path));
  const detached = path !== '-' && fs.existsSync(`${path}.seal`) ? openSource(fs.openSync(`${path}.seal`)) : undefined;
  let index;
  const sink = (piece, about, at) => {
    hasher.add(piece);
    if (at !== undefined && (!index || index.digests)) passing.add(piece, about, at); // from a pipe the index comes last
  };
  for await (const record of ckpt.readStream(source, { sink, detached, onSeal: (seal) => (index = seal) })) {
    const { path: at, leaf, checksums } = record;
    const described = describe(leaf, hasher);
    if (checksums) {
      described.checksums = checksums.map(sumText);
      if (!index || index.digests) digests.push(passing.end(at, leaf));
    }
    // The shape of an array in parts comes last where the stream comes through a pipe.
    const isOpen = leaf.kind === 'ndarray' && leaf.shape === undefined;
    records.push(isOpen ? { record: { path: at }, leaf, more: described } : { record: { path: at }, described: JSON.stringify(described).slice(1) });
  }
  for (const record of records.filter(({ leaf }) => leaf)) {
    record.described = JSON.stringify({ ...record.more, shape: record.leaf.shape.map(String) }).slice(1);
  }
  if (index?.digests) ckpt.checkDigests(index, digests, newHash);
  await writeAll(listing(records, index && sealOf(index)));
}

const sumText = (sum) => sum.toString(16).padStart(8, '0');

function sealOf(index) {
  return {
    version: index.version,
    alignment: String(index.alignment),
    checksum: sumText(index.checksum),
    metadata: metadataText(index.metadata()),
    digests: index.digests ? Buffer.from(index.digests).toString('hex') : null,
  };
}

// A regular file is read at positions, whichever way it came; anything else is a pipe.
function openSource(fd) {
  const stat = fs.fstatSync(fd);
  if (stat.isFile()) {
    return { size: stat.size, read: (target, offset) => fs.readSync(fd, target, 0, target.length, offset) };
  }
  return ckpt.pipeSource(fd === 0 ? process.stdin : fs.createReadStream('', { fd }));
}

// The SHA-256 of the payload that is passing. The next leaf begins anew.
class Hasher {
  add(piece) {
    this.hash ??= createHash('sha256');
    this.hash.update(piece);
  }

  digest() {
    const hash = this.hash ?? createHash('sha256');
    this.hash = undefined;
    return hash.digest('hex');
  }
}

function describe({ kind, dtype, shape, payload, value, bits }, hasher) {
  switch (kind) {
    case 'ndarray': return { kind, dtype, shape: shape?.map(String), sha256: hasher.digest() };
    case 'scalar': return { kind, dtype, sha256: hasher.digest() };
    case 'str': case 'bin': return { kind, bytes: String(ckpt.payloadLength(payload)), sha256: hasher.digest() };
    case 'bool': return { kind, value };
    case 'int': return { kind, value: String(value) };
    case 'float': return { kind, value: floatText(bits) };
    case 'complex': return { kind, value: bits.map(floatText) };
    default: return { kind }; // nil, empty
  }
}

// The JSON text, in batches.
function* listing(records, seal) {
  let text = seal ? `{"seal":${JSON.stringify(seal)},"records":[` : '{"records":[';
  let separator = '\n';
  for (const { record, described } of records) {
    const { path } = record;
    const display = JSON.stringify(ckpt.displayPath(path));
    text += `${separator}{"path":${JSON.stringify(path)},"display":${display},${described}`;
    separator = ',\n';
    if (text.length < BATCH) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(`${text}\n]}\n`);
}

// --- Encoders

async function encode(plan) {
  const { records, emptyNodes, settings } = asked(await readText(process.stdin));
  const file = await plan(records.map(entryOf), { emptyNodes, ...settings() });
  await writeAll(file.pieces());
}

// What is not the JSON of the protocol is rejected, under no clause.
function asked(text) {
  const read = () => parseExact(text);
  const { records, empty_nodes: emptyNodes, format = '1.0', ...rest } = attempt(read, SyntaxError) ?? {};
  const well = Array.isArray(records) && ['keep', 'leave out'].includes(emptyNodes) && ['1.0', '2.0'].includes(format);
  if (!well || !records.every(isRecord)) throw new FormatError(undefined, 'standard input is not the JSON of the protocol');
  return { records, emptyNodes, settings: () => (format === '2.0' ? settingsOf(rest) : {}) };
}

// For a sealed stream
function settingsOf({ metadata, alignment = '64', digests = false }) {
  if (typeof alignment !== 'string' || !/^-?[0-9]+$/.test(alignment)) throw new FormatError('ALIGN-5', `not an alignment: ${alignment}`);
  if (typeof digests !== 'boolean') throw new FormatError(undefined, 'digests are wanted, or not');
  return { format: '2.0', metadata: metadata && metadataOf(metadata), alignment: BigInt(alignment), digests, sha256: newHash };
}

const isRecord = (record) => typeof record?.kind === 'string' && record.path !== undefined;

// What an action returns; undefined where it throws an error of this class.
function attempt(action, expected) {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof expected)) throw error;
    return undefined;
  }
}

async function readText(chunks) {
  const parts = [];
  for await (const chunk of chunks) parts.push(chunk);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return attempt(() => decoder.decode(Buffer.concat(parts)), TypeError) ?? '';
}

// JSON.parse, except that where a list may hold numbers of which JavaScript would not keep each digit, or a fraction or
// exponent, all numbers come as { number: text }.
function parseExact(text) {
  if (!/[[,]\s*-?(?:[0-9]{16}|[0-9]+[.eE])/.test(text)) return JSON.parse(text);
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*/g;
  return JSON.parse(text.replace(tokens, (token) => (token[0] === '"' ? token : `{"number":"${token}"}`)));
}

function entryOf(record) {
  const path = pathOf(record.path);
  return [path, ckpt.named(path, () => leafOf(record))];
}

// TREE-2, TREE-3, KEY-6
function pathOf(path) {
  if (typeof path === 'string') return ckpt.parsePath(path);
  if (!Array.isArray(path)) throw new FormatError('KEY-1', 'a key path is a list of parts');
  return path.map(partOf);
}

function partOf(part) {
  if (typeof part === 'string') return part;
  const text = String(typeof part === 'number' ? part : part?.number);
  if (!/^-?(?:0|[1-9][0-9]*)$/.test(text)) throw new FormatError('KEY-1', 'a part is neither a text nor an integer');
  return BigInt(text);
}

function leafOf(record) {
  const { kind, dtype, value } = record;
  switch (kind) {
    case 'ndarray': {
      const shape = dimensionsOf(record);
      return { kind, dtype, shape, payload: arrayPayload(record, shape) };
    }
    case 'scalar': {
      if (record.shape?.length) throw new FormatError('LEAF-6', 'a scalar has no dimension');
      return { kind, dtype, payload: arrayPayload(record, []) };
    }
    case 'str': case 'bin': return { kind, payload: bytesPayload(record) };
    case 'int': return { kind, value: BigInt(matching(/^-?[0-9]+$/, value)) };
    case 'float': return { kind, bits: bitsOf(value) };
    case 'complex': return { kind, bits: partsOf(value) };
    case 'bool': return { kind, value: matching(/^(?:true|false)$/, typeof value === 'boolean' && String(value)) === 'true' };
    default: return { kind }; // nil, empty, and what the writer is to refuse
  }
}

function partsOf(value) {
  if (!Array.isArray(value) || value.length !== 2) throw new FormatError('LEAF-7', 'a complex is a list of two floats');
  return value.map(bitsOf);
}

function dimensionsOf({ shape }) {
  if (!Array.isArray(shape)) throw new FormatError('LEAF-3', 'a shape is a list');
  return shape.map((dimension) => BigInt(matching(/^[0-9]+$/, dimension)));
}

function bytesPayload(record) {
  if (record.fill) return filledText(record, matching(/^[0-9]+$/, record.bytes));
  if (record.kind === 'str') return ckpt.payloadOfText(matching(/^/, record.value));
  return ckpt.payloadOfBytes(fromHex(record.value));
}

function arrayPayload(record, shape) {
  const { width } = ckpt.dtypeOf(record.dtype);
  if (record.fill) return filledArray(record, ckpt.contentBytes(shape, width));
  const bytes = fromHex(record.payload);
  if (record.byte_order === 'big') ckpt.swapBytes(bytes, record.dtype); // DTYPE-3
  return ckpt.payloadOfBytes(bytes);
}

function isUtf8(bytes) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const patternOf = ({ fill }) => fromHex(matching(/^(?:[0-9a-f]{2})+$/, fill));
const filled = (pattern, size) => ckpt.payloadOf(ckpt.fillSource(pattern, Number(size)));

// WIRE-5: each time the pattern begins with a character, so each time it has to end with one.
function filledText(record, size) {
  const pattern = patternOf(record);
  const ends = [Number(size) % pattern.length, Number(size) < pattern.length ? 0 : pattern.length];
  if (record.kind === 'str' && !ends.every((end) => isUtf8(pattern.subarray(0, end)))) {
    throw new FormatError('WIRE-5', 'the text is not UTF-8');
  }
  return filled(pattern, size);
}

// DTYPE-3: a pattern of big-endian elements is repeated until there are whole ones.
function filledArray(record, size) {
  if (record.byte_order !== 'big') return filled(patternOf(record), size);
  const pattern = Buffer.concat(Array(ckpt.dtypeOf(record.dtype).unit).fill(patternOf(record)));
  ckpt.swapBytes(pattern, record.dtype);
  return filled(pattern, size);
}

// --- Output and exit

// Gathers small pieces. Each write ends before the next piece is asked for.
async function writeAll(pieces) {
  let batch = [];
  let gathered = 0;
  for await (const piece of pieces) {
    batch.push(piece.length < BATCH ? piece.slice() : piece);
    gathered += piece.length;
    if (gathered < BATCH) continue;
    await write(batch.length === 1 ? piece : Buffer.concat(batch));
    [batch, gathered] = [[], 0];
  }
  await write(Buffer.concat(batch));
}

const write = (bytes) =>
  new Promise((done, failed) => process.stdout.write(bytes, (error) => (error ? failed(error) : done())));

// "rejected" is the last line of standard error, and what exit status 1 means.
function end(error) {
  if (!(error instanceof FormatError)) {
    say(`${error?.stack ?? error}\n`);
    process.exit(3);
  }
  const { message, clause, offset, path } = error;
  const line = { rejected: message, clause, offset: offset === undefined ? undefined : String(offset), path };
  say(`${JSON.stringify(line)}\n`);
  process.exit(1);
}

// Onto standard error, to the last byte. A pipe may take a part of a long line only: Node makes it one that does not
// wait where standard input is a pipe.
function say(text) {
  for (let bytes = Buffer.from(text); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(fs.writeSync(2, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // a millisecond
    }
  }
}

const PARTS = {
  decode: decodeStream,
  'flax-decode': (path) => decode(ckpt.readFlax, path),
  encode: () => encode(ckpt.planStream),
  'flax-encode': () => encode(ckpt.planFlax),
};

process.on('uncaughtException', end);
const [part, path] = process.argv.slice(2);
if (Object.hasOwn(PARTS, part ?? '')) await PARTS[part](path).catch(end);
else end(new Error('usage: client.mjs decode|encode|flax-decode|flax-encode [PATH]'));

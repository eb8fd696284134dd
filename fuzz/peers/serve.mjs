// The JavaScript module of the clients, unchanged, for many inputs. Requests and answers are those of serve.c: the
// status is that of a process that has ended with 0, 1 or 3.

import * as fs from 'node:fs';
import { createHash } from 'node:crypto';

const ckpt = await import(process.argv[2]);
const bitsText = (bits) => bits.toString(16).padStart(16, '0');

function readExactly(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const got = fs.readSync(0, bytes, at, size - at, null);
    if (got === 0) process.exit(0);
    at += got;
  }
  return bytes;
}

function writeAll(bytes) {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(1, bytes, at, bytes.length - at);
}

async function describe({ path, leaf }) {
  const { kind, dtype, shape, payload, value, bits } = leaf;
  const record = { path, kind, dtype, display: ckpt.displayPath(path) };
  if (payload !== undefined) {
    const bytes = await ckpt.load(payload);
    record.sha256 = createHash('sha256').update(bytes).digest('hex');
    if (dtype === undefined) record.bytes = String(bytes.length);
  }
  if (kind === 'ndarray') record.shape = shape.map(String);
  if (kind === 'bool') record.value = value;
  if (kind === 'int') record.value = String(value);
  if (kind === 'float') record.value = bitsText(bits);
  if (kind === 'complex') record.value = bits.map(bitsText);
  return record;
}

async function decode(read, bytes) {
  const records = [];
  for await (const { path, leaf } of read(ckpt.bytesSource(bytes))) records.push({ path, leaf });
  return { records: await Promise.all(records.map(describe)) };
}

for (;;) {
  const head = readExactly(5);
  const bytes = readExactly(new DataView(head.buffer).getUint32(1, true));
  let status = 0;
  let told = ['', ''];
  try {
    const read = head[0] === 'D'.charCodeAt(0) ? ckpt.readFlax : ckpt.readStream;
    told[0] = JSON.stringify(await decode(read, bytes));
  } catch (error) {
    status = error instanceof ckpt.FormatError ? 1 : 3;
    told[1] = status === 3 ? String(error?.stack ?? error) : JSON.stringify({ rejected: error.message, clause: error.clause });
  }
  const answer = new Uint8Array(4);
  new DataView(answer.buffer).setInt32(0, status << 8, true);
  writeAll(answer);
  for (const text of told) {
    const encoded = new TextEncoder().encode(text);
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, encoded.length, true);
    writeAll(size);
    writeAll(encoded);
  }
}

// What a user of the package relies on, by its name: each name has a type, what is written is read back, and what is
// damaged is refused by clause, offset and key path. The format itself is judged by the conformance suite.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import * as streamckpt from 'streamckpt';

const { FormatError, IndexedReader, bytesSource, load, openSeal, payloadOfBytes, pipeSource, planStream, readStream } = streamckpt;

const TREE = [
  [['params', 'w'], { kind: 'ndarray', dtype: 'float32', shape: [2n, 512n], payload: payloadOfBytes(new Uint8Array(4096).fill(7)) }],
  [['step'], { kind: 'int', value: -3n }],
];
const METADATA = { kind: 'map', value: [['run', { kind: 'str', value: 'a' }]] };

async function written(settings) {
  const plan = await planStream(TREE, settings);
  const bytes = new Uint8Array(plan.size);
  let at = 0;
  for await (const piece of plan.pieces()) {
    bytes.set(piece, at);
    at += piece.length;
  }
  assert.equal(at, plan.size);
  return bytes;
}

async function read(source) {
  const found = [];
  for await (const { path, leaf } of readStream(source)) found.push([path, leaf]);
  return found;
}

test('every public name has a type, and every typed value is there', () => {
  const types = readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8');
  const typed = [...types.matchAll(/^export (?:function|class|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(typed.sort(), Object.keys(streamckpt).sort());
});

for (const format of ['1.0', '2.0']) {
  test(`what is written in ${format} is read back`, async () => {
    const bytes = await written({ format });
    const [[path, array], [, step]] = await read(bytesSource(bytes));
    assert.deepEqual([path, array.dtype, array.shape], [['params', 'w'], 'float32', [2n, 512n]]);
    assert.deepEqual(await load(array.payload), new Uint8Array(4096).fill(7));
    assert.deepEqual(step, { kind: 'int', value: -3n });
  });

  test(`a stream of ${format} is refused wherever it is cut inside a record`, async () => {
    const bytes = await written({ format });
    for (const end of [1, 20, 100, 2000, 4090]) {
      await assert.rejects(read(bytesSource(bytes.subarray(0, end))), FormatError);
    }
  });
}

test('a pipe that ends inside a leaf is refused by clause, offset and key path', async () => {
  const bytes = await written({ format: '1.0' });
  const source = pipeSource([bytes.subarray(0, 50), bytes.subarray(50, 3000)]);
  const reading = (async () => {
    for await (const record of readStream(source, { sink() {} })) assert.fail(String(record.path));
  })();
  await assert.rejects(reading, (error) => {
    assert.ok(error instanceof FormatError);
    assert.deepEqual([error.clause, error.path], ['STREAM-2', ['params', 'w']]);
    assert.equal(typeof error.offset, 'number');
    return true;
  });
});

test('one leaf of a sealed stream is read by the index, with its metadata', async () => {
  const source = bytesSource(await written({ format: '2.0', metadata: METADATA, digests: true }));
  const index = await openSeal(source);
  assert.deepEqual([index.version, index.count, index.metadata()], ['2.0', 2, METADATA]);
  const [, entry] = index.leaves();
  assert.deepEqual(await new IndexedReader(source, index).leaf(entry), { kind: 'int', value: -3n });
});

test('a changed bit of a payload is refused by the sum of its block', async () => {
  const bytes = await written({ format: '2.0' });
  bytes[1000] ^= 1;
  await assert.rejects(read(bytesSource(bytes)), ({ clause }) => clause === 'SUM-3');
});

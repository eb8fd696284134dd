// Read the streams of a folder with the MessagePack decoders of npm: `node read.mjs FOLDER`, where they are installed.
// For each: the records that came, as key path and digest of the leaf blob, and how it ended.

import * as fs from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(join(process.cwd(), 'x.js'));
const { decodeMulti, decodeMultiStream } = require('@msgpack/msgpack');
const { Unpackr, UnpackrStream } = require('msgpackr');
const msgpack5 = require('msgpack5');

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const through = (path, stream) => new Promise((resolve, reject) => {
  const values = [];
  stream.on('data', (value) => values.push(value));
  const done = (error) => resolve([values, error]);
  stream.on('error', done).on('end', () => done()).on('close', () => done());
  fs.createReadStream(path).on('error', reject).pipe(stream);
});

async function collect(values) {
  const found = [];
  try {
    for await (const value of values) found.push(value);
  } catch (error) {
    return [found, error];
  }
  return [found];
}

const DECODERS = {
  '@msgpack/msgpack decodeMultiStream': (path) => collect(decodeMultiStream(fs.createReadStream(path))),
  '@msgpack/msgpack decodeMulti': (path) => collect(decodeMulti(fs.readFileSync(path))),
  'msgpackr unpackMultiple': async (path) => {
    const found = [];
    try {
      new Unpackr({ useRecords: false }).unpackMultiple(fs.readFileSync(path), (value) => { found.push(value); });
    } catch (error) {
      return [found, error];
    }
    return [found];
  },
  'msgpackr UnpackrStream': (path) => through(path, new UnpackrStream({ useRecords: false })),
  'msgpack5 decoder': (path) => through(path, msgpack5().decoder({ header: false, wrap: false })),
};

const found = {};
for (const name of fs.readdirSync(process.argv[2]).sort()) {
  found[name] = {};
  for (const [decoder, read] of Object.entries(DECODERS)) {
    const [values, error] = await read(join(process.argv[2], name));
    const records = values.map((value) => (Array.isArray(value) && value.length === 2
      ? [value[0], digest(Buffer.from(value[1]?.buffer ? value[1] : []))] : ['not a record', typeof value]));
    found[name][decoder] = { records, error: error ? `${error.name}: ${error.message}` : null };
  }
}
const version = (name) => JSON.parse(fs.readFileSync(join('node_modules', name, 'package.json'))).version;
const versions = Object.fromEntries(['@msgpack/msgpack', 'msgpackr', 'msgpack5'].map((name) => [name, version(name)]));
process.stdout.write(JSON.stringify({ versions, found }));

// The JavaScript client, unchanged, for many inputs: it is imported anew for each, and finds the arguments, the standard
// input and the exit of a process of its own.
//
//   node serve.mjs CLIENT
//
// A request is a line of JSON, { part, path, piped }: a decoder gets the path, an encoder the file on standard input, and
// so does a decoder that is piped. The answer is a line of JSON, { status, output, errors }, the last two as Latin-1.

import * as fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';

class Exit extends Error {
  constructor(status) {
    super(`exit ${status}`);
    this.status = status;
  }
}

const client = pathToFileURL(process.argv[2]).href;
const requests = createInterface({ input: process.stdin });
const write = process.stdout.write.bind(process.stdout);
const writeSync = fs.default.writeSync;
let output = [];
let errors = [];

process.exit = (status) => {
  throw new Exit(status);
};
process.stdout.write = (bytes, done) => {
  output.push(Buffer.from(bytes));
  done?.();
  return true;
};
fs.default.writeSync = (fd, bytes, ...rest) => {
  if (fd !== 2) return writeSync(fd, bytes, ...rest);
  errors.push(Buffer.from(bytes));
  return bytes.length;
};
syncBuiltinESMExports();

let count = 0;
for await (const line of requests) {
  const { part, path, piped } = JSON.parse(line);
  const given = piped || part.endsWith('encode');
  process.argv = ['node', 'client.mjs', part, ...(given ? [] : [path])];
  const input = given ? Readable.from([fs.readFileSync(path)]) : Readable.from([]);
  Object.defineProperty(process, 'stdin', { value: input, configurable: true });
  [output, errors] = [[], []];
  let status = 0;
  try {
    await import(`${client}?${++count}`);
  } catch (error) {
    status = error instanceof Exit ? error.status : 3;
  }
  process.removeAllListeners('uncaughtException');
  const [told, said] = [output, errors].map((pieces) => Buffer.concat(pieces).toString('latin1'));
  write(`${JSON.stringify({ status, output: told, errors: said })}\n`);
}

// Reads many small files in one process, from bytes of known size and from a pipe. Takes JSON on standard input, a list
// of [file, detached seal or null] in base64, and prints for each what the clause of the refusal is and its offset, or
// how many leaves were read.

import { FormatError, bytesSource, pipeSource, readStream } from '../clients/streamckpt/index.mjs';

const decoded = (text) => text === null ? undefined : new Uint8Array(Buffer.from(text, 'base64'));

function* inPieces(bytes) {
  for (let at = 0; at < bytes.length; at += 97) yield bytes.subarray(at, at + 97);
}

async function outcome(source, detached) {
  let count = 0;
  try {
    for await (const { leaf } of readStream(source, { sink() {}, detached })) count += leaf ? 1 : 0;
    return count;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return [error.clause, error.offset, error.message, error.path];
  }
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const found = [];
for (const [file, seal] of JSON.parse(Buffer.concat(chunks))) {
  const [bytes, detached] = [decoded(file), decoded(seal)];
  const whole = await outcome(bytesSource(bytes), detached && bytesSource(detached));
  found.push([whole, detached ? null : await outcome(pipeSource(inPieces(bytes)))]);
}
console.log(JSON.stringify(found));

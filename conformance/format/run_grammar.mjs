// Which files a compiled grammar takes: `node run_grammar.mjs MODULES GRAMMAR FILES`. FILES is one file with all of them, and
// standard input says where each begins and ends and which type it has. Prints a list of null or what was wrong.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const [modules, grammar, blob] = process.argv.slice(2)
const require = createRequire(resolve(modules, 'x'))
const KaitaiStream = require('kaitai-struct/KaitaiStream')
// The runtime puts U+FFFD for what is not UTF-8 (WIRE-5), and takes a byte order mark away (KEY-2).
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
KaitaiStream.bytesToStr = (bytes) => strict.decode(bytes)
// The runtime's own (0.11) is off by 2^32 where the lower half of a negative number has its highest bit clear.
KaitaiStream.prototype.readS8be = function () {
  const bytes = this.readBytes(8)
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0))
}
const made = require(resolve(grammar))
const Root = typeof made === 'function' ? made : made.Streamckpt
const types = { stream: Root, flax: Root.FlaxFile, seal: Root.DetachedSeal }
const all = readFileSync(blob)
let text = ''
for await (const piece of process.stdin) text += piece
const told = JSON.parse(text).map(([type, begin, end]) => {
  const stream = new KaitaiStream(new Uint8Array(all.subarray(begin, end)).buffer)
  try {
    new types[type](stream, null, null)
    return null
  } catch (error) {
    return String(error.message).slice(0, 200) || 'refused'
  }
})
console.log(JSON.stringify(told))

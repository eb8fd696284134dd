// Compiles a grammar, given as JSON on standard input, with npm's kaitai-struct-compiler: `node compile.mjs MODULES LANGUAGE OUT`.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const [modules, language, folder] = process.argv.slice(2)
const compiler = createRequire(resolve(modules, 'x'))('kaitai-struct-compiler')
let text = ''
for await (const piece of process.stdin) text += piece
const none = { importYaml: (name) => Promise.reject(new Error(`the grammar imports ${name}`)) }
const files = await compiler.compile(language, JSON.parse(text), none, false)
for (const [name, made] of Object.entries(files)) writeFileSync(join(folder, name), made)

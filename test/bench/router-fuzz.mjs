// Differential fuzz of the router against Node's own parsers, requests and an eighth as many answers: `node test/bench/router-fuzz.mjs [count] [seed]`.
// Exits 1 with the shortest input of each kind of difference. The first 30,000 requests and 10,000 answers of seed 1 are part of `npm test`.
import { build } from 'esbuild'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const count = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000)
process.noDeprecation = true

const folder = mkdtempSync(join(tmpdir(), 'dozen-fuzz-'))
const programs = ['fuzz', 'response-fuzz']
const root = fileURLToPath(new URL('../..', import.meta.url))
await build({
  entryPoints: programs.map((name) => `${root}/router/http1/${name}.ts`),
  bundle: true,
  platform: 'node',
  format: 'esm',
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  logLevel: 'error',
})
const load = (name) => import(pathToFileURL(join(folder, `${name}.mjs`)).href)
const { differ, frameOurs, generate, nodeFramer, random } = await load('fuzz')
const { answerer, differInAnswer, generateResponse, nodeAnswer } = await load('response-fuzz')
rmSync(folder, { recursive: true })

const next = random(seed)
const frameNode = nodeFramer()
const kinds = new Map()
const note = (why, text) => {
  if (why && (kinds.get(why)?.length ?? Infinity) > text.length) kinds.set(why, text)
}
let forwarded = 0
for (let i = 0; i < count; i += 1) {
  const text = generate(next)
  const bytes = Buffer.from(text, 'latin1')
  if (frameOurs(bytes).messages.length > 0) forwarded += 1
  note(differ(bytes, frameNode), text)
}
const answers = Math.ceil(count / 8)
const [answer, read] = [answerer(), nodeAnswer()]
let passed = 0
for (let i = 0; i < answers; i += 1) {
  const text = generateResponse(next)
  const bytes = Buffer.from(text, 'latin1')
  const got = answer(bytes, next)
  if (!got.startsWith('HTTP/1.1 503')) passed += 1
  note(differInAnswer(bytes, got, read)?.replace(/".*/, ''), text)
}
console.log(
  `${count} requests (seed ${seed}), ${forwarded} with a request to forward; ${answers} answers, ${passed} passed on; ${kinds.size} kinds of difference`,
)
for (const [why, text] of kinds) console.log(`${why}: ${JSON.stringify(text)}`)
process.exit(kinds.size > 0 ? 1 : 0)

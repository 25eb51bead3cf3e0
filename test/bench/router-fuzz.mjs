// Differential fuzz of the router's request reader against Node's own parser: `node test/bench/router-fuzz.mjs [count] [seed]`.
// Exits 1 with the shortest input of each kind of difference. The first 30,000 of seed 1 are part of `npm test`.
import { build } from 'esbuild'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const count = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000)
process.noDeprecation = true

const folder = mkdtempSync(join(tmpdir(), 'dozen-fuzz-'))
const outfile = join(folder, 'fuzz.mjs')
const root = fileURLToPath(new URL('../..', import.meta.url))
await build({
  entryPoints: [`${root}/router/http1/fuzz.ts`],
  bundle: true,
  platform: 'node',
  format: 'esm',
  outfile,
  logLevel: 'error',
})
const { differ, frameOurs, generate, nodeFramer, random } = await import(pathToFileURL(outfile).href)
rmSync(folder, { recursive: true })

const next = random(seed)
const frameNode = nodeFramer()
const kinds = new Map()
let forwarded = 0
for (let i = 0; i < count; i += 1) {
  const text = generate(next)
  const bytes = Buffer.from(text, 'latin1')
  if (frameOurs(bytes).messages.length > 0) forwarded += 1
  const why = differ(bytes, frameNode)
  if (why && (kinds.get(why)?.length ?? Infinity) > text.length) kinds.set(why, text)
}
console.log(`${count} inputs (seed ${seed}), ${forwarded} with a request to forward, ${kinds.size} kinds of difference`)
for (const [why, text] of kinds) console.log(`${why}: ${JSON.stringify(text)}`)
process.exit(kinds.size > 0 ? 1 : 0)

// `npm run bench [name]`: runs test/bench/<name>.mjs, or all of them, and passes their tables on.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './setup/programs.mjs'
import { setUp } from './setup/setup.mjs'
import { explain, say } from './setup/steps.mjs'

const FOLDER = join(ROOT, 'test/bench')
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.mjs'))
  .map((file) => file.slice(0, -'.mjs'.length))
  .sort()

const runOne = (name) =>
  new Promise((done) => {
    const child = spawn(process.execPath, [join(FOLDER, `${name}.mjs`), ...process.argv.slice(3)], {
      stdio: 'inherit',
      cwd: ROOT,
    })
    child.on('close', (code) => done(code ?? 1))
  })

async function main() {
  const wanted = process.argv[2] ? [process.argv[2]] : names
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    say(`There is no benchmark ${unknown}; there are: ${names.join(', ') || 'none'}.`)
    return 1
  }
  try {
    await setUp()
  } catch (error) {
    explain(error)
    return 1
  }
  let failures = 0
  for (const name of wanted) {
    say(`\n── ${name} ──`)
    if ((await runOne(name)) !== 0) failures += 1
  }
  return failures > 0 || wanted.length === 0 ? 1 : 0
}

process.exitCode = await main()

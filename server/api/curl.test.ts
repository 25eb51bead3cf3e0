import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { apiWorld } from '../../test/support/api-world.ts'
import { ROOT, run } from '../../test/support/programs.ts'

const world = await apiWorld()
const folder = mkdtempSync(join(tmpdir(), 'dozen-curl-'))
afterAll(() => {
  world.close()
  rmSync(folder, { recursive: true })
})

it('every line of docs/curl.md works, from top to bottom', async () => {
  const page = readFileSync(join(ROOT, 'docs/curl.md'), 'utf8')
  const blocks = [...page.matchAll(/^```\n([^]*?)^```/gm)].map(([, lines]) => lines!)
  expect(blocks.length).toBeGreaterThan(8)
  const done = await run('bash', ['-c', `set -eo pipefail\n${blocks.join('\n')}`], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, API: world.url, TOKEN: world.tokens.owner },
  })
  expect(done.code, done.stdout + done.stderr).toBe(0)
  const answers = done.stdout.split(/(?<=[}\]])\n?(?=[[{])/)
  expect(done.stdout).toContain('"description":"Remove LEVEL config vars"')
  expect(done.stdout).toContain('built something')
  expect(answers.length).toBeGreaterThan(8)
})

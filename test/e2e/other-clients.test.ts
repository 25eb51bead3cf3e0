import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { apiWorld } from '../support/api-world.ts'
import { installed } from '../support/official-cli.ts'
import { ROOT, run } from '../support/programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-clients-'))
const world = await apiWorld()
afterAll(() => {
  world.close()
  rmSync(folder, { recursive: true })
})

it('a program with heroku-client and the types of @heroku-cli/schema compiles and works', async () => {
  const packages = await installed('clients-1', ['heroku-client@3.1.4', '@heroku-cli/schema@2.0.1'])
  symlinkSync(join(packages, 'node_modules'), join(folder, 'node_modules'))
  copyFileSync(join(ROOT, 'test/fixtures/clients/client.ts.txt'), join(folder, 'client.ts'))
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}')
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext']
  const compiled = await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'client.ts'], { cwd: folder })
  expect(compiled.code, compiled.stdout).toBe(0)
  const done = await run(process.execPath, ['client.js'], {
    cwd: folder,
    env: { API: world.url, TOKEN: world.tokens.owner },
  })
  expect(done.code, done.stderr).toBe(0)
  expect(JSON.parse(done.stdout)).toEqual({
    owner: 'owner@example.com',
    config: { A: '1', B: 'two' },
    newest: 'v2 Set A, B config vars',
    domains: ['by-client.localhost'],
    formation: 0,
    all: 7,
    missing: [404, 'not_found'],
  })
})

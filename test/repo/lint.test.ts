import { ESLint } from 'eslint'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from '../support/programs.ts'

/** Law 6: each of these would be text for a shell. */
const SHELLS = [
  `import { exec } from 'node:child_process'\nexec('id')`,
  `import { execSync as run } from 'child_process'\nrun('id')`,
  `import * as all from 'node:child_process'\nall.exec('id')`,
  `import all from 'child_process'\nall.execSync('id')`,
  `const all = require('child_process')\nall.exec('id')`,
  `const { exec } = await import('node:child_process')\nexec('id')`,
  `import { spawn } from 'node:child_process'\nspawn('ls', [], { shell: true })`,
  `import { spawnSync } from 'node:child_process'\nspawnSync('ls', [], { shell: '/bin/sh' })`,
  `import { spawn } from 'node:child_process'\nspawn('ls -la')`,
  'import { execFile } from "node:child_process"\nexport const run = (name: string) => execFile(`git-${name}`)',
  `eval('1')`,
  `export const made = new Function('return 1')`,
]

it('the linter refuses whatever hands text to a shell, in every part of the tree', async () => {
  const eslint = new ESLint({ cwd: ROOT })
  const files = ['server/git/x.ts', 'router/x.ts', 'cli/x.ts', 'scripts/x.mjs', 'test/x.ts']
  for (const file of files)
    for (const text of SHELLS.map((one) => (file.endsWith('.mjs') ? one.replaceAll(': string', '') : one))) {
      const [{ messages } = { messages: [] }] = await eslint.lintText(text, { filePath: join(ROOT, file) })
      const found = messages.filter(({ ruleId }) => ruleId?.startsWith('no-restricted'))
      expect(found.length, `${file}: ${text}`).toBeGreaterThan(0)
    }
}, 60_000)

it('and takes a program with its arguments', async () => {
  const eslint = new ESLint({ cwd: ROOT })
  const text = `import { spawn } from 'node:child_process'\nexport const run = (name: string) => spawn('git', ['log', '--end-of-options', name], { shell: false })\n`
  const [{ messages } = { messages: [] }] = await eslint.lintText(text, { filePath: join(ROOT, 'server/git/x.ts') })
  expect(messages).toEqual([])
}, 60_000)

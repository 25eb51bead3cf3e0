// `npm run faults`: the fault matrix whole, kills at every step boundary included. DOZEN_FAULTS=seeded runs the part that one seed chooses.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './setup/programs.mjs'
import { setUp } from './setup/setup.mjs'

await setUp()
const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'e2e', 'test/faults'], {
  cwd: ROOT,
  env: { ...process.env, DOZEN_FAULTS: process.env.DOZEN_FAULTS ?? 'all' },
  stdio: 'inherit',
})
child.on('close', (code) => (process.exitCode = code ?? 1))

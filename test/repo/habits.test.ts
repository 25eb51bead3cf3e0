import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isInstalled } from '../../scripts/setup/dependencies.mjs'
import { ROOT } from '../support/programs.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const json = <T>(path: string) => JSON.parse(read(path)) as T

/** Tracked text files of ours; what the index names but is not there any more is left out. */
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)) && lstatSync(join(ROOT, path)).isFile())

/** Put together here, so that this file does not name one itself. */
const REGISTRIES = [
  'registry.npmjs',
  'registry.yarnpkg',
  'registry-1.docker',
  'npm.pkg.github',
  'files.pythonhosted',
  'index.crates',
].map((name, i) => `${name}.${['org', 'com', 'io', 'com', 'org', 'io'][i]}`)

it('names no package registry in any tracked file', () => {
  expect(tracked.length).toBeGreaterThan(20)
  const naming = tracked.filter((path) => REGISTRIES.some((host) => read(path).includes(host)))
  expect(naming).toEqual([])
})

it.each(tracked.filter((path) => path.endsWith('package-lock.json')))('%s says what to install and not where from', (path) => {
  const { packages } = json<{ packages: Record<string, { resolved?: string; integrity?: string }> }>(path)
  const entries = Object.entries(packages).filter(([name]) => name !== '')
  expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([name]) => name)).toEqual([])
  expect(entries.filter(([, { integrity }]) => integrity === undefined).map(([name]) => name)).toEqual([])
})

it('pins every dependency to one version', () => {
  const { dependencies, devDependencies } = json<Record<string, Record<string, string>>>('package.json')
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
  expect(loose).toEqual([])
})

it('has a reason for every dependency in docs/decisions.md', () => {
  const { dependencies, devDependencies } = json<Record<string, Record<string, string>>>('package.json')
  const reasons = read('docs/decisions.md')
  const without = Object.keys({ ...dependencies, ...devDependencies }).filter(
    (name) => !name.startsWith('@types/') && !reasons.includes(`- \`${name}\`: `),
  )
  expect(without).toEqual([])
})

it('takes what npm recorded in node_modules for installed only when it is what the lockfile says', () => {
  const locked = {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/b': { version: '2.0.0', integrity: 'sha512-b', optional: true },
  }
  const a = { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } }
  expect(isInstalled(locked, a)).toBe(true)
  expect(isInstalled(locked, {})).toBe(false)
  expect(isInstalled(locked, { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-c' } })).toBe(false)
  expect(isInstalled(locked, { ...a, 'node_modules/z': { version: '1.0.0', integrity: 'sha512-z' } })).toBe(false)
  expect(isInstalled({}, {})).toBe(false)
})

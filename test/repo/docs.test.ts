import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { reference } from '../../cli/reference.ts'
import { routes } from '../../server/api/api.ts'
import { SETTINGS } from '../../server/config.ts'
import { ROOT } from '../support/programs.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Stands for every dependency: the table of routes is made without calling anything. */
const anything: object = new Proxy(() => {}, { get: (_, key) => (key === Symbol.toPrimitive ? () => '' : anything) })

/** The cells of each row of the table whose head starts with `| <first> |`. */
function table(text: string, first: string): string[][] {
  const lines = text.split('\n')
  const from = lines.findIndex((line) => line.startsWith(`| ${first} |`))
  expect(from, `a table with the column ${first}`).toBeGreaterThanOrEqual(0)
  const length = lines.slice(from).findIndex((line) => !line.startsWith('|'))
  const rows = lines.slice(from + 2, length === -1 ? undefined : from + length)
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`|`$/g, '').replaceAll('\\<', '<')),
  )
}

it('docs/cli.md is what the commands say of themselves', async () => {
  expect(read('docs/cli.md')).toBe(await reference())
})

it('docs/api.md lists each route with its scope, and no other', () => {
  const there = routes(anything as never).map(({ method, path, scope }) => `${method.toUpperCase()} ${path} (${scope})`)
  const written = table(read('docs/api.md'), 'route').map(([route, scope]) => `${route} (${scope})`)
  expect(written.toSorted()).toEqual(there.toSorted())
})

it("the README's table of settings is the list in server/config.ts", () => {
  const written = Object.fromEntries(
    table(read('README.md'), 'setting').map(([name, value, about]) => [name, { default: value, about }]),
  )
  expect(written).toEqual(SETTINGS)
})

it('docker-compose.yml hands every setting on to the container', () => {
  const compose = read('docker-compose.yml')
  expect(Object.keys(SETTINGS).filter((name) => !new RegExp(`^      ${name}:`, 'm').test(compose))).toEqual([])
})

it('each room of server/ is in the tree of the README', () => {
  const rooms = readdirSync(join(ROOT, 'server'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(rooms.map(({ name }) => name).filter((name) => !read('README.md').includes(`${name}/`))).toEqual([])
})

it('each file that the README and the pages of docs/ link to exists', () => {
  for (const page of ['README.md', 'docs/api.md', 'docs/router.md', 'docs/operations.md', 'docs/testing.md', 'docs/decisions.md'])
    for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect(() => read(join(page, '..', target)), `${page} links to ${target}`).not.toThrow()
})

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { insteadOf } from './absent.ts'
import { reference } from './reference.ts'
import { ENTRIES } from './entries.ts'
import { find, suggest } from './registry.ts'
import type { Context } from './context.ts'

it('docs/cli.md is what the commands say of themselves', async () => {
  await expect(await reference()).toMatchFileSnapshot('../docs/cli.md')
})

it('every command can be loaded, has the name it is listed under, and a summary', async () => {
  for (const { name, summary, load } of ENTRIES) {
    const made = (await load())({} as Context)
    expect(made.name()).toBe(name)
    expect(made.description(), name).not.toBe('')
    expect(summary, name).toMatch(/^[a-z].*[^.]$/)
  }
})

it('no name means two commands', () => {
  const names = ENTRIES.flatMap(({ name, aliases }) => [name, ...aliases])
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})

it('every list takes --json', async () => {
  const lists = ENTRIES.filter(({ name }) => /s$/.test(name) && !name.includes(':') && !['maintenance', 'logs'].includes(name))
  for (const { name, load } of lists) {
    const made = (await load())({} as Context)
    expect(
      made.options.map(({ long }) => long),
      name,
    ).toContain('--json')
  }
})

it.each([
  ['cofig:set', 'config:set'],
  ['relases', 'releases'],
  ['ps:scael', 'ps:scale'],
  ['lgos', 'logs'],
  ['xyzzy', undefined],
  ['x', undefined],
])('takes %s for %s', (typed, meant) => expect(suggest(ENTRIES, typed)).toBe(meant))

it("knows each command of Heroku's client, or says what to do instead", () => {
  const names = readFileSync(new URL('../test/fixtures/heroku-commands.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  expect(names.length).toBeGreaterThan(300)
  expect(names.filter((name) => !find(ENTRIES, name) && !insteadOf(name))).toEqual([])
})

it('says instead of what only for what it has not', () => {
  const names = ENTRIES.flatMap(({ name, aliases }) => [name, ...aliases])
  expect(names.filter((name) => insteadOf(name) && !name.startsWith('addons:'))).toEqual([])
  expect(insteadOf('xyzzy')).toBeUndefined()
})

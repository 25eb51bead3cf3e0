import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseProcfile } from './procfile.ts'

describe('a Procfile', () => {
  it('gives types in its own order and skips comments and blank lines', () => {
    const parsed = parseProcfile('\ufeff# run\r\nworker: node w.js\r\n\r\nweb:   node web.js --x "a: b"  \n')
    expect(Object.entries(parsed)).toEqual([
      ['worker', 'node w.js'],
      ['web', 'node web.js --x "a: b"'],
    ])
  })

  it('names both lines of a type that stands twice', () => {
    expect(() => parseProcfile('web: a\n\nweb: b\n')).toThrow('in lines 1 and 3')
  })

  it.each(['web', 'web;id: x', 'we b: x', ': x', 'web:', 'web: \t'])('refuses the line %j and says which it is', (line) => {
    expect(() => parseProcfile(`ok: x\n${line}\n`)).toThrow('Line 2 of the Procfile')
  })

  it.each(['__proto__', 'constructor', 'toString'])('treats %s as a type like any other', (type) => {
    const parsed = parseProcfile(`${type}: run me`)
    expect(Object.entries(parsed)).toEqual([[type, 'run me']])
    expect(({} as Record<string, unknown>)['run me']).toBeUndefined()
  })
})

const folder = fileURLToPath(new URL('../../test/fixtures/procfiles', import.meta.url))

describe('the Procfiles of public repositories', () => {
  const verdicts = readdirSync(folder).filter((name) => name.endsWith('.Procfile')).map((name) => {
    try {
      return `${name} ${Object.keys(parseProcfile(readFileSync(`${folder}/${name}`, 'utf8'))).length} types`
    } catch (cause) {
      return `${name} ${(cause as Error).message}`
    }
  }) // prettier-ignore

  it('are accepted, but for those that break the grammar', () => {
    expect(verdicts.length).toBeGreaterThan(160)
    expect(verdicts.filter((verdict) => !/ \d+ types$/.test(verdict))).toMatchSnapshot()
  })
})

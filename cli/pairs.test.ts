import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandLine, parseAssignment, parseCount, parseScale, parseVersion, shellQuote } from './pairs.ts'

describe('KEY=value', () => {
  it('splits at the first equals sign', () => expect(parseAssignment('A=b=c\n')).toEqual(['A', 'b=c\n']))
  it('allows an empty value', () => expect(parseAssignment('A=')).toEqual(['A', '']))
  it.each(['A', '=1', ''])('refuses %j', (text) => expect(() => parseAssignment(text)).toThrow('is not KEY=value'))
})

describe('scale', () => {
  it.each([
    ['web=3', { type: 'web', quantity: '3' }],
    ['worker+1', { type: 'worker', quantity: '+1' }],
    ['worker-1', { type: 'worker', quantity: '-1' }],
    ['my-worker-2', { type: 'my-worker', quantity: '-2' }],
    ['web=2:large', { type: 'web', quantity: '2', size: 'large' }],
  ])('reads %s', (text, update) => expect(parseScale(text)).toEqual(update))
  it.each(['web', 'web=', 'web=-1', '=2', 'web=1.5', 'web 1'])('refuses %j', (text) =>
    expect(() => parseScale(text)).toThrow('is not TYPE=N'),
  )
})

it('reads releases with and without the v', () => {
  expect([parseVersion('v7'), parseVersion('12')]).toEqual([7, 12])
  expect(() => parseVersion('v0')).toThrow('they look like v7')
})

it('refuses counts that are none', () => {
  for (const text of ['0', '-1', 'x', '1e3']) expect(() => parseCount(text)).toThrow('whole number')
})

const bash = (line: string) =>
  execFileSync('bash', ['--norc', '-c', line], { encoding: 'utf8', env: { PATH: process.env.PATH, A: 'a value' } })
const texts = fc.array(
  fc.string({ unit: 'grapheme', maxLength: 30 }).map((value) => value.replaceAll('\0', '')),
  { maxLength: 40 },
)

it('quotes any values so that a shell reads the same values', () => {
  fc.assert(
    fc.property(texts, (values) => {
      const read = bash(`printf '%s\\0' start ${values.map(shellQuote).join(' ')}`)
      expect(read.split('\0').slice(1, -1)).toEqual(values)
    }),
    { numRuns: 10 },
  )
})

describe('the line of `dozen run`', () => {
  it('is the one word as it is', () => expect(commandLine(['echo $A && date'])).toBe('echo $A && date'))
  it('keeps words with blanks or quotes whole', () => {
    expect(bash(commandLine(['printf', '%s|', 'two words', "it's", 'a"b', '(x)', '*', '']))).toBe(`two words|it's|a"b|(x)|*||`)
  })
  it('lets variables and operators be what they are', () => {
    expect(bash(commandLine(['printf', '%s,', '$A', '&&', 'echo', 'b', '2>&1', '|', 'cat']))).toBe('a,value,b\n')
  })
  it('hands a script to a shell as it was written', () => {
    expect(bash(commandLine(['bash', '-c', 'for i in 1 2; do echo "$i"; done']))).toBe('1\n2\n')
  })
})

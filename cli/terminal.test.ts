import { expect, it } from 'vitest'
import { safe, styled, width } from './terminal.ts'

it.each([
  ['a title change', '\x1b]0;owned\x07text', 'text'],
  ['a clipboard write that ends with ST', '\x1b]52;c;aGk=\x1b\\text', 'text'],
  ['a link', '\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\', 'text'],
  ['a cleared screen', '\x1b[2J\x1b[1;1Htext', 'text'],
  ['an overwritten line', 'good\rtext', 'goodtext'],
  ['an 8-bit CSI', '\x9b2Jtext', 'text'],
  ['a device control string', '\x1bPq#0\x1b\\text', 'text'],
  ['a sequence cut in two by another', '\x1b\x1b[2J[2Jtext', '[2Jtext'],
  ['backspaces', 'ab\b\btext', 'abtext'],
  ['reordered text', 'te\u202ext\u2028', 'text'],
  ['an unfinished sequence', 'text\x1b]0;', 'text0;'],
])('takes out %s', (_, given, expected) => expect(safe(given)).toBe(expected))

it('leaves text, tabs and every language as they are', () => {
  const text = 'a\tb – Grüße, 你好, مرحبا 👩‍👩‍👧'
  expect(safe(text)).toBe(text)
})

it('keeps colours when asked to, and ends them with the line', () => {
  expect(safe('\x1b[31mred\x1b[2J', { keepColors: true })).toBe('\x1b[31mred\x1b[0m')
  expect(safe('\x1b[31mred\x1b[0m')).toBe('red')
})

it('colours only where colours are wanted', () => {
  expect(styled({ isColored: false }, 'red', 'x')).toBe('x')
  expect(styled({ isColored: true }, 'red', 'x')).toBe('\x1b[31mx\x1b[0m')
})

it('counts wide characters as two columns and marks as none', () => {
  expect(width('abc')).toBe(3)
  expect(width('你好')).toBe(4)
  expect(width('e\u0301')).toBe(1)
})

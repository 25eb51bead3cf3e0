import { expect, it } from 'vitest'
import { ago, count, size, table, until, when } from './table.ts'

it('aligns columns by what they take on the screen, and leaves no blanks at line ends', () => {
  expect(
    table([
      ['a', '你好', 'x'],
      ['long', 'b', ''],
      ['\x1b[32mok\x1b[0m', 'c', 'y'],
    ]),
  ).toEqual(['a     你好  x', 'long  b', '\x1b[32mok\x1b[0m    c     y'])
})

it("prints nothing of a cell's that could move the cursor", () => {
  expect(table([['a\x1b[2Jb\rc', '\x1b[31mred']])).toEqual(['abc  red'])
})

it('tells times as Heroku does', () => {
  const now = new Date('2026-01-02T00:00:00Z')
  expect([until('2026-01-02T00:05:30Z', now), until('2026-01-01T00:00:00Z', now)]).toEqual(['in 5m', 'now'])
  expect(when('2026-01-01T23:58:30Z', now)).toBe('2026/01/01 23:58:30 +0000 (~ 1m ago)')
  expect([0, 59_400, 3_600_000, 200_000_000, -5000].map(ago)).toEqual(['0s', '59s', '1h', '2d', '0s'])
})

it('tells sizes and counts', () => {
  expect([0, 1023, 1536, 5 * 1024 ** 3].map(size)).toEqual(['0 B', '1023 B', '1.5 KiB', '5.0 GiB'])
  expect([count(1, 'key'), count(2, 'key')]).toEqual(['1 key', '2 keys'])
})

import { expect, it } from 'vitest'
import type { Context } from './context.ts'
import { json, progress } from './output.ts'

it('prints JSON that no terminal obeys and that means the same', () => {
  const value = { a: '\x9b2J\x1b[2J\u202eabc\u2028', b: ['你好'] }
  const lines: string[] = []
  json({ out: (line) => void lines.push(line) } as Context, value)
  expect(JSON.parse(lines.join('\n'))).toEqual(value)
  expect(lines.join('\n')).not.toMatch(/[\x1b\x9b\u202e\u2028]/)
})

it('shows what goes on at once on a terminal, and as one line elsewhere', async () => {
  for (const isError of [true, false]) {
    const writes: string[] = []
    const context = {
      terminal: { isError },
      streams: { stderr: { write: (text: string) => writes.push(text) } },
    } as unknown as Context
    await progress(context, 'Working', Promise.resolve(7), (n) => `v${n}`)
    await expect(progress(context, 'Failing', Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(writes).toEqual(
      isError ? ['Working... ', 'done, v7\n', 'Failing... ', 'failed\n'] : ['Working... done, v7\n', 'Failing... failed\n'],
    )
  }
})

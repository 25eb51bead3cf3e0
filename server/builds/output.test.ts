import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { lines, printed } from './output.ts'
import { cutResult } from './result.ts'
import { text } from 'node:stream/consumers'

async function seen(...chunks: (string | Buffer)[]) {
  const out: string[] = []
  await printed(Readable.from(chunks.map((chunk) => Buffer.from(chunk as string))), (line) => void out.push(line))
  return out
}

it('gives whole lines however the bytes were cut, the last one without its end', async () => {
  expect(await seen('a\nb', 'c\r\n', Buffer.from([0xc3]), Buffer.from([0xbc]), '\nend')).toEqual(['a', 'bc', 'ü', 'end'])
})

it('keeps of a redrawn line what stays visible, and no NUL', async () => {
  expect(await seen('10%\r50%\r100%\n\0x\n')).toEqual(['100%', 'x'])
})

it('splits lines above 10,000 characters', async () => {
  expect((await seen('x'.repeat(25_000), '\n')).map((line) => line.length)).toEqual([10_000, 10_000, 5_000])
})

it('stops at 100,000 lines and says so once', () => {
  let count = 0
  let last = ''
  const out = lines((line) => ((count += 1), (last = line)))
  for (let i = 0; i < 120; i++) out.add('y\n'.repeat(1000))
  expect([count, last]).toEqual([100_001, expect.stringContaining('the rest is not shown')])
})

it('cuts the result from the tree that follows it, wherever the chunks end', async () => {
  const bytes = Buffer.from('{"release":"","procfile":"","buildpacks":[]}\ntree')
  for (let at = 1; at < bytes.length; at += 7) {
    const { head, tree } = await cutResult(Readable.from([bytes.subarray(0, at), bytes.subarray(at)]))
    expect([head?.buildpacks, await text(tree)]).toEqual([[], 'tree'])
  }
  expect((await cutResult(Readable.from([]))).head).toBeUndefined()
})

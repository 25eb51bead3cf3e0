import { PassThrough, Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { lines, printed } from './output.ts'
import { packFiles } from '../stack/pack.ts'
import { cutResult } from './result.ts'
import { buffer } from 'node:stream/consumers'

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

it('cuts the result from the tree and the status that follow it, wherever the chunks end', async () => {
  const tree = await packFiles([{ name: 'app/a', content: 'a'.repeat(700) }, { name: 'app/b', content: '' }, { name: 'app/status 1\n', content: 'x' }]) // prettier-ignore
  const bytes = Buffer.concat([
    Buffer.from('4 7 7 One\tTwo of them\n--- ü: x y'),
    tree,
    Buffer.alloc(4096),
    Buffer.from('status 2\n'),
  ])
  for (let at = 1; at < bytes.length; at += 53) {
    const found = await cutResult(Readable.from([bytes.subarray(0, at), bytes.subarray(at)]))
    expect(found.head).toEqual({ release: '--- ', procfile: 'ü: x y', bytes: 7, buildpacks: ['One', 'Two of them'] })
    expect([(await buffer(found.tree)).equals(tree), await found.status]).toEqual([true, 2])
  }
})

it('knows of no status when the output ends early', async () => {
  const tree = await packFiles([{ name: 'app/a', content: 'a'.repeat(700) }])
  for (const cut of [tree.subarray(0, 900), tree]) {
    const found = await cutResult(Readable.from([Buffer.from('0 0 1 One\n'), cut]))
    expect([(await buffer(found.tree)).length, await found.status]).toEqual([cut.length, undefined])
  }
  expect((await cutResult(Readable.from([]))).head).toBeUndefined()
})

it('reads the log up to its mark, and not for ever', async () => {
  const stream = new PassThrough()
  const log: string[] = []
  stream.write('one\n\ntwoend')
  setImmediate(() => stream.write('-of-it\n'))
  await printed(stream, (line) => log.push(line), 'end-of-it')
  expect(log).toEqual(['one', '', 'two'])
})

it('sees the mark behind more than it passes on, and when it comes in pieces', async () => {
  const stream = new PassThrough()
  let count = 0
  const reading = printed(stream, () => count++, 'end-of-it')
  for (let i = 0; i < 11; i++) stream.write('x\n'.repeat(10_000))
  stream.write('end-')
  setImmediate(() => stream.write('of-it\n'))
  await reading
  expect(count).toBe(100_001)
})

import { expect, it } from 'vitest'
import { Batch } from './batch.ts'

it('gives back the bytes of all texts in order, grows as it must, and begins anew', () => {
  const batch = new Batch()
  const texts = Array.from({ length: 3_000 }, (_, i) => `${i}\n`)
  for (const text of texts) batch.add(text)
  expect(batch.size).toBe(Buffer.byteLength(texts.join('')))
  const taken = batch.take()
  batch.add('new')
  expect(taken.toString()).toBe(texts.join(''))
  expect(batch.take().toString()).toBe('new')
  expect(batch.size).toBe(0)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sseParser } from './sse.ts'

it('reads events, passes over comments and retry, joins data lines, keeps the last id', () => {
  const parse = sseParser()
  expect(parse('retry: 1\n\n:\n\nid: 7\ndata: one\n\ndata: two\ndata:three\n\n')).toEqual([
    { id: '7', data: 'one' },
    { id: '7', data: 'two\nthree' },
  ])
})

it('does not mind how the stream is split', () => {
  const stream = 'id: 1\r\ndata: a: b\r\n\r\n:\n\nid: 2\ndata:  c\n\ndata\n\n'
  const whole = [
    { id: '1', data: 'a: b' },
    { id: '2', data: ' c' },
    { id: '2', data: '' },
  ]
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 6 })), (sizes) => {
      const parse = sseParser()
      let at = 0
      const events = [...sizes, stream.length].flatMap((size) => parse(stream.slice(at, (at += size))))
      expect(events).toEqual(whole)
    }),
  )
})

it('keeps an unfinished event back', () => expect(sseParser()('data: half')).toEqual([]))

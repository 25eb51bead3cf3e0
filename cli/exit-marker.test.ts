import fc from 'fast-check'
import { expect, it } from 'vitest'
import { exitMarker } from './exit-marker.ts'

/** Feeds the bytes in pieces of the given sizes (the last one as large as it needs to be). */
function through(bytes: Buffer, sizes: readonly number[]) {
  const marker = exitMarker()
  const out: Buffer[] = []
  let at = 0
  for (const size of [...sizes, bytes.length]) {
    out.push(marker.push(bytes.subarray(at, at + size)))
    at = Math.min(bytes.length, at + size)
  }
  const { rest, status } = marker.end()
  return { output: Buffer.concat([...out, rest]), status }
}

const marker = (status: number) => Buffer.from(`\uFFFF heroku-command-exit-status: ${status}\r\n`)
const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 })
/** Output that loves to look like the marker. */
const output = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom(...['\uFFFF', '\uFFFF heroku-command', '\r\n', '7', ' ', '\xef'].map((t) => Buffer.from(t))),
    ),
  )
  .map((parts) => Buffer.concat(parts))

it('cuts the status off however the stream is split, and leaves every byte of the output', () => {
  fc.assert(
    fc.property(output, fc.integer({ min: 0, max: 255 }), sizes, (bytes, status, pieces) => {
      expect(through(Buffer.concat([bytes, marker(status)]), pieces)).toEqual({ output: bytes, status })
    }),
  )
})

it('gives everything back and no status when the stream ends without a marker', () => {
  fc.assert(
    fc.property(output, sizes, (bytes, pieces) => {
      expect(through(bytes, pieces)).toEqual({ output: bytes, status: undefined })
    }),
  )
})

it('takes a marker for output when more follows it', () => {
  const bytes = Buffer.concat([marker(3), Buffer.from('more\n')])
  expect(through(Buffer.concat([bytes, marker(0)]), [5, 7])).toEqual({ output: bytes, status: 0 })
})

it('hands on at once what cannot be a marker', () => {
  expect(exitMarker().push(Buffer.from('prompt$ ')).toString()).toBe('prompt$ ')
})

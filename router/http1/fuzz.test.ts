import fc from 'fast-check'
import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { forwardText, passageOf } from '../forwarded.ts'
import { Chunked } from './chunked.ts'
import { BODY } from './fields.ts'
import { differ, frameOurs, generate, nodeFramer, random } from './fuzz.ts'
import { HeadBuffer } from './head-buffer.ts'
import { readRequest } from './request.ts'
import { readResponse } from './response.ts'

const METHODS: readonly string[] = http.METHODS
const frameNode = nodeFramer()
const origin = { address: '127.0.0.1', port: 80, isTls: false, isTrusted: false }

describe('30,000 requests with anything where they are framed (seed 1)', () => {
  const inputs = Array.from(
    { length: 30_000 },
    (
      (next) => () =>
        Buffer.from(generate(next), 'latin1')
    )(random(1)),
  )

  it('are framed as Node’s own parser frames them, wherever they are forwarded', () => {
    const differences = inputs.map((bytes) => [differ(bytes, frameNode), bytes.toString('latin1')]).filter(([why]) => why)
    expect(differences.slice(0, 5)).toEqual([])
    expect(inputs.filter((bytes) => frameOurs(bytes).messages.length > 0).length).toBeGreaterThan(5_000)
  })

  it('reach the app as one message each, with the same body', () => {
    for (const bytes of inputs) {
      for (const { head, body, isWhole } of frameOurs(bytes).messages) {
        // Node's parser knows neither other methods nor other bytes.
        if (!isWhole || !METHODS.includes(head.method) || /[^\x20-\x7e]/.test(head.target)) continue
        const framed =
          head.body === BODY.chunked ? `${body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`}0\r\n\r\n` : body
        const sent = Buffer.from(forwardText(passageOf(head, origin), 'id') + framed, 'latin1')
        expect(frameNode(sent)).toMatchObject({
          error: undefined,
          messages: [{ method: head.method, target: head.target, body, isWhole: true }],
        })
        expect(frameOurs(sent).messages).toHaveLength(1)
      }
    }
  })
})

describe('any way to cut the bytes', () => {
  it('makes no difference to a head', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.nat({ max: 60 }), { maxLength: 8 }), (seed, cuts) => {
        const bytes = Buffer.from(generate(random(seed)), 'latin1')
        const whole = readRequest(bytes, 0, bytes.length)
        const buffer = new HeadBuffer(1e6)
        let result: ReturnType<typeof readRequest> = 0
        let pos = 0
        for (const cut of [...cuts, bytes.length]) {
          const end = Math.min(bytes.length, pos + cut)
          if (result !== 0) break
          if (buffer.add(bytes, pos, end)) result = readRequest(buffer.bytes, 0, buffer.bytes.length)
          pos = end
        }
        expect(result).toEqual(whole)
      }),
      { seed: 7, numRuns: 2_000 },
    )
  })

  it('makes no difference to a chunked body, and what passes raw reads the same', () => {
    const body = fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' }), fc.boolean()), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 9 })), fc.boolean(), (chunks, cuts, hasTrailer) => {
        const text = chunks
          .map(([data, hasExtension]) => `${data.length.toString(16)}${hasExtension ? ';a="b"' : ''}\r\n${data}\r\n`)
          .join('')
        const bytes = Buffer.from(`${text}0\r\n${hasTrailer ? 'X-Sum: 1\r\nHost: evil\r\n' : ''}\r\nGET`, 'latin1')
        const data = feed(new Chunked(false), bytes, cuts)
        expect(data).toEqual({
          text: chunks.map(([one]) => one).join(''),
          trailers: hasTrailer ? 'X-Sum: 1\r\n' : '',
          end: bytes.length - 3,
        })
        const raw = feed(new Chunked(true), bytes, cuts)
        expect(feed(new Chunked(false), Buffer.from(`${raw.text}${raw.trailers}\r\n`, 'latin1'), []).text).toBe(data.text)
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })
})

function feed(chunked: Chunked, bytes: Buffer, cuts: number[]): { text: string; trailers: string; end: number } {
  let text = ''
  let pos = 0
  for (const cut of [...cuts, bytes.length]) {
    if (chunked.isDone) break
    const end = Math.min(bytes.length, pos + cut)
    pos = chunked.read(bytes, pos, end)
    for (let i = 0; i < chunked.ranges.length; i += 2) text += bytes.toString('latin1', chunked.ranges[i], chunked.ranges[i + 1])
  }
  expect(chunked.isFailed).toBe(false)
  return { text, trailers: chunked.trailers, end: pos }
}

describe('any bytes at all', () => {
  it('are read to an answer, without a throw, and nothing but what came is passed on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
        const bytes = Buffer.from(array)
        for (const read of [readRequest(bytes, 0, bytes.length), readResponse(bytes, 0, bytes.length, 'GET')]) {
          expect(typeof read === 'number' ? read <= 0 : read.size <= bytes.length).toBe(true)
        }
      }),
      { seed: 7, numRuns: 5_000 },
    )
  })
})

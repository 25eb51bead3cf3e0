import { describe, expect, it } from 'vitest'
import { INCOMPLETE, TOO_LARGE } from './fields.ts'
import { generate, random } from './fuzz.ts'
import { HeadReader } from './head-reader.ts'
import { readRequest, type RequestHead } from './request.ts'
import { isLasting, readResponse, type ResponseHead } from './response.ts'

const requests = () => new HeadReader<RequestHead>({ maxBytes: 4_096, parse: readRequest, isLasting: () => true })
const responses = () => new HeadReader<ResponseHead>({ maxBytes: 4_096, parse: readResponse, isLasting })
const GET = Buffer.from('GET /a HTTP/1.1\r\nHost: a.localhost\r\nX-Some: thing\r\n\r\n')

describe('a head that comes again', () => {
  it('is the same one, wherever it begins and whatever follows', () => {
    const reader = requests()
    const first = reader.read(GET, 0, GET.length)
    const next = Buffer.concat([Buffer.from('abc'), GET, Buffer.from('def')])
    expect(reader.read(next, 3, next.length)).toBe(first)
    expect(reader.next).toBe(3 + GET.length)
  })

  it('is another one when any byte of it differs', () => {
    for (let at = 0; at < GET.length; at += 1) {
      const reader = requests()
      const first = reader.read(GET, 0, GET.length)
      const other = Buffer.from(GET)
      other[at] = other[at]! ^ 1
      const second = reader.read(other, 0, other.length)
      expect(second).not.toBe(first)
      expect(second).toEqual(readRequest(other, 0, other.length))
    }
  })

  it('is read as any other while some of it is missing', () => {
    const reader = requests()
    const first = reader.read(GET, 0, GET.length)
    for (let size = 1; size < GET.length; size += 1) {
      expect(reader.read(GET, 0, size)).toBe(INCOMPLETE)
      expect(reader.isWithin).toBe(true)
      expect(reader.read(GET, size, GET.length)).toEqual(first)
      expect([reader.next, reader.isWithin]).toEqual([GET.length, false])
    }
  })

  it('is read like the first time, whatever it is (fuzzed)', () => {
    const next = random(7)
    for (let i = 0; i < 3_000; i += 1) {
      const bytes = Buffer.from(generate(next), 'latin1')
      const reader = new HeadReader<RequestHead>({ maxBytes: 1_000_000, parse: readRequest, isLasting: () => true })
      const known = [reader.read(bytes, 0, bytes.length), reader.read(bytes, 0, bytes.length)]
      if (typeof known[0] !== 'number') expect(known[1]).toEqual(readRequest(bytes, 0, bytes.length))
    }
  })

  it('is no more looked for on a connection whose heads are all different, and found by one whose heads sometimes are', () => {
    const reader = requests()
    const read = (path: string) => {
      const bytes = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a.localhost\r\n\r\n`)
      return reader.read(bytes, 0, bytes.length)
    }
    expect(read('/')).toBe(read('/'))
    for (let i = 0; i < 5; i += 1) read(`/${i}`)
    expect(read('/')).toBe(read('/'))
    for (let i = 0; i < 20; i += 1) read(`/${i}`)
    expect(read('/')).not.toBe(read('/'))
  })
})

it('gives no response out again that depends on the time or on the request', () => {
  const date = 'Date: Fri, 27 Nov 2026 12:00:00 GMT\r\n'
  const again = (text: string, ...methods: string[]) => {
    const [reader, bytes] = [responses(), Buffer.from(`HTTP/1.1 ${text}\r\n\r\n`)]
    const [a, b] = methods.map((method) => reader.read(bytes, 0, bytes.length, method))
    return a === b
  }
  expect(again(`200 OK\r\n${date}Content-Length: 2`, 'GET', 'GET')).toBe(true)
  expect(again('200 OK\r\nContent-Length: 2', 'GET', 'GET')).toBe(false)
  expect(again(`103 Early Hints\r\n${date}`.trim(), 'GET', 'GET')).toBe(false)
  expect(again(`200 OK\r\n${date}Content-Length: 2`, 'GET', 'HEAD')).toBe(false)
  expect(again(`200 OK\r\n${date}Content-Length: 2`, 'HEAD', 'GET')).toBe(false)
})

it('refuses a head that never ends, in one piece or in many', () => {
  const endless = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(2_000)}`)
  expect(requests().read(endless, 0, endless.length)).toBe(TOO_LARGE)
  const reader = requests()
  let answer: RequestHead | number = INCOMPLETE
  for (let at = 0; answer === INCOMPLETE && at < endless.length; at += 100) answer = reader.read(endless, at, at + 100)
  expect(answer).toBe(TOO_LARGE)
})

import { STRICTER } from './fuzz.ts'
import { Routes } from '../routes.ts'
import type { House } from '../peer.ts'
import { Gate } from '../gate.ts'
import { LIMITS } from '../settings.ts'
import { Sweeper } from '../sweeper.ts'
import { Tally } from '../tally.ts'
import { Upstream } from '../upstream.ts'
import { Visitor } from '../visitor.ts'
import { Windows } from '../windows.ts'
import type { Wire, WireListener } from '../wire.ts'

/** A connection that keeps what is written, and is given what comes. */
class PaperWire implements Wire {
  readonly address = '127.0.0.1'
  readonly isBlocked = false
  text = ''
  isOver = false
  listener!: WireListener
  backlog = () => 0
  open(listener: WireListener): void {
    this.listener = listener
  }
  write(text: string, body?: Buffer): void {
    this.text += text + (body?.toString('latin1') ?? '')
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.isOver = true
  }
  destroy(): void {
    this.isOver = true
  }
}

/** The router without sockets: what a client gets when an app answers its GET with these bytes, in pieces, and closes. */
export function answerer(): (bytes: Buffer, next: () => number) => string {
  const sweeper = new Sweeper(1_000_000)
  const routes = new Routes(LIMITS)
  const app = { id: 'a1', name: 'shop', hosts: ['h'], state: 'serving' as const, maintenance: false }
  routes.swap({ version: 1, apps: [{ ...app, targets: [{ dyno: 'web.1', address: '127.0.0.1:1' }] }] })
  const { target } = routes.find('h')!.upstreams[0]!
  const house: House = {
    routes, limits: LIMITS, sweeper, windows: new Windows(), tally: new Tally(), turns: { isFree: () => true } as never, backlogOf: new Map(), ports: { plain: 80, tls: 443 },
    gate: new Gate({ ask: () => {}, leave: () => {} } as never), wake: () => {}, log: () => {}, isDraining: false, onGone: () => {},
  } // prettier-ignore
  return (bytes, next) => {
    const [client, upstream] = [new PaperWire(), new PaperWire()]
    target.keep(new Upstream(target, upstream, sweeper))
    const visitor = new Visitor(house, client, { address: '127.0.0.1', port: 80, isTls: false, isTrusted: false })
    const ask = Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    client.listener.onBytes(ask, ask.length)
    for (let at = 0; at < bytes.length && !upstream.isOver;) {
      const piece = Buffer.from(bytes.subarray(at, (at += 1 + Math.floor(next() * bytes.length))))
      upstream.listener.onBytes(piece, piece.length)
    }
    if (!upstream.isOver) upstream.listener.onEnd()
    target.retire()
    target.isGone = false
    visitor.onClose()
    return client.text
  }
}

const STATUS = ['200 OK', '200 OK', '200 OK', '204 No Content', '304 Not Modified', '100 Continue', '103 Early Hints', '404', '200', '099 X', '1000 X', '600 X', '20 X', '2x0 X', '101 Switching Protocols', '200  OK', '200\tOK', ' 200 OK', '205 Reset Content', '500 \x80'] // prettier-ignore
const LENGTHS = ['0', '3', '5', '05', '+5', '-5', '5,5', '5, 5', '0x5', '5 ', '5;', '', '5 5', '99999999999999999999', '5\v']
const CODINGS = ['chunked', 'Chunked', ' chunked ', 'chunked, chunked', 'gzip, chunked', 'identity', 'xchunked', '"chunked"', 'chunked,', ',chunked', 'chunked\v', '', 'gzip'] // prettier-ignore
const FIELDS = ['X-A', 'Connection', 'Trailer', 'Set-Cookie', 'Keep-Alive', 'Content_Length', 'Content-Length ', 'Transfer-Encoding\t', ' X', '', 'A B'] // prettier-ignore
const BODIES = ['', 'abc', 'hello', 'hello, and more', '5\r\nhello\r\n0\r\n\r\n', '0\r\n\r\n', '5;x=y\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\nA: b\r\n\r\n', '5\nhello\n0\n\n', '5 \r\nhello\r\n0\r\n\r\n', '0x5\r\nhello\r\n0\r\n\r\n', '5\r\nhello0\r\n\r\n', '5\r\nhello\r\n', '5\r\nhello\r\n0\r\n\r\nevil', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'] // prettier-ignore
const ENDS = ['\n', '\r', '\r\r\n', '\n\r', '']
const NOISE = ['\0', '\r', '\n', '\t', ' ', ':', ',', ';', '\v', '\x7f', '\x80', '\xff', '0', 'a']

/** One to three responses with anything in the places that frame them. Latin1 text. */
export function generateResponse(next: () => number): string {
  const of = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!
  const rarely = (share: number) => next() < share
  const end = () => (rarely(0.06) ? of(ENDS) : '\r\n')
  const field = () => {
    const kind = next()
    if (kind < 0.4) return `Content-Length: ${rarely(0.6) ? of(['0', '3', '5']) : of(LENGTHS)}${end()}`
    if (kind < 0.7) return `Transfer-Encoding: ${rarely(0.6) ? 'chunked' : of(CODINGS)}${end()}`
    return `${rarely(0.6) ? 'X-A' : of(FIELDS)}: ${of(['a', 'close', 'keep-alive', 'content-length', '\x80', 'b\0', 'x\r\n y'])}${end()}`
  }
  const one = () => {
    let head = `${rarely(0.92) ? 'HTTP/1.1' : of(['HTTP/1.0', 'HTTP/1.2', 'http/1.1', 'HTTP/2', 'ICY', ''])} ${of(STATUS)}${end()}`
    for (let i = Math.floor(next() * 3); i > 0; i -= 1) head += field()
    return head + end() + of(BODIES)
  }
  let text = one() + (rarely(0.3) ? one() : '') + (rarely(0.1) ? one() : '')
  for (let flips = rarely(0.25) ? 1 + Math.floor(next() * 2) : 0; flips > 0; flips -= 1) {
    const at = Math.floor(next() * (text.length + 1))
    text = text.slice(0, at) + of(NOISE) + text.slice(at + Math.floor(next() * 2))
  }
  return text
}

export type Answer = { status: number; body: string; isWhole: boolean }
type Parser = {
  initialize(type: number, resource: object): void
  execute(bytes: Buffer): number | Error
  finish(): unknown
  [event: number]: unknown
}
type ParserClass = { new (): Parser; RESPONSE: number; kOnHeadersComplete: number; kOnBody: number; kOnMessageComplete: number }

/** Node's client parser: interim answers skipped, the first final one, and what was wrong until it was whole. */
export function nodeAnswer(): (bytes: Buffer) => { answer: Answer | undefined; error: string | undefined } {
  const { HTTPParser } = (process as unknown as { binding(name: string): { HTTPParser: ParserClass } }).binding('http_parser')
  return (bytes) => {
    const parser = new HTTPParser()
    parser.initialize(HTTPParser.RESPONSE, {})
    const all: Answer[] = []
    parser[HTTPParser.kOnHeadersComplete] = (_a: number, _b: number, _h: unknown, _m: number, _u: string, status: number) => {
      all.push({ status, body: '', isWhole: false })
      return 0
    }
    parser[HTTPParser.kOnBody] = (body: Buffer) => (all.at(-1)!.body += body.toString('latin1'))
    parser[HTTPParser.kOnMessageComplete] = () => (all.at(-1)!.isWhole = true)
    const result = parser.execute(bytes)
    if (typeof result === 'number') parser.finish()
    const answer = all.find(({ status }) => status >= 200)
    const error =
      typeof result === 'number' || answer?.isWhole ? undefined : ((result as Error & { code?: string }).code ?? 'error')
    return { answer, error }
  }
}

export type Difference = string | undefined

/** A sentence when a client of ours gets something else than one valid answer: the app's own as Node reads it, or a page of the router's. */
export function differInAnswer(bytes: Buffer, got: string, read: ReturnType<typeof nodeAnswer>): Difference {
  const ours = read(Buffer.from(got, 'latin1'))
  const theirs = read(bytes)
  if (!ours.answer) return `the client gets no answer: ${got.slice(0, 40)}`
  if (ours.error) return `the client's parser refuses what it gets`
  if (ours.answer.status === 503 && /<small>H1[378] /.test(ours.answer.body)) return undefined
  if (
    /HTTP\/1\.[01] [\s\S]*HTTP\/1\.[01] /.test(got.replace(/^(HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)+/, '')) &&
    ours.answer.isWhole
  ) {
    const count = got.split(ours.answer.body || '\r\n\r\n').length
    if (count > 2 && !ours.answer.body.includes('HTTP/')) return 'the client gets two answers'
  }
  if (!theirs.answer && STRICTER.has(theirs.error ?? '')) return undefined
  if (!theirs.answer) return `Node refuses the head that we pass on with ${ours.answer.status}`
  if (theirs.answer.status !== ours.answer.status) return `status ${theirs.answer.status} for Node, ${ours.answer.status} for us`
  const isPrefix = theirs.answer.body.startsWith(ours.answer.body) || ours.answer.body.startsWith(theirs.answer.body)
  if (!isPrefix || (ours.answer.isWhole && theirs.answer.isWhole && ours.answer.body !== theirs.answer.body))
    return `another body: ${JSON.stringify(theirs.answer.body)} for Node, ${JSON.stringify(ours.answer.body)} for us`
  return undefined
}

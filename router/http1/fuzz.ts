import { Chunked } from './chunked.ts'
import { BODY } from './fields.ts'
import { readRequest, type RequestHead } from './request.ts'

/** A small seeded generator (mulberry32), so that a failure can be made again from its seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH']
const TARGETS = [
  '/',
  '/a?b=c',
  '//x/../y',
  '/%00',
  '*',
  'http://h/',
  'http://h',
  '/ä',
  'x',
  '/a b',
  '/#f',
  '',
  'http://u@h/',
  '/a\tb',
]
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'http/1.1', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.1 ', '']
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r', '']
const LENGTHS = [
  '0',
  '3',
  '5',
  '05',
  '+5',
  '-5',
  '5,5',
  '5, 5',
  '0x5',
  '5 ',
  ' 5',
  '5\t',
  '5;',
  '',
  '5 5',
  '1e1',
  '99999999999999999999',
  '5\v',
]
const CODINGS = ['chunked', 'Chunked', ' chunked ', 'chunked, chunked', 'gzip, chunked', 'chunked;x', 'identity', 'xchunked', '"chunked"', 'chunked,', ',chunked', 'chunke', 'chunked\v', '', 'gzip'] // prettier-ignore
const NAMES = ['Content-Length', 'content-length', 'Transfer-Encoding', 'transfer-encoding', 'Transfer_Encoding', 'Content-Length ', ' Content-Length', 'Content-Length\t', 'Transfer-Encoding\0', 'Content\r-Length', 'Host', 'X-A', 'Connection', 'Expect', '', 'A B', 'A(', 'Trailer'] // prettier-ignore
const BODIES = ['', 'abc', 'hello', '5\r\nhello\r\n0\r\n\r\n', '3\r\nabc\r\n0\r\n\r\n', '0\r\n\r\n', '5;x=y\r\nhello\r\n0\r\n\r\n', '05\r\nhello\r\n0\r\nA: b\r\n\r\n', '5\nhello\n0\n\n', '5 \r\nhello\r\n0\r\n\r\n', '0x5\r\nhello\r\n0\r\n\r\n', '5\r\nhello0\r\n\r\n', '5\r\nhello\r\n0\n\r\n', 'ffffffffffffffff5\r\nhello\r\n0\r\n\r\n', '5;a\nhello\r\n0\r\n\r\n', '0\r\nContent-Length: 5\r\n\r\n', '5\r\r\nhello\r\n0\r\n\r\n', '-1\r\n\r\n', '\r\n0\r\n\r\n', '5;"\r\n"\r\nhello\r\n0\r\n\r\n'] // prettier-ignore
const NOISE = [
  '\0',
  '\r',
  '\n',
  '\t',
  ' ',
  ':',
  ',',
  ';',
  '\v',
  '\f',
  '\x7f',
  '\x80',
  '\xff',
  '\x1f',
  '0',
  'a',
  '"',
  '\\',
  '\x85',
  '\xa0',
]

/** One or two requests with anything in the places that frame them. Latin1 text. */
export function generate(next: () => number): string {
  const of = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!
  const rarely = (share: number) => next() < share
  const end = () => (rarely(0.12) ? of(ENDS) : '\r\n')
  const field = () => {
    const name = rarely(0.7) ? of(['Content-Length', 'Transfer-Encoding', 'X-A', 'Host', 'Connection']) : of(NAMES)
    const lower = name.toLowerCase()
    const value = lower.includes('length') ? of(LENGTHS) : lower.includes('encoding') ? of(CODINGS) : lower === 'host' ? of(['h', 'h:80', 'h, h', '', 'a@b']) : of(['a', 'close', 'keep-alive', '\x80', 'a\0b', '', 'content-length', 'transfer-encoding, host', '100-continue']) // prettier-ignore
    return `${name}${rarely(0.05) ? of([' ', '\t', '']) : ''}:${of(['', ' ', ' ', ' ', '\t', '  '])}${value}${rarely(0.08) ? of([' ', '\t', '\r\n x', '\n x']) : ''}${end()}`
  }
  const one = () => {
    const method = rarely(0.97) ? of(METHODS) : of(['G@T', 'get', '', ' GET', 'GET\t', 'GE\0T'])
    const line = `${method}${rarely(0.03) ? of(['  ', '\t', '']) : ' '}${rarely(0.75) ? '/' : of(TARGETS)} ${rarely(0.85) ? 'HTTP/1.1' : of(VERSIONS)}${end()}`
    let head = line + (rarely(0.95) ? `Host: h${end()}` : '')
    const count = Math.floor(next() * 4)
    for (let i = 0; i < count; i += 1) head += field()
    return head + end() + of(BODIES)
  }
  let text = one() + (rarely(0.5) ? one() : '')
  const flips = rarely(0.3) ? 1 + Math.floor(next() * 2) : 0
  for (let i = 0; i < flips; i += 1) {
    const at = Math.floor(next() * (text.length + 1))
    text = text.slice(0, at) + of(NOISE) + text.slice(at + Math.floor(next() * 2))
  }
  return text
}

export type Message = { method: string; target: string; body: string; isWhole: boolean }

/** What this router makes of the bytes: the messages in order, up to the first that it refuses or that is not whole. */
export function frameOurs(bytes: Buffer): { messages: (Message & { head: RequestHead })[]; isRefused: boolean } {
  const messages: (Message & { head: RequestHead })[] = []
  let pos = 0
  while (pos < bytes.length) {
    const head = readRequest(bytes, pos, bytes.length)
    if (typeof head === 'number') return { messages, isRefused: head < 0 }
    const start = pos + head.size
    const message = { method: head.method, target: head.target, body: '', isWhole: true, head }
    if (head.body === BODY.chunked) {
      const chunked = new Chunked(false)
      pos = chunked.read(bytes, start, bytes.length)
      const { ranges } = chunked
      for (let i = 0; i < ranges.length; i += 2) message.body += bytes.toString('latin1', ranges[i], ranges[i + 1])
      message.isWhole = chunked.isDone
      if (chunked.isFailed) return { messages, isRefused: true }
    } else {
      pos = Math.min(bytes.length, start + head.length)
      message.body = bytes.toString('latin1', start, pos)
      message.isWhole = pos === start + head.length
    }
    messages.push(message)
    if (!message.isWhole || head.isLast) break
  }
  return { messages, isRefused: false }
}

/** Node's parser, as its HTTP server drives it: not public, but the one way to give it a million heads in a minute. */
type Binding = { HTTPParser: NodeParserClass; methods: string[]; allMethods?: string[] }
type NodeParserClass = { new (): NodeParser; REQUEST: number; kOnHeaders: number; kOnHeadersComplete: number; kOnBody: number; kOnMessageComplete: number } // prettier-ignore
type NodeParser = {
  initialize(type: number, resource: object): void
  execute(bytes: Buffer): number | Error
  [event: number]: unknown
}

export function nodeFramer(): (bytes: Buffer) => { messages: Message[]; error: string | undefined } {
  const { HTTPParser, methods, allMethods } = (process as unknown as { binding(name: string): Binding }).binding('http_parser')
  return (bytes) => {
    const messages: Message[] = []
    const parser = new HTTPParser()
    parser.initialize(HTTPParser.REQUEST, {})
    let url = ''
    parser[HTTPParser.kOnHeaders] = (_headers: string[], more: string) => (url += more)
    parser[HTTPParser.kOnHeadersComplete] = (
      _major: number,
      _minor: number,
      _headers: unknown,
      method: number,
      target: string | undefined,
    ) => {
      messages.push({ method: (allMethods ?? methods)[method] ?? '', target: target ?? url, body: '', isWhole: false })
      url = ''
      return 0
    }
    parser[HTTPParser.kOnBody] = (body: Buffer) => (messages.at(-1)!.body += body.toString('latin1'))
    parser[HTTPParser.kOnMessageComplete] = () => {
      messages.at(-1)!.isWhole = true
      url = ''
    }
    const result = parser.execute(bytes)
    return { messages, error: typeof result === 'number' ? undefined : ((result as Error & { code?: string }).code ?? 'error') }
  }
}

/**
 * Where Node's parser is stricter than RFC 9112 and 9110, and refusing is no other framing: methods it does not know, bytes above 127 in
 * a target, a tab as white space after a value that frames, and a Content-Length among trailers (which this router drops).
 */
export const STRICTER = new Set([
  'HPE_INVALID_METHOD',
  'HPE_INVALID_URL',
  'HPE_INVALID_CONTENT_LENGTH',
  'HPE_INVALID_TRANSFER_ENCODING',
])

/** A sentence about how the two differ on something that this router would forward; undefined when they agree. */
export function differ(bytes: Buffer, frameNode: ReturnType<typeof nodeFramer>): string | undefined {
  const ours = frameOurs(bytes)
  const node = frameNode(bytes)
  for (const [i, mine] of ours.messages.entries()) {
    const theirs = node.messages[i]
    if ((!theirs || !theirs.isWhole) && STRICTER.has(node.error ?? '')) return undefined
    if (!theirs) return `Node refuses message ${i} (${node.error}), we forward it`
    const isSameTarget = theirs.target === mine.target || /^https?:/i.test(theirs.target)
    if (theirs.method !== mine.method || !isSameTarget)
      return `message ${i} is ${theirs.method} ${theirs.target} for Node, ${mine.method} ${mine.target} for us`
    if (theirs.body !== mine.body || theirs.isWhole !== mine.isWhole)
      return `message ${i} has another body for Node (${node.error})`
  }
  return undefined
}

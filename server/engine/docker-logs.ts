import { connect, type Socket } from 'node:net'
import { entryCutter, sinceOf } from './frames.ts'
import { EngineError, type LogChunk, type LogOptions } from './port.ts'

const HEAD_END = '\r\n\r\n'
const MAX_HEAD_BYTES = 64 * 1024
const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b

type Head = { status: number; rest: Buffer }

/**
 * A container's log over a connection of its own. The engine sends each line as an HTTP chunk of its own, and an HTTP client that
 * hands each on by itself costs more than all that becomes of the line afterwards: here chunks and frames are cut out of whole reads.
 */
export async function* logs(
  socketPath: string,
  id: string,
  { since, tail, follow, signal }: LogOptions,
): AsyncIterable<readonly LogChunk[]> {
  const query = `follow=${follow ? 1 : 0}&stdout=1&stderr=1&timestamps=1&tail=${tail ?? 'all'}${since ? `&since=${sinceOf(since)}` : ''}`
  const socket = connect({ path: socketPath, ...(signal && { signal }) })
  try {
    socket.write(`GET /containers/${encodeURIComponent(id)}/logs?${query} HTTP/1.1\r\nHost: docker\r\n\r\n`)
    yield* entries(socket)
  } catch (cause) {
    if (!signal?.aborted) throw asEngineError(cause)
  } finally {
    socket.destroy()
  }
}

async function* entries(socket: Socket): AsyncIterable<readonly LogChunk[]> {
  const cut = entryCutter()
  const dechunk = chunkReader()
  let head: Head | undefined
  let before: Buffer = Buffer.alloc(0)
  for await (const block of socket as AsyncIterable<Buffer>) {
    const isFirst = !head
    if (!head) head = readHead((before = Buffer.concat([before, block])))
    if (!head) continue
    const { payload, isEnd } = dechunk(isFirst ? head.rest : block)
    if (head.status !== 200 && isEnd) throw refusal(head.status, payload)
    if (head.status === 200 && payload.length > 0) yield cut(payload)
    if (isEnd) return
  }
  throw new EngineError('unreachable', 'The engine ended a log before its end.')
}

/** Undefined until it is whole. */
function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf(HEAD_END)
  if (end < 0 && bytes.length > MAX_HEAD_BYTES) throw new EngineError('other', 'The engine answered with no HTTP head.')
  if (end < 0) return undefined
  return { status: Number(bytes.toString('latin1', 9, 12)), rest: bytes.subarray(end + HEAD_END.length) }
}

/** RFC 9112 §7.1: what whole chunks there are in all bytes so far, one after the other; what is begun waits for its rest. */
export function chunkReader() {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes: Buffer): { payload: Buffer; isEnd: boolean } => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    let [at, filled, isEnd] = [0, 0, false]
    while (!isEnd) {
      const line = all.indexOf(LF, at)
      if (line < 0) break
      const size = sizeOf(all, at, line)
      if (all.length < line + 1 + size + 2) break
      all.copyWithin(filled, line + 1, line + 1 + size) // what is read may be written over
      filled += size
      at = line + 1 + size + 2
      isEnd = size === 0
    }
    rest = all.subarray(at)
    return { payload: all.subarray(0, filled), isEnd }
  }
}

/** Hexadecimal, up to the line's end or an extension. */
function sizeOf(bytes: Buffer, from: number, line: number): number {
  let size = 0
  let at = from
  for (; at < line && bytes[at] !== CR && bytes[at] !== SEMICOLON; at++) size = size * 16 + digit(bytes[at]!)
  if (at === from || !Number.isSafeInteger(size)) throw new EngineError('other', 'The engine sent a chunk without a size.')
  return size
}

const digit = (byte: number) =>
  byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66 ? (byte | 0x20) - 0x57 : NaN

function refusal(status: number, body: Buffer): EngineError {
  const message = messageOf(body.toString())
  return new EngineError(status === 404 ? 'no_such_container' : 'other', `${message} (status ${status})`)
}

function messageOf(body: string): string {
  try {
    return (JSON.parse(body) as { message: string }).message
  } catch {
    return body.slice(0, 200)
  }
}

const asEngineError = (cause: unknown) =>
  cause instanceof EngineError ? cause : new EngineError('unreachable', cause instanceof Error ? cause.message : String(cause))

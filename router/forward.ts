import { request, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Code } from './codes.ts'
import { endToEnd } from './headers.ts'
import type { Limits } from './settings.ts'

/** How a forwarded request ended. `began` tells whether the client has seen a response head. */
export type Ending = { code?: Code | undefined; began: boolean; status: number; bytes: number; serviceMs: number }
type Forward = { req: IncomingMessage; res: ServerResponse; socket: Socket; headers: string[]; limits: Limits }

/** The seam: one request over a socket that is connected to its target. Resolves when both directions are over; never rejects. */
export function forward({ req, res, socket, headers, limits }: Forward): Promise<Ending> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const ending = { began: false, status: 0, bytes: 0 }
    let firstByte: NodeJS.Timeout | undefined
    const end = (code?: Code) => {
      clearTimeout(firstByte)
      if (code) up.destroy()
      resolve({ ...ending, code, serviceMs: performance.now() - startedAt })
    }
    const up = open(req, socket, headers)
    const awaitFirstByte = () => (firstByte ??= setTimeout(() => end('H12'), limits.firstByteMs))
    if (req.complete) awaitFirstByte()
    else req.on('end', awaitFirstByte)
    socket.setTimeout(limits.idleMs, () => ending.began && end('H15'))
    up.on('response', (answer) => {
      clearTimeout(firstByte)
      ending.began = true
      ending.status = answer.statusCode!
      res.sendDate = false
      res.writeHead(answer.statusCode!, answer.statusMessage!, endToEnd(answer.rawHeaders))
      answer.on('data', (chunk: Buffer) => (ending.bytes += chunk.length))
      answer.pipe(res)
      answer.on('aborted', () => end('H18'))
      res.on('finish', () => end())
    })
    up.on('continue', () => res.writeContinue())
    up.on('error', () => end(ending.began ? 'H18' : 'H13'))
    res.on('close', () => res.writableFinished || end('H27'))
    req.on('error', () => {})
    req.pipe(up)
  })
}

function open(req: IncomingMessage, socket: Socket, headers: string[]): ClientRequest {
  const hasBody = req.headers['transfer-encoding'] !== undefined
  return request({
    method: req.method!,
    path: req.url!,
    headers: hasBody ? [...headers, 'Transfer-Encoding', 'chunked'] : headers,
    setHost: false,
    createConnection: () => socket,
  })
}

/** An upgrade: the app's head as it is, then both directions raw. Resolves when the connection is over. */
export function forwardUpgrade({ req, client, head, socket, headers, limits }: Upgrade): Promise<Ending> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const ending = { began: false, status: 0, bytes: 0 }
    const end = (code?: Code) => {
      clearTimeout(firstByte)
      socket.destroy()
      if (ending.began) client.destroy()
      resolve({ ...ending, code, serviceMs: performance.now() - startedAt })
    }
    const firstByte = setTimeout(() => end('H12'), limits.firstByteMs)
    const up = open(req, socket, [...headers, 'Connection', 'Upgrade', 'Upgrade', req.headers.upgrade!])
    const begin = (answer: IncomingMessage, more: string[]) => {
      clearTimeout(firstByte)
      ending.began = true
      ending.status = answer.statusCode!
      client.write(rawHead(answer, more))
    }
    up.on('upgrade', (answer, _socket, first) => {
      begin(answer, ['Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade ?? ''])
      for (const side of [client, socket]) side.setTimeout(limits.idleMs, () => end('H15'))
      if (first.length > 0) client.write(first)
      if (head.length > 0) socket.write(head)
      client.pipe(socket)
      socket.pipe(client)
      socket.on('data', (chunk: Buffer) => (ending.bytes += chunk.length))
    })
    up.on('response', (answer) => {
      begin(answer, ['Connection', 'close'])
      answer.pipe(client)
    })
    up.on('error', () => end(ending.began ? undefined : 'H13'))
    for (const side of [client, socket]) side.on('error', () => {}).on('close', () => end(ending.began ? undefined : 'H13'))
    up.end()
  })
}
type Upgrade = Omit<Forward, 'res'> & { client: Socket; head: Buffer }

function rawHead(answer: IncomingMessage, more: string[]): string {
  const raw = [...endToEnd(answer.rawHeaders), ...more]
  let head = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n`
  for (let i = 0; i < raw.length; i += 2) head += `${raw[i]}: ${raw[i + 1]}\r\n`
  return `${head}\r\n`
}

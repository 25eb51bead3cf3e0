import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'

const TLS_HANDSHAKE = 0x16 // first byte of a TLS record (RFC 8446 §5.1)
const HTTP_METHOD = /^[A-Z]{3,10} /
const FIRST_BYTES_MS = 10_000
/** After which a silent peer is asked whether it still lives: one whose machine is gone says nothing by itself. */
const KEEP_ALIVE_MS = 30_000
const MAX_LINE_BYTES = 256
const MAX_HEAD_BYTES = 64 * 1024

const PLAIN = JSON.stringify({
  id: 'forbidden',
  message:
    'Use https:// from another machine: without TLS everybody on the way could read your token. DOZEN_API_PLAIN=1 allows it all the same.',
})

type Deps = {
  host: string
  port: number
  certificate: { cert: string; key: string }
  /** Whether HTTP without TLS is served to other machines: tokens would cross the network in the clear. */
  isPlainAllowed: boolean
  http: RequestListener
  /** The other end of `run`: true once the process has ended, false for an unknown secret. */
  attach: (secret: string, socket: Duplex) => Promise<boolean>
  /** Whether a client's address is that of a container, which has no business here. */
  refuses?: (address: string | undefined, port: number) => boolean
  clock: Clock
}

/** One port for everything: the first bytes tell TLS, HTTP (in TLS or not) and a rendezvous line apart (PLATFORM-API.md §4). */
export async function listener({ host, port, certificate, isPlainAllowed, http, attach, refuses, clock }: Deps) {
  const web = createHttp(
    { maxHeaderSize: MAX_HEAD_BYTES, headersTimeout: 20_000, requestTimeout: 0, keepAliveTimeout: 60_000 },
    http,
  )
  const open = new Set<Duplex>()

  function greet(socket: Duplex, head: string, rest: Buffer) {
    const secret = head.replace(/\r?\n$/, '')
    socket.write('rendezvous\r\n')
    if (rest.length > 0) socket.unshift(rest)
    void attach(secret, socket).then((found) => found || socket.destroy())
  }

  const mayBePlain = (socket: Duplex) =>
    isPlainAllowed || socket instanceof TLSSocket || isLoopback((socket as Socket).remoteAddress)

  function refusePlain(socket: Duplex) {
    socket.end(
      `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${PLAIN.length}\r\nConnection: close\r\n\r\n${PLAIN}`,
    )
  }

  /** Decides as soon as enough has come, and gives up when too much or too little did. */
  async function tell(socket: Duplex, mayBeTls: boolean) {
    const timer = new AbortController()
    void clock.sleep(FIRST_BYTES_MS, timer.signal).then(() => socket.destroy(), () => {}) // prettier-ignore
    let seen = Buffer.alloc(0)
    const read = () => {
      const chunk = socket.read() as Buffer | null
      if (chunk) seen = Buffer.concat([seen, chunk])
      if (seen.length === 0) return
      const line = seen.subarray(0, MAX_LINE_BYTES).toString('latin1')
      const end = seen.indexOf(0x0a)
      const decide = (next: () => void) => {
        timer.abort()
        socket.off('readable', read)
        next()
      }
      const pushedBack = (next: () => void) => decide(() => (socket.unshift(seen), next()))
      if (mayBeTls && seen[0] === TLS_HANDSHAKE) pushedBack(() => secure(socket as Socket))
      else if (HTTP_METHOD.test(line) && !mayBePlain(socket)) decide(() => refusePlain(socket))
      else if (HTTP_METHOD.test(line)) pushedBack(() => web.emit('connection', socket))
      else if (end >= 0 && end < MAX_LINE_BYTES && mayBePlain(socket))
        decide(() => greet(socket, line.slice(0, end + 1), seen.subarray(end + 1)))
      else if (seen.length >= MAX_LINE_BYTES) decide(() => socket.destroy())
    }
    socket.on('readable', read)
    socket.once('close', () => timer.abort())
    read()
  }

  function secure(raw: Socket) {
    const socket = new TLSSocket(raw, { isServer: true, ...certificate, minVersion: 'TLSv1.2' })
    track(socket)
    void tell(socket, false)
  }

  function track(socket: Duplex) {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => open.delete(socket))
  }

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (refuses?.(socket.remoteAddress, (server.address() as AddressInfo).port)) return void socket.resetAndDestroy()
    track(socket)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    void tell(socket, true)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

const isLoopback = (address = '') => /^(::ffff:)?127\./.test(address) || address === '::1'

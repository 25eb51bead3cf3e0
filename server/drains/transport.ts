import { createSocket } from 'node:dgram'
import http from 'node:http'
import https from 'node:https'
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { LogLine } from '../logs/line.ts'
import { counted, logplex, ndjson, syslog } from './framing.ts'
import type { Target } from './target.ts'

const TIMEOUT_MS = 15_000
const MAX_DATAGRAM_BYTES = 1_400

/** Hands lines over; resolves when the receiver (HTTP) or the operating system (syslog) has taken them all, rejects when none may have been. */
export type Transport = { send(lines: readonly LogLine[], frameId: string): Promise<void>; close(): void }
type Options = { token: string; lookup: LookupFunction | undefined; ca: string | undefined }

export function transport(target: Target, options: Options): Transport {
  if (target.scheme === 'syslog+udp') return udp(target, options)
  return target.scheme.startsWith('syslog') ? tcp(target, options) : web(target, options)
}

function tcp({ scheme, host, port }: Target, { token, lookup, ca }: Options): Transport {
  let open: Socket | undefined
  const socket = () =>
    new Promise<Socket>((resolve, reject) => {
      if (open && !open.destroyed && open.writable) return resolve(open)
      const options = { host, port, ...(lookup && { lookup }), ...(ca && { ca }) }
      const made =
        scheme === 'syslog+tls' ? connectTls({ ...options, ...(isIP(host) === 0 && { servername: host }) }) : connectTcp(options)
      const fail = (cause: Error) => (made.destroy(), reject(cause))
      made.setTimeout(TIMEOUT_MS, () => !open && fail(new Error('it did not connect in time')))
      made.once('error', fail)
      made.once(scheme === 'syslog+tls' ? 'secureConnect' : 'connect', () => {
        open = made
        made.resume() // what it says is nothing to us, but its end is
        resolve(made)
      })
    })
  return {
    async send(lines) {
      const to = await socket()
      await new Promise<void>((resolve, reject) => {
        const fail = (cause?: Error) => (to.destroy(), reject(cause ?? new Error('it closed the connection')))
        to.once('close', fail)
        to.write(lines.map((line) => counted(syslog(line, token))).join(''), (cause) => {
          to.off('close', fail)
          if (cause) fail(cause)
          else resolve()
        })
      })
    },
    close: () => open?.destroy(),
  }
}

function udp({ host, port }: Target, { token, lookup }: Options): Transport {
  const look = lookup as unknown as Parameters<typeof createSocket>[0] extends { lookup?: infer L } ? L : never
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ...(lookup && { lookup: look }) })
  socket.on('error', () => {}) // reported by the send
  socket.unref()
  return {
    async send(lines) {
      for (const line of lines) {
        const bytes = cut(Buffer.from(syslog(line, token)))
        await new Promise<void>((resolve, reject) =>
          socket.send(bytes, port, host, (cause) => (cause ? reject(cause) : resolve())),
        )
      }
    },
    close: () => socket.close(),
  }
}

/** To what fits a datagram, never inside a character. */
function cut(bytes: Buffer): Buffer {
  let end = Math.min(bytes.length, MAX_DATAGRAM_BYTES)
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

function web({ scheme, host, port, path, authorization }: Target, { token, lookup, ca }: Options): Transport {
  const isJson = scheme.endsWith('+ndjson')
  const isSecure = scheme.startsWith('https')
  const agent = new (isSecure ? https : http).Agent({ keepAlive: true, maxSockets: 1 })
  return {
    send(lines, frameId) {
      const body = Buffer.from(isJson ? ndjson(lines) : logplex(lines))
      const headers = {
        'content-type': isJson ? 'application/x-ndjson' : 'application/logplex-1',
        'content-length': body.length,
        'logplex-msg-count': lines.length,
        'logplex-frame-id': frameId,
        'logplex-drain-token': token,
        'user-agent': 'Logplex/dozen',
        ...(authorization && { authorization }),
      }
      const options = {
        host,
        port,
        path,
        method: 'POST',
        headers,
        agent,
        timeout: TIMEOUT_MS,
        ...(lookup && { lookup }),
        ...(ca && { ca }),
      }
      return new Promise((resolve, reject) => {
        const request = (isSecure ? https : http).request(options, (answer) => {
          answer.resume()
          const status = answer.statusCode ?? 0
          answer.once('close', () => (status >= 200 && status < 300 ? resolve() : reject(new Error(`it answered ${status}`))))
        })
        request.once('timeout', () => request.destroy(new Error('it did not answer in time')))
        request.once('error', reject)
        request.end(body)
      })
    },
    close: () => agent.destroy(),
  }
}

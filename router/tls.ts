import { constants, createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, createServer, type SecureContext } from 'node:tls'
import { hostOf } from './routes.ts'
import type { Tickets } from './tickets.ts'

/** Takes a raw connection; hands back the decrypted one. */
export type SecureDoor = (socket: Socket) => void

/** All of TLS 1.3, and of 1.2 what has forward secrecy and authenticated encryption (Mozilla's "intermediate", RFC 9325). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':') // prettier-ignore

type Options = {
  /** `<host>.pem` files, certificate chain and key in one; "*.example.com.pem" stands for one label. */
  certs: string
  /** The self-signed certificate and key for every other name. */
  fallback: string
  /** All workers share them, so that a session resumes at any of them. */
  tickets: Tickets
  onSocket: (socket: Socket, isH2: boolean) => void
}

/** TLS 1.2+ with certificates by SNI, read anew when their file changes: no restart swaps one. */
export async function openDoor({ certs, fallback, tickets, onSocket }: Options): Promise<SecureDoor> {
  const pem = await readFile(fallback)
  const find = certificates(certs)
  let ticketKeys = tickets.current(Date.now())
  const server = createServer(
    {
      key: pem,
      cert: pem,
      ticketKeys,
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      handshakeTimeout: 10_000,
      ALPNProtocols: ['h2', 'http/1.1'],
      allowHalfOpen: true,
      SNICallback: (name, done) => {
        find(name).then(
          (context) => done(null, context),
          () => done(null),
        )
      },
    },
    (socket) => onSocket(socket, socket.alpnProtocol === 'h2'),
  )
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return (socket) => {
    const keys = tickets.current(Date.now())
    if (keys !== ticketKeys) server.setTicketKeys((ticketKeys = keys))
    server.emit('connection', socket)
  }
}

/** As server/certs has it: a host name may be longer than a file's. */
const fileOf = (host: string) => (host.length > 200 ? createHash('sha256').update(host).digest('hex') : host)

type Cached = { changed: string; context: SecureContext }

/** A name without a certificate costs two `stat` calls and leaves nothing behind: random names fill no memory. */
function certificates(folder: string) {
  const cache = new Map<string, Cached>()

  async function load(file: string): Promise<SecureContext | undefined> {
    const path = join(folder, `${fileOf(file)}.pem`)
    const info = await stat(path).catch(() => undefined)
    const known = cache.get(file)
    if (!info) return void cache.delete(file)
    const changed = `${info.mtimeMs} ${info.size} ${info.ino}`
    if (known?.changed === changed) return known.context
    try {
      const pem = await readFile(path)
      const context = createSecureContext({ key: pem, cert: pem, minVersion: 'TLSv1.2' })
      cache.set(file, { changed, context })
      return context
    } catch {
      // Half written, or no certificate: what served before serves on.
      return known?.context
    }
  }

  return async (name: string): Promise<SecureContext | undefined> => {
    const host = hostOf(name)
    if (host === undefined || host.startsWith('[')) return undefined
    return (await load(host)) ?? (host.includes('.') ? load(`*${host.slice(host.indexOf('.'))}`) : undefined)
  }
}

import { readFile, stat } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, createServer, type SecureContext } from 'node:tls'
import { hostOf } from './routes.ts'

/** Takes a raw connection; hands back the decrypted one. */
export type SecureDoor = (socket: Socket) => void

type Options = {
  /** `<host>.pem` files, certificate chain and key in one; "*.example.com.pem" stands for one label. */
  certs: string
  /** The self-signed certificate and key for every other name. */
  fallback: string
  /** 48 bytes that all workers share, so that a session resumes at any of them. */
  ticketKeys: Buffer
  onSocket: (socket: Socket, isH2: boolean) => void
}

/** TLS 1.2+ with certificates by SNI, read anew when their file changes: no restart swaps one. */
export async function openDoor({ certs, fallback, ticketKeys, onSocket }: Options): Promise<SecureDoor> {
  const pem = await readFile(fallback)
  const find = certificates(certs)
  const server = createServer(
    {
      key: pem,
      cert: pem,
      ticketKeys,
      minVersion: 'TLSv1.2',
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
  return (socket) => void server.emit('connection', socket)
}

type Cached = { changed: string; context: SecureContext }

/** A name without a certificate costs two `stat` calls and leaves nothing behind: random names fill no memory. */
function certificates(folder: string) {
  const cache = new Map<string, Cached>()

  async function load(file: string): Promise<SecureContext | undefined> {
    const path = join(folder, `${file}.pem`)
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

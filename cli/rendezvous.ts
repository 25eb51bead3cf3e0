import { connect, type Socket } from 'node:net'
import type { Context } from './context.ts'
import { CliError, ExitStatus } from './errors.ts'
import { exitMarker } from './exit-marker.ts'
import { tlsOptions } from './http.ts'

const GREETING = 'rendezvous\r\n'
const CONNECT_MS = 15_000

/**
 * Bridges a one-off dyno's streams to ours (PLATFORM-API.md section 9) and resolves with its exit status.
 * `isRaw`: both ends are terminals, every key goes through. Our stdin's end half-closes the connection.
 */
export async function attach(context: Context, { url, isRaw }: { url: string; isRaw: boolean }): Promise<number> {
  const { stdin } = context.streams
  const socket = await greet(context, new URL(url))
  if (isRaw) stdin.setRawMode?.(true)
  const send = (chunk: Buffer) => {
    if (!socket.write(chunk)) stdin.pause()
  }
  const resume = () => stdin.resume()
  const finish = () => socket.end()
  stdin.on('data', send).on('end', finish).resume()
  socket.on('drain', resume)
  try {
    return await receive(context, socket)
  } finally {
    stdin.off('data', send).off('end', finish).pause()
    if (isRaw) stdin.setRawMode?.(false)
    socket.destroy()
  }
}

async function receive({ streams: { stdout } }: Context, socket: Socket): Promise<number> {
  const marker = exitMarker()
  const write = async (bytes: Buffer) => {
    if (bytes.length && !stdout.write(bytes)) await new Promise((resolve) => stdout.once('drain', resolve))
  }
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) await write(marker.push(chunk as Buffer))
  } catch {
    // a reset connection ends like a closed one: with or without a status
  }
  const { rest, status } = marker.end()
  await write(rest)
  if (status === undefined)
    throw new CliError('The connection was lost before the command ended.', { hint: '`dozen ps` shows whether it still runs.' })
  return status
}

/** Connects, says the secret and waits for the greeting; what follows it stays in the socket. */
async function greet(context: Context, url: URL): Promise<Socket> {
  const socket = await open(context, url)
  socket.write(`${url.pathname.slice(1)}${url.search}\r\n`)
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const refuse = () =>
      reject(
        new CliError('The dyno did not take the connection.', {
          hint: 'Its address is good once and for a minute: run it again.',
        }),
      )
    socket.setTimeout(CONNECT_MS, () => socket.destroy())
    socket.once('close', refuse).on('readable', function hear() {
      const bytes = socket.read(Math.min(GREETING.length - head.length, socket.readableLength)) as Buffer | null
      if (!bytes) return
      head = Buffer.concat([head, bytes])
      if (head.length < GREETING.length) return hear()
      socket.off('readable', hear).off('close', refuse).setTimeout(0)
      if (head.toString() === GREETING) resolve(socket)
      else refuse()
    })
  })
}

/** Plain TCP only where the API itself is plain and on this machine. */
async function open({ settings }: Context, url: URL): Promise<Socket> {
  const base = new URL(settings.url())
  const isPlain = base.protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(base.hostname)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const target = { host, port: Number(url.port) }
  const socket = isPlain
    ? connect(target)
    : (await import('node:tls')).connect({
        ...target,
        ...(await tlsOptions(settings)),
        servername: /^[\d.:]+$/.test(host) ? '' : host,
      })
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(new CliError(`Couldn't attach at ${host}:${url.port}: ${cause.message}.`, { cause }))
    socket.once('error', fail).once(isPlain ? 'connect' : 'secureConnect', () => {
      socket.off('error', fail).on('error', () => {})
      resolve(socket)
    })
  })
}

export const endWith = (status: number): void => {
  if (status !== 0) throw new ExitStatus(status)
}

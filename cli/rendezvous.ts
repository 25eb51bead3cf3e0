import { connect, type Socket } from 'node:net'
import type { Context } from './context.ts'
import { CliError, ExitStatus } from './errors.ts'
import { exitMarker } from './exit-marker.ts'
import { tlsOptions } from './http.ts'

const GREETING = 'rendezvous\r\n'
const CONNECT_MS = 15_000

/**
 * Bridges a one-off dyno's streams to ours (PLATFORM-API.md section 9) and resolves with its exit status.
 * `isRaw`: both ends are terminals, every key goes through. `endInput` is called at our stdin's end
 * with the number of bytes that were sent: the connection stays whole, since closing half of it cannot be told from being killed.
 */
export async function attach(
  context: Context,
  { url, isRaw, endInput }: { url: string; isRaw: boolean; endInput: (bytes: number) => Promise<void> },
): Promise<number> {
  const { stdin } = context.streams
  const target = new URL(url)
  const socket = await open(context, target)
  const incoming: Incoming = socket.iterator({ destroyOnReturn: false })
  const first = await greet(socket, incoming, target)
  if (isRaw) stdin.setRawMode?.(true)
  let sent = 0
  const send = (chunk: Buffer) => {
    sent += chunk.length
    if (!socket.write(chunk)) stdin.pause()
  }
  const finish = () => void endInput(sent).catch(() => socket.destroy()) // else the command would wait for ever
  stdin.on('data', send).on('end', finish).resume()
  socket.on('drain', () => stdin.resume())
  try {
    return await receive(context, first, incoming)
  } finally {
    stdin.off('data', send).off('end', finish).pause()
    if (isRaw) stdin.setRawMode?.(false)
    socket.destroy()
  }
}

/** What the socket brings; one reader from the first byte on, so that nothing falls between two. */
type Incoming = AsyncIterator<Buffer>

async function receive({ streams: { stdout } }: Context, first: Buffer, incoming: Incoming): Promise<number> {
  const marker = exitMarker()
  const write = async (bytes: Buffer) => {
    if (bytes.length && !stdout.write(bytes)) await new Promise((resolve) => stdout.once('drain', resolve))
  }
  for (let chunk: Buffer | undefined = first; chunk; chunk = await next(incoming)) await write(marker.push(chunk))
  const { rest, status } = marker.end()
  await write(rest)
  if (status !== undefined) return status
  throw new CliError('The connection was lost before the command ended.', { hint: '`dozen ps` shows whether it still runs.' })
}

/** undefined at the end; a reset connection ends like a closed one: with or without a status. */
const next = (incoming: Incoming): Promise<Buffer | undefined> =>
  incoming.next().then(
    ({ done, value }) => (done ? undefined : value),
    () => undefined,
  )

/** Says the secret and waits for the greeting; returns what came with it. */
async function greet(socket: Socket, incoming: Incoming, url: URL): Promise<Buffer> {
  socket.write(`${url.pathname.slice(1)}${url.search}\r\n`)
  socket.setTimeout(CONNECT_MS, () => socket.destroy())
  let head = Buffer.alloc(0)
  while (head.length < GREETING.length) {
    const chunk = await next(incoming)
    if (!chunk) break
    head = Buffer.concat([head, chunk])
  }
  socket.setTimeout(0)
  if (head.subarray(0, GREETING.length).toString() === GREETING) return head.subarray(GREETING.length)
  socket.destroy()
  throw new CliError('The dyno did not take the connection.', {
    hint: 'Its address is good once and for a minute: run it again.',
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
      // An hour without a key pressed is no reason for a firewall to forget the connection.
      socket.off('error', fail).on('error', () => {}).setKeepAlive(true, 30_000) // prettier-ignore
      resolve(socket)
    })
  })
}

export const endWith = (status: number): void => {
  if (status !== 0) throw new ExitStatus(status)
}

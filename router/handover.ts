import { spawn } from 'node:child_process'
import { chmodSync, renameSync } from 'node:fs'
import { createServer, Socket, type Server } from 'node:net'
import { join } from 'node:path'
import type { Servers } from './router.ts'

/**
 * Listening sockets go from one router to the next one, which is no child of it: whoever connects to `ports.sock` gets them, by Node's own channel
 * between processes. Both listen on the same sockets for a while, so that no connection is refused or lost in between. Three take part: the old router
 * starts a bearer, the bearer has the visitor's connection as its channel, and the supervisor that connected starts the new router with the other end as its.
 */
export const HEIR = 'heir'
export const BEARER = 'bearer'

/** Handles as Node passes them on: a server takes them by `listen(handle)`. */
export type Inherited = Record<keyof Servers, Handle>
type Handle = { close(): void }
type Named = { port: keyof Servers }

/** 3 is the channel. */
const FDS = { http: 4, https: 5 } as const
/** A bearer is a process that starts; without it the ports are taken over as if there was none. */
const INHERIT_MS = 10_000

/** Opens `ports.sock` (0600). Bound aside and renamed, as control.sock is. */
export function lendPorts(folder: string, program: string, servers: Servers): Server {
  const door = createServer({ pauseOnConnect: true }, (visitor) => {
    visitor.on('error', () => {})
    const fds = [fdOf(servers.http), fdOf(servers.https)]
    const stdio = ['ignore', 'ignore', 'inherit', visitor, ...fds] as const
    if (!fds.includes(undefined))
      spawn(process.execPath, [program, BEARER], { stdio: [...stdio], env: { ...process.env, NODE_CHANNEL_FD: '3' } }).on(
        'error',
        () => {},
      )
    visitor.destroy()
  })
  const aside = join(folder, `p${process.pid}`)
  door.on('error', () => {})
  door.listen(aside, () => {
    chmodSync(aside, 0o600)
    renameSync(aside, join(folder, 'ports.sock'))
  })
  return door.unref()
}

/** Undefined once it is closed, and where Node has no such thing. */
const fdOf = (server: Server): number | undefined => {
  const fd = (server as unknown as { _handle?: { fd?: number } | null })._handle?.fd
  return fd !== undefined && fd >= 0 ? fd : undefined
}

/** The process between: passes its descriptors on and ends with its channel. It accepts nothing itself. */
export function bear(): void {
  process.on('message', () => {}).on('disconnect', () => process.exit(0))
  for (const port of ['http', 'https'] as const) {
    const { _handle } = new Socket({ fd: FDS[port], readable: false, writable: false }) as unknown as { _handle: Socket }
    process.send!({ port } satisfies Named, _handle)
  }
}

/** What the bearer brings; undefined when it brings nothing. */
export function inherit(): Promise<Inherited | undefined> {
  return new Promise((resolve) => {
    const found: Partial<Inherited> = {}
    const end = () => {
      clearTimeout(timer)
      resolve(found.http && found.https ? (found as Inherited) : undefined)
      setImmediate(() => process.connected && process.disconnect()) // Node is not done with the message yet
    }
    const timer = setTimeout(end, INHERIT_MS)
    process.on('disconnect', end)
    process.on('message', ({ port }: Named, handle: unknown) => {
      found[port] = handle as Handle
      if (found.http && found.https) end()
    })
  })
}

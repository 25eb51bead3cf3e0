import { request } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RouterStatus } from '../server/api/wire.ts'

/** Where to listen, and the setting's name for the sentence that a taken port ends with. */
export type Address = { host: string; port: number; setting: string; /** One that listens there already. */ socket?: object }
export type Listening = { host: string; port: number }

/**
 * Listens, taking the port over from a router of the same home if that holds it. Throws Error with a sentence when a foreign
 * program holds it.
 */
export async function listen(server: Server, address: Address, folder: string, takeoverMs: number): Promise<Listening> {
  const deadline = Date.now() + takeoverMs
  const orphansUntil = Date.now() + ORPHAN_MS
  let isReleased = false
  for (;;) {
    try {
      return await listenOnce(server, address)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw explain(error as Error, address)
      isReleased ||= await callPredecessor(folder, 'POST', '/release-ports').then((status) => status !== undefined)
      // Workers of a router that was killed let the port go as soon as they notice.
      if (Date.now() > (isReleased ? deadline : orphansUntil)) throw explain(error as Error, address)
      await sleep(2)
    }
  }
}

/** The router that answers on `control.sock` now; undefined when none does. */
export const predecessor = (folder: string) => callPredecessor(folder, 'GET', '/status')

/** Asks the predecessor, if there is one, to stop listening and to exit once its requests are done. */
export const retire = (folder: string) => callPredecessor(folder, 'POST', '/release-ports')

const ORPHAN_MS = 1_000
const BACKLOG = 4096

function listenOnce(server: Server, { host, port, socket }: Address): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      server.removeListener('error', onError)
      server.removeListener('listening', onListening)
    }
    const onError = (error: Error) => {
      settle()
      reject(error)
    }
    const onListening = () => {
      settle()
      resolve({ host, port: (server.address() as AddressInfo).port })
    }
    server.on('error', onError)
    server.on('listening', onListening)
    if (socket) server.listen(socket, BACKLOG)
    else server.listen({ host, port, backlog: BACKLOG })
  })
}

function explain(error: Error, { host, port, setting }: Address): Error {
  const why =
    (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${error.message})`
  return new Error(`Port ${port} on ${host} ${why}. Free it, or choose another one with ${setting}.`, { cause: error })
}

function callPredecessor(folder: string, method: string, path: string): Promise<RouterStatus | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath: join(folder, 'control.sock'), method, path, timeout: 5_000 }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('end', () => resolve(parse(Buffer.concat(chunks).toString())))
      res.on('error', () => resolve(undefined))
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(undefined))
    call.end()
  })
}

function parse(text: string): RouterStatus | undefined {
  try {
    return JSON.parse(text) as RouterStatus
  } catch {
    return undefined
  }
}

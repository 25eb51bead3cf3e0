import { request } from 'node:http'
import type { RouterCounts, RouterStatus, RouteTable, SwitchCost, TableAck, WakeList } from '../api/wire.ts'

const TIMEOUT_MS = 5_000
/** The router answers a call for wakes after 25 s, come what may. */
const WAKES_TIMEOUT_MS = 30_000

/** The router's control socket. Every call rejects when the router does not answer within 5 s. */
export function routerClient(socketPath: string) {
  type Options = { timeout?: number; signal?: AbortSignal }
  const call = <T>(method: string, path: string, body?: unknown, options: Options = {}): Promise<{ status: number; body: T }> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? '' : JSON.stringify(body)
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
      const outgoing = request({ socketPath, method, path, headers, timeout: TIMEOUT_MS, ...options }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: answer.statusCode ?? 0, body: (text ? JSON.parse(text) : undefined) as T })
        })
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error('The router did not answer in time.')))
      outgoing.on('error', reject)
      outgoing.end(payload)
    })

  return {
    putTable: async (table: RouteTable): Promise<{ accepted: boolean; version: number }> => {
      const { status, body } = await call<TableAck>('PUT', '/table', table)
      if (status !== 200 && status !== 409) throw new Error(`The router answered ${status} to a table: ${JSON.stringify(body)}`)
      return { accepted: status === 200, version: body.version }
    },
    counts: async () => (await call<RouterCounts>('GET', '/counts')).body,
    status: async () => (await call<RouterStatus>('GET', '/status')).body,
    /** Sleeping apps that are visited; see GET /wakes/:after. Rejects on abort. */
    async wakes(after: number, signal: AbortSignal): Promise<WakeList> {
      const { status, body } = await call<WakeList>('GET', `/wakes/${after}`, undefined, { timeout: WAKES_TIMEOUT_MS, signal })
      if (status !== 200) throw new Error(`The router answered ${status} to a call for wakes.`)
      return body
    },
    openWindow: async (id: string, app: string) => void (await call('PUT', `/windows/${id}`, { app })),
    closeWindow: async (id: string): Promise<SwitchCost | undefined> => {
      const { status, body } = await call<SwitchCost>('DELETE', `/windows/${id}`)
      return status === 200 ? body : undefined
    },
  }
}
export type RouterClient = ReturnType<typeof routerClient>

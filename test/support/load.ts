import { Agent, request } from 'node:http'

export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string }
export type Target = {
  url: string
  host: string
  path?: string
  method?: string
  headers?: Record<string, string>
  body?: string
}

/** One HTTP request with its Host header set; rejects when no complete answer came within `timeoutMs`. */
export function fetchVia(
  target: Target,
  { agent, timeoutMs = 90_000 }: { agent?: Agent; timeoutMs?: number } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(target.url)
  return new Promise((resolve, reject) => {
    const outgoing = request({
      hostname,
      port,
      path: target.path ?? '/',
      method: target.method ?? 'GET',
      agent: agent ?? false,
      headers: { host: target.host, ...target.headers },
    })
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      let body = ''
      incoming.setEncoding('utf8').on('data', (text: string) => (body += text))
      incoming.on('error', reject)
      incoming.on('end', () =>
        incoming.complete
          ? resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body })
          : reject(new Error('the answer was cut')),
      )
    })
    outgoing.end(target.body)
  })
}

export type Failed = { atMs: number; on: 'kept connection' | 'new connection'; why: string }
export type LoadResult = {
  ok: number
  failed: Failed[]
  longestMs: number
  /** How often each body came, for "old, then new". */
  bodies: Map<string, number>
}

/** A constant, bounded flow: every client asks, reads the whole answer, waits `pauseMs`, asks again. */
export class Load {
  private readonly result: LoadResult = { ok: 0, failed: [], longestMs: 0, bodies: new Map() }
  private readonly agent = new Agent({ keepAlive: true })
  private readonly clients: Promise<void>[]
  private readonly startedAt = performance.now()
  private isStopped = false

  constructor(
    private readonly target: () => Target,
    { kept = 4, fresh = 2, pauseMs = 10 }: { kept?: number; fresh?: number; pauseMs?: number } = {},
  ) {
    this.clients = [...Array<true>(kept).fill(true), ...Array<false>(fresh).fill(false)].map((keep) => this.ask(keep, pauseMs))
  }

  /** Requests answered so far; lets a test wait until the flow flows. */
  get ok(): number {
    return this.result.ok
  }

  get failed(): readonly Failed[] {
    return this.result.failed
  }

  /** Ends the flow once the requests in flight are answered. */
  async stop(): Promise<LoadResult> {
    this.isStopped = true
    await Promise.all(this.clients)
    this.agent.destroy()
    return this.result
  }

  private async ask(keep: boolean, pauseMs: number): Promise<void> {
    while (!this.isStopped) {
      await this.one(keep)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  private async one(keep: boolean): Promise<void> {
    const before = performance.now()
    try {
      const answer = await fetchVia(this.target(), keep ? { agent: this.agent } : {})
      if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.slice(0, 200)}`)
      this.result.ok += 1
      this.result.bodies.set(answer.body, (this.result.bodies.get(answer.body) ?? 0) + 1)
    } catch (error) {
      const on = keep ? 'kept connection' : 'new connection'
      this.result.failed.push({ atMs: Math.round(before - this.startedAt), on, why: String(error) })
    }
    this.result.longestMs = Math.max(this.result.longestMs, performance.now() - before)
  }
}

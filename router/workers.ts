import { fork, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { RouteTable, SwitchCost } from '../server/api/wire.ts'
import type { Ask, Desk, Grant } from './book.ts'
import type { Employer, Servers } from './router.ts'
import type { Serving } from './serving.ts'
import type { ProcessCounts } from './tally.ts'

/** What the main process asks of a worker; each is answered with `{ id, value }`. `door` comes with the listening server. */
export type Call =
  | { do: 'take'; table: RouteTable }
  | { do: 'inflight' }
  | { do: 'idle' }
  | { do: 'counts' }
  | { do: 'startWindow'; id: string; app: string }
  | { do: 'endWindow'; id: string }
  | { do: 'close'; ms: number; farewellMs: number }
  | { do: 'door'; isTls: boolean }
export type CallMessage = { id: number; call: Call }
export type Reply = { id: number; value?: unknown }
/** What a worker asks of the main process by itself; an `ask` is answered with `Granted`. */
export type Request = { ask: Ask; id: number } | { leave: string } | { wake: string }
export type Granted = { granted: number; grant: Grant }

/** The id of a worker's first reply: it listens to us. */
export const READY = -1

/** A worker that does not answer for so long is replaced. */
const ANSWER_MS = 5_000
const RESPAWN_MS = 200

/** Starts `count` workers: the same program with the argument "worker". One that ends is replaced while the router lives. */
export function hireWorkers(count: number, program: string, employer: Employer): Serving[] {
  return Array.from({ length: count }, () => new Worker(program, employer))
}

class Worker implements Serving {
  #child: ChildProcess
  #isClosing = false
  #nextId = 1
  #waiting = new Map<number, (value: unknown) => void>()

  constructor(
    private readonly program: string,
    private readonly employer: Employer,
  ) {
    this.#child = this.#start()
  }

  async take(table: RouteTable): Promise<void> {
    await this.#call({ do: 'take', table })
  }
  async inflight(): Promise<Record<string, number>> {
    return ((await this.#call({ do: 'inflight' })) ?? {}) as Record<string, number>
  }
  async idle(): Promise<Record<string, number> | undefined> {
    return (await this.#call({ do: 'idle' })) as Record<string, number> | undefined
  }
  async counts(): Promise<ProcessCounts | undefined> {
    return (await this.#call({ do: 'counts' })) as ProcessCounts | undefined
  }
  async startWindow(id: string, app: string): Promise<void> {
    await this.#call({ do: 'startWindow', id, app })
  }
  async endWindow(id: string): Promise<SwitchCost | undefined> {
    return (await this.#call({ do: 'endWindow', id })) as SwitchCost | undefined
  }
  async close(ms: number, farewellMs = 0): Promise<void> {
    this.#isClosing = true
    await this.#call({ do: 'close', ms, farewellMs }, ms + ANSWER_MS)
    this.#child.kill('SIGKILL')
  }

  #start(): ChildProcess {
    const { tickets, table, servers, spool, book } = this.employer
    const desk = book.desk()
    const child = fork(this.program, ['worker'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] })
    child.on('message', (said: Reply | Request) => {
      if ('id' in said && said.id === READY) openDoors(child, servers)
      else if ('value' in said || !('ask' in said || 'leave' in said || 'wake' in said)) this.#answer(said.id, said.value)
      else this.#hear(child, desk, said)
    })
    child.on('exit', () => desk.close())
    child.on('error', () => {})
    child.on('exit', () => this.#ended(child))
    collect(child.stdio[4] as Readable, (records) => spool.add(records))
    child.send({ hello: { tickets: tickets.state, table: table() } })
    return child
  }

  #hear(child: ChildProcess, desk: Desk, said: Request): void {
    if ('wake' in said) this.employer.wakes.want(said.wake)
    else if ('leave' in said) desk.leave(said.leave)
    else desk.ask(said.ask, (grant) => child.connected && child.send({ granted: said.id, grant } satisfies Granted))
  }

  #ended(child: ChildProcess): void {
    if (child !== this.#child) return
    for (const id of [...this.#waiting.keys()]) this.#answer(id, undefined)
    if (this.#isClosing) return
    setTimeout(() => {
      if (!this.#isClosing) this.#child = this.#start()
    }, RESPAWN_MS)
  }

  /** Resolves with the answer; with undefined when the worker has ended: its successor starts from the newest table. */
  #call(call: Call, timeoutMs = ANSWER_MS): Promise<unknown> {
    const child = this.#child
    if (!child.connected) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const id = this.#nextId++
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
      this.#waiting.set(id, (value) => {
        clearTimeout(timer)
        resolve(value)
      })
      child.send({ id, call } satisfies CallMessage)
    })
  }

  #answer(id: number, value: unknown): void {
    this.#waiting.get(id)?.(value)
    this.#waiting.delete(id)
  }
}

/** Not before the worker listens to messages: Node accepts connections on a server that came through a channel from the moment it arrives, for nobody. */
function openDoors(child: ChildProcess, servers: Servers): void {
  if (!child.connected) return
  child.send({ id: 0, call: { do: 'door', isTls: false } } satisfies CallMessage, servers.http)
  child.send({ id: 0, call: { do: 'door', isTls: true } } satisfies CallMessage, servers.https)
}

/** Hands over whole lines; what a dead worker left unfinished is dropped. */
function collect(pipe: Readable, onRecords: (records: string) => void): void {
  let rest = ''
  pipe.setEncoding('utf8')
  pipe.on('error', () => {})
  pipe.on('data', (chunk: string) => {
    const end = chunk.lastIndexOf('\n') + 1
    if (end > 0) onRecords(rest + chunk.slice(0, end))
    rest = end > 0 ? chunk.slice(end) : rest + chunk
  })
}

import { rmSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'

const ENGINE = process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock'

/** What becomes of a call: an answer that is an error, or none at all (the connection is cut before it reaches the engine). */
export type Fault = 500 | 404 | 409 | 'none'
type Call = { method: string; path: string }

/** The real engine behind a unix socket of our own, which can fail: the engine itself serves others too and is left alone. */
export class EngineProxy {
  /** Calls since `inject`; event streams and attachments count as one. */
  readonly calls: Call[] = []
  private fault: { at: number; what: Fault } | undefined
  private server: Server | undefined
  private readonly sockets = new Set<Socket>()
  private held: (() => void)[] | undefined

  constructor(readonly path: string) {}

  /** Takes calls, after `down` again. */
  up(): Promise<void> {
    rmSync(this.path, { force: true })
    const server = createServer((incoming, answer) => this.take(incoming, answer))
    server.on('upgrade', (incoming, socket, head) => this.tunnel(incoming, socket as Socket, head))
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.on('error', () => {}).once('close', () => this.sockets.delete(socket))
    })
    server.requestTimeout = 0
    server.timeout = 0
    this.server = server
    return new Promise((resolve) => server.listen(this.path, resolve))
  }

  /** As when the engine has ended: every connection is cut, and no new one is taken. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.server?.close(resolve) ?? resolve(undefined))
    this.cut()
    await closed
    rmSync(this.path, { force: true })
  }

  /** Cuts what is open: event streams, logs, attachments, builds. */
  cut() {
    for (const socket of this.sockets) socket.destroy()
  }

  /** As a stopped process: takes connections and says nothing, until `resume`. */
  hang() {
    this.held = []
  }

  resume() {
    const held = this.held ?? []
    this.held = undefined
    for (const go of held) go()
  }

  /** The n-th call from now on (n = 1 …) fails with `what`; 0 = none does. */
  inject(at: number, what: Fault) {
    this.calls.length = 0
    this.fault = { at, what }
  }

  /** The injected fault has come to pass, on this call. */
  get hit(): Call | undefined {
    return this.fault && this.calls[this.fault.at - 1]
  }

  private isFaulty(incoming: IncomingMessage): Fault | undefined {
    this.calls.push({ method: incoming.method!, path: incoming.url!.replace(/^\/v[\d.]+/, '').replace(/\?.*/, '') })
    return this.fault?.at === this.calls.length ? this.fault.what : undefined
  }

  private take(incoming: IncomingMessage, answer: ServerResponse) {
    const fault = this.isFaulty(incoming)
    if (fault === 'none') return void incoming.socket.destroy()
    if (fault) {
      incoming.resume()
      return void answer
        .writeHead(fault, { 'content-type': 'application/json' })
        .end(JSON.stringify({ message: `an injected ${fault}` }))
    }
    if (this.held) return void this.held.push(() => forward(incoming, answer))
    forward(incoming, answer)
  }

  /** Attachments and BuildKit's sessions: bytes both ways after the head. */
  private tunnel(incoming: IncomingMessage, socket: Socket, head: Buffer) {
    const fault = this.isFaulty(incoming)
    if (fault) return void socket.destroy()
    const engine = connect({ path: ENGINE, allowHalfOpen: true })
    const headers = Array.from({ length: incoming.rawHeaders.length / 2 }, (_, n) => incoming.rawHeaders.slice(2 * n, 2 * n + 2))
    const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)]
    // The engine forgets what came with the head before it hijacks; in a packet of its own the client's body would become standard input.
    engine.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), head]))
    engine.on('error', () => socket.destroy()).once('close', () => socket.destroy())
    socket.on('error', () => engine.destroy()).once('close', () => engine.destroy())
    engine.pipe(socket)
    socket.pipe(engine)
  }
}

function forward(incoming: IncomingMessage, answer: ServerResponse) {
  const outgoing = request(
    { socketPath: ENGINE, method: incoming.method, path: incoming.url, headers: incoming.headers },
    (got) => {
      answer.writeHead(got.statusCode!, got.headers)
      answer.flushHeaders()
      got.pipe(answer)
      got.on('error', () => answer.destroy())
    },
  )
  outgoing.on('error', () => answer.destroy())
  answer.on('close', () => outgoing.destroy())
  incoming.pipe(outgoing)
}

import { randomUUID } from 'node:crypto'
import type { Code } from './codes.ts'
import type { RequestHead } from './http1/request.ts'
import type { ResponseHead } from './http1/response.ts'
import { chainOf, forwardText } from './forwarded.ts'
import { formatLine } from './line.ts'
import type { Peer, Shared } from './peer.ts'
import { errorPage, unknownHostPage, type Page } from './page.ts'
import { pick, verdict, type AppRoute, type Target, type Upstream as Dyno } from './routes.ts'
import { dial, type Holder, type Upstream } from './upstream.ts'

const PROTOCOLS = ['http1.0', 'http1.1', 'http2'] as const
const REPLAYABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
/** A kept connection that may be at its end is not used for what cannot be sent twice. */
const UNSAFE_IDLE_MS = 500

/** One request: finds its app, waits, draws, connects, carries both bodies, tells the log. The seam between client and app. */
export class Exchange implements Holder {
  isBodyDone: boolean
  #app: AppRoute | undefined
  #dyno: Dyno | undefined
  #upstream: Upstream | undefined
  #tried: Set<Target> | undefined
  #code: Code | undefined
  #isReused = false
  #cancel: (() => void) | undefined
  #began = false
  #isTunnel = false
  #isOver = false
  #halfClosed = 0
  #status = 0
  #bytes = 0
  /** The target that counts this request. */
  #counted: Target | undefined
  readonly #requestId: string
  readonly #fwd: string
  readonly #startedAt = performance.now()
  #connectedAt = 0
  #dialedAt = 0
  #blockedBacklog = -1

  constructor(
    private readonly shared: Shared,
    private readonly peer: Peer,
    private readonly request: RequestHead,
  ) {
    const sent = request.requestId
    this.#requestId = sent !== undefined && /^[A-Za-z0-9-]{20,128}$/.test(sent) ? sent : randomUUID()
    this.#fwd = chainOf(request, peer.origin)
    this.isBodyDone = request.body === 0 || (request.body === 1 && request.length === 0)
  }

  get method(): string {
    return this.request.method
  }
  get takesFraming(): boolean {
    return this.peer.takesFraming
  }
  get wantsUpgrade(): boolean {
    return this.request.upgrade !== undefined
  }
  /** Body bytes can be taken. */
  get isOpen(): boolean {
    return this.#upstream !== undefined
  }
  get isTunnel(): boolean {
    return this.#isTunnel
  }

  /** Looks for a target; called again whenever that may have changed. */
  start(): void {
    const { routes, limits } = this.shared
    this.#cancel = undefined
    const app = routes.find(this.request.host)
    this.#app = app
    if (!app) return this.#refuse(404, unknownHostPage(this.request.host, this.#requestId, this.peer.accept))
    const code = verdict(app)
    if (code) return this.#fail(code)
    if (app.upstreams.length === 0) return this.#wait(app)
    const tried = this.#tried
    const dyno = tried && tried.size >= limits.tries ? undefined : pick(app.upstreams, tried, Date.now())
    if (!dyno) return this.#fail(this.#code ?? 'H99')
    this.#reach(dyno)
  }

  #wait(app: AppRoute): void {
    const { routes, limits, backlogOf } = this.shared
    const left = this.#startedAt + limits.bootWaitMs - performance.now()
    if (left <= 0) return this.#fail('H20')
    const count = backlogOf.get(app.id) ?? 0
    if (count >= limits.waiting) return this.#fail('H11')
    backlogOf.set(app.id, count + 1)
    const leave = () => {
      const now = backlogOf.get(app.id)! - 1
      if (now === 0) backlogOf.delete(app.id)
      else backlogOf.set(app.id, now)
    }
    const cancel = routes.onChange(left, () => {
      leave()
      this.start()
    })
    this.#cancel = () => {
      cancel()
      leave()
    }
  }

  #reach(dyno: Dyno): void {
    const { target } = dyno
    this.#dyno = dyno
    this.#counted = target
    target.inflight += 1
    this.#dialedAt = performance.now()
    const since = this.#isReplayable() ? 0 : this.#dialedAt - UNSAFE_IDLE_MS
    const kept = this.#isReused ? undefined : target.take(since)
    if (kept) {
      this.#isReused = true
      return this.#open(kept as Upstream)
    }
    this.#isReused = false
    this.#cancel = dial(target, this.shared.sweeper, this.shared.limits.connectMs, (result) => {
      this.#cancel = undefined
      if (typeof result !== 'string') return this.#open(result)
      this.#uncount()
      if (result !== 'H22') target.restsUntil = Date.now() + this.shared.limits.restMs
      this.#code = result
      ;(this.#tried ??= new Set()).add(target)
      this.start()
    })
  }

  #isReplayable(): boolean {
    return this.request.body === 0 && REPLAYABLE.has(this.request.method)
  }

  #uncount(): void {
    if (this.#counted) this.#counted.inflight -= 1
    this.#counted = undefined
  }

  #open(upstream: Upstream): void {
    this.#upstream = upstream
    this.#connectedAt = performance.now()
    upstream.hold(this)
    upstream.writer.text(forwardText(this.request, this.peer.origin, this.#requestId, this.#fwd))
    this.#await()
    if (this.isBodyDone) upstream.writer.flush()
    else this.peer.resumeBody()
  }

  /** The deadline of what comes next. */
  #await(): void {
    const { firstByteMs, idleMs } = this.shared.limits
    this.peer.due = performance.now() + (this.isBodyDone && !this.#began ? firstByteMs : idleMs)
  }

  /** Request bytes as the app is to get them, framing included. Valid during the call only. */
  send(buf: Buffer, start: number, end: number): void {
    this.#upstream?.writer.bytes(buf, start, end)
  }

  sendText(text: string): void {
    this.#upstream?.writer.text(text)
  }

  sendFlush(): void {
    this.#upstream?.writer.flush()
  }

  /** The bytes of one read are all sent. */
  sendPause(): void {
    if (!this.#upstream) return
    this.#await()
    if (!this.#upstream.writer.flush()) this.peer.pauseBody()
  }

  onDrain(): void {
    this.#await()
    this.peer.resumeBody()
  }

  onInfo(head: ResponseHead): void {
    this.#await()
    this.peer.info(head)
  }

  onHead(head: ResponseHead): void {
    this.#began = true
    this.#status = head.status
    this.peer.head(head)
  }

  onBytes(buf: Buffer, start: number, end: number): void {
    this.#bytes += end - start
    this.peer.bytes(buf, start, end)
  }

  onPause(): void {
    if (this.#isOver) return
    if (this.#began) this.#await()
    if (this.peer.flush()) return
    this.#blockedBacklog = this.peer.backlog()
    this.#upstream!.wire.pause()
  }

  clientDrained(): void {
    this.#blockedBacklog = -1
    this.#await()
    this.#upstream?.wire.resume()
  }

  onTunnel(head: ResponseHead): void {
    this.#began = true
    this.#isTunnel = true
    this.#status = 101
    this.peer.tunnel(head)
    this.peer.resumeBody()
  }

  /** A tunnel is over when both sides have ended. */
  onHalfClose(): void {
    this.peer.halfClose()
    this.#ended()
  }

  clientHalfClosed(): void {
    this.#upstream?.wire.end()
    this.#ended()
  }

  #ended(): void {
    this.#halfClosed += 1
    if (this.#halfClosed < 2) return
    this.#upstream?.destroy()
    this.#finish()
  }

  onEnd(trailers: string, isReusable: boolean): void {
    const upstream = this.#upstream!
    if (isReusable && this.isBodyDone) upstream.release()
    else upstream.destroy()
    this.peer.end(trailers)
    this.#finish()
  }

  onFail(code: 'H13' | 'H17' | 'H18', hadBytes: boolean): void {
    this.#upstream = undefined
    if (this.#isTunnel) {
      this.peer.cut()
      return this.#finish()
    }
    if (code === 'H13' && this.#isReused && !hadBytes && this.#isReplayable()) {
      this.#uncount()
      this.#connectedAt = 0
      return this.start()
    }
    this.#fail(code === 'H13' && !this.isBodyDone ? 'H18' : code)
  }

  /** The client's connection is gone. */
  clientGone(): void {
    if (this.#isOver) return
    this.#cancel?.()
    this.#upstream?.destroy()
    this.#status = this.#isTunnel || this.#began ? this.#status : 499
    this.#finish(this.#isTunnel ? undefined : 'H27')
  }

  /** A deadline passed. */
  overdue(): void {
    const { peer } = this
    if (!this.#upstream) return
    const waiting = peer.backlog() + this.#upstream.wire.backlog()
    if (waiting > 0 && waiting !== this.#blockedBacklog) {
      this.#blockedBacklog = waiting
      return this.#await()
    }
    if (this.#isTunnel) return this.#fail('H15')
    if (!this.isBodyDone) return this.#fail(this.#upstream.wire.isBlocked ? 'H15' : 'H28')
    this.#fail(!this.#began ? 'H12' : peer.backlog() > 0 ? 'H28' : 'H15')
  }

  #fail(code: Code): void {
    this.#upstream?.destroy()
    this.#upstream = undefined
    if (!this.#began) return this.#refuse(503, errorPage(code, this.#requestId, this.peer.accept), code)
    this.peer.cut()
    this.#finish(code)
  }

  #refuse(status: number, page: Page, code?: Code): void {
    this.#status = status
    this.#bytes = this.peer.page(status, this.#requestId, page)
    this.#finish(code)
  }

  #finish(code?: Code): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#uncount()
    this.#upstream = undefined
    this.#cancel = undefined
    this.peer.due = Infinity
    if (this.#app) this.#tell(this.#app, code)
    this.peer.done()
  }

  #tell(app: AppRoute, code: Code | undefined): void {
    const { request, peer } = this
    const isConnected = this.#connectedAt > 0
    const line = formatLine({
      code, method: request.method, path: request.target, host: request.host, requestId: this.#requestId, fwd: this.#fwd,
      dyno: this.#dyno?.dyno, connectMs: isConnected ? this.#connectedAt - this.#dialedAt : undefined,
      serviceMs: isConnected ? performance.now() - this.#connectedAt : undefined, status: this.#status, bytes: this.#bytes,
      protocol: PROTOCOLS[request.minor], tls: peer.origin.isTls,
    }) // prettier-ignore
    this.shared.log(app.id, line)
    const isOurs = code !== undefined && code !== 'H27' && code !== 'H28' && code !== 'H80'
    const waitMs = (isConnected ? this.#connectedAt : performance.now()) - this.#startedAt
    this.shared.windows.count({ appId: app.id, failed: isOurs && !this.#began, cut: isOurs && this.#began, waitMs })
  }
}

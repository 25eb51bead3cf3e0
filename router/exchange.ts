import { Attempts, type Seeker } from './attempts.ts'
import type { Code } from './codes.ts'
import { isReplayable, type RequestHead } from './http1/request.ts'
import type { ResponseHead } from './http1/response.ts'
import { forwardText, type Passage } from './forwarded.ts'
import type { Refusal } from './gate.ts'
import type { Peer, Shared } from './peer.ts'
import { hstsLine, ownAnswer } from './https.ts'
import { errorPage, refusalPage, unknownHostPage, type Page } from './page.ts'
import { verdict, type AppRoute } from './routes.ts'
import { report } from './report.ts'
import { newRequestId } from './request-id.ts'
import type { Holder, Upstream } from './upstream.ts'
import { Visit, type Entrant } from './visit.ts'
import { waitFor } from './waiting.ts'

/** One request: finds its app, waits, connects, carries both bodies, tells the log. The seam between client and app. */
export class Exchange implements Holder, Entrant, Seeker {
  isBodyDone: boolean
  #app: AppRoute | undefined
  #visit: Visit | undefined
  #upstream: Upstream | undefined
  #cancel: (() => void) | undefined
  #began = false
  #isTunnel = false
  #isOver = false
  #halfClosed = 0
  #status = 0
  #bytes = 0
  #received = 0
  readonly #attempts: Attempts
  readonly #requestId: string
  readonly #startedAt = performance.now()
  #connectedAt = 0
  #blockedBacklog = -1

  constructor(
    private readonly shared: Shared,
    private readonly peer: Peer,
    private readonly request: RequestHead,
    private readonly passage: Passage,
  ) {
    const sent = request.requestId
    this.#requestId = sent !== undefined && /^[A-Za-z0-9-]{20,128}$/.test(sent) ? sent : newRequestId()
    this.#attempts = new Attempts(shared, request, this)
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
    const { request, peer } = this
    this.#cancel = undefined
    const app = this.shared.routes.find(request.host)
    this.#app = app
    const own = ownAnswer(this.shared, request, peer.origin, app)
    if (own) return this.#refuse(own.status, own.page)
    if (!app) return this.#refuse(404, unknownHostPage(request.host, this.#requestId, peer.accept))
    const code = verdict(app)
    if (code) return this.#fail(code)
    if (this.#visit === undefined && !this.#enter(app)) return
    if (app.upstreams.length === 0) return this.#wait(app)
    if (!this.#attempts.next(app)) this.#fail(this.#attempts.code ?? 'H99')
  }

  /** False when the request does not go on now: the app's limits refuse it, or are to be heard of. */
  #enter(app: AppRoute): boolean {
    const { limits, usage } = app
    if (this.request.length > limits.bodyBytes) return (this.#turnAway('large'), false)
    if (usage.inflight >= limits.connections) return (this.#fail('H22'), false)
    this.#visit = new Visit(app, this.shared.gate, this.shared.turns, this)
    return this.#visit.enter(this.#startedAt)
  }

  decided(refusal?: Refusal): void {
    if (refusal) this.#turnAway(refusal)
    else this.start()
  }

  #turnAway(why: 'large' | Refusal): void {
    if (why !== 'large' && why.why === 'full') return this.#fail('H22')
    this.#upstream?.destroy()
    const { status, page } = refusalPage(why, this.#requestId, this.peer.accept)
    if (!this.#began) return this.#refuse(status, page)
    this.peer.cut()
    this.#finish()
  }

  /** Body bytes that came so far: more than the app takes end the request. */
  isTooLarge(bytes: number): boolean {
    if (this.#isOver || bytes <= this.#app!.limits.bodyBytes) return false
    this.#turnAway('large')
    return true
  }

  #wait(app: AppRoute): void {
    const wait = waitFor(this.shared, app, this.#startedAt, () => this.start())
    if (typeof wait === 'string') this.#fail(wait)
    else this.#cancel = wait
  }

  onOpen(upstream: Upstream, now: number): void {
    this.#upstream = upstream
    this.#connectedAt = now
    upstream.hold(this)
    upstream.writer.text(forwardText(this.passage, this.#requestId))
    this.#await()
    if (this.isBodyDone) upstream.writer.flush()
    else this.peer.resumeBody()
  }

  /** The deadline of what comes next. */
  #await(): void {
    const { firstByteMs, idleMs } = this.#app!.limits
    this.peer.due = this.shared.sweeper.in(this.isBodyDone && !this.#began ? firstByteMs : idleMs)
  }

  /** Request bytes as the app is to get them, framing included. Valid during the call only. */
  send(buf: Buffer, start: number, end: number): void {
    this.#received += end - start
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
    const hsts = this.#app?.rules?.hsts
    const more = hsts === undefined ? '' : hstsLine(hsts, this.request, this.peer.origin, head.kept)
    this.peer.head(more === '' ? head : { ...head, kept: head.kept + more, text: '' })
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
    const now = performance.now()
    if (isReusable && this.isBodyDone) this.#upstream!.release(now)
    else this.#upstream!.destroy()
    this.peer.end(trailers)
    this.#finish(undefined, now)
  }

  onFail(code: 'H13' | 'H17' | 'H18', hadBytes: boolean): void {
    this.#upstream = undefined
    if (this.#isTunnel) {
      this.peer.cut()
      return this.#finish()
    }
    if (code === 'H13' && this.#attempts.isReused && !hadBytes && isReplayable(this.request)) {
      this.#attempts.leave()
      this.#connectedAt = 0
      return this.start()
    }
    this.#fail(code === 'H13' && !this.isBodyDone ? 'H18' : code)
  }

  /** The client's connection is gone. */
  clientGone(): void {
    if (this.#isOver) return
    this.#cancel?.()
    this.#attempts.cancel()
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
    this.#began &&= !this.peer.retract()
    if (!this.#began) return this.#refuse(503, errorPage(code, this.#requestId, this.peer.accept, this.#app?.pages), code)
    this.peer.cut()
    this.#finish(code)
  }

  #refuse(status: number, page: Page, code?: Code): void {
    this.#status = status
    const hsts = this.#app?.rules?.hsts ? hstsLine(this.#app.rules.hsts, this.request, this.peer.origin, '') : ''
    this.#bytes = this.peer.page(status, this.#requestId, { ...page, fields: `${page.fields ?? ''}${hsts}` })
    this.#finish(code)
  }

  #finish(code?: Code, now = performance.now()): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#attempts.leave()
    this.#visit?.leave(now)
    this.#upstream = undefined
    this.#cancel = undefined
    this.peer.due = Infinity
    report(this.shared, this.passage, {
      app: this.#app, dyno: this.#attempts.dyno, requestId: this.#requestId, code, status: this.#status, sent: this.#bytes, received: this.#received,
      began: this.#began, isTunnel: this.#isTunnel, startedAt: this.#startedAt, dialedAt: this.#attempts.dialedAt, connectedAt: this.#connectedAt, now,
    }) // prettier-ignore
    this.peer.done()
  }
}

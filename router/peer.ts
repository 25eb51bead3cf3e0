import type { Origin } from './forwarded.ts'
import type { Gate } from './gate.ts'
import type { ResponseHead } from './http1/response.ts'
import type { Page } from './page.ts'
import type { Routes } from './routes.ts'
import type { Guest } from './serving.ts'
import type { Limits } from './settings.ts'
import type { Sweeper } from './sweeper.ts'
import type { Tally } from './tally.ts'
import type { Turns } from './turns.ts'
import type { Windows } from './windows.ts'

/** The client's side of one request, whatever the protocol. */
export interface Peer {
  /** Read by the sweeper, moved by the exchange. */
  due: number
  readonly origin: Origin
  readonly takesFraming: boolean
  readonly accept: string
  /** Bytes that the client has not taken yet. */
  backlog(): number
  info(head: ResponseHead): void
  head(head: ResponseHead): void
  /** Takes the head back, with what followed it; false when some of it is on its way already. */
  retract(): boolean
  bytes(buf: Buffer, start: number, end: number): void
  /** False while the client takes no more: `exchange.clientDrained()` follows. */
  flush(): boolean
  /** The response is complete. */
  end(trailers: string): void
  tunnel(head: ResponseHead): void
  halfClose(): void
  /** A whole answer of the router's own. Returns the bytes of its body. */
  page(status: number, requestId: string, page: Page): number
  /** Nothing more can be said: cut. */
  cut(): void
  pauseBody(): void
  resumeBody(): void
  /** Both sides are over; the exchange is not used any more. */
  done(): void
}

export type Shared = {
  routes: Routes
  limits: Limits
  sweeper: Sweeper
  windows: Windows
  tally: Tally
  turns: Turns
  backlogOf: Map<string, number>
  /** Where the router listens. */
  ports: { plain: number; tls: number }
  gate: Gate
  /** Asks for a sleeping app to be woken. */
  wake(appId: string): void
  log(appId: string, line: string): void
}

/** What a connection shares with all others of its process. */
export type House = Shared & { isDraining: boolean; onGone(guest: Guest): void }

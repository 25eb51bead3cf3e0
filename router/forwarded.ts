import { BODY } from './http1/fields.ts'
import type { RequestHead } from './http1/request.ts'
import { clean } from './line.ts'

/** Where a client's connection comes from and where it arrived. */
export type Origin = {
  address: string
  /** The router's port that the client connected to. */
  port: number
  isTls: boolean
  /** A load balancer of ours in front: what it says about its client is believed (`DOZEN_TRUSTED_PROXIES`). */
  isTrusted: boolean
}

/** What a request's head and its connection mean to the app and the log: all but the request's own id and time. */
export type Passage = {
  /** Of the head as the app gets it: end-to-end fields, the router's own, then framing in its canonical spelling. */
  readonly forwarded: string
  /** Of the log line: what was asked, and of whom … */
  readonly asked: string
  /** … who asked … */
  readonly fwd: string
  /** … and how. */
  readonly by: string
}

const PROTOCOLS = ['http1.0', 'http1.1', 'http2'] as const

export function passageOf(request: RequestHead, origin: Origin): Passage {
  // The client's X-Forwarded-For chain, with its address appended.
  const chain = request.forwardedFor ? `${request.forwardedFor}, ${origin.address}` : origin.address
  return {
    forwarded: forwardedText(request, origin, chain),
    asked: ` method=${request.method} path="${clean(request.target)}" host=${clean(request.host)} request_id=`,
    fwd: ` fwd="${clean(chain)}" dyno=`,
    by: ` protocol=${PROTOCOLS[request.minor]} tls=${origin.isTls}`,
  }
}

function forwardedText(request: RequestHead, { isTrusted, isTls, port }: Origin, chain: string): string {
  const proto = (isTrusted && request.forwardedProto) || (isTls ? 'https' : 'http')
  const toldPort = (isTrusted && request.forwardedPort) || port
  const via = request.via === undefined ? '1.1 dozen' : `${request.via}, 1.1 dozen`
  let text =
    `${request.method} ${request.target} HTTP/1.1\r\n${request.kept}X-Forwarded-For: ${chain}\r\nX-Forwarded-Proto: ${proto}\r\n` +
    `X-Forwarded-Port: ${toldPort}\r\nVia: ${via}\r\n`
  if (isTrusted) text += request.claims
  if (request.body === BODY.length) text += `Content-Length: ${request.length}\r\n`
  else if (request.body === BODY.chunked) text += 'Transfer-Encoding: chunked\r\n'
  if (request.expect !== undefined) text += 'Expect: 100-continue\r\n'
  if (request.upgrade !== undefined) text += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`
  return text
}

/** The whole head for the app. */
export const forwardText = ({ forwarded }: Passage, requestId: string): string =>
  `${forwarded}X-Request-Id: ${requestId}\r\nX-Request-Start: ${Date.now()}\r\n\r\n`

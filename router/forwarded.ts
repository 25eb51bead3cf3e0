import { BODY } from './http1/fields.ts'
import type { RequestHead } from './http1/request.ts'

/** Where a client's connection comes from and where it arrived. */
export type Origin = {
  address: string
  /** The router's port that the client connected to. */
  port: number
  isTls: boolean
  /** A load balancer of ours in front: what it says about its client is believed (`DOZEN_TRUSTED_PROXIES`). */
  isTrusted: boolean
}

/** X-Forwarded-For for the app: what the client sent, with its address appended. */
export const chainOf = (request: RequestHead, { address }: Origin): string =>
  request.forwardedFor ? `${request.forwardedFor}, ${address}` : address

/** The request's head as the app gets it: end-to-end fields, the router's own, then framing in its canonical spelling. */
export function forwardText(request: RequestHead, origin: Origin, requestId: string, fwd: string): string {
  const { isTrusted, isTls, port } = origin
  const proto = (isTrusted && request.forwardedProto) || (isTls ? 'https' : 'http')
  const toldPort = (isTrusted && request.forwardedPort) || port
  const via = request.via === undefined ? '1.1 dozen' : `${request.via}, 1.1 dozen`
  let text =
    `${request.method} ${request.target} HTTP/1.1\r\n${request.kept}X-Forwarded-For: ${fwd}\r\nX-Forwarded-Proto: ${proto}\r\n` +
    `X-Forwarded-Port: ${toldPort}\r\nX-Request-Id: ${requestId}\r\nX-Request-Start: ${Date.now()}\r\nVia: ${via}\r\n`
  if (isTrusted) text += request.claims
  if (request.body === BODY.length) text += `Content-Length: ${request.length}\r\n`
  else if (request.body === BODY.chunked) text += 'Transfer-Encoding: chunked\r\n'
  if (request.expect !== undefined) text += 'Expect: 100-continue\r\n'
  if (request.upgrade !== undefined) text += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`
  return `${text}\r\n`
}

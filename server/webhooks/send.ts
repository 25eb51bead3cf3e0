import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'

const TIMEOUT_MS = 10_000

/** POSTs a JSON text. Resolves with the status, whatever it is; rejects with a reason when there was no answer. Redirects are not followed. */
export function post(
  url: string,
  { body, headers, lookup, signal }: { body: string; headers: Record<string, string>; lookup: LookupFunction | undefined; signal: AbortSignal },
): Promise<number> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        ...(lookup && { lookup }),
      },
      (answer) => {
        answer.destroy() // only the status counts
        resolve(answer.statusCode ?? 0)
      },
    )
    outgoing.on('error', (cause: NodeJS.ErrnoException) => reject(cause.name === 'TimeoutError' ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : cause))
    outgoing.end(body)
  })
} // prettier-ignore

import * as http from 'node:http'
import type { Settings } from './settings.ts'

export type Body = Record<string, unknown> | unknown[]
export type RequestOptions = {
  body?: Body | undefined
  headers?: Record<string, string>
  /** A stream or bytes as they are, in place of JSON. */
  raw?: NodeJS.ReadableStream | Buffer
  /** The URL is the secret: send no token. */
  anonymous?: boolean
}
/** `path` may be a whole URL. A stream has no time limit. */
export type Ask = RequestOptions & { method: string; path: string; isStream?: boolean }

const ACCEPT = 'application/vnd.heroku+json; version=3'
const IDLE_MS = 120_000

/** One request, one try: resolves with the response's head, rejects with the socket's error. */
export async function send(settings: Settings, ask: Ask): Promise<http.IncomingMessage> {
  const url = new URL(ask.path, settings.url())
  const payload = ask.body === undefined ? undefined : Buffer.from(JSON.stringify(ask.body))
  const tls = url.protocol === 'https:' ? await tlsOptions(settings) : undefined
  const request = tls ? (await import('node:https')).request : http.request
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: ask.method,
      agent: false,
      ...tls,
      headers: headers(settings, { ...ask, url }, payload),
    })
    if (!ask.isStream) outgoing.setTimeout(IDLE_MS, () => outgoing.destroy(timedOut()))
    outgoing.on('error', reject).on('response', resolve)
    if (ask.raw && !Buffer.isBuffer(ask.raw)) ask.raw.on('error', reject).pipe(outgoing)
    else outgoing.end(payload ?? ask.raw)
  })
}

/** The token goes to the server that it belongs to and nowhere else, whatever URL an answer of that server names. */
function headers(settings: Settings, ask: Ask & { url: URL }, payload: Buffer | undefined): http.OutgoingHttpHeaders {
  const isOurs = !ask.anonymous && ask.url.origin === settings.url()
  const token = isOurs ? settings.token().value : undefined
  return {
    accept: ACCEPT,
    'user-agent': 'dozen-cli',
    ...(token && { authorization: `Bearer ${token}` }),
    ...(payload && { 'content-type': 'application/json', 'content-length': payload.length }),
    ...ask.headers,
  }
}

/** The installation's own CA beside the public ones. */
export async function tlsOptions(settings: Settings): Promise<{ ca?: string[] }> {
  const ca = settings.ca()
  return ca ? { ca: [...(await import('node:tls')).rootCertificates, ca] } : {}
}

const timedOut = () => Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })

/** The whole body; rejects when it was cut. */
export async function text(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

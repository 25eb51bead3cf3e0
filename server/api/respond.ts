import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Request, Response } from 'express'
import { page } from './range.ts'
import type { Reply } from './route.ts'

const MIN_GZIP_BYTES = 1024
const compress = promisify(gzip)

/** An answer as it leaves: what an Idempotency-Key repeats. */
export type Rendered = { status: number; headers: Record<string, string>; text: string }

/** A reply as text; lists are cut to the page that `Range` asks for. */
export function render(reply: Reply, range: string | undefined): Rendered {
  if ('json' in reply) return { status: reply.status ?? 200, headers: { ...reply.headers }, text: JSON.stringify(reply.json) }
  const { items, status, contentRange, nextRange } = page(range, reply.list as never[], reply.keys)
  return {
    status,
    headers: {
      'Accept-Ranges': Object.keys(reply.keys).join(', '),
      'Content-Range': contentRange,
      ...(nextRange && { 'Next-Range': nextRange }),
    },
    text: JSON.stringify(items.map(reply.show)),
  }
}

/** Writes an answer: 304 for a GET whose entity tag the client holds (RFC 9110 §13.1.2), gzip for who takes it. */
export async function send(req: Request, res: Response, { status, headers, text }: Rendered): Promise<void> {
  res.status(status).set({ Vary: 'Accept, Accept-Encoding, Range', ...headers })
  if (req.method === 'GET') {
    const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`
    res.set('ETag', `W/${tag}`)
    const held = req.headers['if-none-match']?.split(',').map((one) => one.trim().replace(/^W\//, '')) ?? []
    if (status < 300 && (held.includes(tag) || held.includes('*'))) return void res.status(304).end()
  }
  res.type('json')
  const small = text.length < MIN_GZIP_BYTES || req.acceptsEncodings('gzip', 'identity') !== 'gzip'
  if (small) return void res.end(text)
  res.set('Content-Encoding', 'gzip').end(await compress(text))
}

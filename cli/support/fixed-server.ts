import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { dispatch } from '../dispatch.ts'
import { wholeInput } from '../input.ts'
import type { Env } from '../settings.ts'

export type Asked = { method: string; path: string; headers: IncomingMessage['headers']; body: unknown }
/** JSON with status 200, or a function that writes the response itself. */
export type Fixed = object | ((request: Asked, response: ServerResponse) => void)
/** "GET /apps" → its answer. What is not listed answers 404 as the real server does. */
export type Routes = Record<string, Fixed>

/** A real HTTP server on loopback that answers with fixed JSON and remembers what it was asked. */
export async function fixedServer(routes: Routes, host = '127.0.0.1') {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const text = await wholeInput(request)
    const { method = '', url: path = '', headers } = request
    const isJson = headers['content-type']?.includes('json')
    const entry: Asked = { method, path, headers, body: text && isJson ? JSON.parse(text) : text || undefined }
    asked.push(entry)
    const fixed = routes[`${method} ${path}`]
    if (typeof fixed === 'function') fixed(entry, response)
    else if (fixed) sendJson(response, 200, fixed)
    else sendJson(response, 404, { id: 'not_found', resource: 'app', message: "Couldn't find that app." })
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const url = `http://${host}:${(server.address() as AddressInfo).port}`
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url, asked, close }
}

export const sendJson = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** When every transcript happens. */
export const NOW = new Date('2026-01-01T12:00:00Z')

export type Transcript = { code: number; stdout: string; stderr: string }
export type Session = { env?: Env; cwd?: string; input?: string }

/** One command line through the whole client, its streams caught. Nothing of the outside's environment reaches it. */
export async function typed(words: readonly string[], { env = {}, cwd = '/', input = '' }: Session = {}): Promise<Transcript> {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
  const stdout = wholeInput(streams.stdout)
  const stderr = wholeInput(streams.stderr)
  streams.stdin.end(input)
  const code = await dispatch(words, {
    env: { HOME: '/nonexistent', ...env },
    cwd,
    program: '/usr/local/bin/dozen',
    streams,
    now: () => NOW,
  })
  streams.stdout.end()
  streams.stderr.end()
  return { code, stdout: await stdout, stderr: await stderr }
}

/** A session as it reads on a terminal: "$ dozen apps", stdout, then stderr behind "! ", then the status when it is not 0. */
export async function transcript(routes: Routes, lines: readonly (readonly string[])[], session: Session = {}) {
  const server = await fixedServer(routes)
  const shown: string[] = []
  const env = { DOZEN_URL: server.url, DOZEN_TOKEN: 'secret', ...session.env }
  for (const words of lines) {
    const { code, stdout, stderr } = await typed(words, { ...session, env })
    const marked = stderr.replace(/^(?=.)/gm, '! ')
    shown.push(`$ dozen ${words.join(' ')}\n${stdout}${marked}${code === 0 ? '' : `[status ${code}]\n`}`)
  }
  await server.close()
  const changes = server.asked
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path, body }) => [`${method} ${path}`, body])
  return { text: shown.join('\n').replaceAll(server.url, 'http://api'), changes, asked: server.asked }
}

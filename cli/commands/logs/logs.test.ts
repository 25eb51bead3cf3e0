import type { ServerResponse } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { type Asked, fixedServer, sendJson, typed } from '../../support/fixed-server.ts'

const LINE = '2026-01-01T00:00:00.000000+00:00 app[web.1]: '
let server: Awaited<ReturnType<typeof fixedServer>>
afterEach(() => server.close())

const events = (response: ServerResponse, ...lines: [id: number, text: string][]) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`retry: 1\n\n${lines.map(([id, text]) => `id: ${id}\ndata: ${LINE}${text}\n\n`).join('')}`)
  return response
}

/** Each GET of the stream is answered by the next of `answers`. */
async function streaming(...answers: ((response: ServerResponse, request: Asked) => void)[]) {
  server = await fixedServer({
    'POST /apps/shop/log-sessions': (_, response) => sendJson(response, 201, { logplex_url: `${server.url}/streams/s3cret` }),
    'GET /streams/s3cret': (request, response) => answers.shift()!(response, request),
  })
  return { DOZEN_URL: server.url, DOZEN_TOKEN: 't', DOZEN_APP: 'shop' }
}

it('asks for what its options say and prints the lines, without the token in the request for the stream', async () => {
  const env = await streaming((response) => events(response, [1, 'one'], [2, 'two']).end())
  const words = ['logs', '-n', '5', '--source', 'app', '--dyno', 'web.1', '--type', 'web', '--release', 'v7']
  expect(await typed(words, { env })).toEqual({ code: 0, stdout: `${LINE}one\n${LINE}two\n`, stderr: '' })
  expect(server.asked[0]!.body).toEqual({ lines: 5, tail: false, source: 'app', dyno: 'web.1', type: 'web', release: 7 })
  expect(server.asked[1]!.headers.authorization).toBeUndefined()
})

it('takes a cut stream up again after the last line that came', async () => {
  const env = await streaming(
    (response) => void events(response, [1, 'one']).write('id: 2\nda', () => response.destroy()),
    (response, { headers }) => events(response, [2, `after ${headers['last-event-id']}`]).end(),
  )
  expect((await typed(['logs'], { env })).stdout).toBe(`${LINE}one\n${LINE}after 1\n`)
})

it('makes a new session where the old one has expired while it tailed', async () => {
  const gone = (response: ServerResponse) =>
    sendJson(response, 404, { id: 'not_found', message: 'This log session has expired.' })
  const again = Array.from(
    { length: 3 },
    () => (response: ServerResponse) => sendJson(response, 400, { id: 'bad_request', message: 'Enough.' }),
  )
  const env = await streaming(
    (response) => events(response, [1, 'one']).end(),
    gone,
    (response, { headers }) => events(response, [2, `after ${headers['last-event-id']}`]).end(),
    ...again,
  )
  expect(await typed(['logs', '--tail'], { env })).toEqual({
    code: 1,
    stdout: `${LINE}one\n${LINE}after 1\n`,
    stderr: 'Error: Enough.\n',
  })
  expect(server.asked.filter(({ method }) => method === 'POST')).toHaveLength(2)
})

it('prints no escape sequence of an app but its colours', async () => {
  const env = await streaming((response) => events(response, [1, '\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m']).end())
  expect((await typed(['logs'], { env })).stdout).toBe(`${LINE}\x1b[31mred\x1b[0m\n`)
})

it('prints no colours with --no-color, and no control characters within JSON', async () => {
  const red = (response: ServerResponse) => events(response, [1, '\x1b[31mred\x1b[0m \x9b2J!']).end()
  const env = await streaming(red, red)
  expect((await typed(['logs', '--no-color'], { env })).stdout).toBe(`${LINE}red !\n`)
  expect((await typed(['logs', '--json'], { env })).stdout).toContain('\\u009b2J')
})

it('asks for a time, a text and a level, and prints JSON as it comes', async () => {
  const env = await streaming((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end('id: 1\ndata: {"text":"\\u001b[2J"}\n\n')
  })
  const words = [
    'logs',
    '--since',
    '2026-01-31T12:00:00+01:00',
    '--until',
    '1d',
    '--request',
    'abc',
    '--level',
    'error',
    '--json',
  ]
  expect((await typed(words, { env })).stdout).toBe('{"text":"\\u001b[2J"}\n')
  expect(server.asked[0]!.body).toMatchObject({ since: '2026-01-31T11:00:00.000Z', request: 'abc', level: 'error', json: true })
  const day = Date.now() - Date.parse((server.asked[0]!.body as { until: string }).until)
  expect(Math.round(day / 3_600_000)).toBe(24)
  expect((await typed(['logs', '--since', 'yesterday'], { env })).stderr).toContain('is no time')
})

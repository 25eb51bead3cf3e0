import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fixedServer, sendJson, transcript, typed } from '../../support/fixed-server.ts'
import { account } from '../../support/samples.ts'

let home = ''
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'dozen-cli-'))))
afterEach(() => rmSync(home, { recursive: true }))

const ROUTES = {
  'GET /account': (request: { headers: Record<string, unknown> }, response: never) =>
    request.headers.authorization === 'Bearer good'
      ? sendJson(response, 200, account)
      : sendJson(response, 401, { id: 'unauthorized', message: 'Invalid credentials provided.' }),
} as never

it('saves a token that the server takes, for its owner alone, and uses it from then on', async () => {
  const server = await fixedServer(ROUTES)
  const env = { HOME: home }
  const path = join(home, '.config/dozen/credentials.json')
  const login = await typed(['login', server.url, '--token-stdin'], { env, input: 'good\n' })
  expect(login).toEqual({ code: 0, stdout: `Logged in to ${server.url} as me@example.com\n`, stderr: '' })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
    current: server.url,
    servers: { [server.url]: { token: 'good', email: 'me@example.com' } },
  })
  expect(await typed(['whoami'], { env })).toEqual({ code: 0, stdout: 'me@example.com\n', stderr: '' })
  expect(await typed(['logout'], { env })).toEqual({ code: 0, stdout: '', stderr: `Logged out of ${server.url}.\n` })
  expect((await typed(['whoami'], { env })).code).toBe(1)
  await server.close()
})

it('keeps what was saved when the server refuses the new token', async () => {
  const server = await fixedServer(ROUTES)
  const { code, stderr } = await typed(['login', server.url, '--token-stdin'], { env: { HOME: home }, input: 'bad' })
  expect(code).toBe(1)
  expect(stderr).toBe('Error: Invalid credentials provided.\nNothing was saved.\n')
  expect(() => statSync(join(home, '.config/dozen/credentials.json'))).toThrow('ENOENT')
  await server.close()
})

it('says where a token that is refused came from', async () => {
  const { text } = await transcript(ROUTES, [['whoami'], ['login']], { env: { DOZEN_TOKEN: '', HOME: home } })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen whoami
    ! Error: Invalid credentials provided.
    ! No token is set: run \`dozen login\`, or set DOZEN_TOKEN.
    [status 1]

    $ dozen login
    ! Error: There is no terminal to ask for a token.
    ! Pass it with --token-stdin, or set DOZEN_TOKEN.
    [status 2]
    "
  `)
  const { text: wrong } = await transcript(ROUTES, [['whoami']], { env: { DOZEN_TOKEN: 'wrong' } })
  expect(wrong).toMatchInlineSnapshot(`
    "$ dozen whoami
    ! Error: Invalid credentials provided.
    ! The token came from DOZEN_TOKEN. Run \`dozen login\` to save another, or set DOZEN_TOKEN.
    [status 1]
    "
  `)
})

it("uses the administrator's token of a dozen on the same machine, at that dozen only", async () => {
  const server = await fixedServer(ROUTES)
  writeFileSync(join(home, 'endpoints.json'), JSON.stringify({ api: server.url }))
  writeFileSync(join(home, 'admin-token'), 'good\n')
  const env = { DOZEN_HOME: home }
  expect((await typed(['whoami'], { env })).stdout).toBe('me@example.com\n')
  expect((await typed(['token'], { env })).stdout).toBe('good\n')
  const other = await fixedServer(ROUTES)
  expect((await typed(['whoami'], { env: { ...env, DOZEN_URL: other.url } })).code).toBe(1)
  expect(other.asked[0]?.headers.authorization).toBeUndefined()
  await Promise.all([server.close(), other.close()])
})

it('tells git the token for the right host, and nothing for another', async () => {
  const env = { DOZEN_URL: 'http://127.0.0.1:5170', DOZEN_TOKEN: 's3cret', HOME: home }
  const ask = (input: string, operation = 'get') => typed(['git:credentials', operation], { env, input })
  const answer = 'username=dozen\npassword=s3cret\n'
  expect((await ask('protocol=http\nhost=127.0.0.1:5170\n\n')).stdout).toBe(answer)
  expect((await ask('capability[]=authtype\nprotocol=http\nhost=localhost:5170\nwwwauth[]=Basic realm="a=b"\n')).stdout).toBe(
    answer,
  )
  for (const input of [
    'protocol=https\nhost=127.0.0.1:5170\n',
    'protocol=http\nhost=127.0.0.1:5171\n',
    'protocol=http\nhost=evil.example\n',
    '',
  ]) {
    expect(await ask(input)).toEqual({ code: 0, stdout: '', stderr: '' })
  }
  expect((await ask('protocol=http\nhost=127.0.0.1:5170\n', 'store')).stdout).toBe('')
})

it('accounts are listed, made, disabled and enabled by admins', async () => {
  const user = (email: string, more: object = {}) => ({ ...account, id: email, email, admin: false, suspended_at: null, ...more })
  const routes = {
    'GET /users': [user('root@example.com', { admin: true }), user('bob@example.com', { suspended_at: '2026-01-01T00:00:00Z' })],
    'POST /users': user('ann@example.com', { access_token: { token: 'dzn_once' } }),
    'PATCH /users/bob%40example.com': user('bob@example.com'),
  }
  const words = [
    ['users'],
    ['users:create', 'ann@example.com'],
    ['users:disable', 'bob@example.com'],
    ['users:enable', 'bob@example.com'],
  ]
  const { text, changes } = await transcript(routes, words)
  expect(text).toMatch(/root@example\.com +admin\nbob@example\.com +disabled/)
  expect(text).toContain('dzn_once')
  expect(changes.map(([, body]) => body)).toEqual([{ email: 'ann@example.com' }, { disabled: true }, { disabled: false }])
})

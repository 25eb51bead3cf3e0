import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fixedServer, sendJson, transcript, typed } from '../../support/fixed-server.ts'
import { account, app } from '../../support/samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('dozen heroku', () => {
  /** A program of that name that asks the server who it is and writes the answer down. */
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'heroku'),
    `#!${process.execPath}
const { HEROKU_HOST, HEROKU_API_KEY, DISABLE_TELEMETRY, HEROKU_PARTICLEBOARD_URL } = process.env
fetch(HEROKU_HOST + '/account', { headers: { authorization: 'Bearer ' + HEROKU_API_KEY } })
  .then((answer) => answer.json())
  .then(({ email }) => require('fs').writeFileSync('${folder}/said', JSON.stringify({ args: process.argv.slice(2), email, host: HEROKU_HOST, DISABLE_TELEMETRY, HEROKU_PARTICLEBOARD_URL })))
  .then(() => process.exit(3))
`,
    { mode: 0o755 },
  )
  const routes = { 'GET /account': account }
  const said = () => JSON.parse(readFileSync(join(folder, 'said'), 'utf8')) as Record<string, unknown>

  it('runs the client with its arguments against this server, and ends as it ended', async () => {
    const server = await fixedServer(routes)
    const env = { PATH: bin, DOZEN_URL: server.url, DOZEN_TOKEN: 't' }
    expect(await typed(['heroku', 'ps:scale', 'web=2', '-a', 'shop', '--help'], { env, cwd: folder })).toEqual({
      code: 3,
      stdout: '',
      stderr: '',
    })
    expect(said()).toEqual({
      args: ['ps:scale', 'web=2', '-a', 'shop', '--help'],
      email: 'me@example.com',
      host: server.url,
      DISABLE_TELEMETRY: 'true',
      HEROKU_PARTICLEBOARD_URL: server.url,
    })
    await server.close()
  })

  it('forwards a server elsewhere to a port on loopback, the only place that the client trusts', async () => {
    const elsewhere = await fixedServer(routes, '127.0.0.2')
    const env = { PATH: bin, DOZEN_URL: elsewhere.url, DOZEN_TOKEN: 't' }
    expect((await typed(['heroku', 'whoami'], { env, cwd: folder })).code).toBe(3)
    expect(said()).toMatchObject({
      email: 'me@example.com',
      host: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    })
    await elsewhere.close()
  })

  it('says how to get the client when it is not there, and refuses what would send the token to Heroku', async () => {
    const env = { PATH: folder, DOZEN_URL: 'http://127.0.0.1:1', DOZEN_TOKEN: 't' }
    expect((await typed(['heroku', 'apps'], { env, cwd: folder })).stderr).toBe(
      "Error: Heroku's client could not be started.\nInstall it with `npm install -g heroku`, or put it on the PATH.\n",
    )
    const away = { ...env, DOZEN_URL: 'https://paas.example.com' }
    for (const words of [['heroku', 'apps'], ['env']]) {
      expect((await typed(words, { env: away, cwd: folder })).stderr).toMatchInlineSnapshot(`
        "Error: Heroku's client trusts only servers at localhost or 127.0.0.1, and would send your token for paas.example.com to Heroku.
        Make a tunnel, \`ssh -L 5170:localhost:443 paas.example.com\`, and use DOZEN_URL=https://127.0.0.1:5170
        "
      `)
    }
  })
})

it("prints an environment that a shell can take, and no switch of Heroku's missing", async () => {
  const { stdout } = await typed(['env'], { env: { DOZEN_URL: 'http://127.0.0.1:5170', DOZEN_TOKEN: 's3cret' } })
  const shown = execFileSync('bash', ['--norc', '-c', `${stdout}\nenv`], { encoding: 'utf8', env: {} })
  expect(
    shown
      .split('\n')
      .filter((line) => /HEROKU|TELEMETRY|PROXY/i.test(line))
      .sort()
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "DISABLE_TELEMETRY=true
    HEROKU_API_KEY=s3cret
    HEROKU_BUILDPACK_REGISTRY_URL=http://127.0.0.1:5170
    HEROKU_DATA_HOST=127.0.0.1
    HEROKU_DISABLE_AUTOUPDATE=1
    HEROKU_GIT_HOST=127.0.0.1:5170
    HEROKU_HOST=http://127.0.0.1:5170
    HEROKU_LOGIN_HOST=http://127.0.0.1:5170
    HEROKU_PARTICLEBOARD_URL=http://127.0.0.1:5170
    HEROKU_SKIP_NEW_VERSION_CHECK=1
    HEROKU_STATUS_HOST=http://127.0.0.1:5170
    NO_PROXY=localhost,127.0.0.1
    no_proxy=localhost,127.0.0.1"
  `)
})

it('finds out what is wrong, and ends with status 1 when something is', async () => {
  const routes = { 'GET /health': {}, 'GET /account': account, 'GET /failing-certificates': [] }
  const { text } = await transcript(routes, [['doctor']])
  expect(text.replace(/in \d+ ms|Node.js v[\d.]+|git version .*|dozen [\d.]+,/g, '…')).toMatchInlineSnapshot(`
    "$ dozen doctor
    ok       client    … …
    ok       git       …
    ok       server    http://api answers …
    ok       account   me@example.com, by the token from DOZEN_TOKEN
    ok       certs     all that are ordered are there
    ok       folder    no git remote dozen here: say the app with -a
    "
  `)
  const { text: dead } = await transcript(
    { 'GET /account': (_, response) => sendJson(response, 401, { id: 'unauthorized', message: 'No.' }), 'GET /health': {} },
    [['doctor']],
  )
  expect(dead).toContain('problem  account   No.\n')
  expect(dead).toContain('[status 1]')
  const failing = [{ app: { name: 'shop' }, hostname: 'www.shop.com', reason: 'Refused by ca.test: no (dns).' }]
  const { text: bare } = await transcript({ ...routes, 'GET /failing-certificates': [...failing, ...failing] }, [['doctor']])
  expect(bare).toContain(
    'problem  certs     www.shop.com of shop has no certificate. Refused by ca.test: no (dns). And 1 more name: see "dozen certs:auto".',
  )
})

it('says what the server says where it has no such resource', async () => {
  const { text } = await transcript({}, [['disk'], ['events', '-a', 'shop']])
  expect(text).toMatchInlineSnapshot(`
    "$ dozen disk
    ! Error: Couldn't find that app.
    ! \`dozen apps\` lists yours.
    [status 1]

    $ dozen events -a shop
    ! Error: Couldn't find that app.
    ! \`dozen apps\` lists yours.
    [status 1]
    "
  `)
})

const hasShell = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0

describe('completion', () => {
  const bin = join(folder, 'completing')
  mkdirSync(bin)
  const fake =
    "#!/bin/sh\n[ $1 = complete:apps ] && printf 'shop\\nblog\\n'\n[ $1 = complete:options ] && printf -- '--json\\tas JSON: whole\\n--app\\tapp to act on\\n'\nexit 0\n"
  writeFileSync(join(bin, 'dozen'), fake, { mode: 0o755 })
  const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: folder, TERM: 'dumb' }
  const lines = (text: string) => text.trim().split(/\r?\n/)

  /** What each real shell offers for a line that is typed so far; only names. */
  const OFFERS: Record<string, (script: string, line: string) => string[]> = {
    bash: (script, line) => {
      const asks = `${script}\nCOMP_LINE='${line}' COMP_POINT=${line.length}\n_dozen\nprintf '%s\\n' "\${COMPREPLY[@]}"`
      return lines(spawnSync('bash', ['--norc', '-c', asks], { encoding: 'utf8', cwd: folder, env }).stdout)
    },
    fish: (script, line) => {
      writeFileSync(join(folder, 'dozen.fish'), script)
      const asks = `source ${join(folder, 'dozen.fish')}; complete -C '${line}'`
      return lines(spawnSync('fish', ['-N', '-c', asks], { encoding: 'utf8', cwd: folder, env }).stdout).map(
        (one) => one.split('\t')[0]!,
      )
    },
    /** Its completion works at a prompt alone: there Tab is pressed, and what the line has become is written down. */
    zsh: (script, line) => {
      writeFileSync(join(folder, 'dozen.zsh'), script)
      const asks = `
        zmodload zsh/zpty && zpty prompt zsh -f
        zpty -w prompt 'autoload -Uz compinit; compinit -u -D; source ./dozen.zsh; seen() { print -r -- "$BUFFER" > seen; exit }; zle -N seen; bindkey "^X" seen'
        zpty -w -n prompt $'${line}\\t\\x18'
        for n in {1..200}; do [[ -s seen ]] && break; sleep 0.05; done; cat seen; rm -f seen`
      const { stdout } = spawnSync('zsh', ['-f', '-c', asks], { encoding: 'utf8', cwd: folder, env })
      return [stdout.trim().split(' ').at(-1)!]
    },
  }
  const cases: [string, string][] = [
    ['dozen whoa', 'whoami'],
    ['dozen config:uns', 'config:unset'],
    ['dozen ps -a s', 'shop'],
    ['dozen help rollb', 'rollback'],
    ['dozen ps --js', '--json'],
  ]
  describe.each(Object.keys(OFFERS))('in %s', (shell) => {
    it.skipIf(!hasShell(shell)).each(cases)('%s → %s', async (line, whole) => {
      const { stdout } = await typed(['completion', shell])
      const offered = OFFERS[shell]!(stdout, line)
      expect(offered).toEqual([shell === 'bash' ? whole.replace('config:', '') : whole])
    })
  })
  it('asks for app names and options as they are needed', async () => {
    expect((await transcript({ 'GET /apps': [app('shop'), app('blog')] }, [['complete:apps']])).text).toBe(
      '$ dozen complete:apps\nshop\nblog\n',
    )
    expect((await typed(['complete:options', 'ps:scale'])).stdout).toContain('--app\tapp to act on\n')
    expect((await typed(['complete:options', 'xyzzy'])).stdout).toBe('')
  })
})

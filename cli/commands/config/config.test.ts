import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type Fixed, sendJson, transcript } from '../../support/fixed-server.ts'
import { release } from '../../support/samples.ts'

const VARS = {
  GREETING: "it's 5 o'clock",
  KEY: '-----BEGIN-----\nabc\n-----END-----',
  LEVEL: 'debug',
  TITLE: '\x1b]0;owned\x07evil',
}
const folder = mkdtempSync(join(tmpdir(), 'dozen-config-'))
const file = join(folder, '.env')
writeFileSync(file, 'A=1\nB=theirs\n')
afterAll(() => rmSync(folder, { recursive: true }))
const env = { DOZEN_APP: 'shop' }
const cost = { served: 120, failed: 0, longestWaitMs: 40.6, drained: 2, cut: 0 }
/** Each look finds the release after the one before, as after a change. */
const nextRelease = (): Fixed => {
  let version = 1
  return (_, response) => sendJson(response, 200, [release(++version)])
}
const ROUTES = () => ({
  'GET /apps/shop/config-vars': VARS,
  'PATCH /apps/shop/config-vars': { ...VARS, A: '1', B: '2=3' },
  'GET /apps/shop/releases': nextRelease(),
  'GET /apps/shop/releases/3': release(3, { switch: cost }),
})

it('shows config vars aligned, for a shell and as JSON', async () => {
  const { text } = await transcript(
    ROUTES(),
    [['config'], ['config', '--shell'], ['config', '--json'], ['config:get', 'KEY'], ['config:get', '-s', 'GREETING']],
    { env },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen config
    === shop Config Vars
    GREETING: it's 5 o'clock
    KEY:      -----BEGIN-----
              abc
              -----END-----
    LEVEL:    debug
    TITLE:    evil

    $ dozen config --shell
    GREETING='it'\\''s 5 o'\\''clock'
    KEY='-----BEGIN-----
    abc
    -----END-----'
    LEVEL=debug
    TITLE=']0;ownedevil'

    $ dozen config --json
    {
      "GREETING": "it's 5 o'clock",
      "KEY": "-----BEGIN-----\\nabc\\n-----END-----",
      "LEVEL": "debug",
      "TITLE": "\\u001b]0;owned\\u0007evil"
    }

    $ dozen config:get KEY
    -----BEGIN-----
    abc
    -----END-----

    $ dozen config:get -s GREETING
    GREETING='it'\\''s 5 o'\\''clock'
    "
  `)
})

it('sets and unsets them, which makes one release each', async () => {
  const { text, changes, asked } = await transcript(
    ROUTES(),
    [
      ['config:set', 'A=1', 'B=2=3', '--wait'],
      ['config:unset', 'A', 'B'],
      ['config', 'set', 'A=1'],
    ],
    { env },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen config:set A=1 B=2=3 --wait
    === shop Config Vars
    A: 1
    B: 2=3
    ! Setting A, B and restarting shop... done, v3
    ! Waiting for v3 to serve... done, 0 of 120 requests failed, longest wait 41 ms, connections: 2 drained, 0 cut

    $ dozen config:unset A B
    ! Unsetting A, B and restarting shop... done, v5

    $ dozen config set A=1
    === shop Config Vars
    A: 1
    ! Setting A and restarting shop... done, v7
    "
  `)
  expect(changes).toEqual([
    ['PATCH /apps/shop/config-vars', { A: '1', B: '2=3' }],
    ['PATCH /apps/shop/config-vars', { A: null, B: null }],
    ['PATCH /apps/shop/config-vars', { A: '1' }],
  ])
  expect(asked.find(({ path }) => path === '/apps/shop/releases')?.headers.range).toBe('version ..; order=desc,max=1')
})

it('sets those of a file, and those of the command line over them', async () => {
  const { changes } = await transcript(ROUTES(), [['config:set', '--from', file, 'B=mine']], { env })
  expect(changes).toEqual([['PATCH /apps/shop/config-vars', { A: '1', B: 'mine' }]])
})

it('ends with status 1 and the reason when --wait sees the release fail', async () => {
  const failed = release(3, { status: 'failed', reason: 'web.1 exited with status 1 before it listened on $PORT.' })
  const { text } = await transcript({ ...ROUTES(), 'GET /apps/shop/releases/3': failed }, [['config:set', 'A=1', '-w']], { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen config:set A=1 -w
    ! Setting A and restarting shop... done, v3
    ! Waiting for v3 to serve... failed
    ! Error: v3 failed: web.1 exited with status 1 before it listened on $PORT.
    ! What ran before still runs. \`dozen logs\` has the details.
    [status 1]
    "
  `)
})

it('refuses what is no pair before it asks the server anything', async () => {
  const { text, asked } = await transcript(ROUTES(), [['config:set', 'A'], ['config:set'], ['config:get', 'NOPE']], { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen config:set A
    ! Error: "A" is not KEY=value.
    [status 2]

    $ dozen config:set
    ! Error: Say what to set: KEY=value, or --from a file.
    [status 2]

    $ dozen config:get NOPE
    ! Error: shop has no config var NOPE.
    ! \`dozen config -a shop\` lists them.
    [status 1]
    "
  `)
  expect(asked).toHaveLength(1)
})

it('takes the release from the header that names it, whatever was released since', async () => {
  const patched: Fixed = (_, response) => sendJson(response, 200, { A: '1' }, { 'dozen-release': '3' })
  const routes = { ...ROUTES(), 'GET /apps/shop/releases': [release(2)], 'PATCH /apps/shop/config-vars': patched }
  expect((await transcript(routes, [['config:unset', 'B']], { env })).text).toBe(
    '$ dozen config:unset B\n! Unsetting B and restarting shop... done, v3\n',
  )
})

it('says so when nothing changes, and then waits for nothing', async () => {
  const routes = { ...ROUTES(), 'GET /apps/shop/releases': [release(3)] }
  expect((await transcript(routes, [['config:unset', 'NOPE', '--wait']], { env })).text).toBe(
    '$ dozen config:unset NOPE --wait\n! Unsetting NOPE and restarting shop... done, nothing changed, still v3\n',
  )
})

import { expect, it } from 'vitest'
import { sendJson, transcript } from '../../support/fixed-server.ts'
import { release } from '../../support/samples.ts'
import { changes as differences } from '../../difference.ts'

const env = { DOZEN_APP: 'shop' }
const ALL = [
  release(4, {
    status: 'failed',
    description: 'Deploy 44444444',
    reason: 'The release phase exited with status 1.',
    eligible_for_rollback: false,
  }),
  release(3, { current: true, description: 'Set A config vars' }),
  release(2),
  release(1, { description: 'Initial release', slug: null, image: null, commit: null, eligible_for_rollback: false }),
]
const ROUTES = {
  'GET /apps/shop/releases': ALL,
  'GET /apps/shop/releases/2': ALL[2]!,
  'GET /apps/shop/releases/3': ALL[1]!,
  'GET /apps/shop/releases/4': ALL[0]!,
  'GET /apps/shop/releases/5': release(5, { switch: { served: 80, failed: 0, longestWaitMs: 12, drained: 3, cut: 0 } }),
  'GET /apps/shop/releases/2/config-vars': { B: 'old', C: 'same' },
  'GET /apps/shop/releases/3/commits?since=2': {
    added: [{ id: '3'.repeat(40), title: 'Sell\x1b[2J shoes' }],
    removed: [{ id: '9'.repeat(40), title: 'Sell hats' }],
  },
  'GET /apps/shop/releases/2/commits?since=2': { added: [], removed: [] },
  'GET /apps/shop/releases/3/config-vars': { A: '1', B: 'new', C: 'same' },
  'GET /apps/shop/releases/4/config-vars': {},
  'POST /apps/shop/releases': release(5, { description: 'Rollback to v2' }),
}

it('lists releases, and shows one with its config', async () => {
  const { text } = await transcript(ROUTES, [['releases'], ['releases:info', 'v3'], ['releases:info']], { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen releases
    === shop Releases - Current: v3
    v4    failed     Deploy 44444444    me@example.com  2026/01/01 11:58:30 +0000 (~ 1m ago)
    v3 *  succeeded  Set A config vars  me@example.com  2026/01/01 11:58:30 +0000 (~ 1m ago)
    v2    succeeded  Deploy 22222222    me@example.com  2026/01/01 11:58:30 +0000 (~ 1m ago)
    v1    succeeded  Initial release    me@example.com  2026/01/01 11:58:30 +0000 (~ 1m ago)

    $ dozen releases:info v3
    === Release v3
    Status:                  succeeded (current)
    Change:                  Set A config vars
    By:                      me@example.com
    When:                    2026/01/01 11:58:30 +0000 (~ 1m ago)
    Eligible for Rollback?:  Yes
    Commit:                  3333333333333333333333333333333333333333
    Image:                   sha256:33333333
    web:                     node server.js

    === v3 Config Vars
    A: 1
    B: new
    C: same

    $ dozen releases:info
    === Release v4
    Status:                  failed
    Reason:                  The release phase exited with status 1.
    Change:                  Deploy 44444444
    By:                      me@example.com
    When:                    2026/01/01 11:58:30 +0000 (~ 1m ago)
    Eligible for Rollback?:  No
    Commit:                  4444444444444444444444444444444444444444
    Image:                   sha256:44444444
    web:                     node server.js

    === v4 Config Vars
    "
  `)
})

it('asks for the newest as many as wanted', async () => {
  const { asked } = await transcript(ROUTES, [['releases', '-n', '3']], { env })
  expect(asked[0]!.headers.range).toBe('version ..; max=3, order=desc')
})

it('rolls back to the newest good one before the current, and waits until it serves', async () => {
  const { text, changes } = await transcript(ROUTES, [['rollback'], ['releases:rollback', 'v2', '--no-wait']], { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen rollback
    ! Rolling back shop to v2... done, v5
    ! Waiting for v5 to serve... done, 0 of 80 requests failed, longest wait 12 ms, connections: 3 drained, 0 cut

    $ dozen releases:rollback v2 --no-wait
    ! Rolling back shop to v2... done, v5
    "
  `)
  expect(changes).toEqual(Array(2).fill(['POST /apps/shop/releases', { release: 'r2' }]))
})

it('says so when there is nothing to go back to, or no such release', async () => {
  const { text } = await transcript(
    { 'GET /apps/shop/releases': [ALL[3]!] },
    [['rollback'], ['rollback', 'seven'], ['rollback', 'v9']],
    { env },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen rollback
    ! Error: shop has no older release to go back to.
    ! \`dozen releases -a shop\` lists them.
    [status 1]

    $ dozen rollback seven
    ! Error: "seven" is no release; they look like v7.
    [status 2]

    $ dozen rollback v9
    ! Error: Couldn't find that app.
    ! \`dozen apps\` lists yours.
    [status 1]
    "
  `)
})

it('ends with the reason and the last lines of what failed when the rollback fails', async () => {
  const failure = { dyno: 'web.1', lines: ['connecting\x1b[2J', 'no database'] }
  const failed = release(5, { status: 'failed', reason: 'web.1 did not listen on $PORT within 60 s.', failure })
  const { text } = await transcript({ ...ROUTES, 'GET /apps/shop/releases/5': failed }, [['rollback']], { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen rollback
    ! Rolling back shop to v2... done, v5
    ! Waiting for v5 to serve... failed
    ! The last lines of web.1:
    !   connecting
    !   no database
    ! Error: v5 failed: web.1 did not listen on $PORT within 60 s.
    ! What ran before still runs. \`dozen logs\` has the details.
    [status 1]
    "
  `)
})

it('shows what changed between two releases', async () => {
  const { text } = await transcript(
    ROUTES,
    [
      ['releases:diff', 'v2', 'v3'],
      ['releases:diff', 'v2', 'v3', '--values'],
      ['releases:diff', 'v2', 'v2'],
    ],
    { env },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen releases:diff v2 v3
    === shop v2 → v3

    Code
    - commit: 2222222222222222222222222222222222222222
    + commit: 3333333333333333333333333333333333333333
    - image: sha256:22222222
    + image: sha256:33333333

    Commits
    - 99999999 Sell hats
    + 33333333 Sell shoes

    Config vars
    + A: [redacted]
    - B: [redacted]
    + B: [redacted]

    $ dozen releases:diff v2 v3 --values
    === shop v2 → v3

    Code
    - commit: 2222222222222222222222222222222222222222
    + commit: 3333333333333333333333333333333333333333
    - image: sha256:22222222
    + image: sha256:33333333

    Commits
    - 99999999 Sell hats
    + 33333333 Sell shoes

    Config vars
    + A: 1
    - B: old
    + B: new

    $ dozen releases:diff v2 v2
    === shop v2 → v2
    ! Nothing differs.
    "
  `)
  expect(differences({ a: '1', b: null }, { a: '2', c: '' })).toEqual([
    { key: 'a', before: '1', after: '2' },
    { key: 'c', before: null, after: '' },
  ])
})

it("prints a release phase's output once it has begun", async () => {
  let asked = 0
  const routes = {
    'GET /apps/shop/releases/3': release(3, { output_stream_url: '/streams/r3' }),
    'GET /streams/r3': (_: unknown, response: never) =>
      asked++
        ? (response as NodeJS.WritableStream).end('migrating\x1b[2J\ndone')
        : sendJson(response, 404, { id: 'not_found', message: 'Not yet.' }),
  }
  const { text } = await transcript(routes, [['releases:output', 'v3']], { env })
  expect(text).toBe('$ dozen releases:output v3\nmigrating\ndone\n')
})

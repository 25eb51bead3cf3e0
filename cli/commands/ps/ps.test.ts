import { expect, it } from 'vitest'
import { type Fixed, sendJson, transcript } from '../../support/fixed-server.ts'
import { dyno, formation, release } from '../../support/samples.ts'
import { sizes } from './type.ts'

const env = { DOZEN_APP: 'shop' }
const ROUTES = {
  'GET /apps/shop/dynos': [
    dyno('run.3', { command: 'rake db:migrate' }),
    dyno('worker.1', { command: 'node worker.js', state: 'crashed', reason: 'exited with status 1, restarts in 4 s' }),
    dyno('web.10'),
    dyno('web.2', { state: 'starting' }),
  ],
  'GET /apps/shop/formation': [formation('web', 2), formation('worker', 1)],
  'PATCH /apps/shop/formation': [formation('web', 3), formation('worker', 2)],
  'DELETE /apps/shop/dynos': {},
  'DELETE /apps/shop/dynos/web.1': {},
  'DELETE /apps/shop/formations/web': {},
  'POST /apps/shop/dynos/run.3/actions/stop': {},
  'GET /apps/shop/releases': [release(7)],
}

it('shows dynos by type, with why one has crashed', async () => {
  const { text } = await transcript(ROUTES, [['ps'], ['ps', 'worker'], ['ps', 'clock']], { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen ps
    === web (standard): node server.js (2)
    web.2: starting v7 2026/01/01 11:58:30 +0000 (~ 1m ago)
    web.10: up v7 2026/01/01 11:58:30 +0000 (~ 1m ago)

    === worker (standard): node worker.js (1)
    worker.1: crashed v7 2026/01/01 11:58:30 +0000 (~ 1m ago) — exited with status 1, restarts in 4 s

    === run: one-off processes
    run.3: up v7 2026/01/01 11:58:30 +0000 (~ 1m ago): rake db:migrate

    $ dozen ps worker
    === worker (standard): node worker.js (1)
    worker.1: crashed v7 2026/01/01 11:58:30 +0000 (~ 1m ago) — exited with status 1, restarts in 4 s

    $ dozen ps clock
    ! No clock dynos run on shop. \`dozen ps:scale clock=1\` starts one.
    "
  `)
})

it('says so when nothing is deployed yet', async () => {
  const routes = { 'GET /apps/shop/dynos': [], 'GET /apps/shop/formation': [] }
  expect((await transcript(routes, [['ps'], ['ps:scale']], { env })).text).toMatchInlineSnapshot(`
    "$ dozen ps
    ! Nothing is deployed on shop yet: \`git push dozen main\`.

    $ dozen ps:scale
    ! shop has no process types yet: deploy it with \`git push dozen main\`.
    "
  `)
})

it('scales, shows the formation, restarts and stops', async () => {
  const { text, changes } = await transcript(
    ROUTES,
    [
      ['ps:scale'],
      ['ps:scale', 'web=3', 'worker+1'],
      ['ps:restart'],
      ['restart', 'web.1'],
      ['ps:restart', '-p', 'web'],
      ['ps:stop', 'run.3'],
      ['ps:type'],
    ],
    { env },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen ps:scale
    web=2:standard worker=1:standard

    $ dozen ps:scale web=3 worker+1
    ! Scaling dynos... done, now running web at 3:standard, worker at 2:standard

    $ dozen ps:restart
    ! Restarting all dynos on shop... done

    $ dozen restart web.1
    ! Restarting dyno web.1 on shop... done

    $ dozen ps:restart -p web
    ! Restarting all web dynos on shop... done

    $ dozen ps:stop run.3
    ! Stopping dyno run.3 on shop... done

    $ dozen ps:type
    === shop Dyno Types
    type    size      qty
    web     standard  2
    worker  standard  1
    "
  `)
  expect(changes[0]).toEqual([
    'PATCH /apps/shop/formation',
    {
      updates: [
        { type: 'web', quantity: '3' },
        { type: 'worker', quantity: '+1' },
      ],
    },
  ])
})

it('waits for a restart and tells what it cost, or why it failed', async () => {
  const answer =
    (body: object): Fixed =>
    (_, response) => {
      response.setHeader('Dozen-Restart', '4')
      sendJson(response, 202, body)
    }
  const switchCost = { served: 40, failed: 0, longestWaitMs: 9, drained: 1, cut: 0 }
  const report = { number: 4, status: 'succeeded', reason: null, switch: switchCost, failure: null }
  const failure = { dyno: 'web.1', lines: ['no database'] }
  const failed = { ...report, status: 'failed', reason: 'web.1 exited with status 1.', failure }
  const [good, bad] = await Promise.all([report, failed].map((one) =>
    transcript({ 'DELETE /apps/shop/dynos': answer({}), 'GET /apps/shop/restarts/4': one }, [['ps:restart']], { env }))) // prettier-ignore
  expect(good!.text).toMatchInlineSnapshot(`
    "$ dozen ps:restart
    ! Restarting all dynos on shop... done
    ! Waiting for the new processes to serve... done, 0 of 40 requests failed, longest wait 9 ms, connections: 1 drained, 0 cut
    "
  `)
  expect(bad!.text).toMatchInlineSnapshot(`
    "$ dozen ps:restart
    ! Restarting all dynos on shop... done
    ! Waiting for the new processes to serve... failed
    ! The last lines of web.1:
    !   no database
    ! Error: The restart failed: web.1 exited with status 1.
    ! The old processes serve on, and the new ones are tried again. \`dozen ps\` shows how they fare.
    [status 1]
    "
  `)
})

it('waits until all dynos are up', async () => {
  const routes = { ...ROUTES, 'GET /apps/shop/dynos': [dyno('web.1'), dyno('run.1', { state: 'starting' })] }
  expect((await transcript(routes, [['ps:wait']], { env })).text).toBe(
    '$ dozen ps:wait\n! Waiting for the dynos of shop... done, 1 up\n',
  )
})

it('refuses a scale that is none', async () => {
  expect((await transcript({}, [['ps:scale', 'web=many']], { env })).text).toMatchInlineSnapshot(`
    "$ dozen ps:scale web=many
    ! Error: "web=many" is not TYPE=N, TYPE+N or TYPE-N, e.g. web=3 or worker+1.
    [status 2]
    "
  `)
})

it('reads sizes for one type and for all', () => {
  expect(sizes('web=large', [])).toEqual([{ type: 'web', size: 'large' }])
  expect(sizes('large', [{ type: 'web' }, { type: 'worker' }])).toEqual([
    { type: 'web', size: 'large' },
    { type: 'worker', size: 'large' },
  ])
})

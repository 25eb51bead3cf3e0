import { expect, it } from 'vitest'
import { transcript } from '../../support/fixed-server.ts'

const run = { dyno: 'run.7', release: { version: 3 }, state: 'ended', exit_code: 0, started_at: '2026-01-01T11:58:30Z', ended_at: '2026-01-01T11:58:40Z' } // prettier-ignore
const job = { id: '1a2b3c4d', schedule: '30 3 * * *', command: 'node clean.js', overlap: false, origin: 'user', next_at: '2026-01-02T03:30:00.000Z', last: run } // prettier-ignore
const env = { DOZEN_APP: 'shop' }
const ROUTES = {
  'GET /apps/shop/cron': [
    job,
    { ...job, id: '5e6f7a8b', command: 'report', origin: 'app.json', last: { ...run, state: 'ended', exit_code: null } },
  ],
  'POST /apps/shop/cron': job,
  'DELETE /apps/shop/cron/1a2b3c4d': job,
  'POST /apps/shop/cron/1a2b3c4d/actions/run': { dyno: 'run.8' },
  'GET /apps/shop/cron/1a2b3c4d/runs': [{ ...run, dyno: 'run.8', state: 'up', exit_code: null }, run],
  'GET /apps/shop/limits': [
    { type: 'web', memory: 536870912, cpus: 0.5, pids: 200, default: false },
    { type: 'run', memory: 2147483648, cpus: null, pids: 4096, default: true },
  ],
  'PUT /apps/shop/limits/web': { type: 'web', memory: 536870912, cpus: null, pids: 200, default: false },
  'DELETE /apps/shop/limits/web': {},
}

it('adds, lists, starts and removes scheduled jobs', async () => {
  const { text, changes } = await transcript(
    ROUTES,
    [
      ['cron:add', '30 3 * * *', '--', 'node', 'clean.js', '--all files'],
      ['cron'],
      ['cron:run', '1a2b3c4d'],
      ['cron:runs', '1a2b3c4d'],
      ['cron:remove', '1a2b3c4d'],
    ],
    { env },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen cron:add 30 3 * * * -- node clean.js --all files
    ! Adding a job to shop... done, 1a2b3c4d, first at 2026-01-02T03:30:00.000Z

    $ dozen cron
    === shop Scheduled Jobs
    id        schedule    command        next                  last
    1a2b3c4d  30 3 * * *  node clean.js  2026-01-02T03:30:00Z  run.7 exited with 0
    5e6f7a8b  30 3 * * *  report         2026-01-02T03:30:00Z  run.7 was cut short  app.json

    $ dozen cron:run 1a2b3c4d
    ! Starting the job 1a2b3c4d of shop... done, run.8
    ! \`dozen logs --dyno run.8 -a shop\` shows what it says.

    $ dozen cron:runs 1a2b3c4d
    === shop Runs of 1a2b3c4d
    run.8  v3  2026/01/01 11:58:30 +0000 (~ 1m ago)  run.8 runs
    run.7  v3  2026/01/01 11:58:30 +0000 (~ 1m ago)  run.7 exited with 0

    $ dozen cron:remove 1a2b3c4d
    ! Removing the job 1a2b3c4d from shop... done
    "
  `)
  expect(changes).toMatchInlineSnapshot(`
    [
      [
        "POST /apps/shop/cron",
        {
          "command": "node clean.js '--all files'",
          "overlap": false,
          "schedule": "30 3 * * *",
        },
      ],
      [
        "POST /apps/shop/cron/1a2b3c4d/actions/run",
        {},
      ],
      [
        "DELETE /apps/shop/cron/1a2b3c4d",
        undefined,
      ],
    ]
  `)
})

it('says how to add one when there is none', async () => {
  const { text } = await transcript({ 'GET /apps/shop/cron': [] }, [['cron']], { env })
  expect(text).toContain('shop has no scheduled jobs. `dozen cron:add "30 3 * * *" -a shop -- node clean.js` adds one')
})

it('shows and sets limits', async () => {
  const { text, changes } = await transcript(
    ROUTES,
    [
      ['limits'],
      ['limits:set', 'web', '--memory', '512m', '--cpus', 'default', '--pids', '200'],
      ['limits:set', 'web', '--cpus', 'some'],
      ['limits:unset', 'web'],
    ],
    { env },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen limits
    === shop Limits
    type  memory    cpus  processes
    web   512 MiB   0.5   200
    run   2048 MiB  all   4096       default

    $ dozen limits:set web --memory 512m --cpus default --pids 200
    ! Setting limits of web of shop... done, 512 MiB, all cpus, 200 processes

    $ dozen limits:set web --cpus some
    ! Error: "some" is no number.
    [status 2]

    $ dozen limits:unset web
    ! Removing limits of web of shop... done
    "
  `)
  expect(changes).toMatchInlineSnapshot(`
    [
      [
        "PUT /apps/shop/limits/web",
        {
          "cpus": null,
          "memory": "512m",
          "pids": 200,
        },
      ],
      [
        "DELETE /apps/shop/limits/web",
        undefined,
      ],
    ]
  `)
})

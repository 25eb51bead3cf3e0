import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { apiWorld } from '../../test/support/api-world.ts'
import { typed } from '../support/fixed-server.ts'

// The client against the API itself, on a loopback port.
const world = await apiWorld()
const folder = mkdtempSync(join(tmpdir(), 'dozen-cli-'))
afterAll(() => {
  world.close()
  rmSync(folder, { recursive: true })
})
const as = (token: string) => async (...args: string[]) => {
  const done = await typed(args, { env: { HOME: folder, DOZEN_URL: world.url, DOZEN_TOKEN: token }, cwd: folder })
  return { ...done, said: done.stdout + done.stderr }
} // prettier-ignore
const owner = as(world.tokens.owner)
const admin = as(world.tokens.admin)

it('lets an admin give people accounts and take them away', async () => {
  const made = await admin('users:create', 'carol@example.com', '--name', 'Carol')
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^dzn_\w+\n$/) })
  expect((await as(made.stdout.trim())('whoami')).stdout).toContain('carol@example.com')
  expect((await admin('users')).stdout).toMatch(/carol@example.com +Carol/)
  expect(await admin('users:remove', 'carol@example.com')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--confirm'),
  })
  expect(await admin('users:remove', 'carol@example.com', '--confirm', 'carol@example.com')).toMatchObject({ code: 0 })
  expect(await as(made.stdout.trim())('whoami')).toMatchObject({ code: 1 })
  expect(await owner('users')).toMatchObject({ code: 1, stderr: 'Error: Only an admin may do that.\n' })
})

it('changes what others may do with an app, and lets them leave', async () => {
  const bob = as(world.tokens.bob)
  await owner('access:add', 'bob@example.com', '-p', 'view', '-a', 'shop')
  expect((await bob('maintenance:on', '-a', 'shop')).code).toBe(1)
  await owner('access:update', 'bob@example.com', '-p', 'view, operate', '-a', 'shop')
  expect((await bob('maintenance:on', '-a', 'shop')).code).toBe(0)
  expect(await bob('apps:leave', '-a', 'shop')).toMatchObject({ code: 0 })
  expect((await bob('info', '-a', 'shop')).stderr).toContain("Couldn't find that app.")
})

it('shows, renames and renews tokens', async () => {
  const { id } = JSON.parse((await owner('authorizations:create', '-d', 'robot', '-s', 'read', '-e', '1000', '--json')).stdout) as { id: string } // prettier-ignore
  await owner('authorizations:update', id, '-d', 'machine')
  expect((await owner('authorizations:info', id)).stdout).toMatch(/Description: +machine[^]*Scope: +read[^]*Expires: +in \d+ s/)
  const fresh = (await owner('authorizations:rotate', id)).stdout.trim()
  expect((await as(fresh)('apps')).stdout).toContain('shop')
  await owner('authorizations:revoke', id)
  expect((await as(fresh)('apps')).code).toBe(1)
})

it('compares apps, and what a promotion would bring; gives pipelines away', async () => {
  await owner('create', 'shop-prod', '--no-remote')
  await owner('config:set', 'A=1', '-a', 'shop')
  expect((await owner('apps:diff', 'shop', 'shop-prod')).said).toContain('- A: [redacted]')
  expect((await owner('apps:diff', 'shop', 'shop', '--json')).stdout).toContain('"config": []')
  await owner('pipelines:create', 'shops', '-a', 'shop', '-s', 'staging')
  await owner('pipelines:add', 'shops', '-a', 'shop-prod', '-s', 'production')
  expect((await owner('pipelines:diff', '-a', 'shop')).said).toContain('They run the same commit.')
  expect(await owner('pipelines:transfer', 'shops', 'foreign@example.com')).toMatchObject({ code: 0 })
  expect((await owner('pipelines:rename', 'shops', 'mine')).stderr).toContain('Only the owner of shops may change it.')
})

it('lists the events that webhooks were told of', async () => {
  await owner('webhooks:add', '-i', 'api:app', '-l', 'notify', '-u', 'https://example.com/in', '-a', 'shop')
  expect((await owner('webhooks:events', '-a', 'shop')).said).toContain('Webhooks were told of nothing yet.')
})

it.each([
  ['pg:info', 'dozen config:set DATABASE_URL='],
  ['ps:exec', '`dozen run bash`'],
  ['teams', '`dozen access:add`'],
  ['relases', 'Did you mean `dozen releases`?'],
])('says what to do when %s is typed', async (name, hint) =>
  expect(await owner(name)).toMatchObject({ code: 2, stderr: expect.stringContaining(hint) }),
)

it('prints the words of the server for an add-on', async () =>
  expect((await owner('addons:create', 'heroku-postgresql', '-a', 'shop')).stderr).toContain('`dozen config:set DATABASE_URL=…`'))

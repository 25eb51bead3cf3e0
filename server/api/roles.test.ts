import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiWorld } from '../../test/support/api-world.ts'
import { PERMISSIONS, type Permission } from '../accounts/collaborators.ts'
import { routes } from './api.ts'

const world = await apiWorld()
const { call, accounts } = world
afterAll(world.close)

const anything: object = new Proxy(() => {}, { get: (_, key) => (key === Symbol.toPrimitive ? () => '' : anything) })
const table = routes(anything as never).map(({ method, path, scope }) => ({ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, scope })) // prettier-ignore

/** What an app's routes ask of a collaborator: to look for GET and to operate for the rest, but for these. */
const NEEDS: Readonly<Record<string, readonly Permission[]>> = {
  'POST /apps/:app/log-sessions': ['view'],
  'GET /apps/:app/config-vars': ['deploy', 'operate'],
  'GET /apps/:app/releases/:release/config-vars': ['deploy', 'operate'],
  'POST /apps/:app/sources': ['deploy'],
  'POST /apps/:app/builds': ['deploy'],
  'DELETE /apps/:app/builds/:build': ['deploy'],
  'DELETE /apps/:app/build-cache': ['deploy'],
  'POST /apps/:app/slugs': ['deploy'],
  'PUT /apps/:app/buildpack-installations': ['deploy'],
  'DELETE /apps/:app': ['manage'],
  'POST /apps/:app/acm': ['manage'],
  'PATCH /apps/:app/acm': ['manage'],
  'DELETE /apps/:app/acm': ['manage'],
  'POST /apps/:app/sni-endpoints': ['manage'],
  'PATCH /apps/:app/sni-endpoints/:cert': ['manage'],
  'DELETE /apps/:app/sni-endpoints/:cert': ['manage'],
  'POST /apps/:app/collaborators': ['manage'],
  'PATCH /apps/:app/collaborators/:collaborator': ['manage'],
  'DELETE /apps/:app/collaborators/:collaborator': ['manage'],
}
/** Routes that name their app in the body. */
const IN_BODY: Readonly<Record<string, { body: object; needs: Permission }>> = {
  'POST /pipeline-couplings': { body: { app: 'shop', pipeline: 'x', stage: 'production' }, needs: 'manage' },
  'POST /account/app-transfers': { body: { app: 'shop', recipient: 'bob@example.com' }, needs: 'manage' },
  'POST /pipeline-promotions': { body: { pipeline: { id: 'line' }, source: { app: { id: 'shop' } }, targets: [{ app: { id: 'shop' } }] }, needs: 'deploy' }, // prettier-ignore
}
const FOR_ADMINS = [
  'POST /stacks/:stack/rebuild', 'GET /events', 'GET /users', 'POST /users', 'PATCH /users/:user', 'DELETE /users/:user', 'GET /disk', 'POST /secrets/actions/rotate',
] // prettier-ignore

const ofApps = table.filter(({ path }) => path.startsWith('/apps/:app'))
const held = Object.fromEntries(PERMISSIONS.map((one) => [one, accounts.create({ email: `${one}@example.com` }).secret])) as Record<Permission, string> // prettier-ignore
const may = (permission: Permission, needs: readonly Permission[]) =>
  permission === 'manage' || needs.some((one) => one === permission || one === 'view')
const ask = (name: string, token: string, body: object = {}) => {
  const [method = '', path = ''] = name.split(' ')
  const filled = path.replace(':app', 'shop').replace(':collaborator', 'owner@example.com').replace(':user', 'bob@example.com').replace(/:\w+/g, 'x') // prettier-ignore
  return call(method, filled, method === 'GET' ? undefined : body, { token })
}

beforeAll(async () => {
  await call('POST', '/pipelines', { name: 'line' })
  await call('POST', '/pipeline-couplings', { app: 'shop', pipeline: 'line', stage: 'production' })
  for (const one of PERMISSIONS)
    await call('POST', '/apps/shop/collaborators', { user: `${one}@example.com`, permissions: [one] })
})

describe('every route, by what a collaborator may do (ABUSE 73)', () => {
  it('is in the tables that say so under a name that exists', () => {
    const names = new Set(table.map(({ name }) => name))
    expect([...Object.keys(NEEDS), ...Object.keys(IN_BODY), ...FOR_ADMINS].filter((name) => !names.has(name))).toEqual([])
  })
  const cases = ofApps.flatMap(({ name, method }) => PERMISSIONS.map((permission) => ({ name, permission, needs: NEEDS[name] ?? [method === 'GET' ? 'view' : 'operate'] }) as const)) // prettier-ignore
  it.each(cases)('$name, $permission only: it needs $needs', async ({ name, permission, needs }) => {
    if (name === 'DELETE /apps/:app' && permission === 'manage') return // the app is needed for the others
    const answer = await ask(name, held[permission])
    if (may(permission, needs)) expect([401, 403], JSON.stringify(answer.body)).not.toContain(answer.status)
    else expect(answer).toMatchObject({ status: 403, body: { message: expect.stringContaining('do not have the permission') } })
  })
  it.each(Object.entries(IN_BODY))('%s, whose app is in the body', async (name, { body, needs }) => {
    for (const permission of PERMISSIONS) {
      const { status } = await ask(name, held[permission], body)
      if (may(permission, [needs])) expect([401, 403]).not.toContain(status)
      else expect([status, permission]).toEqual([403, permission])
    }
  })
})

describe('every route, by what a token is for (ABUSE 73)', () => {
  const tokenOf = (scope: string) =>
    accounts.createToken(accounts.findByEmailOrId('owner@example.com')!.id, { scope: [scope] }).secret
  const COVERED: Readonly<Record<string, readonly string[]>> = {
    deploy: ['identity'],
    identity: ['identity'],
    read: ['identity', 'read'],
    write: ['identity', 'read', 'write'],
    'read-protected': ['identity', 'read', 'read-protected'],
    'write-protected': ['identity', 'read', 'write', 'read-protected', 'write-protected'],
  }
  it.each(Object.entries(COVERED))('a token for %s covers %j and nothing more', async (scope, covered) => {
    const token = tokenOf(scope)
    for (const { name, scope: needed } of table.filter((one) => !covered.includes(one.scope)))
      expect(await ask(name, token), name).toMatchObject({
        status: 403,
        body: { message: expect.stringContaining(`needs ${needed}`) },
      })
  })
})

describe('every route for admins (ABUSE 73)', () => {
  it.each(FOR_ADMINS)('%s refuses everybody else', async (name) => {
    for (const permission of PERMISSIONS) expect((await ask(name, held[permission])).status).toBe(403)
  })
})

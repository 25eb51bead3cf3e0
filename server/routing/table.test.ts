import { expect, it } from 'vitest'
import { routeApp, type Routable } from './table.ts'

const app = (over: Partial<Routable> = {}): Routable => ({
  id: 'a1', name: 'shop', hosts: ['shop.localhost'], maintenance: false, deployed: true, wanted: 1, web: [], ...over,
}) // prettier-ignore
const web = (state: 'starting' | 'up' | 'dead', address: string | undefined = '10.0.0.2:5000') => ({
  dyno: 'web.1',
  address,
  state,
})

it.each([
  ['blank before the first deploy', app({ deployed: false }), 'blank'],
  ['stopped when web is scaled to 0', app({ wanted: 0 }), 'stopped'],
  ['starting while nothing is proven', app({ web: [web('starting')] }), 'starting'],
  ['starting between two containers', app(), 'starting'],
  ['crashed when all web processes are down', app({ web: [web('dead'), web('dead')] }), 'crashed'],
  ['asleep when its web processes are not wanted for now', app({ wanted: 0, sleep: 'does' }), 'asleep'],
  [
    'serving until the last process of a sleeping app has left the table',
    app({ wanted: 0, sleep: 'does', web: [web('up')] }),
    'serving',
  ],
  ['serving with one proven process', app({ web: [web('dead'), web('up')] }), 'serving'],
])('%s', (_title, given, state) => expect(routeApp(given).state).toBe(state))

it('says what the app wants of the router, and nothing where it wants nothing', () => {
  const wishes = { rules: { idleMs: 1 }, pages: { error: '//a' } }
  expect(routeApp(app({ ...wishes, sleep: 'may' }))).toMatchObject({ ...wishes, sleeps: true })
  expect(Object.keys(routeApp(app()))).toEqual(['id', 'name', 'hosts', 'state', 'maintenance', 'targets'])
})

it('gives only proven processes with an address as targets', () =>
  expect(
    routeApp(app({ web: [web('up'), web('starting', '10.0.0.3:5000'), { ...web('up'), address: undefined }] })).targets,
  ).toEqual([{ dyno: 'web.1', address: '10.0.0.2:5000' }]))

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
  ['serving with one proven process', app({ web: [web('dead'), web('up')] }), 'serving'],
])('%s', (_title, given, state) => expect(routeApp(given).state).toBe(state))

it('gives only proven processes with an address as targets', () =>
  expect(
    routeApp(app({ web: [web('up'), web('starting', '10.0.0.3:5000'), { ...web('up'), address: undefined }] })).targets,
  ).toEqual([{ dyno: 'web.1', address: '10.0.0.2:5000' }]))

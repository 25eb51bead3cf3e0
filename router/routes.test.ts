import { describe, expect, it } from 'vitest'
import { hostOf, pick, Routes, Target } from './routes.ts'

describe('hostOf', () => {
  it.each([
    ['Shop.LocalHost.:8080', 'shop.localhost'],
    ['shop', 'shop'],
    ['127.0.0.1:80', '127.0.0.1'],
    ['[::1]:80', '[::1]'],
    ['a.example:', 'a.example'],
  ])('reads %s as %s', (header, host) => expect(hostOf(header)).toBe(host))

  it.each([
    '',
    '.',
    ':80',
    'a b',
    'user@host',
    'a.example/',
    'a.example:99999',
    'a:b:c',
    'a,b',
    '[::1',
    'ä.example',
    'x'.repeat(300),
  ])('refuses %j', (header) => expect(hostOf(header)).toBeUndefined())
})

describe('pick', () => {
  const targets = ['1', '2', '3'].map((n) => ({ dyno: `web.${n}`, target: new Target(`10.0.0.${n}:80`) }))

  it('takes the one with fewer requests of two', () => {
    const [a, b] = [targets[0]!, targets[1]!]
    a.target.inflight = 3
    for (let i = 0; i < 50; i += 1) expect(pick([a, b], new Set(), 0)).toBe(b)
    a.target.inflight = 0
  })

  it('leaves resting ones out while another is awake, and takes one when all rest', () => {
    const [a, b] = [targets[0]!, targets[1]!]
    a.target.restsUntil = 100
    for (let i = 0; i < 50; i += 1) expect(pick([a, b], new Set(), 99)).toBe(b)
    expect(pick([a], new Set(), 99)).toBe(a)
    a.target.restsUntil = 0
  })

  it('never takes one that was tried', () => {
    expect(pick(targets, new Set(targets.map(({ target }) => target)), 0)).toBeUndefined()
    expect(pick(targets, new Set([targets[0]!.target, targets[2]!.target]), 0)).toBe(targets[1])
  })
})

describe('Routes', () => {
  const app = (hosts: string[], addresses: string[]) => ({
    id: 'a1',
    name: 'shop',
    hosts,
    state: 'serving' as const,
    maintenance: false,
    targets: addresses.map((address) => ({ dyno: 'web.1', address })),
  })

  it('keeps what it knows of an address across tables', () => {
    const routes = new Routes()
    routes.swap({ version: 1, apps: [app(['a'], ['10.0.0.1:80'])] })
    const { target } = routes.find('a')!.upstreams[0]!
    target.inflight = 2
    routes.swap({ version: 2, apps: [] })
    expect(routes.inflight()).toEqual({ '10.0.0.1:80': 2 })
    routes.swap({ version: 3, apps: [app(['b'], ['10.0.0.1:80'])] })
    expect(routes.find('b')!.upstreams[0]!.target).toBe(target)
  })

  it('forgets a removed address once it is drained', () => {
    const routes = new Routes()
    routes.swap({ version: 1, apps: [app(['a'], ['10.0.0.1:80'])] })
    const { target } = routes.find('a')!.upstreams[0]!
    target.inflight = 1
    routes.swap({ version: 2, apps: [] })
    target.inflight = 0
    expect(routes.inflight()).toEqual({})
  })

  it('prefers the exact name to a wildcard', () => {
    const routes = new Routes()
    routes.swap({
      version: 1,
      apps: [
        { ...app(['*.x.test'], []), name: 'wild' },
        { ...app(['a.x.test'], []), name: 'exact' },
      ],
    })
    expect([routes.find('a.x.test')?.name, routes.find('b.x.test')?.name]).toEqual(['exact', 'wild'])
  })
})

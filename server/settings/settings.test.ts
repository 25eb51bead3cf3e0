import { describe, expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { APP_SETTINGS, settings } from './settings.ts'

const make = () => {
  const lines: string[] = []
  let wakes = 0
  const all = settings({
    db: shopDb(),
    logs: { publish: ({ text }) => lines.push(text) },
    defaults: { 'stop-timeout': '5s' },
    wake: () => wakes++,
  })
  return { all, lines, wakes: () => wakes }
}

it('are the defaults until some are set, and again once they are null', () => {
  const { all, lines, wakes } = make()
  expect(all.list(shop.id).every(({ isOwn }) => !isOwn)).toBe(true)
  expect(all.list(shop.id).find(({ name }) => name === 'stop-timeout')).toMatchObject({ value: '5s', default: '5s' })
  expect(all.own(shop.id, 'stop-timeout')).toBeUndefined()
  all.update(shop, user, { 'stop-timeout': '2m', timeout: '90s' })
  expect(all.own(shop.id, 'stop-timeout')).toBe(120_000)
  expect(all.list(shop.id).find(({ name }) => name === 'timeout')).toMatchObject({ value: '90s', isOwn: true, default: '30s' })
  all.update(shop, user, { 'stop-timeout': null })
  expect(all.own(shop.id, 'stop-timeout')).toBeUndefined()
  expect(lines).toEqual([
    'Set stop-timeout to 2m, timeout to 90s by user dev@example.com',
    'Set stop-timeout to its default by user dev@example.com',
  ])
  expect(wakes()).toBe(2)
})

it('that are for the router go to it in its units, and those alone', () => {
  const { all } = make()
  expect(all.rules(shop.id)).toBeUndefined()
  all.update(shop, user, { 'stop-timeout': '2m' })
  expect(all.rules(shop.id)).toBeUndefined()
  all.update(shop, user, {
    timeout: '90s', 'idle-timeout': '10m', 'max-body': '1.5 MiB', 'max-waiting': 5, 'max-connections': '20', 'rate-limit': '600/m',
  }) // prettier-ignore
  expect(all.rules(shop.id)).toEqual({
    firstByteMs: 90_000, idleMs: 600_000, bodyBytes: 1_572_864, waiting: 5, connections: 20, rate: { count: 600, perMs: 60_000 },
  }) // prettier-ignore
  expect(make().all.update(shop, user, { 'boot-timeout': '5m' })).toHaveLength(Object.keys(APP_SETTINGS).length)
  all.update(shop, user, { 'boot-timeout': '5m' })
  expect(all.rules(shop.id)).toMatchObject({ bootWaitMs: 315_000 })
  all.update(shop, user, { 'max-body': 'none', 'rate-limit': null, 'boot-timeout': null })
  expect(all.rules(shop.id)).toEqual({ firstByteMs: 90_000, idleMs: 600_000, waiting: 5, connections: 20 })
})

describe('are refused', () => {
  it.each([
    [{}, 'Say what to set'],
    [{ colour: 'red' }, 'There is no setting "colour". There are: timeout,'],
    [{ toString: '1s' }, 'There is no setting'],
    [{ timeout: '0' }, 'timeout should be a time from 1s to 1h'],
    [{ timeout: '2h' }, 'timeout should be a time'],
    [{ timeout: 'none' }, 'timeout should be a time'],
    [{ timeout: ['1s'] }, 'not ["1s"]'],
    [{ 'max-body': '-1' }, 'max-body should be a size such as 512k, 10m or 1g, or none'],
    [{ 'max-body': '2000g' }, 'max-body'],
    [{ 'max-connections': '0' }, 'max-connections should be a number from 1'],
    [{ 'max-connections': '1e3' }, 'max-connections'],
    [{ 'rate-limit': '0/s' }, 'rate-limit should be a number of requests'],
    [{ 'rate-limit': '5/d' }, 'rate-limit'],
    [{ 'https-redirect': 'yes' }, 'https-redirect should be on or off'],
    [{ hsts: '365d; x' }, 'hsts should be a time such as 365d'],
    [{ hsts: '30d,subdomains,preload' }, 'at least 365d,subdomains,preload'],
    [{ hsts: '365d,preload' }, 'hsts'],
  ])('%j: %s', (changes, message) => expect(() => make().all.update(shop, user, changes)).toThrow(message))

  it('all together when one of them is wrong', () => {
    const { all } = make()
    expect(() => all.update(shop, user, { timeout: '90s', 'max-body': 'x' })).toThrow('max-body')
    expect(all.own(shop.id, 'timeout')).toBeUndefined()
  })
})

it('send HTTP to HTTPS, and say how long browsers stay there', () => {
  const { all } = make()
  all.update(shop, user, { 'https-redirect': 'on', hsts: '365d,subdomains,preload' })
  expect(all.rules(shop.id)).toEqual({ httpsRedirect: true, hsts: 'max-age=31536000; includeSubDomains; preload' })
  all.update(shop, user, { 'https-redirect': 'off', hsts: '1h' })
  expect(all.rules(shop.id)).toEqual({ httpsRedirect: false, hsts: 'max-age=3600' })
  all.update(shop, user, { 'https-redirect': null, hsts: 'none' })
  expect(all.rules(shop.id)).toBeUndefined()
})

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { liveness } from './liveness.ts'
import { probe } from './probe.ts'

const check = { path: '/', intervalMs: 1000, timeoutMs: 500, failures: 3 }
const live = { id: 'c1', address: '127.0.0.1:1', host: 'shop.localhost', check }

describe('liveness', () => {
  const start = () => {
    const clock = fakeClock()
    const answers: (string | undefined)[] = []
    let asked = 0
    let told = 0
    const all = liveness({ clock, probe: async () => (asked++, answers.shift()), onSick: () => told++ })
    const seconds = async (count: number) => {
      for (let i = 0; i < count; i++) await clock.advance(1000)
    }
    return { all, answers, seconds, asked: () => asked, told: () => told }
  }

  it('calls a process sick after as many failures in a row as its check allows, once', async () => {
    const { all, answers, seconds, told, asked } = start()
    answers.push('bad', 'bad', undefined, 'bad', 'bad', 'GET / answered 500')
    all.follow([live])
    await seconds(5)
    expect([all.sickness('c1'), told()]).toEqual([undefined, 0])
    await seconds(1)
    expect([all.sickness('c1'), told()]).toEqual(['the health check failed 3 times in a row: GET / answered 500', 1])
    all.follow([live])
    await seconds(5)
    expect([asked(), told()]).toEqual([6, 1])
  })
  it('forgets what is gone, and counts afresh when the check has changed', async () => {
    const { all, answers, seconds, told } = start()
    answers.push('bad', 'bad', 'bad', 'bad', 'bad')
    all.follow([live])
    await seconds(2)
    all.follow([{ ...live, check: { ...check, timeoutMs: 400 } }])
    await seconds(2)
    expect(told()).toBe(0)
    all.follow([])
    await seconds(5)
    expect([told(), all.sickness('c1')]).toEqual([0, undefined])
  })
})

describe('a probe', () => {
  let server: Server
  let address: string
  const seen: string[] = []
  beforeEach(async () => {
    server = createServer((req, res) => {
      seen.push(`${req.headers.host} ${req.url}`)
      if (req.url === '/hang') return
      res.statusCode = Number(req.url!.slice(1)) || 200
      res.end('x')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => new Promise<void>((resolve) => (server.closeAllConnections(), server.close(() => resolve()))))
  const ask = (path: string | null, timeoutMs = 5000) => probe({ address, path, timeoutMs, host: 'shop.localhost' })

  it('is content with 2xx and 3xx, and says what else it got', async () => {
    expect(await Promise.all(['/200', '/204', '/302', '/404', '/503'].map((path) => ask(path)))).toEqual([
      undefined, undefined, undefined, 'GET /404 answered 404', 'GET /503 answered 503',
    ]) // prettier-ignore
    expect(seen).toContain('shop.localhost /200')
    expect(await ask('/hang', 100)).toBe('GET /hang did not answer within 0.1 s')
    expect(await ask(null)).toBeUndefined()
  })
  it('says that nothing listens', async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()))
    expect(await ask(null)).toMatch(/^port \d+ refused the connection$/)
    expect(await ask('/')).toBe('GET / was not answered')
    await new Promise<void>((resolve) => server.listen(0, resolve))
  })
})

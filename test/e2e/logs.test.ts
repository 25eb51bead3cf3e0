import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Rsyslog } from '../support/rsyslog.ts'
import { nodeApp, useWorld, type World } from '../support/world.ts'

const MIB = 1024 ** 2
const numbersIn = (text: string, word: string) =>
  [...text.matchAll(new RegExp(`${word} (\\d+)\\b`, 'g'))].map((match) => Number(match[1]))
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)
const appOf = (server: string) => ({ ...nodeApp('x'), 'server.js': server })
/** Everything that is kept of an app, as it is on the disk. */
async function stored(world: World, app: string): Promise<{ folder: string; text: string; bytes: number }> {
  const { body } = await world.api<{ id: string }>('GET', `/apps/${app}`)
  const folder = join(world.home, 'logs', body.id)
  const files = readdirSync(folder).sort().map((name) => join(folder, name)) // prettier-ignore
  return {
    folder,
    text: files.map((file) => readFileSync(file, 'utf8')).join(''),
    bytes: files.reduce((sum, file) => sum + statSync(file).size, 0),
  }
}

describe('the log stream', () => {
  const world = useWorld()
  it('has every line of every process in order, and of the router, the build, the release and the platform', async () => {
    const app = await world.create('stream')
    const server = `
      for (let i = 1; i <= 3000; i++) console.log('line ' + i)
      console.error('to stderr')
      require('http').createServer((q, r) => r.end('one')).listen(process.env.PORT)`
    await world.push(app, { ...nodeApp('x', { procfile: 'release: echo from the release phase\n' }), 'server.js': server })
    await world.expectUp(app, 'one')
    await world.until(
      async () => (await world.logs(app)).includes('dozen[router]: at=info'),
      10_000,
      "the router's line is there",
    )
    const text = await world.logs(app, 5000)
    const numbers = [...text.matchAll(/app\[web\.1\]: line (\d+)$/gm)].map((match) => Number(match[1]))
    expect(numbers).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1))
    for (const line of [
      'app[web.1]: to stderr',
      'app[release.2]: from the release phase',
      'app[build]: -----> Build succeeded',
      'app[api]: Release v2 created by user',
      'dozen[web.1]: State changed from starting to up',
    ]) expect(text).toContain(line) // prettier-ignore
    expect(text).toMatch(
      /dozen\[router\]: at=info method=GET path="\/" host=stream\.localhost request_id=\S+ fwd="127\.0\.0\.1" dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=\d+ protocol=http1\.1 tls=false/,
    )
  })
  it('is filtered and bounded as asked', async () => {
    const app = 'stream'
    expect((await world.cliOk('logs', '-a', app, '-n', '5', '--dyno', 'web')).trim().split('\n')).toHaveLength(5)
    expect(await world.cliOk('logs', '-a', app, '--source', 'dozen')).not.toContain(' app[')
  })
  it('keeps every line over a kill of the controller, once, and so does who tails it', async () => {
    const app = await world.create('killed')
    const server = `
      let i = 0
      setInterval(() => console.log('tick ' + ++i), 5)
      require('http').createServer((q, r) => r.end('one')).listen(process.env.PORT)`
    const tail = world.tail(app)
    await world.push(app, appOf(server))
    const last = async () => Math.max(0, ...numbersIn(await world.logs(app, 5000), 'tick'))
    for (const goal of [200, 500]) {
      await world.until(async () => (await last().catch(() => 0)) > goal, 40_000, `more than ${goal} ticks`)
      await world.killController()
    }
    await world.until(async () => (await last().catch(() => 0)) > 1000, 60_000, 'more than 1000 ticks')
    const ticks = numbersIn(await world.logs(app, 20_000), 'tick')
    expect(ticks).toEqual(upTo(ticks.length))
    await world.until(() => tail.output().includes('tick 1000\n'), 60_000, 'the tail has tick 1000')
    const tailed = numbersIn(tail.output(), 'tick')
    expect(tailed).toEqual(upTo(tailed.length))
    await tail.stop()
    const { folder } = await stored(world, app)
    await world.cliOk('destroy', '-a', app, '--confirm', app)
    await world.until(() => !existsSync(folder), 30_000, 'its lines are gone with it')
  })
  it('shows new lines to who tails it', async () => {
    const app = await world.create('tailed')
    await world.push(app, nodeApp('one'))
    const tail = world.tail(app)
    await world.get(app, '/from-the-test')
    await world.until(() => tail.output().includes('path="/from-the-test"'), 15_000, 'the tail shows the request')
    await tail.stop()
  })
  it('has what the router and the app say of one request, by its id', async () => {
    const app = await world.create('asked')
    const server = `
      require('http').createServer((q, r) => {
        console.log(JSON.stringify({ level: 'warn', request: q.headers['x-request-id'], path: q.url }))
        r.end('one')
      }).listen(process.env.PORT)`
    await world.push(app, appOf(server))
    const id = 'this-is-a-request-id-of-the-test'
    for (const request of [id, 'this-is-another-id-of-the-test-s'])
      expect((await world.get(app, '/asked', { headers: { 'x-request-id': request } })).status).toBe(200)
    const found = async () => (await world.cliOk('logs', '-a', app, '--request', id)).trim().split('\n')
    await world.until(async () => (await found()).length > 1, 15_000, 'both lines are there')
    const sources = (await found()).map((line) => / (\S+): /.exec(line)![1])
    expect(sources.toSorted()).toEqual(['app[web.1]', 'dozen[router]'])
    expect(await world.cliOk('logs', '-a', app, '--level', 'warn', '--grep', 'path=/asked', '-n', '1', '--json')).toContain(
      '"fields":{"level":"warn","request":"this-is-another',
    )
  })
})

describe('drains to rsyslog, as Debian has it', () => {
  const rsyslog = new Rsyslog()
  beforeAll(() => rsyslog.start())
  afterAll(() => rsyslog.stop())
  const world = useWorld({ env: { DOZEN_PRIVATE_TARGETS: '1', NODE_EXTRA_CA_CERTS: rsyslog.ca } })
  const WAYS = ['tcp', 'tls', 'udp'] as const
  const LINES = 1500
  const KEY = 'k-7Hq2/9+Zx0=='

  it('bring every line once and in order by TCP, TLS and UDP, and no secret', async () => {
    const app = await world.create('drained')
    const server = `
      require('http').createServer((q, r) => {
        console.log('the key is ' + process.env.API_KEY + ', asked by ' + q.url)
        if (q.url.startsWith('/count')) for (let i = 1; i <= ${LINES}; i++) console.log('line ' + i + ' "é" \\\\ <5> 7 8')
        r.end('one')
      }).listen(process.env.PORT)`
    await world.cliOk('config:set', `API_KEY=${KEY}`, '-a', app)
    await world.push(app, appOf(server))
    await world.get(app, '/before')
    await world.until(
      async () => (await world.logs(app)).includes(`the key is ${KEY}, asked by /before`),
      15_000,
      'it says its key',
    )
    await world.cliOk('settings:set', 'log-redaction=on', '-a', app)
    for (const way of WAYS) await world.cliOk('drains:add', rsyslog.url(way), '-a', app)
    for (const way of WAYS) await world.cliOk('drains:test', rsyslog.url(way), '-a', app)
    await world.get(app, `/count?key=${KEY}&again=${encodeURIComponent(KEY)}`)
    const texts = upTo(LINES).map((i) => `line ${i} "é" \\ <5> 7 8`)
    for (const way of WAYS) {
      const found = (process: string) => rsyslog.received(way).filter((one) => one.process === process)
      const lines = () => found('web.1').filter(({ text }) => text.startsWith('line '))
      await world.until(() => lines().length >= LINES && found('router').length > 0, 30_000, `all lines came by ${way}`)
      expect(lines().map(({ text }) => text)).toEqual(texts)
      expect(lines()[0]).toMatchObject({ app: 'app', process: 'web.1', host: expect.stringMatching(/^d\./) as string })
      expect(found('web.1')[0]!.text).toBe('the key is [redacted], asked by /count?key=[redacted]&again=[redacted]')
      expect(found('router')[0]!.text).toContain('path="/count?key=[redacted]&again=[redacted]"')
      expect(found('drain')[0]!.text).toMatch(/^Test of this drain by user/)
    }
    const kept = (await stored(world, app)).text
    expect(kept.split(KEY)).toHaveLength(2) // what it said before it was asked not to
    expect(kept).not.toContain(encodeURIComponent(KEY))
  })
})

describe('a flood (ABUSE 69)', () => {
  const world = useWorld({ env: { DOZEN_LOG_LIMIT: '16MiB' } })
  const LINES = 100_000
  const FLOOD = `
    const fs = require('fs')
    const print = (text) => { for (let b = Buffer.from(text), at = 0; at < b.length;) at += fs.writeSync(1, b, at) }
    for (let i = 1; i <= ${LINES};) {
      let text = ''
      for (let n = 0; n < 250; n++) text += 'flood ' + i++ + ' ' + 'x'.repeat(300) + '\\n'
      print(text)
    }
    setInterval(() => {}, 1e6)`
  const CALM = `
    let calls = 0
    require('http').createServer((q, r) => {
      console.log('call ' + ++calls)
      r.end('one')
    }).listen(process.env.PORT)`
  it('keeps no other app, not the API and not the router waiting, and stays within its bounds', async () => {
    const app = await world.create('calm')
    const loud = await world.create('loud')
    await world.push(app, appOf(CALM))
    await world.push(loud, { ...nodeApp('x', { procfile: 'flood: exec node flood.js\n' }), 'flood.js': FLOOD })
    const [floodTail, tail] = [world.tail(loud), world.tail(app)]
    await world.until(() => [floodTail, tail].every((one) => one.output().includes('State changed')), 15_000, 'both are tailed')
    await world.cliOk('ps:scale', 'flood=1', '-a', loud)
    const isOver = () => floodTail.output().includes(`flood ${LINES} `)
    let [rounds, peak] = [0, 0]
    const oneRound = async () => {
      rounds++
      expect((await world.get(app)).status).toBe(200)
      expect((await world.api('GET', `/apps/${app}`)).status).toBe(200)
      await world.until(() => tail.output().includes(`call ${rounds}\n`), 10_000, "the calm app's line is there")
      peak = Math.max(peak, ...world.controllerPids().map(residentBytes))
      return isOver()
    }
    await world.until(oneRound, 120_000, 'the flood is over')
    const seen = floodTail.output()
    const told = [...seen.matchAll(/Error L1[12] .*?(?:dropped (\d+)|(\d+) messages)/g)]
    const dropped = told.reduce((sum, match) => sum + Number(match[1] ?? match[2]), 0)
    expect(numbersIn(seen, 'flood').length + dropped).toBe(LINES)
    const { text, bytes } = await stored(world, loud)
    expect(bytes).toBeLessThan(18 * MIB)
    const kept = numbersIn(text, 'flood')
    expect(kept).toEqual(upTo(LINES).slice(-kept.length))
    expect(peak).toBeLessThan(500 * MIB)
    await Promise.all([floodTail.stop(), tail.stop()])
  })
})

const residentBytes = (pid: number) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Book } from './book.ts'
import { serve } from './serving.ts'
import { LIMITS } from './settings.ts'
import { call, until, World } from './testing.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.end())

it('the numbers are those of the contract', () =>
  expect(LIMITS).toMatchObject({
    connectMs: 5_000,
    firstByteMs: 30_000,
    idleMs: 55_000,
    bootWaitMs: 75_000,
    restMs: 5_000,
    tries: 10,
  }))

describe('a request that could not be sent', () => {
  it('is tried at ten targets at most, each of which then rests', async () => {
    const lines: string[] = []
    const serving = serve({
      limits: LIMITS, isTrusted: () => false, log: (_app, line) => lines.push(line), desk: new Book().desk(), wake: () => {},
      openDoor: () => Promise.reject(new Error('no TLS here')),
    }) // prettier-ignore
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    serving.accept(server, false)
    await once(server, 'listening')
    world.onEnd(() => serving.close(0))
    const addresses = await Promise.all(Array.from({ length: 14 }, () => world.refusing()))
    serving.routes.swap(world.table({ targets: addresses.map((address, i) => ({ dyno: `web.${i + 1}`, address })) }))
    const before = Date.now()
    const { port } = server.address() as AddressInfo
    const answer = await call({ host: '127.0.0.1', port, agent: false, headers: { host: 'shop.localhost' } })
    expect(answer.body).toContain('H21')
    const rests = serving.routes.find('shop.localhost')!.upstreams.map(({ target }) => target.restsUntil).filter((at) => at > 0) // prettier-ignore
    expect(rests).toHaveLength(10)
    for (const at of rests) expect(at - before).toBeGreaterThanOrEqual(5_000)
    expect(lines).toHaveLength(1)
  })

  it('leaves a failed target alone while that rests, and comes back to it', async () => {
    await world.start({ restMs: 400 })
    const one = await world.refusing()
    const two = await world.app((_req, res) => void res.end('two'))
    await world.serve(one, two)
    const bodies = async () => (await Promise.all(Array.from({ length: 20 }, () => world.get()))).map(({ body }) => body)
    expect(new Set(await bodies())).toEqual(new Set(['two']))
    const late = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none'))) // prettier-ignore
    late.listen(Number(one.split(':')[1]), '127.0.0.1')
    await once(late, 'listening')
    world.onEnd(() => late.close())
    await until(async () => (await bodies()).includes('one'))
  })
})

describe('a request that was sent', () => {
  it.each(['POST', 'GET', 'PUT'])(
    'with the method %s on a new connection is not sent again when the app hangs up',
    async (method) => {
      await world.start()
      let heads = 0
      const hangsUp = () =>
        world.tcp((socket) =>
          socket.once('data', () => {
            heads += 1
            socket.destroy()
          }),
        )
      await world.serve(await hangsUp(), await hangsUp())
      expect((await world.get('/', { method })).body).toContain('H13')
      expect(heads).toBe(1)
    },
  )
})

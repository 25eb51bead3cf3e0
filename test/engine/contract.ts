import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import type { ContainerSpec, Engine } from '../../server/engine/port.ts'
import { until } from '../support/programs.ts'

/** What both the fake and the real engine must do. `image` has a /bin/sh. */
export function engineContract(title: string, make: () => Engine, image: () => string) {
  describe(title, () => {
    const engine = make()
    const labels = { 'dozen.instance': `test-${randomUUID().slice(0, 8)}` }
    const spec = (over: Partial<ContainerSpec> = {}): ContainerSpec => ({
      name: `dozen-test-${randomUUID()}`, image: image(), cmd: ['/bin/sh', '-c', 'exec sleep 60'], env: { A: '1' }, labels, network: 'none', ...over,
    }) // prettier-ignore
    const run = async (over: Partial<ContainerSpec> = {}) => {
      const id = await engine.create(spec(over))
      await engine.start(id)
      return id
    }
    afterEach(async () => {
      for (const container of await engine.list(labels)) await engine.remove(container.id)
      for (const { name } of await engine.networks(labels)) await engine.removeNetwork(name)
      for (const { name } of await engine.volumes(labels)) await engine.removeVolume(name)
    })

    it('lists what carries every label, whatever its state', async () => {
      const id = await engine.create(spec())
      expect(await engine.list(labels)).toMatchObject([{ id, state: 'created' }])
      await engine.start(id)
      expect(await engine.list(labels)).toMatchObject([{ id, state: 'running', startedAt: expect.any(Date) }])
      expect(await engine.list({ ...labels, other: 'x' })).toEqual([])
    })
    it('compares labels whole, not by their beginning', async () => {
      await engine.create(spec())
      expect(await engine.list({ 'dozen.instance': labels['dozen.instance'].slice(0, -1) })).toEqual([])
    })
    it('starts once, and again without complaint', async () => {
      const id = await run()
      await engine.start(id)
      expect(await engine.find(id)).toMatchObject({ state: 'running' })
    })
    it('stops once, and again without complaint', async () => {
      const id = await run()
      await engine.stop(id, 0)
      await engine.stop(id, 0)
      expect(await engine.find(id)).toMatchObject({
        state: 'exited',
        exit: { code: expect.any(Number), at: expect.any(Date), oomKilled: false },
      })
    })
    it('removes what runs, and what is gone, without complaint', async () => {
      const id = await run()
      await engine.remove(id)
      await engine.remove(id)
      await engine.stop(id, 0)
      await engine.kill(id, 'SIGTERM')
      expect(await engine.find(id)).toBeUndefined()
    })
    it('lets a container stand still, and stops one that does', async () => {
      const id = await run()
      for (let twice = 0; twice < 2; twice++) await engine.pause(id)
      expect((await engine.find(id))!.state).toBe('paused')
      for (let twice = 0; twice < 2; twice++) await engine.unpause(id)
      expect((await engine.find(id))!.state).toBe('running')
      await engine.pause(id)
      await engine.stop(id, 0)
      expect((await engine.find(id))!.state).toBe('exited')
      await engine.pause(id)
      await engine.unpause(id)
      await engine.remove(id)
    })
    it('tells who waits how a process ended', async () => {
      const id = await run()
      const waiting = engine.wait(id)
      await engine.kill(id, 'SIGKILL')
      expect(await waiting).toMatchObject({ code: 137 })
    })
    it('refuses an image that is not here', () =>
      expect(engine.create(spec({ image: 'dozen-no-such-image' }))).rejects.toMatchObject({ code: 'no_such_image' }))
    it('refuses a name that is taken', async () => {
      const one = spec()
      await engine.create(one)
      await expect(engine.create(one)).rejects.toMatchObject({ code: 'name_taken' })
    })
    it('makes networks and volumes once, and finds them by label', async () => {
      const name = `dozen-test-${randomUUID()}`
      for (let twice = 0; twice < 2; twice++) {
        expect(await engine.ensureNetwork({ name, labels, isolated: true })).toBe(name)
        expect(await engine.ensureVolume({ name, labels })).toBe(name)
      }
      expect(await engine.networks(labels)).toMatchObject([{ name }])
      expect(await engine.volumes(labels)).toMatchObject([{ name }])
      for (let twice = 0; twice < 2; twice++) {
        await engine.removeNetwork(name)
        await engine.removeVolume(name)
      }
      expect([...(await engine.networks(labels)), ...(await engine.volumes(labels))]).toEqual([])
    })
    it('makes one network however many ask for it at once', async () => {
      const name = `dozen-test-${randomUUID()}`
      await Promise.all(Array.from({ length: 5 }, () => engine.ensureNetwork({ name, labels, isolated: true })))
      expect(await engine.networks(labels)).toHaveLength(1)
    })
    it('tells of changes to containers of ours until it is told to stop', async () => {
      const stop = new AbortController()
      let changes = 0
      const watching = engine.watch(labels, () => changes++, stop.signal)
      await until(
        async () => {
          await engine.remove(await run())
          return changes > 0
        },
        10_000,
        'a change is told',
      )
      stop.abort()
      await watching
    })
    it('says what takes room, by label', async () => {
      const name = `dozen-test-${randomUUID()}`
      await engine.ensureVolume({ name, labels })
      const id = await run()
      const { containers, volumes, images, buildCache } = await engine.usage()
      await engine.removeVolume(name)
      expect(containers.find((one) => one.id === id)).toMatchObject({ labels, writable: expect.any(Number) })
      expect(volumes.find((one) => one.name === name)).toMatchObject({ labels, bytes: expect.any(Number) })
      expect([images.every(({ bytes }) => bytes >= 0), buildCache >= 0]).toEqual([true, true])
    })
    it('gives images away and takes them back, with their ids and labels', async () => {
      const id = await engine.create(spec())
      const made = await engine.commit(id, { labels: { ...labels, made: 'to travel' } })
      await engine.remove(id)
      const saved = Buffer.concat(
        (await (await engine.saveImages([made])).toArray()).map((part: Uint8Array | string) => Buffer.from(part as string)),
      )
      await engine.removeImage(made)
      await engine.loadImages(Readable.from([saved]))
      expect(await engine.images({ ...labels, made: 'to travel' })).toMatchObject([{ id: made }])
      await engine.removeImage(made)
    })
    it('freezes a container as an image and forgets it again', async () => {
      const id = await engine.create(spec())
      const made = await engine.commit(id, { labels: { ...labels, made: 'here' } })
      expect(await engine.images({ ...labels, made: 'here' })).toMatchObject([{ id: made }])
      await engine.remove(id)
      await engine.removeImage(made)
      await engine.removeImage(made)
      expect(await engine.image(made)).toBeUndefined()
    })
  })
}

import Database from 'better-sqlite3'
import Docker from 'dockerode'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeApp, useWorld } from '../support/world.ts'

const docker = new Docker({ socketPath: process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock' })

/** FAULTS.md: the world changes under us, and ends in the wanted state or in a clear error. */
describe('when somebody else', () => {
  const world = useWorld({
    env: { DOZEN_PROOF_TIME: '1s', DOZEN_BOOT_TIMEOUT: '5s', DOZEN_STOP_TIMEOUT: '5s', DOZEN_WATCH_WINDOW: '0' },
  })
  const deployed = async (name: string) => {
    const app = await world.create(name)
    await world.push(app, nodeApp('here'))
    const [container] = await world.containers(app)
    return { app, container: docker.getContainer(container!.id), id: container!.id }
  }
  const replaced = (app: string, id: string) =>
    world.until(
      async () => (await world.containers(app)).some((one) => one.id !== id && one.state === 'running'),
      40_000,
      'another container runs',
    )

  it('removes a container, it comes back (ABUSE 87)', async () => {
    const { app, container, id } = await deployed('removed')
    await container.remove({ force: true })
    await replaced(app, id)
    await world.expectUp(app, 'here')
  })

  it('stops a container, it comes back', async () => {
    const { app, container, id } = await deployed('stopped')
    await container.stop({ t: 1 })
    await replaced(app, id)
    await world.expectUp(app, 'here')
  })

  it('takes the network away, processes come back on a new one', async () => {
    const { app, container, id } = await deployed('unplugged')
    const [attached] = Object.values((await container.inspect()).NetworkSettings.Networks)
    const network = docker.getNetwork(attached!.NetworkID)
    const takeAway = async () => {
      for (const member of Object.keys((await network.inspect()).Containers ?? {}))
        await network.disconnect({ Container: member, Force: true }).catch(() => {}) // it has gone by itself
      return network.remove().then(
        () => true,
        () => false, // meanwhile dozen put the next process on it
      )
    }
    await world.until(takeAway, 40_000, 'the network is gone')
    await replaced(app, id)
    await world.expectUp(app, 'here')
  })

  it('prunes the image of an old release, a rollback to it is refused with a sentence', async () => {
    const { app } = await deployed('pruned')
    const { body } = await world.api<{ image: string }>('GET', `/apps/${app}/releases/2`)
    await world.push(app, nodeApp('next'))
    await world.until(async () => (await world.containers(app)).length === 1, 20_000, 'the old one is gone')
    await docker.getImage(body.image).remove({ force: true })
    const { code, stderr } = await world.cli('rollback', 'v2', '-a', app)
    expect(code).toBe(1)
    expect(stderr).toContain('The image of v2 is gone. Push its commit again')
    await world.expectUp(app, 'next')
  })

  it('pauses a container, it gets no more requests and another takes its place', async () => {
    const { app, container, id } = await deployed('paused')
    await container.pause()
    await replaced(app, id)
    await world.expectUp(app, 'here')
  })

  it('takes a container off its network and puts it back with another address, requests find it', async () => {
    const { app, container } = await deployed('moved')
    const networks = async () => Object.entries((await container.inspect()).NetworkSettings.Networks)
    const [name, { IPAddress: before }] = (await networks())[0]!
    const network = docker.getNetwork(name)
    await network.disconnect({ Container: container.id, Force: true })
    const taken = await docker.createContainer({ Image: 'dozen/stack:run', Cmd: ['sleep', '60'], HostConfig: { NetworkMode: name }, Labels: { 'dozen.instance': `${world.instance}x` } }) // prettier-ignore
    try {
      await taken.start() // so that the address is not the same again
      await network.connect({ Container: container.id })
      expect((await networks())[0]![1].IPAddress).not.toBe(before)
      await world.expectUp(app, 'here')
    } finally {
      await taken.remove({ force: true })
    }
  })

  it('prunes the image that should run, and ps, the log and the doctor say so until it is there again', async () => {
    const { app } = await deployed('imageless')
    const { body } = await world.api<{ image: string }>('GET', `/apps/${app}/releases/2`)
    await world.cliOk('ps:scale', 'web=0', '-a', app)
    await world.until(async () => (await world.containers(app)).length === 0, 20_000, 'nothing of it runs')
    await docker.getImage(body.image).remove({ force: true })
    await world.cliOk('ps:scale', 'web=1', '-a', app)
    const says = /web\.1: crashed .* could not be started: the image of v2 is gone from the engine; push its commit again/
    await world.until(async () => says.test(await world.cliOk('ps', '-a', app)), 20_000, 'ps says why')
    expect((await world.cli('doctor')).stdout).toMatch(
      /problem\s+imageless\s+web\.1 of v2 could not be started: the image of v2 is gone/,
    )
    expect(await world.logs(app)).toContain('dozen[web.1]: Error starting the process: the image of v2 is gone')
    await world.push(app, nodeApp('again'))
    await world.expectUp(app, 'again')
  })

  it('holds the database, a change is refused with a sentence and nothing has changed', async () => {
    const { app } = await deployed('locked')
    const other = new Database(join(world.home, 'dozen.db'))
    try {
      other.exec('BEGIN IMMEDIATE')
      const { status, body } = await world.api<{ message: string }>('PATCH', `/apps/${app}/config-vars`, { A: '1' })
      expect([status, body.message]).toEqual([503, expect.stringContaining('Another program holds the database: try again.')])
      expect((await world.get(app)).body).toBe('here')
    } finally {
      other.close()
    }
    await world.cliOk('config:set', 'A=2', '--wait', '-a', app)
    expect(await world.cliOk('config:get', 'A', '-a', app)).toBe('2\n')
  })

  it('runs containers with labels that look like ours, they are left alone (ABUSE 86)', async () => {
    const { app } = await deployed('lookalike')
    const foreign = await docker.createContainer({
      Image: 'dozen/stack:latest', Cmd: ['sleep', '600'], Labels: { 'dozen.instance': `${world.instance}x`, 'dozen.app': 'someone', 'dozen.role': 'dyno', 'dozen.type': 'web' },
    }) // prettier-ignore
    try {
      await foreign.start()
      await world.cliOk('ps:restart', '-a', app)
      await world.killController()
      await world.until(async () => (await world.cli('apps')).code === 0, 20_000, 'the controller is back')
      await world.expectUp(app, 'here')
      expect((await foreign.inspect()).State.Running).toBe(true)
    } finally {
      await foreign.remove({ force: true })
    }
  })
})

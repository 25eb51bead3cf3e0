import Docker from 'dockerode'
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

  it('removes a container, it comes back', async () => {
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
    for (const member of Object.keys((await network.inspect()).Containers ?? {}))
      await network.disconnect({ Container: member, Force: true })
    await network.remove()
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

  it('runs containers with labels that look like ours, they are left alone', async () => {
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

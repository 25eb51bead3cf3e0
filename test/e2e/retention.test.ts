import Docker from 'dockerode'
import { expect, it } from 'vitest'
import { nodeApp, useWorld } from '../support/world.ts'

const docker = new Docker({ socketPath: process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock' })
const world = useWorld({ env: { DOZEN_KEEP_RELEASES: '2', DOZEN_WATCH_WINDOW: '0', DOZEN_STOP_TIMEOUT: '2s' } })

/** Images of this world on the engine. */
const images = async () =>
  (await docker.listImages({ filters: { label: [`dozen.instance=${world.instance}`, 'dozen.role=image'] } })).map(({ Id }) => Id)

it('keeps the images of the last releases that ran and no more, and those can be rolled back to', async () => {
  const app = await world.create('keeper')
  const others = `${world.instance}-other`
  const foreign = await docker.createContainer({ Image: 'dozen/stack:run', Cmd: ['true'], Labels: { 'dozen.instance': others } })
  const { Id: stranger } = (await foreign.commit({ Labels: { 'dozen.instance': others, 'dozen.role': 'image' } })) as {
    Id: string
  }
  try {
    for (const text of ['one', 'two', 'three', 'four']) await world.push(app, nodeApp(text))
    await world.until(async () => (await images()).length === 2, 40_000, 'two images are left')

    await world.cliOk('rollback', '-a', app)
    await world.expectUp(app, 'three')
    const late = await world.cli('rollback', 'v2', '-a', app)
    expect(late.stderr).toContain(
      'The image of v2 is gone. Push its commit again, or roll back to another release: the last 2 keep their images',
    )
    const { body } = await world.api<{ version: number; eligible_for_rollback: boolean }[]>('GET', `/apps/${app}/releases`)
    const eligible = body.filter((release) => release.eligible_for_rollback).map(({ version }) => version)
    expect(eligible.sort()).toEqual([4, 5, 6])
    expect((await docker.getImage(stranger).inspect()).Id).toBe(stranger)
  } finally {
    await foreign.remove()
    await docker.getImage(stranger).remove()
  }
})

it('keeps the image of an app that is destroyed for the one that it was promoted to', async () => {
  const [from, to] = [await world.create('staging'), await world.create('live')]
  await world.push(from, nodeApp('promoted'))
  await world.cliOk('pipelines:create', 'line', '-a', from, '--stage', 'staging')
  await world.cliOk('pipelines:add', 'line', '-a', to, '--stage', 'production')
  await world.cliOk('pipelines:promote', '-a', from)
  await world.expectUp(to, 'promoted')
  await world.cliOk('destroy', '--confirm', from, '-a', from)
  await world.until(async () => (await world.api('GET', `/apps/${from}`)).status === 404, 20_000, 'it is gone')
  const [before] = await world.containers(to)
  await world.cliOk('ps:restart', '-a', to)
  await world.until(async () => (await world.containers(to)).every((one) => one.id !== before!.id), 30_000, 'it was started anew')
  await world.expectUp(to, 'promoted')
})

import { expect, it } from 'vitest'
import { fakeEngine } from '../../test/support/fake-engine.ts'
import { letGo } from './held.ts'

it('lets go on what was held when the controller was killed, and nothing of others', async () => {
  const engine = fakeEngine()
  const start = async (instance: string) => {
    const id = await engine.create({
      name: instance,
      image: 'img',
      env: {},
      labels: { 'dozen.instance': instance },
      network: 'n',
    })
    await engine.start(id)
    await engine.pause(id)
    return id
  }
  const [ours, theirs] = [await start('i'), await start('j')]
  await letGo(engine, 'i')()
  expect([(await engine.find(ours))!.state, (await engine.find(theirs))!.state]).toEqual(['running', 'paused'])
})

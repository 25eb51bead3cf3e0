import { expect, it } from 'vitest'
import { fakeEngine } from '../support/fake-engine.ts'
import { engineContract } from './contract.ts'

engineContract('the fake engine', () => fakeEngine(), () => 'img') // prettier-ignore

it('can be made unreachable', async () => {
  const engine = fakeEngine()
  engine.setReachable(false)
  await expect(engine.list({})).rejects.toMatchObject({ code: 'unreachable' })
})

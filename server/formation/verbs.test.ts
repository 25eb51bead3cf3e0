import { expect, it } from 'vitest'
import { formationVerbs } from './verbs.ts'

it('knows a restart of an earlier life of the controller, and none that nobody asked for', () => {
  const find = (_appId: string, number: number) => ({ number, status: 'pending' })
  const verbs = formationVerbs({ formations: { lastRestart: () => 2 }, restarts: { find }, runs: {}, dynos: {} } as never)
  expect(verbs.restartReport('a1', 2)).toMatchObject({ number: 2 })
  expect(() => verbs.restartReport('a1', 3)).toThrow("Couldn't find that restart")
})

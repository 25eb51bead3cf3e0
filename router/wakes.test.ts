import { expect, it } from 'vitest'
import type { RouteApp } from '../server/api/wire.ts'
import { Wakes } from './wakes.ts'

const app = (id: string, state: RouteApp['state']): RouteApp => ({
  id,
  name: id,
  hosts: [],
  state,
  maintenance: false,
  targets: [],
})
const make = () => {
  let now = 0
  const wakes = new Wakes(() => now)
  const settle = (...states: RouteApp['state'][]) => wakes.settle({ version: 1, apps: states.map((state, i) => app(`a${i + 1}`, state)) }) // prettier-ignore
  settle('asleep', 'asleep', 'serving')
  return { wakes, settle, wait: (ms: number) => (now += ms) }
}

it('are told to whoever waits for one, and to whoever asks later', async () => {
  const { wakes } = make()
  const waiting = wakes.next(0, 60_000)
  wakes.want('a1')
  expect(await waiting).toEqual({ seq: 1, apps: ['a1'] })
  expect(await wakes.next(0, 60_000)).toEqual({ seq: 1, apps: ['a1'] })
  const next = wakes.next(1, 60_000)
  wakes.want('a2')
  expect(await next).toEqual({ seq: 2, apps: ['a1', 'a2'] })
})

it('are of sleeping apps, and over once those sleep no more', async () => {
  const { wakes, settle } = make()
  wakes.want('a3')
  wakes.want('nobody')
  wakes.want('a1')
  settle('starting', 'asleep', 'serving')
  expect(await wakes.next(0, 1)).toEqual({ seq: 1, apps: [] })
})

it('are told again when a later visitor still finds the app asleep', async () => {
  const { wakes, wait } = make()
  wakes.want('a1')
  wakes.want('a1')
  expect(await wakes.next(1, 1)).toEqual({ seq: 1, apps: ['a1'] })
  wait(1_000)
  wakes.want('a1')
  expect(await wakes.next(1, 60_000)).toEqual({ seq: 2, apps: ['a1'] })
})

it('count as new to who knows a number of another router', async () => {
  const { wakes } = make()
  wakes.want('a1')
  expect(await wakes.next(17, 60_000)).toEqual({ seq: 1, apps: ['a1'] })
})

it('end the waiting when the router stops', async () => {
  const { wakes } = make()
  const waiting = wakes.next(0, 60_000)
  wakes.close()
  expect(await waiting).toEqual({ seq: 0, apps: [] })
})

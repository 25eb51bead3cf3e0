import { expect, it } from 'vitest'
import { Bulk } from './bulk.ts'

const round = () => new Promise((resolve) => setImmediate(resolve))

it('lets a few read on in each round, in order, and one alone after an arrival', async () => {
  const bulk = new Bulk()
  const order: number[] = []
  for (let i = 0; i < 20; i += 1) bulk.wait({ readOn: () => order.push(i) })
  bulk.arrived()
  const counts: number[] = []
  for (let i = 0; i < 4; i += 1) {
    await round()
    counts.push(order.length)
  }
  expect(counts).toEqual([1, 9, 17, 20])
  expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
})

it('lets one that waits again from within its turn go on in a later round', async () => {
  const bulk = new Bulk()
  let turns = 0
  const reader = { readOn: () => ((turns += 1), bulk.wait(reader)) }
  bulk.wait(reader)
  await round()
  expect(turns).toBe(1)
  await round()
  expect(turns).toBe(2)
})

import { describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { steadyClock } from '../clock.ts'
import type { Container } from '../engine/port.ts'
import { ages } from './ages.ts'

const HOUR = 3_600_000
const container = (startedAt: number, exitAt?: number): Container => ({
  id: 'c1', name: 'c1', image: 'i', labels: {}, state: exitAt === undefined ? 'running' : 'exited',
  createdAt: new Date(startedAt), startedAt: new Date(startedAt), ...(exitAt !== undefined && { exit: { code: 1, at: new Date(exitAt), oomKilled: false } }),
}) // prettier-ignore

describe('the age of a container', () => {
  it.each([HOUR, -HOUR])('goes on evenly when the clock is moved by %d ms', async (jump) => {
    const wall = fakeClock(10 * HOUR)
    let elapsed = 5_000
    const clock = steadyClock(wall, () => elapsed)
    const known = ages({ clock, wall })
    const startedAt = wall.now().getTime() - 2_000
    const age = (one: Container) => clock.now().getTime() - known.of(one).startedAt
    expect(age(container(startedAt))).toBe(2_000)
    await wall.advance(jump)
    elapsed += 1_000
    expect(age(container(startedAt))).toBe(3_000)
    const exited = known.of(container(startedAt, wall.now().getTime()))
    expect(exited.exitAt! - exited.startedAt).toBe(3_000)
  })

  it('is never negative, and what is gone is forgotten', () => {
    const wall = fakeClock(10 * HOUR)
    const known = ages({ clock: wall, wall })
    expect(known.of(container(20 * HOUR)).startedAt).toBe(10 * HOUR)
    known.keep([], 0)
    expect(known.of(container(9 * HOUR)).startedAt).toBe(9 * HOUR)
  })

  it('is at most the time since the look before, whatever the engine says', () => {
    const wall = fakeClock(10 * HOUR)
    const known = ages({ clock: wall, wall })
    known.keep([], 10 * HOUR - 500)
    expect(known.of(container(3 * HOUR)).startedAt).toBe(10 * HOUR - 500)
  })
})

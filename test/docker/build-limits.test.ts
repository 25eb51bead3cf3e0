import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Facts } from '../../server/builds/built.ts'
import { building, freshApp, pack } from '../support/building.ts'

const limits = { buildTimeoutMs: 120_000, sourceBytes: 64 * 1024 ** 2 }
const { build, run, engine, stack, instance, close } = building(limits)
beforeAll(async () => void (await stack.ensure()))
afterAll(close)

const app = { Procfile: 'web: x' }
/** Holds so many MiB in memory. */
const holding = (mebibytes: number, setting = 'pipefail') =>
  pack(`set -o ${setting}; head -c ${mebibytes}M /dev/zero | tail -c ${mebibytes}M | wc -c > $1/held`)

describe('a build', () => {
  it('that needs more memory than DOZEN_BUILD_MEMORY fails with what to do; one that needs less does not', async () => {
    const tight = { ...limits, buildMemoryBytes: 96 * 1024 ** 2 }
    const built = await build(app, { packs: [holding(16)], limits: tight })
    expect(await run(built, 'cat held')).toBe(String(16 * 1024 ** 2))
    expect(built.output).not.toContain('DOZEN_BUILD_MEMORY')
    const heedless = await build(app, { packs: [holding(256, 'posix')], limits: tight })
    expect(heedless.output).toContain('needed more memory than it may have (DOZEN_BUILD_MEMORY) and was killed')
    await expect(build(app, { packs: [holding(256)], limits: tight })).rejects.toThrow(
      'it needed more than 96 MiB of memory and was stopped. Build with less or in fewer parallel steps, or raise DOZEN_BUILD_MEMORY',
    )
  })

  it('does not begin when less than DOZEN_DISK_RESERVE is free', async () => {
    const appId = freshApp()
    const refused = build(app, { packs: [pack('true')], appId, limits: { ...limits, diskReserveBytes: 2 ** 60 } })
    await expect(refused).rejects.toThrow(
      /less than the reserve of 1099511627776 MiB \(DOZEN_DISK_RESERVE\), so no build can begin/,
    )
    const ofApp = { 'dozen.instance': instance, 'dozen.app': appId }
    expect(await engine.volumes(ofApp)).toEqual([]) // a container of its would have come with its cache
    await build(app, { packs: [pack('true')], appId })
    expect(await engine.volumes(ofApp)).toHaveLength(1)
  })

  it('that fails tells how long each phase took, the one that it failed in included, and what it was made on', async () => {
    let facts: Facts | undefined
    const onFailure = (known: Facts) => void (facts = known)
    await expect(build(app, { packs: [pack('exit 3')], onFailure })).rejects.toThrow('status 3')
    const { id, runImage } = await stack.ensure()
    expect(facts).toMatchObject({ stackImage: id, runImage })
    expect(Object.keys(facts!.durations)).toEqual(['source', 'build'])
    expect(facts!.durations.build).toBeGreaterThan(0)
    await expect(build({ Procfile: 'web' }, { onFailure })).rejects.toThrow('Line 1 of the Procfile')
    expect(Object.keys(facts!.durations)).toEqual(['source'])
  })
})

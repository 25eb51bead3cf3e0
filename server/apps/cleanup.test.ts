import { mkdirSync, mkdtempSync, existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fakeEngine } from '../../test/support/fake-engine.ts'
import { systemClock as clock } from '../clock.ts'
import { cleanup } from './cleanup.ts'

const [GONE, KNOWN] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
const labels = (app: string) => ({ 'dozen.instance': 'i', 'dozen.app': app, 'dozen.role': 'image' })
let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'dozen-cleanup-'))))
afterEach(() => rmSync(folder, { recursive: true }))

it('removes what destroyed apps left, but for images that an app that is left needs', async () => {
  const engine = fakeEngine()
  const image = async (app: string) => {
    const container = await engine.create({ name: `c-${Math.random()}`, image: 'img', env: {}, labels: {}, network: 'none' })
    const id = await engine.commit(container, { labels: labels(app) })
    await engine.remove(container)
    return id
  }
  const [promoted, own] = [await image(GONE), await image(GONE), await image(KNOWN)]
  await engine.ensureVolume({ name: 'cache', labels: labels(GONE) })
  for (const id of [GONE, KNOWN]) mkdirSync(join(folder, `${id}.git`))
  const kept = new Set([promoted])
  const rooms = cleanup({
    engine, clock, instance: 'i', reposFolder: folder, logsFolder: join(folder, 'logs'), removeLogs: () => {}, keptImages: () => kept,
  }) // prettier-ignore

  await rooms.sweep((id) => id === KNOWN)
  const left = async (app: string) => (await engine.images(labels(app))).map(({ id }) => id)
  expect(await left(GONE)).toEqual([promoted])
  expect(await left(GONE)).not.toContain(own)
  expect(await left(KNOWN)).toHaveLength(1)
  expect(await engine.volumes(labels(GONE))).toEqual([])
  expect([existsSync(join(folder, `${GONE}.git`)), existsSync(join(folder, `${KNOWN}.git`))]).toEqual([false, true])

  kept.clear()
  await rooms.sweep((id) => id === KNOWN)
  expect(await left(GONE)).toEqual([])
})

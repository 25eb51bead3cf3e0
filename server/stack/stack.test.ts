import { describe, expect, it } from 'vitest'
import type { Image } from '../engine/port.ts'
import { systemClock as clock } from '../clock.ts'
import { stack } from './stack.ts'

/** An engine that keeps which image carries which tag, and which stands on which; `steps` says what was run on what. */
function world() {
  const tags = new Map([['debian:bookworm-slim', 'sha256:debian']])
  const images = new Map([['sha256:debian', { below: '' }]])
  const containers = new Map<string, { image: string; program: string }>()
  const steps: string[] = []
  let made = 0
  let fails = (_: string) => false
  const image = async (ref: string) => {
    const id = images.has(ref) ? ref : tags.get(ref)
    if (id === undefined || !images.has(id)) return undefined
    return { id, tags: [...tags].filter(([, of]) => of === id).map(([tag]) => tag) } as unknown as Image
  }
  const engine = {
    image,
    images: async () => [],
    pull: async () => {},
    importImage: async () => 'sha256:debian',
    tag: async (id: string, ref: string) => void tags.set(ref, id),
    async removeImage(id: string) {
      if ([...images.values()].some(({ below }) => below === id)) throw new Error('it has children')
      images.delete(id)
    },
    async create({ image: from, cmd }: { image: string; cmd?: readonly string[] }) {
      const id = `container-${++made}`
      containers.set(id, { image: from, program: `${cmd?.slice(0, 2).join(' ')} on ${from}` })
      return id
    },
    start: async () => {},
    wait: async (id: string) => ({ code: fails(containers.get(id)!.program) ? 1 : 0, at: new Date(), oomKilled: false }),
    remove: async (id: string) => void containers.delete(id),
    putArchive: async () => {},
    async *logs() {},
    async commit(id: string) {
      const made = `sha256:${images.size + steps.length}`
      images.set(made, { below: containers.get(id)!.image })
      steps.push(containers.get(id)!.program)
      return made
    },
  }
  const packages = async (names: readonly string[]) => names.map(() => Buffer.from('tgz'))
  const stackOf = () => stack({ engine: engine as never as Parameters<typeof stack>[0]['engine'], clock, packages })
  return { stackOf, tags, images, containers, steps, failing: (when: typeof fails) => (fails = when) }
}

describe('the stack', () => {
  it('is made in four parts once, and found again by its tags', async () => {
    const it_ = world()
    const first = await it_.stackOf().ensure()
    expect(it_.steps).toHaveLength(4)
    expect(await it_.stackOf().ensure()).toEqual(first)
    expect(it_.steps).toHaveLength(4)
    expect([it_.tags.get('dozen/stack:latest'), it_.tags.get('dozen/stack:run')]).toEqual([first.id, first.runImage])
  })

  it('is rebuilt whole beside the one in use, which builds have until then; those before go', async () => {
    const it_ = world()
    const made = it_.stackOf()
    const before = await made.ensure()
    const seen: string[] = []
    const rebuilding = made.rebuild('heroku-22', () => void made.ensure().then(({ id }) => seen.push(id)))
    await expect(made.rebuild('heroku-22', () => {})).rejects.toMatchObject({ code: 'conflict' })
    const after = await rebuilding
    expect(it_.steps).toHaveLength(8)
    expect(new Set(seen)).toEqual(new Set([before.id]))
    expect([after.id === before.id, after.digest === before.digest]).toEqual([false, false])
    for (const one of [made, it_.stackOf()]) expect(await one.ensure()).toMatchObject({ id: after.id, runImage: after.runImage })
    expect([...it_.images.keys()].filter((id) => ![...it_.tags.values()].includes(id))).toEqual([])
    expect(it_.images.size).toBe(5)
  })

  it.each(['install run', 'install build'])('is as it was when a rebuild fails at %s', async (step) => {
    const it_ = world()
    const made = it_.stackOf()
    const before = await made.ensure()
    const tags = new Map(it_.tags)
    it_.failing((program) => program.includes(step))
    await expect(made.rebuild('heroku-22', () => {})).rejects.toMatchObject({ code: 'unavailable' })
    it_.failing(() => false)
    expect([await made.ensure(), it_.tags, it_.containers.size, it_.images.size]).toEqual([before, tags, 0, 5])
    expect((await made.rebuild('heroku-22', () => {})).id).not.toBe(before.id)
  })
})

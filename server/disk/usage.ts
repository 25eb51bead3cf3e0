import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../apps/app.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine, Labels } from '../engine/port.ts'

/** Who takes room: an app, or a part of the platform. Bytes. */
export type Item = { name: string; bytes: number; reclaimable: number; parts: Readonly<Record<string, number>> }
export type DiskReport = { items: readonly Item[]; free: number; reserve: number }

type Deps = {
  engine: Pick<Engine, 'usage'>
  instance: string
  apps: () => readonly App[]
  reposFolder: string
  logsFolder: string
  database: string
  /** Images that no rollback can reach: they go at the next round. */
  isKept: (image: string) => boolean
  reserveBytes: number
}

/** Who uses how much of the disk: images of their own layers, caches, repositories, logs, what dynos wrote. */
export function diskUsage({ engine, instance, apps, reposFolder, logsFolder, database, isKept, reserveBytes }: Deps) {
  return async (): Promise<DiskReport> => {
    const found = await engine.usage()
    const ours = <T extends { labels: Labels }>(all: readonly T[]) => all.filter(({ labels }) => labels[LABEL.instance] === instance)
    const [images, containers, volumes] = [ours(found.images), ours(found.containers), ours(found.volumes)]
    const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0)
    const item = (name: string, parts: Record<string, number>, reclaimable = 0): Item => ({ name, parts, reclaimable, bytes: sum(Object.values(parts)) })

    async function ofApp(app: App): Promise<Item> {
      const mine = ({ labels }: { labels: Labels }) => labels[LABEL.app] === app.id || labels[LABEL.buildOf] === app.id
      const own = images.filter(mine)
      const [repository, logs] = await Promise.all([sizeOf(join(reposFolder, `${app.id}.git`)), sizeOf(join(logsFolder, app.id))])
      const parts = {
        images: sum(own.map(({ bytes }) => bytes)),
        cache: sum(volumes.filter(mine).map(({ bytes }) => bytes)),
        dynos: sum(containers.filter(mine).map(({ writable }) => writable)),
        repository,
        logs,
      }
      return item(app.name, parts, sum(own.filter(({ id }) => !isKept(id)).map(({ bytes }) => bytes)))
    }

    const items = await Promise.all(apps().map(ofApp))
    const stacks = found.images.filter(({ labels }) => labels[LABEL.role] === 'stack')
    const stack = sum(stacks.map(({ bytes }) => bytes)) + Math.max(0, ...stacks.map(({ sharedBytes }) => sharedBytes)) // they stand on each other
    const files = await Promise.all(['', '-wal'].map((end) => sizeOf(`${database}${end}`)))
    const platform = [item('(stack)', { images: stack }), item('(database)', { database: sum(files) }), item("(BuildKit's cache, the engine's)", { cache: found.buildCache })]
    const { bavail, bsize } = await statfs(reposFolder)
    return { items: [...items.toSorted((a, b) => b.bytes - a.bytes), ...platform], free: bavail * bsize, reserve: reserveBytes }
  }
} // prettier-ignore

/** Bytes of a file, or of all files below a folder; what goes away meanwhile, or is not there, counts nothing. */
export async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) return found?.size ?? 0
  const names = await readdir(path).catch(() => [])
  let bytes = 0
  for (const name of names) bytes += await sizeOf(join(path, name))
  return bytes
}

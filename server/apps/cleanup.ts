import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine } from '../engine/port.ts'
import { failpoint } from '../failpoint.ts'

const DYNOS_GONE_MS = 120_000
const POLL_MS = 200

type Deps = {
  engine: Pick<Engine, 'list' | 'remove' | 'images' | 'removeImage' | 'volumes' | 'removeVolume'>
  clock: Clock
  instance: string
  reposFolder: string
  logsFolder: string
  removeLogs: (appId: string) => Promise<void> | void
  /** Images that releases of the apps that are left need: a promotion takes an image from one app to another. */
  keptImages: () => ReadonlySet<string>
}

/** Removes what destroyed apps leave outside the database. Everything here may be repeated, so a crash in the middle costs nothing. */
export function cleanup({ engine, clock, instance, reposFolder, logsFolder, removeLogs, keptImages }: Deps) {
  const ofApp = (appId: string) => ({ [LABEL.instance]: instance, [LABEL.app]: appId })

  /** Dynos are stopped gracefully by the reconciler; anything else of the app is removed at once. */
  async function containersGone(appId: string) {
    const deadline = clock.now().getTime() + DYNOS_GONE_MS
    for (;;) {
      const builds = engine.list({ [LABEL.instance]: instance, [LABEL.buildOf]: appId })
      const left = [...(await engine.list(ofApp(appId))), ...(await builds)]
      if (left.length === 0) return
      const late = clock.now().getTime() >= deadline
      await Promise.all(left.filter((one) => late || one.labels[LABEL.role] !== 'dyno').map((one) => engine.remove(one.id)))
      await clock.sleep(POLL_MS)
    }
  }

  async function clean(appId: string) {
    await containersGone(appId)
    failpoint('destroy.emptied')
    await removeLogs(appId)
    rmSync(join(reposFolder, `${appId}.git`), { recursive: true, force: true })
    for (const image of await engine.images(ofApp(appId))) if (!keptImages().has(image.id)) await engine.removeImage(image.id)
    for (const volume of await engine.volumes(ofApp(appId))) await engine.removeVolume(volume.name)
  }

  return {
    clean,
    /** Whatever belongs to an app that no longer exists. Rejects when something could not be removed: in use by a build that just ends, say. */
    async sweep(isKnown: (appId: string) => boolean): Promise<void> {
      const ours = { [LABEL.instance]: instance }
      const labelled = [...(await engine.list(ours)), ...(await engine.images(ours)), ...(await engine.volumes(ours))]
      const folders = [...names(reposFolder).map((name) => name.replace(/\.git$/, '')), ...names(logsFolder)]
      const ids = new Set([
        ...labelled.flatMap(({ labels }) => labels[LABEL.app] ?? []),
        ...folders.filter((name) => UUID.test(name)),
      ])
      for (const id of ids) if (!isKnown(id)) await clean(id)
    },
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

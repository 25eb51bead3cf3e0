import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Container, ContainerSpec, Engine } from '../engine/port.ts'
import { failpoint } from '../failpoint.ts'
import type { LogSink } from '../logs/line.ts'
import type { Release } from './release.ts'

type Deps = {
  engine: Pick<Engine, 'list' | 'create' | 'start' | 'wait' | 'kill' | 'remove' | 'find'>
  clock: Clock
  instance: string
  logs: LogSink
  network: () => Promise<string>
  spec: (process: { app: App; release: Release; dyno: string; command: string }) => Omit<ContainerSpec, 'network'>
  collect: (container: Container, about: { appId: string; dyno: string; release: number }) => void
  finished: (id: string) => Promise<void>
  passed: (release: Release) => void
  failed: (release: Release, dyno: string, reason: string) => Promise<void>
  /** Whether this release is still to pass the phase. */
  isOpen: (appId: string, version: number) => boolean
  timeoutMs: number
  onError: (what: string, cause: unknown) => void
}

/**
 * Runs the Procfile's `release` command once per release, before anything of it starts. The container is made before it runs and removed after
 * its end is in the ledger, so a controller that died in between finds out what happened instead of running it twice.
 */
export function releasePhase(deps: Deps) {
  const { engine } = deps
  const underWay = new Set<string>()

  async function containerOf(app: App, release: Release): Promise<Container> {
    const labels = {
      [LABEL.instance]: deps.instance,
      [LABEL.role]: 'release',
      [LABEL.app]: app.id,
      [LABEL.release]: String(release.version),
    }
    const [found] = await engine.list(labels)
    if (found && found.state !== 'created') return found
    if (found) await engine.remove(found.id)
    const dyno = `release.${release.version}`
    const command = release.source!.processTypes['release']!
    const spec = deps.spec({ app, release, dyno, command })
    const id = await engine.create({
      ...spec,
      network: await deps.network(),
      labels: { ...spec.labels, ...labels, [LABEL.type]: 'release', [LABEL.ordinal]: String(release.version) },
    })
    deps.logs.publish({
      appId: app.id,
      source: 'dozen',
      dyno,
      release: release.version,
      text: `Starting process with command \`${command}\``,
    })
    await engine.start(id)
    failpoint('phase.started')
    return (await engine.find(id))!
  }

  async function run(app: App, release: Release) {
    const container = await containerOf(app, release)
    const dyno = `release.${release.version}`
    deps.collect(container, { appId: app.id, dyno, release: release.version })
    const timeout = new AbortController()
    const late = deps.clock.sleep(deps.timeoutMs, timeout.signal).then(
      () => engine.kill(container.id, 'SIGKILL').then(() => true),
      () => false,
    )
    const exit = await engine.wait(container.id)
    timeout.abort()
    failpoint('phase.ended')
    await deps.finished(container.id)
    deps.logs.publish({
      appId: app.id,
      source: 'dozen',
      dyno,
      release: release.version,
      text: `Process exited with status ${exit.code}`,
    })
    if (exit.code === 0) deps.passed(release)
    else
      await deps.failed(
        release,
        dyno,
        (await late)
          ? `The release phase took longer than ${deps.timeoutMs / 60_000} minutes.`
          : `The release phase exited with status ${exit.code}.`,
      )
    failpoint('phase.passed')
    await engine.remove(container.id)
  }

  return {
    /** Idempotent: at most one run per release at a time. */
    ensure(app: App, release: Release) {
      if (underWay.has(release.id)) return
      underWay.add(release.id)
      void run(app, release)
        .catch((cause: unknown) => deps.onError(`the release phase of v${release.version}`, cause))
        .finally(() => underWay.delete(release.id))
    },

    /** Containers whose verdict is in the ledger already: whoever should have removed them was killed, or the engine failed. */
    async tidy() {
      for (const { id, labels } of await engine.list({ [LABEL.instance]: deps.instance, [LABEL.role]: 'release' }))
        if (!deps.isOpen(labels[LABEL.app] ?? '', Number(labels[LABEL.release]))) await engine.remove(id)
    },
  }
}

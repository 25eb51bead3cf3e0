import type { Build } from './builds/build.ts'
import type { LogStream } from './logs/stream.ts'
import type { Release } from './releases/release.ts'

type Deps = {
  builds: { find(appId: string, id: string): Build; output(id: string): string[] }
  releases: { find(appId: string, versionOrId: string): Release }
  stream: Pick<LogStream, 'read'>
}

/** What builds and release phases have printed so far, for who reads along. */
export const outputs = ({ builds, releases, stream }: Deps) => ({
  buildOutput: (appId: string, id: string) => ({
    lines: builds.output(id),
    isOver: builds.find(appId, id).status !== 'pending',
  }),
  async releaseOutput(appId: string, id: string) {
    const release = releases.find(appId, id)
    const isOver = release.status !== 'pending' || release.stage !== 'release_phase'
    const lines = await stream.read(appId, {
      release: release.version,
      dyno: `release.${release.version}`,
      source: 'app',
      lines: 100_000,
    })
    return { lines: lines.map((line) => line.text), isOver }
  },
})

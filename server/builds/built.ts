import type { Readable } from 'node:stream'
import type { ImageSource } from '../releases/release.ts'
import type { Setting } from './source.ts'

/** What to build. */
export type BuildInput = Setting & {
  appId: string
  appName: string
  buildId: string
  /** A tar stream of the tree, as of `git archive`. */
  source: Readable
  commit: string
  /** Config vars: files of the env dir for buildpacks, values of declared ARGs for Dockerfiles. */
  config: Readonly<Record<string, string>>
  /** A former build of this app with the same inputs, if its image is still there. */
  reuse?: (inputs: string) => Promise<Reusable | undefined>
}

export type Reusable = Pick<ImageSource, 'image' | 'imageKind' | 'port' | 'processTypes'> & { number: number }

export type Io = { signal: AbortSignal; log: (line: string) => void }

/** What a build gives: an image and how to run it, with what it cost. */
export type Built = Omit<ImageSource, 'buildId' | 'commit'> & {
  /** Config vars to set where the app has none of that name. */
  configDefaults?: Readonly<Record<string, string>>
  /** Image id that the app was built on. */
  stackImage: string
  /** Names of the buildpacks that took part, in order; empty for a Dockerfile. */
  buildpacks: readonly string[]
  /** Keyed hash of source tree, config vars, stack and settings: equal inputs give equal images. */
  inputs: string
  /** True when a former image was used as it is. */
  isReused: boolean
  sizeBytes: number
  /** Milliseconds per phase. */
  durations: Readonly<Record<'source' | 'build' | 'image', number>>
}

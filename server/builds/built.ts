import type { Readable } from 'node:stream'
import type { ImageSource } from '../releases/release.ts'
import type { Setting } from './source.ts'

/** What to build. */
export type BuildInput = Setting & {
  appId: string
  appName: string
  buildId: string
  /** A tar stream of the tree, as of `git archive`; or an image that is there already. */
  source: Readable | { ref: string }
  /** The tar is a user's own, not git's: it is held to more rules. */
  isUpload?: boolean
  commit: string
  /** Config vars: files of the env dir for buildpacks, values of declared ARGs for Dockerfiles. */
  config: Readonly<Record<string, string>>
  /** A former build of this app with the same inputs, if its image is still there. */
  reuse?: (inputs: string) => Promise<Reusable | undefined>
  /** The stack image of the app's last build. */
  lastStackImage?: string | undefined
}

export type Reusable = Pick<ImageSource, 'image' | 'images' | 'imageKind' | 'port' | 'processTypes'> & { number: number }

export type Io = {
  signal: AbortSignal
  log: (line: string) => void
  /** Told of what is known of a build when it failed. */
  onFailure?: (facts: Facts) => void
}

/** What a build went through, also one that fails: milliseconds per phase, the one it failed in included, and what it was made on. */
export type Facts = { durations: Readonly<Partial<Record<Phase, number>>> } & Partial<Pick<Built, 'stackImage' | 'runImage'>>
export type Phase = 'source' | 'build' | 'image'

/** What a build gives: an image and how to run it, with what it cost. */
export type Built = Omit<ImageSource, 'buildId' | 'commit'> & {
  /** Config vars to set where the app has none of that name. */
  configDefaults?: Readonly<Record<string, string>>
  /** Image id that the app was built in. */
  stackImage: string
  /** Image id that the app's layer stands on. */
  runImage: string
  /** Names of the buildpacks that took part, in order; empty for a Dockerfile. */
  buildpacks: readonly string[]
  /** Keyed hash of source tree, config vars, stack and settings: equal inputs give equal images. */
  inputs: string
  /** True when a former image was used as it is. */
  isReused: boolean
  sizeBytes: number
  /** Milliseconds per phase. */
  durations: Readonly<Record<Phase, number>>
}

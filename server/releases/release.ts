import type { SwitchCost } from '../api/wire.ts'
import type { Manifest } from '../manifest/manifest.ts'

/** What a build or an image reference gives to run. */
export type ImageSource = {
  /** Image id ("sha256:…"), so that moving a tag cannot change a release. */
  readonly image: string
  /** Process types that run in another image (heroku.yml), with its port. Absent = none. */
  readonly images?: Readonly<Record<string, { readonly image: string; readonly port: number | null }>>
  /** Says how commands are run: through our start script, or as the image's own. */
  readonly imageKind: 'buildpack' | 'dockerfile'
  /** The port the image says it listens on (EXPOSE); null = we choose. */
  readonly port: number | null
  /** Process type → command, e.g. { web: "node server.js" }; "" = the image's own CMD. */
  readonly processTypes: Readonly<Record<string, string>>
  /** What app.json says; absent = it says nothing. */
  readonly manifest?: Manifest
  readonly buildId: string | null
  readonly commit: string | null
}

/** Every image that a release needs. */
export const imagesOf = ({ image, images = {} }: Pick<ImageSource, 'image' | 'images'>): string[] => [
  ...new Set([image, ...Object.values(images).map((other) => other.image)]),
]

/** The process that failed a release, e.g. "web.1", and what it wrote last: at most 50 lines, oldest first. */
export type Failure = { readonly dyno: string; readonly lines: readonly string[] }

export type ReleaseCause = 'initial' | 'deploy' | 'config' | 'rollback' | 'automatic_rollback' | 'retry'

/**
 * An image, its process types and the whole config, frozen together. Immutable but for how it fares (`status`, `stage`, `reason`, `cost`).
 * `succeeded` means that it serves or served; `failed` that the one before it never stopped serving; `expired` that a newer one overtook it.
 */
export type Release = {
  readonly id: string
  readonly appId: string
  /** 1, 2, 3 … per app. Shown as "v3". */
  readonly version: number
  readonly cause: ReleaseCause
  readonly description: string
  readonly user: { readonly id: string; readonly email: string }
  /** undefined = nothing deployed yet (v1, or config set before the first deploy). */
  readonly source: ImageSource | undefined
  readonly status: 'pending' | 'succeeded' | 'failed' | 'expired'
  readonly stage: 'release_phase' | 'rollout' | 'done'
  readonly reason: string | null
  readonly cost: SwitchCost | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

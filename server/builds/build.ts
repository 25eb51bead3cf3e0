/** One try to make an image out of a source. */
export type Build = {
  readonly id: string
  readonly appId: string
  readonly number: number
  readonly user: { readonly id: string; readonly email: string }
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled'
  readonly commit: string
  /** Image ids that the app was built in and stands on. */
  readonly stackImage: string | null
  readonly runImage?: string | null
  readonly reason: string | null
  /** Names of the buildpacks that took part, in order; [] for a Dockerfile, null until it has succeeded. */
  readonly buildpacks?: readonly string[] | null
  readonly sizeBytes?: number | null
  /** Milliseconds per phase: source, build, image. */
  readonly durations?: Readonly<Record<string, number>> | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

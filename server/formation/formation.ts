/** How many processes of a type should run, and with what command. */
export type FormationEntry = {
  readonly id: string
  readonly type: string
  readonly command: string
  readonly quantity: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** One process as it is now: "web.1", or a one-off "run.7". */
export type Dyno = {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly command: string
  readonly state: 'starting' | 'up' | 'idle' | 'crashed' | 'down'
  readonly release: { readonly id: string; readonly version: number }
  /** Why it is not up, e.g. "exited with status 1, restarts in 4 s". */
  readonly reason: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

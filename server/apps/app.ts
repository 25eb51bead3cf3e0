/** One git repository that dozen receives, and everything that runs from it. */
export type App = {
  readonly id: string
  /** `^[a-z][a-z0-9-]{1,28}[a-z0-9]$`, unique. */
  readonly name: string
  readonly owner: { readonly id: string; readonly email: string }
  /** `container` (a Dockerfile builds it), or the name of a stack: "heroku-22". */
  readonly stack: string
  readonly maintenance: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

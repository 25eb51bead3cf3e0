/** One git repository that dozen receives, and everything that runs from it. */
export type App = {
  readonly id: string
  /** `^[a-z][a-z0-9-]{1,28}[a-z0-9]$`, unique. */
  readonly name: string
  readonly owner: { readonly id: string; readonly email: string }
  readonly stack: 'heroku-22' | 'container'
  readonly maintenance: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

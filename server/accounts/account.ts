/** Who may do things. The first one is made with the installation and is an admin. */
export type Account = {
  readonly id: string
  readonly email: string
  readonly name: string | null
  readonly admin: boolean
  /** Since when none of its tokens is taken; null = they are. */
  readonly disabledAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

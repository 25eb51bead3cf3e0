/** Who may do things. The first one is made with the installation and is an admin. */
export type Account = {
  readonly id: string
  readonly email: string
  readonly name: string | null
  readonly admin: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** One try to make an image out of a source. */
export type Build = {
  readonly id: string
  readonly appId: string
  readonly number: number
  readonly user: { readonly id: string; readonly email: string }
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled'
  readonly commit: string
  readonly stackImage: string | null
  readonly reason: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

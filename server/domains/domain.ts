/** A host name that leads to an app. `platform` is `<app>.<domain>` and cannot be removed. */
export type Domain = {
  readonly id: string
  readonly appId: string
  readonly hostname: string
  readonly kind: 'platform' | 'custom'
  readonly createdAt: Date
  readonly updatedAt: Date
}

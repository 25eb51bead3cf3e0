/** A host name that leads to an app. `platform` is `<app>.<domain>`: it can be switched off, not removed. */
export type Domain = {
  readonly id: string
  readonly appId: string
  readonly hostname: string
  readonly kind: 'platform' | 'custom'
  readonly isOn: boolean
  /** The certificate that was chosen for it; null = the newest that covers it. */
  readonly certId: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

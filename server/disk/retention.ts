import { LABEL } from '../engine/labels.ts'
import type { Image } from '../engine/port.ts'

/** An image that no release names yet may be on its way into one. */
const UNRELEASED_MS = 60_000

type Ledger = {
  /** Images that a release can still be rolled back to, or serves, or is about to; of any app. */
  kept: ReadonlySet<string>
  /** Images that any release ever had. */
  released: ReadonlySet<string>
  /** Whether a deploy of this app is under way. */
  isBusy: (appId: string) => boolean
}

/** The app images that nothing can need any more: those of releases out of reach, and those of builds that led to no release. */
export function expendable(images: readonly Image[], { kept, released, isBusy }: Ledger, now: number): Image[] {
  return images.filter(({ id, labels, createdAt }) => {
    if (kept.has(id)) return false
    return released.has(id) || (!isBusy(labels[LABEL.app] ?? '') && now - createdAt.getTime() > UNRELEASED_MS)
  })
}

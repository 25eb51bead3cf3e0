import type { Clock } from '../clock.ts'

const RECENT_MS = 60_000
const KEPT = 100

/** What failed in the background lately: work that is tried again names itself at each failure, so what is mended drops out within a minute. */
export function troubles({ clock }: { clock: Clock }) {
  const last = new Map<string, { message: string; at: number }>()
  return {
    note(what: string, cause: unknown) {
      last.delete(what)
      last.set(what, { message: cause instanceof Error ? cause.message : String(cause), at: clock.now().getTime() })
      if (last.size > KEPT) last.delete(last.keys().next().value!)
    },
    recent: () =>
      [...last].filter(([, { at }]) => clock.now().getTime() - at < RECENT_MS).map(([what, { message }]) => ({ what, message })),
  }
}
export type Troubles = ReturnType<typeof troubles>

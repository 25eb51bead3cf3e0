let last = 0

/** A record of the spool: `<appId> <microseconds since epoch> <text>\n`. No two of a process have the same time; later ones have later times. */
export function record(appId: string, text: string): string {
  const now = Date.now() * 1000
  // A clock set back by more than a second is believed.
  last = now > last || now < last - 1_000_000 ? now : last + 1
  return `${appId} ${last} ${text}\n`
}

/** Epoch milliseconds of the record last made, and records of that millisecond before it. */
let lastMs = 0
let count = 0
let millisecond = ''
const MICROS = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, '0'))

/** A record of the spool: `<appId> <microseconds since epoch> <text>\n`. No two of a process have the same time; later ones have later times. */
export function record(appId: string, text: string): string {
  const now = Date.now()
  count += 1
  // A clock set back by more than a second is believed.
  if (now > lastMs || now < lastMs - 1_000) begin(now)
  else if (count === MICROS.length) begin(lastMs + 1)
  return `${appId}${millisecond}${MICROS[count]!} ${text}\n`
}

function begin(ms: number): void {
  lastMs = ms
  count = 0
  millisecond = ` ${ms}`
}

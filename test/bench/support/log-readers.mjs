// Readers of log streams for benchmarks: what came, how fast, what is missing.
import http from 'node:http'

const MARK = Buffer.from('line ')
const DIGITS = 9

export const percentile = (all, share) => all.toSorted((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * share))]

/** The URL of a log session of `app`. */
export async function session(platform, app, options) {
  return (await platform.call('POST', `/apps/${app}/log-sessions`, options)).logplex_url
}

/** Reads a session's bytes until `close`. */
export function openTail(url, onBytes) {
  const request = http.get(url, { headers: { accept: 'text/event-stream' } }, (answer) => answer.on('data', onBytes))
  request.on('error', () => {})
  return { close: () => request.destroy() }
}

/** Numbered lines "line 000000123 …" from `first` on, `count` of them: `done` once the last one came. */
export function counter(first, count) {
  let rest = Buffer.alloc(0)
  let [seen, doubled, newest, startedAt, endedAt] = [0, 0, first - 1, 0, 0]
  let end
  const done = new Promise((resolve) => (end = resolve))
  const take = (number) => {
    if (number < first) return
    startedAt ||= performance.now()
    seen++
    if (number <= newest) doubled++
    newest = Math.max(newest, number)
    if (number !== first + count - 1) return
    endedAt = performance.now()
    end()
  }
  return {
    done,
    add(bytes) {
      const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes
      let from = 0
      for (let at = all.indexOf(MARK); at >= 0; at = all.indexOf(MARK, from)) {
        if (at + MARK.length + DIGITS > all.length) break
        take(Number(all.latin1Slice(at + MARK.length, at + MARK.length + DIGITS)))
        from = at + MARK.length + DIGITS
      }
      rest = all.subarray(Math.max(from, all.length - MARK.length - DIGITS))
    },
    result: () => ({
      rate: seen / (((endedAt || performance.now()) - startedAt) / 1000),
      lost: count - (seen - doubled),
      doubled,
    }),
  }
}

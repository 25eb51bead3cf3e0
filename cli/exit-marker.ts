/** What our server writes after a one-off dyno's output: "\uFFFF heroku-command-exit-status: N\r\n". */
const MARKER = Buffer.from('\uFFFF heroku-command-exit-status: ')
const FIRST = MARKER[0]!

/**
 * Cuts the exit status off the end of a stream. `push` gives back what is certainly output; `end` gives back the rest and the status,
 * undefined when the stream ended without one. A marker in the middle of the output is output.
 */
export function exitMarker() {
  let held: Buffer = Buffer.alloc(0)
  return {
    push(chunk: Buffer): Buffer {
      const all = held.length ? Buffer.concat([held, chunk]) : chunk
      const at = all.lastIndexOf(FIRST)
      const from = at >= 0 && couldBeMarker(all.subarray(at)) ? at : all.length
      held = all.subarray(from)
      return all.subarray(0, from)
    },
    end(): { rest: Buffer; status: number | undefined } {
      const match = isMarker(held) ? Number(held.subarray(MARKER.length).toString().trim()) : undefined
      return match === undefined ? { rest: held, status: undefined } : { rest: Buffer.alloc(0), status: match }
    },
  }
}

const isMarker = (tail: Buffer) => tail.length > MARKER.length && couldBeMarker(tail)

const couldBeMarker = (tail: Buffer) =>
  tail.length <= MARKER.length
    ? MARKER.subarray(0, tail.length).equals(tail)
    : MARKER.equals(tail.subarray(0, MARKER.length)) && /^\d{1,3}\r?\n?$/.test(tail.subarray(MARKER.length).toString('latin1'))

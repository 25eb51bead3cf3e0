import { Transform } from 'node:stream'

/** Passes at most `bytes` and a little more on, which makes git refuse the pack by itself; says once that there was more, and swallows the rest. */
export function bounded(bytes: number, onTooLarge: () => void): Transform {
  const slack = 1024 * 1024 // what is not the pack: commands and their framing
  let seen = 0
  let said = false
  let isOver = false
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      if (seen > bytes && !said) {
        said = true
        onTooLarge()
      }
      if (!isOver) this.push(chunk)
      if (seen > bytes + slack && !isOver) {
        isOver = true
        this.push(null)
      }
      done()
    },
  })
}

/** A line for the pusher, in the sideband's channel for messages (gitprotocol-pack): it comes before anything that git itself says. */
export function tooLarge(bytes: number): string {
  const text = `\x02 !     The push is larger than ${bytes} bytes (DOZEN_SOURCE_LIMIT). Remove large files from the history, or raise the setting.\n`
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text
}

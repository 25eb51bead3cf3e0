const MAX_LINE_BYTES = 10_000

/** Whether a text is one piece, and visible as it is. */
export const isPlain = (text: string) => text.length * 3 <= MAX_LINE_BYTES && !/[\0\r\n]/.test(text)

/** Control characters that would break a record are shown; tabs and colours (ESC) stay for whoever prints them. */
export const visible = (text: string) =>
  /[\0\r\n]/.test(text)
    ? text
        .replace(/\r$/, '')
        .replace(/\0/g, '␀')
        .replace(/\r\n|[\r\n]/g, '␊')
    : text

/** Pieces of at most 10,000 bytes, cut between characters; together they are the text. */
export function pieces(text: string): string[] {
  if (text.length * 3 <= MAX_LINE_BYTES || Buffer.byteLength(text) <= MAX_LINE_BYTES) return [text]
  const bytes = Buffer.from(text)
  const out: string[] = []
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(at + MAX_LINE_BYTES, bytes.length)
    while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end-- // not inside a character
    out.push(bytes.toString('utf8', at, end))
    at = end
  }
  return out
}

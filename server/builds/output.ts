import type { Readable } from 'node:stream'

const MAX_LINES = 100_000
const MAX_BYTES = 16 * 1024 ** 2
const MAX_LINE_CHARS = 10_000

/**
 * Calls `log` once per line, however the output was cut. Lines longer than 10,000 characters are split; after 100,000 lines or 16 MiB
 * nothing more is passed on, and a line says so: what a build prints is read to its end but never fills the disk.
 */
export function lines(log: (line: string) => void) {
  let rest = ''
  let count = 0
  let bytes = 0
  let isFull = false
  const emit = (line: string) => {
    if (isFull) return
    count += 1
    bytes += line.length
    isFull = count > MAX_LINES || bytes > MAX_BYTES
    log(isFull ? ' !     The build printed more than 100,000 lines or 16 MiB: the rest is not shown.' : line)
  }
  const split = (line: string) => {
    for (let at = 0; at === 0 || at < line.length; at += MAX_LINE_CHARS) emit(line.slice(at, at + MAX_LINE_CHARS))
  }
  return {
    add(text: string) {
      if (isFull) return
      const parts = (rest + text).split('\n')
      rest = parts.pop()!
      for (const part of parts) split(lastDrawn(part))
      if (rest.length <= MAX_LINE_CHARS) return
      emit(rest.slice(0, MAX_LINE_CHARS))
      rest = rest.slice(MAX_LINE_CHARS)
    },
    /** What came after the last line end. */
    end: () => void (rest && split(lastDrawn(rest))),
  }
}

/** A progress bar redraws its line with CR: only what stays visible is kept. NUL ends up in no log. */
const lastDrawn = (line: string) => line.replace(/\r+$/, '').replace(/^.*\r/s, '').replaceAll('\0', '')

/** Reads a stream of bytes as lines, to its end or up to the line that ends with `mark`, also when it printed too much; invalid UTF-8 becomes U+FFFD. */
export async function printed(stream: Readable, log: (line: string) => void, mark?: string): Promise<void> {
  const out = lines((line) => {
    if (mark === undefined || !line.endsWith(mark)) log(line)
    else if (line !== mark) log(line.slice(0, -mark.length))
  })
  const decoder = new TextDecoder()
  let tail = ''
  for await (const bytes of stream.iterator({ destroyOnReturn: false })) {
    const text = decoder.decode(bytes as Buffer, { stream: true })
    out.add(text)
    if (mark === undefined) continue
    tail += text
    if (tail.includes(`${mark}\n`)) return
    tail = tail.slice(-mark.length)
  }
  out.end()
}

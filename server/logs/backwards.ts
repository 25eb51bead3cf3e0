import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const CHUNK_BYTES = 64 * 1024

/** The lines of a file from the last to the first, read in chunks from its end: the newest hundred of a gigabyte cost one read. */
export function* linesBackwards(file: string): Generator<string> {
  const fd = openSync(file, 'r')
  try {
    let end = fstatSync(fd).size
    let rest: Buffer = Buffer.alloc(0)
    while (end > 0) {
      const start = Math.max(0, end - CHUNK_BYTES)
      const chunk = Buffer.alloc(end - start)
      readSync(fd, chunk, 0, chunk.length, start)
      const text = Buffer.concat([chunk, rest])
      const first = start === 0 ? 0 : text.indexOf(0x0a) + 1
      if (start > 0 && first === 0)
        rest = text // one line longer than a chunk
      else {
        rest = text.subarray(0, first)
        yield* text.toString('utf8', first).split('\n').reverse().filter(Boolean)
      }
      end = start
    }
  } finally {
    closeSync(fd)
  }
}

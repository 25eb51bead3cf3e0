import type { LogChunk } from './port.ts'

const HEADER_BYTES = 8 // [stream, 0, 0, 0, big-endian size], https://docs.docker.com/reference/api/engine/ "Stream format"

/** Cuts the engine's multiplexed stream into whole frames, however the bytes were chunked on the way. */
export function frameCutter() {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes: Buffer): { stream: 'stdout' | 'stderr'; payload: Buffer }[] => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    const frames: { stream: 'stdout' | 'stderr'; payload: Buffer }[] = []
    let at = 0
    while (rest.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + rest.readUInt32BE(at + 4)
      if (rest.length < end) break
      frames.push({ stream: rest[at] === 2 ? 'stderr' : 'stdout', payload: rest.subarray(at + HEADER_BYTES, end) })
      at = end
    }
    rest = rest.subarray(at)
    return frames
  }
}

/** "2026-01-01T00:00:00.000000001Z text\n" → position and bytes. A payload without a time (never seen) keeps all its bytes. */
export function splitTime(payload: Buffer): Omit<LogChunk, 'stream'> {
  const space = payload.indexOf(0x20)
  if (space < 20 || space > 40) return { position: '1970-01-01T00:00:00.000000000Z', bytes: payload }
  return { position: payload.toString('latin1', 0, space), bytes: payload.subarray(space + 1) }
}

/** RFC 3339 with nanoseconds → "seconds.nanoseconds", as the engine's `since` wants it. */
export function sinceOf(position: string): string {
  const [, base, fraction = ''] = /^(.+?)(?:\.(\d{1,9}))?Z$/.exec(position) ?? []
  return `${Math.floor(Date.parse(`${base}Z`) / 1000)}.${fraction.padEnd(9, '0')}`
}

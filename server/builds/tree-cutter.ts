const BLOCK = 512

/**
 * Follows a tar archive from chunk to chunk, by its headers' sizes only, to tell where it ends: what comes after it in the same stream
 * is not part of it. (POSIX ustar: 512-byte blocks, a header's size field is octal or GNU base-256; an all-zero block ends the archive.)
 */
export function tarEnd() {
  let header: Buffer = Buffer.alloc(0)
  let skip = 0
  let zeroBlocks = 0

  /** How many of these bytes belong to the archive; fewer than all when it ends within them. */
  return function take(bytes: Buffer): { length: number; isOver: boolean } {
    let at = 0
    while (at < bytes.length && zeroBlocks < 2) {
      if (skip > 0) {
        const step = Math.min(skip, bytes.length - at)
        skip -= step
        at += step
        continue
      }
      const part = bytes.subarray(at, at + BLOCK - header.length)
      header = header.length === 0 ? part : Buffer.concat([header, part])
      at += part.length
      if (header.length < BLOCK) break
      if (header.every((byte) => byte === 0)) zeroBlocks += 1
      else skip = Math.ceil(sizeOf(header) / BLOCK) * BLOCK
      header = Buffer.alloc(0)
    }
    return { length: at, isOver: zeroBlocks === 2 }
  }
}

function sizeOf(header: Buffer): number {
  if (header[124]! & 0x80) return Number(header.readBigUInt64BE(128))
  return Number.parseInt(header.toString('latin1', 124, 136).replaceAll('\0', ' ').trim() || '0', 8)
}

import { randomFillSync } from 'node:crypto'

const AT_ONCE = 256
const SIZE = 36
const HEX = Buffer.from('0123456789abcdef')
const bytes = Buffer.allocUnsafeSlow(AT_ONCE * 16)
const texts = Buffer.allocUnsafeSlow(AT_ONCE * SIZE)
let text = ''
let at = 0

/** A random UUID (RFC 9562 version 4). Many are made at once: one call for random bytes and one string for all of them. */
export function newRequestId(): string {
  if (at === text.length) fill()
  at += SIZE
  return text.slice(at - SIZE, at)
}

function fill(): void {
  randomFillSync(bytes)
  let to = 0
  for (let i = 0; i < bytes.length; i += 1) {
    const within = i % 16
    let byte = bytes[i]!
    if (within === 6) byte = (byte & 0x0f) | 0x40
    if (within === 8) byte = (byte & 0x3f) | 0x80
    if (within === 4 || within === 6 || within === 8 || within === 10) texts[to++] = 45
    texts[to++] = HEX[byte >> 4]!
    texts[to++] = HEX[byte & 15]!
  }
  text = texts.toString('latin1')
  at = 0
}

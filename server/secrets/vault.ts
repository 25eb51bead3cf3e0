import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

const NONCE_BYTES = 12 // NIST SP 800-38D §8.2
const TAG_BYTES = 16
const KEY_BYTES = 32

/** Encrypts what is at rest: AES-256-GCM, bound to `place` so that a sealed value cannot be moved to another row. */
export type Vault = {
  seal(text: string, place: string): Buffer
  /** Throws when the key, the place or a byte is wrong. */
  open(sealed: Buffer, place: string): string
}

/** One whose key may be changed for another. */
export type KeyedVault = Vault & { rekey(next: Buffer): void }

export function vault(first: Buffer): KeyedVault {
  let key = first
  return {
    rekey(next) {
      key = next
    },
    seal(text, place) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    open(sealed, place) {
      const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(place)).setAuthTag(tag)
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
    },
  }
}

/** The key in `file` (hex, 0600); makes one when `mayCreate` says that nothing was sealed with another one yet. */
export function keyFrom(file: string, mayCreate: () => boolean): Buffer {
  const text = readIfThere(file)?.trim()
  if (text === undefined) {
    if (!mayCreate())
      throw new Error(`${file} is missing, and without it no config var can be read. Put it back from your backup.`)
    writeFileSync(file, randomBytes(KEY_BYTES).toString('hex') + '\n', { mode: 0o600, flag: 'wx' })
    return keyFrom(file, mayCreate)
  }
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`${file} should hold 64 hex digits. Put it back from your backup.`)
  return Buffer.from(text, 'hex')
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, openSync, readSync, closeSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'

const KEPT_MS = 3_600_000
const GZIP_MAGIC = 0x1f8b // RFC 1952 §2.3.1

type Deps = {
  folder: string
  maxBytes: number
  /** Uploads of one account that wait. */
  maxPerUser: number
  clock: Clock
  ids: Ids
  /** Throws when there is too little room on the disk for another one. */
  checkRoom?: () => Promise<void>
}

/** Uploaded source trees (tar or tar.gz), each under an unguessable name for an hour. They never outlive the controller. */
export function sources({ folder, maxBytes, maxPerUser, clock, ids, checkRoom }: Deps) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const known = new Map<string, { accountId: string; expires: number; isThere: boolean; isUsed: boolean; isComing: boolean }>()
  const fileOf = (secret: string) => join(folder, secret)

  function expire() {
    for (const [secret, { expires }] of known) {
      if (expires <= clock.now().getTime()) drop(secret)
    }
  }
  function drop(secret: string) {
    known.delete(secret)
    rmSync(fileOf(secret), { force: true })
  }
  function get(secret: string) {
    expire()
    const found = known.get(secret)
    if (!found) throw notFound('source')
    return found
  }
  function present(secret: string) {
    const entry = get(secret)
    if (!entry.isThere) throw invalid('Nothing has been uploaded to this source yet: PUT the tar to its put_url first.')
    return entry
  }
  /** Leaves the request readable when it is too large, so that it can still be answered. */
  async function* bounded(body: Readable) {
    let bytes = 0
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new AppError('too_large', `The source is larger than ${maxBytes} bytes (DOZEN_SOURCE_LIMIT).`)
      yield chunk
    }
  }

  return {
    /** Throws rate_limit when the account has too many that wait. */
    create(accountId: string): { secret: string } {
      expire()
      const own = [...known].filter(([, one]) => one.accountId === accountId)
      const [used] = own.find(([, { isUsed }]) => isUsed) ?? []
      if (own.length >= maxPerUser && used) drop(used)
      else if (own.length >= maxPerUser)
        throw new AppError(
          'rate_limit',
          `${maxPerUser} sources of yours wait to be built, which is the most here (DOZEN_MAX_SOURCES): build them, or wait an hour until they go.`,
        )
      const secret = ids.secret()
      known.set(secret, { accountId, expires: clock.now().getTime() + KEPT_MS, isThere: false, isUsed: false, isComing: false })
      return { secret }
    },
    /** Keeps an upload once it is whole. Throws not_found, too_large; and conflict while another one comes, each of which would fill the disk by itself. */
    async put(secret: string, body: Readable): Promise<void> {
      const entry = get(secret)
      if (entry.isComing)
        throw new AppError('conflict', 'This source is being uploaded already: wait for that, or make another source.')
      entry.isComing = true
      const part = `${fileOf(secret)}.${ids.uuid()}`
      try {
        await checkRoom?.()
        await pipeline(bounded(body), createWriteStream(part, { mode: 0o600 }))
        if (known.get(secret) !== entry) throw notFound('source') // its hour was over meanwhile
        renameSync(part, fileOf(secret))
        entry.isThere = true
      } finally {
        entry.isComing = false
        rmSync(part, { force: true })
      }
    },
    /** The plain tar. Throws not_found, and invalid_params while nothing has been uploaded. */
    open(secret: string): Readable {
      const entry = present(secret)
      entry.isUsed = true
      const magic = Buffer.alloc(2)
      const file = openSync(fileOf(secret), 'r')
      readSync(file, magic, 0, 2, 0)
      closeSync(file)
      const content = createReadStream(fileOf(secret))
      if (magic.readUInt16BE() !== GZIP_MAGIC) return content
      const inflated = createGunzip()
      content.on('error', (cause) => inflated.destroy(cause)).pipe(inflated)
      return inflated
    },
    /** Of what was uploaded, in hexadecimal digits. Rejects as `open` throws. */
    async sha256(secret: string): Promise<string> {
      present(secret)
      const hash = createHash('sha256')
      await pipeline(createReadStream(fileOf(secret)), hash)
      return hash.digest('hex')
    },
  }
}
export type Sources = ReturnType<typeof sources>

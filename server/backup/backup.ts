import Database from 'better-sqlite3'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Db } from '../../db/open.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine } from '../engine/port.ts'
import { addFile, addFolder, readTar, writeTar } from './archive.ts'

/** What opens the secrets, and the private keys of certificates: apart from the rest, so that a stolen backup alone gives nothing away. */
const KEYS = ['secret.key', 'certs']
const FOLDERS = ['repos', 'logs']
const IMAGES = 'images.tar'
const DATABASE = 'dozen.db'
/** A key is replaced in an instant: another look finds the one that fits. */
const TRIES = 20
/** A restore is whole before anything of it is at its place. */
const STAGE = '.restore'
export const keysOf = (file: string) => `${file}.keys`

type KeyFiles = {
  /** Whether a database is sealed with this key; undefined when it does not say. */
  isKeyOf: (db: Db, key: Buffer) => boolean | undefined
  /** Where the next key lies while it takes the place of one. */
  nextOf: (file: string) => string
}
type Deps = {
  home: string
  engine: Pick<Engine, 'images' | 'saveImages' | 'loadImages' | 'removeImage'>
  keys: KeyFiles
  say: (line: string) => void
}

/** Everything a machine needs to take over: taken while dozen runs, restored where nothing is. */
export function backups({ home, engine, keys, say }: Deps) {
  const path = (name: string) => join(home, name)

  /** The instance of a database, and the images that its releases name. */
  function contentsOf(database: string) {
    const db = new Database(database, { readonly: true })
    try {
      const instance = db.prepare<[], string>(`SELECT value FROM settings WHERE key = 'instance'`).pluck().get()
      return { instance, apps: db.prepare<[], number>('SELECT count(*) FROM apps').pluck().get() ?? 0 }
    } finally {
      db.close()
    }
  }

  /** A snapshot of the database in `work`, and the key that it is sealed with: a rotation in between leaves two that do not fit each other. */
  async function snapshot(work: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const source = new Database(path(DATABASE), { readonly: true })
      await source.backup(join(work, DATABASE)) // one moment of it, whatever is written meanwhile
      source.close()
      if (await keyInto(work)) return
      if (tries >= TRIES) throw new Error(`${path(KEYS[0]!)} does not open the database: no backup of it would be worth anything. Put the right key back first.`)
    }
  }

  /** Whether there was one that fits; in the middle of a rotation it may still be the next one. */
  async function keyInto(work: string): Promise<boolean> {
    const db = new Database(join(work, DATABASE), { readonly: true })
    try {
      for (const file of [path(KEYS[0]!), keys.nextOf(path(KEYS[0]!))]) {
        const copy = join(work, KEYS[0]!)
        const isThere = await copyFile(file, copy).then(() => true, () => false)
        if (isThere && keys.isKeyOf(db, Buffer.from((await readFile(copy, 'utf8')).trim(), 'hex')) !== false) return true
      }
      return false
    } finally {
      db.close()
    }
  }

  /** Images of the instance of `database` that came in since `before`: what a restore that failed has left on the engine. */
  async function forgetImages(database: string, before: ReadonlySet<string>): Promise<void> {
    const instance = existsSync(database) ? contentsOf(database).instance : undefined
    for (const id of await imagesOf(instance)) if (!before.has(id)) await engine.removeImage(id)
  }

  async function imagesOf(instance: string | undefined): Promise<string[]> {
    if (!instance) return []
    const found = await engine.images({ [LABEL.instance]: instance, [LABEL.role]: 'image' })
    return found.map(({ id }) => id)
  }

  return {
    /** Writes `file` and, with what opens it, `file`.keys. Rejects when either exists. */
    async backup(file: string, { images: withImages, instance }: { images: boolean; instance?: string | undefined }): Promise<void> {
      for (const one of [file, keysOf(file)]) if (existsSync(one)) throw new Error(`${one} is there already: choose another name.`)
      if (!existsSync(path('dozen.db'))) throw new Error(`${home} holds no dozen: set DOZEN_HOME to the folder that does.`)
      const work = await mkdtemp(join(dirname(file), '.dozen-backup-'))
      try {
        await snapshot(work)
        const contents = contentsOf(join(work, 'dozen.db'))
        const images = withImages ? await imagesOf(instance ?? contents.instance) : []
        if (images.length > 0) await pipeline(await engine.saveImages(images), createWriteStream(join(work, IMAGES), { mode: 0o600 }))
        await writeTar(file, async (pack) => {
          await addFile(pack, 'dozen.db', join(work, 'dozen.db'))
          for (const folder of FOLDERS) await addFolder(pack, folder, path(folder))
          if (images.length > 0) await addFile(pack, IMAGES, join(work, IMAGES))
        })
        await writeTar(keysOf(file), async (pack) => {
          await addFile(pack, KEYS[0]!, join(work, KEYS[0]!))
          await addFolder(pack, KEYS[1]!, path(KEYS[1]!))
        })
        say(`${contents.apps} apps and ${images.length} images are in ${file}.`)
        say(`${keysOf(file)} holds the key of their config vars: keep it in another place.`)
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    },

    /** Into a home that holds no dozen, on an engine that may know nothing of it. Rejects, with nothing changed, otherwise. */
    async restore(file: string, keysFile = keysOf(file)): Promise<void> {
      const stage = path(STAGE)
      const there = (await readdir(home).catch(() => [] as string[])).filter((name) => name !== 'router' && name !== STAGE)
      if (there.length > 0) throw new Error(`${home} holds ${there.slice(0, 3).join(', ')} already: restore into an empty DOZEN_HOME.`)
      for (const one of [file, keysFile]) if (!existsSync(one)) throw new Error(`${one} is not there. A backup is two files: FILE and FILE.keys.`)
      await rm(stage, { recursive: true, force: true }) // a restore that was killed
      const before = new Set((await engine.images({ [LABEL.role]: 'image' })).map(({ id }) => id))
      try {
        await readTar(createReadStream(keysFile), stage)
        await readTar(createReadStream(file), stage, { [IMAGES]: (content) => engine.loadImages(content) })
        const { apps } = contentsOf(join(stage, DATABASE))
        const isWhole = (name: string) => !name.startsWith(`${DATABASE}-`) // what looking into it left
        const parts = (await readdir(stage)).filter(isWhole).toSorted((a, b) => Number(a === DATABASE) - Number(b === DATABASE))
        for (const name of parts) await rename(join(stage, name), path(name)) // the database last: without it nothing starts
        say(`${apps} apps are restored: \`dozen up\` starts them.`)
      } catch (cause) {
        await forgetImages(join(stage, DATABASE), before).catch(() => {}) // why the restore failed matters more
        throw cause
      } finally {
        await rm(stage, { recursive: true, force: true })
      }
    },
  }
} // prettier-ignore

import { createWriteStream } from 'node:fs'
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import tar, { type Pack } from 'tar-stream'

/** Writes a tar to `file`, whole or not at all, for its owner alone. */
export async function writeTar(file: string, fill: (pack: Pack) => Promise<void>): Promise<void> {
  const part = `${file}.${process.pid}.part`
  const pack = tar.pack()
  const written = pipeline(pack, createWriteStream(part, { mode: 0o600 }))
  written.catch(() => {}) // awaited below
  try {
    await fill(pack)
    pack.finalize()
    await written
    await rename(part, file)
  } catch (cause) {
    pack.destroy()
    await rm(part, { force: true })
    throw cause
  }
}

/** A file as it is now; one that grows meanwhile is cut there, one that shrinks is filled up with zeros, one that is gone is left out. */
export async function addFile(pack: Pack, name: string, path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return
  try {
    const { size, mode, mtime } = await file.stat()
    const entry = pack.entry({ name, size, mode: mode & 0o700, mtime }) as unknown as Writable
    for (let at = 0; at < size;) {
      const chunk = Buffer.alloc(Math.min(1024 * 1024, size - at))
      await file.read(chunk, 0, chunk.length, at)
      at += chunk.length
      if (!entry.write(chunk)) await new Promise((resolve) => entry.once('drain', resolve))
    }
    await new Promise<void>((resolve) => entry.end(resolve))
  } finally {
    await file.close()
  }
}

const rank = (name: string) => (name === 'objects' ? 1 : 0)

/** Every file below `folder`. git's objects come last: what a push moves a ref to meanwhile must not be missing. */
export async function addFolder(pack: Pack, name: string, folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  if (entries.length === 0) pack.entry({ name, type: 'directory', mode: 0o700 })
  for (const entry of entries.toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1))) {
    const [inside, path] = [`${name}/${entry.name}`, join(folder, entry.name)]
    if (entry.isDirectory()) await addFolder(pack, inside, path)
    else if (entry.isFile()) await addFile(pack, inside, path)
  }
}

/** Unpacks files and folders below `folder`; `taken` gets those that are for somebody else, by name. Throws for a name that leaves the folder. */
export async function readTar(source: Readable, folder: string, taken: Readonly<Record<string, (content: Readable) => Promise<void>>> = {}) {
  const extract = tar.extract()
  const reading = pipeline(source, extract)
  reading.catch(() => {}) // awaited below
  for await (const entry of extract) {
    const { name, type, mode } = entry.header
    if (name.startsWith('/') || name.split('/').includes('..')) throw new Error(`The backup holds ${JSON.stringify(name)}, which is no name of ours.`)
    const path = join(folder, name)
    if (taken[name]) await taken[name](Readable.from(entry as AsyncIterable<Buffer>))
    else if (type === 'directory') await mkdir(path, { recursive: true, mode: 0o700 })
    else if (type === 'file') {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await pipeline(entry, createWriteStream(path, { mode: 0o600, flags: 'wx' }))
      await chmod(path, (mode ?? 0o600) & 0o700)
    }
    entry.resume()
  }
  await reading
} // prettier-ignore

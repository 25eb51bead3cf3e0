import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable, type Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import tar, { type Header } from 'tar-stream'
import { AppError } from '../errors.ts'

const KEPT = ['Dockerfile', 'Procfile', 'heroku.yml', '.dockerignore', 'app.json', '.buildpacks']
const KEPT_BYTES = 256 * 1024
const MAX_KEPT = 50
const decides = (name: string) => KEPT.includes(name) || /(^|\/)[^/]*Dockerfile[^/]*$/.test(name)
const MEMORY_BYTES = 16 * 1024 ** 2
const MAX_ENTRIES = 500_000
const LFS_POINTER = 'version https://git-lfs.github.com/spec/v1'

/** A source tree that has arrived whole. */
export type Source = {
  /** The tar, from its start; as often as wanted until `dispose`. */
  open(): Readable
  bytes: number
  /** Names at the root of the tree. */
  root: ReadonlySet<string>
  /** The small text files at the root that decide how to build. */
  files: ReadonlyMap<string, string>
  /** Hash of paths, modes, link targets and contents; times and the commit are not part of it. */
  digest: string
  /** What the user should know: submodules and LFS pointers, which git does not send. */
  warnings: readonly string[]
  dispose(): Promise<void>
}

const refused = (message: string) => new AppError('build_failed', message)

/**
 * Keeps a tar stream (in memory up to 16 MiB, then in a temporary file) and reads its names and small files on the way; nothing is
 * unpacked. Rejects AppError build_failed for more than `limitBytes`, broken tars, names that leave the tree, and devices.
 */
export async function spool(
  stream: Readable,
  { limitBytes, signal }: { limitBytes: number; signal: AbortSignal },
): Promise<Source> {
  const keeper = keep()
  const extract = tar.extract()
  const inspected = inspect(extract)
  inspected.catch(() => {}) // awaited below; a failing write comes first
  let bytes = 0
  const abort = () => stream.destroy(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > limitBytes) throw refused(`The source tree is larger than ${limitBytes} bytes. Remove large files from the repository, or raise DOZEN_SOURCE_LIMIT.`) // prettier-ignore
      await keeper.write(chunk)
      if (!extract.write(chunk))
        await Promise.race([new Promise<void>((drained) => extract.once('drain', () => drained())), inspected])
    }
    extract.end(Buffer.alloc(0))
    const found = await inspected
    return { ...found, bytes, open: await keeper.end(), dispose: keeper.dispose }
  } catch (cause) {
    extract.destroy()
    await keeper.dispose()
    signal.throwIfAborted()
    if (cause instanceof AppError) throw cause
    throw refused(`The source is no readable tar: ${(cause as Error).message}.`)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function inspect(extract: ReturnType<typeof tar.extract>) {
  const files = new Map<string, string>()
  const root = new Set<string>()
  const warnings = new Set<string>()
  const hash = createHash('sha256')
  let entries = 0
  for await (const entry of extract) {
    const { header } = entry
    if (++entries > MAX_ENTRIES) throw refused(`The source tree has more than ${MAX_ENTRIES} files.`)
    const name = checkedName(header)
    root.add(name.split('/')[0]!)
    hash.update(
      `${header.type}\0${name}\0${(header.mode ?? 0) & 0o111 ? 'x' : ''}\0${header.linkname ?? ''}\0${header.size ?? 0}\0`,
    )
    const isKept = header.type === 'file' && decides(name) && files.size < MAX_KEPT && (header.size ?? 0) <= KEPT_BYTES
    const content: Buffer[] = []
    let first: Buffer | undefined
    for await (const chunk of entry as AsyncIterable<Buffer>) {
      hash.update(chunk)
      first ??= chunk
      if (isKept) content.push(chunk)
    }
    if (isKept) files.set(name, Buffer.concat(content).toString())
    if (first?.toString('latin1', 0, LFS_POINTER.length) === LFS_POINTER) warnings.add(LFS_WARNING(name))
    if (name === '.gitmodules') warnings.add(SUBMODULES)
  }
  return { files, root, digest: hash.digest('hex'), warnings: [...warnings].slice(0, 10) }
}

const LFS_WARNING = (name: string) =>
  `${JSON.stringify(name)} is a Git LFS pointer: git sends the pointer, not the file. Commit the file itself, or fetch it in the build.`
const SUBMODULES =
  'The repository has submodules: git does not send them, so their folders are empty. Vendor them, or use a package manager.'

/** The entry's path below the root of the tree. */
function checkedName({ name, type, linkname }: Header): string {
  const inTree = (path: string) => !path.startsWith('/') && !path.split('/').includes('..') && !path.includes('\0')
  if (!inTree(name)) throw refused(`The source holds a path outside of its tree: ${JSON.stringify(name)}.`)
  if (type === 'link' && !inTree(linkname ?? '')) throw refused(`${JSON.stringify(name)} links to a file outside of the tree.`)
  if (type === 'character-device' || type === 'block-device' || type === 'fifo') throw refused(`${JSON.stringify(name)} is a device, which no source tree may hold.`) // prettier-ignore
  return name.replace(/^(\.\/)+/, '').replace(/\/$/, '') || '.'
}

/** Bytes kept for reading again: the first 16 MiB in memory, from then on all of them in a file. */
export function keep() {
  let chunks: Buffer[] | undefined = []
  let bytes = 0
  let folder: string | undefined
  let file: Writable | undefined

  async function spill() {
    folder = await mkdtemp(join(tmpdir(), 'dozen-source-'))
    file = createWriteStream(join(folder, 'source.tar'), { mode: 0o600 })
    file.on('error', () => {}) // reported by the next write's callback
    const early = Buffer.concat(chunks!)
    chunks = undefined
    await put(early)
  }
  const put = (chunk: Buffer) =>
    new Promise<void>((resolve, reject) => file!.write(chunk, (cause) => (cause ? reject(cause) : resolve())))

  return {
    async write(chunk: Buffer) {
      bytes += chunk.length
      if (chunks) chunks.push(chunk)
      else await put(chunk)
      if (chunks && bytes > MEMORY_BYTES) await spill()
    },
    async end(): Promise<() => Readable> {
      if (chunks) {
        const whole = Buffer.concat(chunks)
        return () => Readable.from([whole])
      }
      file!.end()
      await finished(file!)
      return () => createReadStream(join(folder!, 'source.tar'))
    },
    async dispose() {
      chunks = undefined
      file?.destroy()
      if (folder) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The same tar without what `isIgnored` names, streamed. */
export function withoutFiles(source: Readable, isIgnored: (name: string) => boolean): Readable {
  const pack = tar.pack()
  const out = pack.pipe(new PassThrough())
  void filter(source, pack, isIgnored).catch((cause: Error) => out.destroy(cause))
  return out
}

async function filter(source: Readable, pack: ReturnType<typeof tar.pack>, isIgnored: (name: string) => boolean) {
  const extract = source.pipe(tar.extract())
  source.on('error', (cause) => extract.destroy(cause))
  for await (const entry of extract) {
    const { header } = entry
    const name = header.name.replace(/^(\.\/)+/, '').replace(/\/$/, '')
    if (name === '' || name === '.' || isIgnored(name)) {
      entry.resume()
      continue
    }
    if (header.type === 'file') await copy(entry as unknown as Readable, pack, header)
    else {
      entry.resume()
      await new Promise<void>((resolve, reject) => pack.entry(header, (cause) => (cause ? reject(cause) : resolve())))
    }
  }
  pack.finalize()
}

async function copy(entry: Readable, pack: ReturnType<typeof tar.pack>, header: Header) {
  if ((header.size ?? 0) < 1024 * 1024) {
    const content = await buffer(entry)
    return new Promise<void>((resolve, reject) => pack.entry(header, content, (cause) => (cause ? reject(cause) : resolve())))
  }
  const target = pack.entry(header)
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    if (!target.write(chunk)) await new Promise<void>((drained) => target.once('drain', () => drained()))
  }
  target.end(Buffer.alloc(0))
}

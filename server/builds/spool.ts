import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { PassThrough, Readable, type Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import tar, { type Header } from 'tar-stream'
import { AppError } from '../errors.ts'

const KEPT = ['Dockerfile', 'Procfile', 'heroku.yml', '.dockerignore', 'app.json', '.buildpacks']
const KEPT_BYTES = 256 * 1024
const MAX_KEPT = 50
const decides = (name: string) => KEPT.includes(name) || /(^|\/)([^/]*Dockerfile[^/]*|\.dockerignore)$/.test(name)
const MEMORY_BYTES = 16 * 1024 ** 2
const MAX_ENTRIES = 500_000
const LFS_POINTER = 'version https://git-lfs.github.com/spec/v1'

/** A source tree that has arrived whole. */
export type Source = {
  /** The tar, from its start; as often as wanted until `dispose`. */
  open(): Readable
  bytes: number
  /** The small text files at the root that decide how to build. */
  files: ReadonlyMap<string, string>
  /** Hash of paths, modes, link targets and contents; times and the commit are not part of it. */
  digest: string
  /** What the user should know: submodules and LFS pointers, which git does not send. */
  warnings: readonly string[]
  dispose(): Promise<void>
}

const refused = (message: string) => new AppError('build_failed', message)

type Rules = {
  limitBytes: number
  signal: AbortSignal
  /** A user's own tar: one folder around everything is taken off, links may not leave the tree, and set-id bits are dropped. */
  isUpload?: boolean
  maxEntries?: number
}

/**
 * Keeps a tar stream (in memory up to 16 MiB, then in a temporary file) and reads its names and small files on the way; nothing is
 * unpacked. Rejects AppError build_failed for more than `limitBytes`, broken tars, names that leave the tree, and devices.
 */
export async function spool(stream: Readable, rules: Rules): Promise<Source> {
  const { limitBytes, signal, isUpload = false, maxEntries = MAX_ENTRIES } = rules
  const keeper = keep()
  const extract = tar.extract()
  const inspected = inspect(extract, { isUpload, maxEntries })
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
    const { wrapper, isOdd, ...found } = await inspected
    const whole = await keeper.end()
    const open = wrapper || isOdd ? () => changedNames(whole(), below(wrapper)) : whole
    return { ...found, bytes, open, dispose: keeper.dispose }
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

/** A name without the folder that is around everything, "shop-1a2b3c4/" say; undefined for that folder itself. */
const below = (wrapper: string) => (name: string) =>
  wrapper === '' ? name : name.startsWith(wrapper) ? name.slice(wrapper.length) || undefined : undefined

async function inspect(
  extract: ReturnType<typeof tar.extract>,
  { isUpload, maxEntries }: { isUpload: boolean; maxEntries: number },
) {
  const files = new Map<string, string>()
  const tree = names(maxEntries)
  const warnings = new Set<string>()
  const hash = createHash('sha256')
  let isOdd = false
  for await (const entry of extract) {
    const { header } = entry
    const name = checkedName(header)
    tree.add(name, header.name.endsWith('/') ? 'directory' : (header.type ?? 'file'))
    if (isUpload && header.type === 'symlink') checkLink(name, header.linkname ?? '')
    isOdd ||= isUpload && ((header.mode ?? 0) & 0o6000) > 0
    hash.update(
      `${header.type}\0${name}\0${(header.mode ?? 0) & 0o111 ? 'x' : ''}\0${header.linkname ?? ''}\0${header.size ?? 0}\0`,
    )
    const isWanted = decides(name) || (isUpload && decides(name.slice(name.indexOf('/') + 1)))
    const isKept = header.type === 'file' && isWanted && files.size < MAX_KEPT && (header.size ?? 0) <= KEPT_BYTES
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
  const wrapper = isUpload ? tree.wrapper() : ''
  const ofTree = [...files].map(([name, text]) => [below(wrapper)(name), text] as const)
  const kept = ofTree.filter((one): one is readonly [string, string] => one[0] !== undefined && decides(one[0]))
  for (const clash of tree.clashes()) warnings.add(CLASH(clash))
  return { files: new Map(kept), digest: hash.digest('hex'), warnings: [...warnings].slice(0, 10), wrapper, isOdd }
}

/** The names of a tree as they come: how many, which clash, and whether one folder holds them all. Throws for what no tree can hold. */
function names(maxEntries: number) {
  const folded = new Map<string, string>()
  const links = new Set<string>()
  const clashes = new Map<string, string>()
  const root = new Set<string>()
  let entries = 0
  let isRootFile = false
  return {
    add(name: string, type: string) {
      if (++entries > maxEntries) throw refused(`The source tree has more than ${maxEntries} files.`)
      const through = links.size === 0 ? undefined : parents(name).find((folder) => links.has(folder))
      if (through !== undefined) throw refused(`${JSON.stringify(name)} lies below ${JSON.stringify(through)}, which is a link.`)
      if (type === 'symlink') links.add(name)
      if (name === '.') return
      const other = folded.get(name.toLowerCase())
      if (other !== undefined && other !== name && clashes.size < 3) clashes.set(name, other)
      folded.set(name.toLowerCase(), name)
      root.add(name.split('/')[0]!)
      isRootFile ||= !name.includes('/') && type !== 'directory'
    },
    clashes: () => [...clashes],
    /** "shop-1a2b3c4/" when everything is below that folder, as in the archives that code hosts offer; else "". */
    wrapper: () => (root.size === 1 && !isRootFile && !root.has('bin') ? `${[...root][0]!}/` : ''),
  }
}

const parents = (name: string) => name.split('/').slice(0, -1).map((_, at, parts) => parts.slice(0, at + 1).join('/')) // prettier-ignore

/** Throws for a link that leads out of the tree; /app is where the tree will be. */
function checkLink(name: string, target: string) {
  const path = target.startsWith('/') ? target : posix.join('/app', posix.dirname(name), target)
  const plain = posix.normalize(path)
  if (plain !== '/app' && !plain.startsWith('/app/'))
    throw refused(`${JSON.stringify(name)} is a link to ${JSON.stringify(target)}, outside of the tree. Replace it by the file itself.`) // prettier-ignore
}

const CLASH = ([one, other]: [string, string]) =>
  `${JSON.stringify(one)} and ${JSON.stringify(other)} differ only in case: on a Mac or on Windows there is only one of them.`
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

/** The same tar with other names, streamed; what `named` gives undefined for is left out, and `more` comes last. */
export function changedNames(
  source: Readable,
  named: (name: string) => string | undefined,
  more: () => readonly { name: string; content: string }[] = () => [],
): Readable {
  const pack = tar.pack()
  const out = pack.pipe(new PassThrough())
  pack.on('error', () => {}) // it ends with what it is piped to
  out.on('error', () => {}) // told to who reads it; the engine's client does not listen
  const finish = () => {
    for (const { name, content } of more()) pack.entry({ name, mode: 0o644 }, content)
    pack.finalize()
  }
  void filter(source, pack, named)
    .then(finish)
    .catch((cause: Error) => out.destroy(cause))
  return out
}

async function filter(source: Readable, pack: ReturnType<typeof tar.pack>, named: (name: string) => string | undefined) {
  const extract = source.pipe(tar.extract())
  source.on('error', (cause) => extract.destroy(cause))
  for await (const entry of extract) {
    const name = plainName(entry.header.name)
    const newName = name === '' || name === '.' ? undefined : named(name)
    if (newName === undefined) {
      entry.resume()
      continue
    }
    const header = {
      ...entry.header,
      name: newName,
      mode: (entry.header.mode ?? 0o644) & 0o777,
      ...(entry.header.type === 'link' && { linkname: linked(entry.header, named) }),
    }
    if (header.type === 'file') await copy(entry as unknown as Readable, pack, header)
    else {
      entry.resume()
      await new Promise<void>((resolve, reject) => pack.entry(header, (cause) => (cause ? reject(cause) : resolve())))
    }
  }
}

const plainName = (name: string) => name.replace(/^(\.\/)+/, '').replace(/\/$/, '')

/** The new name of a hard link's target; of one that is left out the old one, for BuildKit to say that it is not there. */
function linked({ linkname }: Header, named: (name: string) => string | undefined): string {
  const target = plainName(linkname ?? '')
  return named(target) ?? target
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

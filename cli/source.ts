import { createReadStream, readlinkSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { pack, type Pack } from 'tar-stream'
import { CliError } from './errors.ts'
import { git } from './git.ts'

/** What a deploy sends: a gzipped tar, and the commit when the folder is exactly that. */
export type SourceTree = { tar: () => Readable; version: string | null }

/** A folder's files as git sees them (what .gitignore names stays here), or all of them outside git; or a .tar, .tar.gz or .tgz as it is. */
export async function sourceOf(path: string): Promise<SourceTree> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) throw new CliError(`There is no ${path}.`)
  if (found.isFile() && /\.(tar|tar\.gz|tgz)$/.test(path)) return { tar: () => createReadStream(path), version: null }
  if (!found.isDirectory()) throw new CliError(`${path} is neither a folder nor a .tar, .tar.gz or .tgz.`)
  const names = (await tracked(path)) ?? (await everything(path))
  if (names.length === 0) throw new CliError(`There are no files in ${path}.`)
  const isClean = (await git(path, 'status', '--porcelain', '--', '.')) === ''
  const version = isClean ? ((await git(path, 'rev-parse', 'HEAD')) ?? null) : null
  return { tar: () => archive(path, names), version }
}

const tracked = async (folder: string) =>
  (await git(folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'))
    ?.split('\0')
    .filter(Boolean)

async function everything(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true })
  const found = entries
    .filter(({ name }) => name !== '.git')
    .map(async (entry) => {
      const name = below ? `${below}/${entry.name}` : entry.name
      return entry.isDirectory() ? everything(folder, name) : [name]
    })
  return (await Promise.all(found)).flat()
}

function archive(folder: string, names: readonly string[]): Readable {
  const tar = pack()
  const gzip = createGzip()
  tar.on('error', (error) => gzip.destroy(error)).pipe(gzip)
  const fill = async () => {
    for (const name of names) await add(tar, folder, name)
    tar.finalize()
  }
  fill().catch((error: Error) => tar.destroy(error))
  return gzip
}

async function add(tar: Pack, folder: string, name: string): Promise<void> {
  const path = join(folder, name)
  const stat = await lstat(path).catch(() => undefined)
  if (!stat) return
  if (stat.isSymbolicLink()) return void tar.entry({ name, type: 'symlink', linkname: readlinkSync(path) })
  if (!stat.isFile()) return
  const mode = stat.mode & 0o111 ? 0o755 : 0o644
  await new Promise<void>((resolve, reject) => {
    const entry = tar.entry({ name, mode, size: stat.size, mtime: stat.mtime }, (error) => (error ? reject(error) : resolve()))
    createReadStream(path, { end: Math.max(0, stat.size - 1) })
      .on('error', reject)
      .pipe(entry)
  })
}

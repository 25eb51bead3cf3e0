import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import tar from 'tar-stream'

export type PackedFile = { name: string; content: Buffer | string; mode?: number; owner?: number }

/** A tar of these files; a name that ends with "/" is a folder, with fixed times: the same files give the same bytes. */
export function packFiles(files: readonly PackedFile[]): Promise<Buffer> {
  const pack = tar.pack()
  for (const { name, content, mode = 0o644, owner = 0 } of files)
    pack.entry(
      { name, mode, uid: owner, gid: owner, mtime: new Date(0), type: name.endsWith('/') ? 'directory' : 'file' },
      content as string,
    )
  pack.finalize()
  return buffer(pack)
}

/** The files below a folder, names relative to it, sorted; executable ones keep that. */
export function filesBelow(folder: string, prefix = ''): PackedFile[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path, `${prefix}${entry.name}/`)
      return [{ name: prefix + entry.name, content: readFileSync(path), mode: statSync(path).mode & 0o111 ? 0o755 : 0o644 }]
    })
}

export function digest(files: readonly PackedFile[]): string {
  const hash = createHash('sha256')
  for (const { name, content, mode } of files)
    hash
      .update(`${name}\0${mode ?? 0}\0`)
      .update(content)
      .update('\0')
  return hash.digest('hex').slice(0, 24)
}

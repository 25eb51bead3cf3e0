import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import tar from 'tar-stream'

/** The small text files of a tar stream by base name; everything above `maxBytes` and everything that is no plain file is passed over. */
export async function textFiles(stream: Readable, maxBytes = 256 * 1024): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  const extract = tar.extract()
  stream.pipe(extract)
  for await (const entry of extract) {
    const { name, type, size = 0 } = entry.header
    if (type === 'file' && size <= maxBytes) files.set(name.split('/').at(-1)!, await text(entry))
    else entry.resume()
  }
  return files
}

/** Looks at the names at the root of a tar that passes through; `Dockerfile` and `Procfile` are kept as text. */
export async function readSource(source: Readable, limitBytes: number): Promise<{ tar: Buffer; files: Map<string, string> }> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    bytes += (chunk as Buffer).length
    if (bytes > limitBytes) throw new SourceTooLarge()
    chunks.push(chunk as Buffer)
  }
  const content = Buffer.concat(chunks)
  const files = new Map<string, string>()
  const extract = tar.extract()
  extract.end(content)
  for await (const entry of extract) {
    const name = entry.header.name.replace(/^\.\//, '')
    if (entry.header.type === 'file' && (name === 'Dockerfile' || name === 'Procfile')) files.set(name, await text(entry))
    else entry.resume()
  }
  return { tar: content, files }
}

export class SourceTooLarge extends Error {}

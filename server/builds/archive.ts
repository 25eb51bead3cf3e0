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

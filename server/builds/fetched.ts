import type { PackedFile } from '../stack/pack.ts'
import type { Wanted } from './source.ts'

/** The buildpacks of a build as files for its container: `order` (one a line: a name of ours, or a folder, a tab and its name), `why`, and those from elsewhere. */
export type Fetched = {
  files: PackedFile[]
  /** Name, or URL with the commit that was fetched. */
  buildpacks: readonly string[]
}

/** Brings the named buildpacks, in order: `tar` of those that are not ours. */
export type Fetch = (names: readonly string[], signal: AbortSignal) => Promise<{ name: string; tar?: Buffer }[]>

export async function packed({ names, why }: Wanted, fetch: Fetch, signal: AbortSignal): Promise<Fetched> {
  if (names.length === 0) return { files: [], buildpacks: [] }
  const fetched = await fetch(names, signal)
  const order = fetched.map(({ name, tar }, at) => (tar ? `/tmp/head/fetched/${at}\t${name}` : name))
  return {
    files: [
      { name: 'order', content: `${order.join('\n')}\n` },
      { name: 'why', content: `${why}\n` },
      ...fetched.flatMap(({ tar }, at) => (tar ? [{ name: `fetched/${at}.tar`, content: tar }] : [])),
    ],
    buildpacks: fetched.map(({ name }) => name),
  }
}

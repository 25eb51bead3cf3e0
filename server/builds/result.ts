import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parse } from 'yaml'
import { invalid } from '../errors.ts'
import { parseProcfile } from './procfile.ts'

const MAX_HEAD_BYTES = 1024 * 1024

/** What the driver in the build container says at its end. */
export type Head = { release: string; procfile: string; buildpacks: string[] }

/** Cuts the driver's standard output into its first line and the tar that follows. `head` is undefined when the build printed no result. */
export async function cutResult(output: Readable): Promise<{ head: Head | undefined; tree: Readable }> {
  let seen = Buffer.alloc(0)
  for await (const chunk of output.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    seen = Buffer.concat([seen, chunk])
    const end = seen.indexOf(0x0a)
    if (end < 0 && seen.length < MAX_HEAD_BYTES) continue
    if (end < 0) break
    const tree = new PassThrough()
    tree.write(seen.subarray(end + 1))
    void pipeline(output, tree).catch(() => {}) // whoever reads `tree` sees the end
    return { head: JSON.parse(seen.toString('utf8', 0, end)) as Head, tree }
  }
  output.resume()
  return { head: undefined, tree: PassThrough.from([]) }
}

/** The release step's YAML: default process types and config vars. Throws invalid_params naming what it expected. */
export function parseRelease(text: string): { processTypes: Record<string, string>; configVars: Record<string, string> } {
  const document = parsed(text)
  return { processTypes: strings(document?.default_process_types), configVars: strings(document?.config_vars) }
}

type ReleaseYaml = { default_process_types?: unknown; config_vars?: unknown }

function parsed(text: string): ReleaseYaml | null {
  try {
    return parse(text) as ReleaseYaml | null
  } catch (cause) {
    throw invalid(`The buildpack's bin/release printed something that is not YAML: ${(cause as Error).message.split('\n')[0]}`)
  }
}

const strings = (value: unknown) => {
  const entries = value !== null && typeof value === 'object' ? Object.entries(value) : []
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => ['string', 'number', 'boolean'].includes(typeof entry[1])).map(([key, one]) => [key, String(one)])) // prettier-ignore
}

/** Procfile entries override the buildpack's default process types (BUILDPACK-API.md). */
export function processTypesOf({ release, procfile }: Head): Record<string, string> {
  const defaults = parseRelease(release).processTypes
  for (const type of Object.keys(defaults)) parseProcfile(`${type}: x`)
  return { ...defaults, ...parseProcfile(procfile) }
}

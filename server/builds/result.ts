import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { parse } from 'yaml'
import { invalid } from '../errors.ts'
import { parseProcfile } from './procfile.ts'
import { tarEnd } from './tree-cutter.ts'

const MAX_HEAD_BYTES = 1024 * 1024

/** What the driver in the build container says at its end. */
export type Head = { release: string; procfile: string; buildpacks: string[] }
/** What it says on the way: `bytes` of the tree that follows. */
type Told = Head & { bytes: number }

/** `tree` ends where the tar ends; `status` is what tar ended with, undefined when the output ended before the driver said it. */
type Cut = { head: Told | undefined; tree: Readable; status: Promise<number | undefined> }

/** Cuts the driver's standard output into its head, the tar that follows, and the line "status N" after that. */
export async function cutResult(output: Readable): Promise<Cut> {
  let seen = Buffer.alloc(0)
  for await (const chunk of output.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    seen = Buffer.concat([seen, chunk])
    const found = parseHead(seen)
    if (!found && seen.length < MAX_HEAD_BYTES) continue
    if (!found) break
    const tree = new PassThrough()
    const status = cutTree(found.rest, output, tree)
    status.catch((cause: unknown) => tree.destroy(cause as Error))
    return { head: found.head, tree, status }
  }
  output.resume()
  return { head: undefined, tree: PassThrough.from([]), status: Promise.resolve(undefined) }
}

/** The line of lengths and names, and the two texts after it; undefined until all of it is there. */
function parseHead(seen: Buffer): { head: Told; rest: Buffer } | undefined {
  const line = seen.subarray(0, seen.indexOf(0x0a) + 1)
  const [, release, procfile, bytes, names] = /^(\d+) (\d+) (\d+) (.*)\n$/.exec(line.toString()) ?? []
  if (names === undefined) return undefined
  const between = line.length + Number(release)
  const end = between + Number(procfile)
  if (seen.length < end) return undefined
  const text = (from: number, to: number) => seen.toString('utf8', from, to)
  const told = { release: text(line.length, between), procfile: text(between, end), buildpacks: names.split('\t') }
  return { head: { ...told, bytes: Number(bytes) }, rest: seen.subarray(end) }
}

async function cutTree(first: Buffer, output: Readable, tree: PassThrough): Promise<number | undefined> {
  const take = tarEnd()
  let trailer = ''
  let isOver = false
  for await (const chunk of chainOf(first, output)) {
    const mine: { length: number; isOver: boolean } | undefined = isOver ? undefined : take(chunk)
    if (mine) {
      if (!tree.write(chunk.subarray(0, mine.length))) await once(tree, 'drain')
      if (mine.isOver) tree.end()
      isOver = mine.isOver
    }
    if (!isOver) continue
    trailer += chunk.toString('latin1', mine?.length ?? 0).replaceAll('\0', '') // tar fills its last record
    const found = /^status (\d+)\n/.exec(trailer)
    if (found) return Number(found[1])
  }
  tree.end()
  return undefined
}

async function* chainOf(first: Buffer, rest: Readable): AsyncIterable<Buffer> {
  yield first
  yield* rest.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
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

/** What will run, as Heroku tells it: the Procfile's types, then the buildpack's that it does not name. */
export function discovered(head: Head): string[] {
  const own = Object.keys(parseProcfile(head.procfile))
  const more = Object.keys(processTypesOf(head)).filter((type) => !own.includes(type))
  const nothing = own.length + more.length === 0
  return [
    '-----> Discovering process types',
    `       Procfile declares types     -> ${own.join(', ') || '(none)'}`,
    ...(more.length > 0 ? [`       Default types for ${head.buildpacks.at(-1) ?? 'the app'} -> ${more.join(', ')}`] : []),
    ...(nothing
      ? [' !     Nothing says what to run: add a Procfile with a line such as "web: COMMAND", commit it and push again.']
      : []),
  ]
}

const CONFIG_KEY = /^(?!(?:DOZEN|HEROKU)_)[A-Za-z_][A-Za-z0-9_]*$/i

/** Config vars that the last buildpack wants set where the app has none of that name (BUILDPACK-API.md). */
export const configDefaultsOf = ({ release }: Head): Record<string, string> =>
  Object.fromEntries(Object.entries(parseRelease(release).configVars).filter(([key]) => CONFIG_KEY.test(key)))

import { parse } from 'yaml'
import { AppError, invalid } from '../errors.ts'
import { parseProcfile } from './procfile.ts'

/** How an app is built, and why: the first line of every build. */
export type Way =
  | { by: 'buildpacks'; buildpacks: Wanted }
  | {
      by: 'dockerfile'
      why: string
      dockerfile: string
      target?: string
      args: Record<string, string>
      processTypes: Record<string, string>
    }

/** Buildpacks by name, in order, and what asked for them; none = by detection. */
export type Wanted = { names: readonly string[]; why: string }

export type Setting = {
  /** The app's own stack setting; 'container' asks for a Dockerfile or heroku.yml. */
  stackSetting?: 'container' | undefined
  /** The app's own buildpacks, in order. */
  buildpacks?: readonly string[] | undefined
}

/** The image's own CMD runs as `web` when nothing else says what to run. */
const IMAGE_COMMAND = { web: '' }

/** What builds an app, first match (CONTRACT.md, Builds): its own setting, heroku.yml, Dockerfile, buildpacks by detection. Throws invalid_params. */
export function chooseWay(files: ReadonlyMap<string, string>, setting: Setting): Way {
  const buildpacks = setting.buildpacks ?? []
  if (buildpacks.length > 0 && setting.stackSetting !== 'container')
    return { by: 'buildpacks', buildpacks: { names: buildpacks, why: "the app's buildpack setting says so" } }
  const herokuYml = files.get('heroku.yml')
  if (herokuYml !== undefined) return fromHerokuYml(herokuYml)
  if (files.has('Dockerfile')) {
    const procfile = files.get('Procfile')
    const processTypes = procfile === undefined ? IMAGE_COMMAND : parseProcfile(procfile)
    return { by: 'dockerfile', why: 'with the Dockerfile at the root', dockerfile: 'Dockerfile', args: {}, processTypes }
  }
  if (setting.stackSetting === 'container')
    throw invalid('The app is set to the container stack, but there is no Dockerfile and no heroku.yml at the root. Add one and commit it, or run `dozen stack:set heroku-22`.') // prettier-ignore
  return { by: 'buildpacks', buildpacks: namedInTree(files) }
}

/** `buildpacks` of app.json (Heroku: `[{"url": …}]`), else a `.buildpacks` file, one a line (the multi buildpack's). */
function namedInTree(files: ReadonlyMap<string, string>): Wanted {
  const appJson = files.get('app.json')
  const named = appJson === undefined ? [] : fromAppJson(appJson)
  if (named.length > 0) return { names: named, why: 'app.json says so' }
  const lines = (files.get('.buildpacks') ?? '').split('\n').map((line) => line.trim()) // prettier-ignore
  return { names: lines.filter((line) => line !== '' && !line.startsWith('#')), why: 'the file .buildpacks says so' }
}

function fromAppJson(text: string): string[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw new AppError(
      'invalid_params',
      `app.json is not valid JSON: ${(cause as Error).message}. Mend it, commit it and push again.`,
      { cause },
    )
  }
  const { buildpacks = [] } = (document ?? {}) as { buildpacks?: unknown }
  if (!Array.isArray(buildpacks)) throw invalid('"buildpacks" in app.json should be a list such as [{"url": "heroku/nodejs"}].')
  return buildpacks.map((entry: unknown) => {
    const url = typeof entry === 'string' ? entry : (entry as { url?: unknown } | null)?.url
    if (typeof url !== 'string') throw invalid('Each of "buildpacks" in app.json should be like {"url": "heroku/nodejs"}.')
    return url
  })
}

type HerokuYml = {
  build?: { docker?: Record<string, string | { dockerfile?: string; target?: string }>; config?: Record<string, unknown> }
  release?: { image?: string; command?: string | string[] }
  run?: Record<string, string | { command?: string | string[]; image?: string }>
}

/** heroku.yml: `build.docker`, `build.config`, `release` and `run`. A release holds one image, so all process types share one Dockerfile. */
function fromHerokuYml(text: string): Way {
  const { build, release, run } = read(text)
  const docker = Object.entries(build?.docker ?? {}).map(([type, value]) =>
    typeof value === 'string' ? { type, dockerfile: value, target: undefined } : { type, dockerfile: value?.dockerfile ?? 'Dockerfile', target: value?.target },
  ) // prettier-ignore
  const [first, ...others] = docker
  if (!first)
    throw invalid('heroku.yml has no build.docker section. Name a Dockerfile there, e.g. "build: {docker: {web: Dockerfile}}".')
  const other = others.find(({ dockerfile, target }) => dockerfile !== first.dockerfile || target !== first.target)
  if (other)
    throw invalid(`heroku.yml builds ${first.type} and ${other.type} from different images, but a release holds one. Use one Dockerfile for all, and tell the processes apart in the run section.`) // prettier-ignore
  if (first.dockerfile.startsWith('/') || first.dockerfile.split('/').includes('..'))
    throw invalid('heroku.yml names a Dockerfile outside of the tree.')
  const commands = Object.entries(run ?? {}).map(([type, value]) => [type, commandOf(typeof value === 'string' ? value : value?.command)] as const) // prettier-ignore
  const types = commands.length > 0 ? commands : docker.map(({ type }) => [type, ''] as const)
  const releaseCommand = commandOf(release?.command)
  const processTypes = Object.fromEntries([...types, ...(releaseCommand ? [['release', releaseCommand] as const] : [])])
  for (const type of Object.keys(processTypes)) parseProcfile(`${type}: x`)
  return {
    by: 'dockerfile',
    why: `with heroku.yml, which names ${first.dockerfile}`,
    dockerfile: first.dockerfile,
    ...(first.target && { target: first.target }),
    args: Object.fromEntries(Object.entries(build?.config ?? {}).map(([key, value]) => [key, String(value)])),
    processTypes,
  }
}

/** A list of commands in heroku.yml runs one after the other. */
const commandOf = (command: string | string[] | undefined) => (Array.isArray(command) ? command.join(' && ') : (command ?? ''))

function read(text: string): HerokuYml {
  try {
    const document: unknown = parse(text)
    if (document === null || typeof document !== 'object') throw new Error('it is no mapping')
    return document
  } catch (cause) {
    throw new AppError('invalid_params', `heroku.yml is not valid YAML: ${(cause as Error).message.split('\n')[0]}`, { cause })
  }
}

/** Names that a Dockerfile declares with ARG, in any stage. */
export function declaredArgs(dockerfile: string): Set<string> {
  const joined = dockerfile.replace(/\\[ \t]*\r?\n/g, ' ')
  const lines = [...joined.matchAll(/^[ \t]*ARG[ \t]+(.+)$/gim)].map(([, rest]) => rest!)
  const words = lines.flatMap((line) => line.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [])
  return new Set(words.map((word) => word.split('=')[0]!).filter((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)))
}

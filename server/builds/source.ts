import { AppError, invalid } from '../errors.ts'
import { fromHerokuYml, type Recipes } from './heroku-yml.ts'
import { parseProcfile } from './procfile.ts'

/** How an app is built, and why: the first line of every build. */
export type Way = { by: 'buildpacks'; buildpacks: Wanted } | ({ by: 'dockerfile'; why: string } & Recipes)

/** Buildpacks by name, in order, and what asked for them; none = by detection. */
export type Wanted = { names: readonly string[]; why: string }

export type Setting = {
  /** The app's stack; 'container' asks for a Dockerfile or heroku.yml. Absent = the default. */
  stackSetting?: string | undefined
  /** The app's own buildpacks, in order. */
  buildpacks?: readonly string[] | undefined
  /** The tree was compiled elsewhere: nothing builds it, whatever the app's settings are. */
  isSlug?: boolean
}

/** The image's own CMD runs as `web` when nothing else says what to run. */
const IMAGE_COMMAND = { web: '' }

/** What builds an app, first match (CONTRACT.md, Builds): its own setting, heroku.yml, Dockerfile, buildpacks by detection. Throws invalid_params. */
export function chooseWay(files: ReadonlyMap<string, string>, setting: Setting): Way {
  if (setting.isSlug) return { by: 'buildpacks', buildpacks: { names: ['heroku/procfile'], why: 'a slug is released as it is' } }
  const buildpacks = setting.buildpacks ?? []
  if (buildpacks.length > 0 && setting.stackSetting !== 'container')
    return { by: 'buildpacks', buildpacks: { names: expanded(buildpacks, files), why: "the app's buildpack setting says so" } }
  const herokuYml = files.get('heroku.yml')
  if (herokuYml !== undefined) {
    const recipes = fromHerokuYml(herokuYml)
    const names = new Set([recipes.main, ...Object.values(recipes.others)].map(({ dockerfile }) => dockerfile))
    return { by: 'dockerfile', why: `with heroku.yml, which names ${[...names].join(', ')}`, ...recipes }
  }
  if (files.has('Dockerfile')) {
    const procfile = files.get('Procfile')
    const processTypes = procfile === undefined ? IMAGE_COMMAND : parseProcfile(procfile)
    const main = { dockerfile: 'Dockerfile', context: '' }
    return { by: 'dockerfile', why: 'with the Dockerfile at the root', main, others: {}, args: {}, processTypes }
  }
  if (setting.stackSetting === 'container')
    throw invalid('The app is set to the container stack, but there is no Dockerfile and no heroku.yml at the root. Add one and commit it, or run `dozen stack:set heroku-22`.') // prettier-ignore
  return { by: 'buildpacks', buildpacks: namedInTree(files) }
}

/** `buildpacks` of app.json (Heroku: `[{"url": …}]`), else a `.buildpacks` file, one a line (the multi buildpack's). */
function namedInTree(files: ReadonlyMap<string, string>): Wanted {
  const appJson = files.get('app.json')
  const named = appJson === undefined ? [] : fromAppJson(appJson)
  if (named.length > 0) return { names: expanded(named, files), why: 'app.json says so' }
  return { names: listed(files) ?? [], why: 'the file .buildpacks says so' }
}

const listed = (files: ReadonlyMap<string, string>) =>
  files.get('.buildpacks')?.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')).map(fromElsewhere) // prettier-ignore

/** Whoever pushes writes these names: a folder of the machine, which may be another app's repository, is only for the setting, which asks who sets it. */
function fromElsewhere(name: string): string {
  if (/^(\/|file:)/.test(name))
    throw invalid(`The buildpack ${name} is a folder of this machine, which a file of the app cannot name. Use an https URL, or have an admin set it: \`dozen buildpacks:set ${name}\`.`) // prettier-ignore
  return name
}

/** The multi buildpack stands for those that the file .buildpacks names, in its place. */
const expanded = (names: readonly string[], files: ReadonlyMap<string, string>) =>
  names.flatMap((name) => {
    if (!/^((heroku(-community)?|dozen)\/)?multi$/.test(name)) return [name]
    const those = listed(files) ?? []
    if (those.length === 0) throw invalid('The buildpack heroku/multi needs a file .buildpacks that names one buildpack a line. Add it, commit it and push again.') // prettier-ignore
    return those
  })

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
    return fromElsewhere(url)
  })
}

/** Words of an ARG or ENV line, quotes and all. */
export const declaredWords = (line: string): string[] => line.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? []

/** Names that a Dockerfile declares with ARG, in any stage. */
export function declaredArgs(dockerfile: string): Set<string> {
  const joined = dockerfile.replace(/\\[ \t]*\r?\n/g, ' ')
  const lines = [...joined.matchAll(/^[ \t]*ARG[ \t]+(.+)$/gim)].map(([, rest]) => rest!)
  const words = lines.flatMap(declaredWords)
  return new Set(words.map((word) => word.split('=')[0]!).filter((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)))
}

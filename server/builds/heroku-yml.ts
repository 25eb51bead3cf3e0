import { parse } from 'yaml'
import { AppError, invalid } from '../errors.ts'
import { parseProcfile } from './procfile.ts'

/** One image to build: a Dockerfile of the tree, and the stage that is wanted. */
export type Recipe = {
  /** Path in the tree, "deploy/Dockerfile". */
  dockerfile: string
  /** Folder that the Dockerfile sees as its context, "" = the root. */
  context: string
  target?: string
}

/** How an app's images are built, and what runs in them. */
export type Recipes = {
  /** The image of all process types but `others`. */
  main: Recipe
  /** Process types that run in another image. */
  others: Readonly<Record<string, Recipe>>
  args: Readonly<Record<string, string>>
  /** Process type → command; "" = the image's own CMD. */
  processTypes: Readonly<Record<string, string>>
}

type Command = string | string[] | null
type Run = string | { command?: Command; image?: string } | null
type HerokuYml = {
  build?: { docker?: Record<string, string | { dockerfile?: string; target?: string } | null>; config?: Record<string, unknown> }
  release?: { image?: string; command?: Command }
  run?: Record<string, Run>
}

/**
 * heroku.yml: `build.docker` (several images; the folder of a Dockerfile is its context, as with Heroku), `build.config`, `release` and `run`. Throws invalid_params.
 */
export function fromHerokuYml(text: string): Recipes {
  const { build, release, run } = read(text)
  const images = new Map(Object.entries(build?.docker ?? {}).map(([type, value]) => [type, recipeOf(value)]))
  const [first] = images
  if (!first)
    throw invalid('heroku.yml has no build.docker section. Name a Dockerfile there, e.g. "build: {docker: {web: Dockerfile}}".')
  const main = images.get('web') ?? first[1]
  const named = (where: string, image: string | undefined, type: string) => {
    if (image !== undefined && !images.has(image)) throw invalid(`heroku.yml: ${where} names the image ${JSON.stringify(image)}, but build.docker has ${[...images.keys()].join(', ')}.`) // prettier-ignore
    return images.get(image ?? type) ?? main
  }
  const types = new Map<string, { command: string; recipe: Recipe }>()
  for (const [type, recipe] of images) if (type !== 'release') types.set(type, { command: '', recipe })
  for (const [type, value] of Object.entries(run ?? {})) {
    const { command, image } = value !== null && typeof value === 'object' ? value : { command: value, image: undefined }
    types.set(type, { command: commandOf(command), recipe: named(`run.${type}`, image, type) })
  }
  if (release) types.set('release', { command: commandOf(release.command), recipe: named('release', release.image, 'release') })
  for (const type of types.keys()) parseProcfile(`${type}: x`)
  const others = [...types].filter(([, { recipe }]) => idOf(recipe) !== idOf(main))
  return {
    main,
    others: Object.fromEntries(others.map(([type, { recipe }]) => [type, recipe])),
    args: Object.fromEntries(Object.entries(build?.config ?? {}).map(([key, value]) => [key, String(value)])),
    processTypes: Object.fromEntries([...types].map(([type, { command }]) => [type, command])),
  }
}

/** Equal for recipes that give the same image. */
export const idOf = ({ dockerfile, target }: Recipe) => JSON.stringify([dockerfile, target])

function recipeOf(value: string | { dockerfile?: string; target?: string } | null): Recipe {
  const { dockerfile = 'Dockerfile', target } = typeof value === 'string' ? { dockerfile: value } : (value ?? {})
  const parts = String(dockerfile).split('/').filter((part) => part !== '' && part !== '.') // prettier-ignore
  if (String(dockerfile).startsWith('/') || parts.includes('..') || parts.length === 0)
    throw invalid('heroku.yml names a Dockerfile outside of the tree.')
  return { dockerfile: parts.join('/'), context: parts.slice(0, -1).join('/'), ...(target && { target: String(target) }) }
}

/** A list of commands in heroku.yml runs one after the other. */
const commandOf = (command: Command | undefined) => (Array.isArray(command) ? command.join(' && ') : String(command ?? ''))

function read(text: string): HerokuYml {
  try {
    const document: unknown = parse(text)
    if (document === null || typeof document !== 'object') throw new Error('it is no mapping')
    return document
  } catch (cause) {
    throw new AppError('invalid_params', `heroku.yml is not valid YAML: ${(cause as Error).message.split('\n')[0]}`, { cause })
  }
}

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { CliError } from './errors.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** Where the server is, who we are there, and where each answer came from (for messages). */
export type Settings = {
  /** Origin without a trailing slash: "http://127.0.0.1:5170". Throws CliError when nothing names a server. */
  url(): string
  /** The same, or where a dozen is by default. */
  likelyUrl(): string
  /** Of the server at `url`, by default the one above; `from` says which place had it. */
  token(url?: string): { value: string | undefined; from: string }
  /** PEM of the installation's CA, when there is one. */
  ca(): string | undefined
  home: string
  credentialsPath: string
}

/** `$XDG_CONFIG_HOME/dozen/credentials.json`, 0600: what `dozen login` saved. */
export type Credentials = { current?: string; servers: Record<string, { token: string; email: string }> }

export function settingsFrom(env: Env): Settings {
  const base = env.HOME || homedir()
  const home = (env.DOZEN_HOME || join(base, '.dozen')).replace(/^~(?=\/|$)/, base)
  const credentialsPath = join(env.XDG_CONFIG_HOME || join(base, '.config'), 'dozen', 'credentials.json')
  const known = () => env.DOZEN_URL || savedUrl(credentialsPath, home, env) || localUrl(home)
  const url = () => origin(known() || nobody())
  return {
    url,
    likelyUrl: () => origin(known() || DEFAULT_URL),
    token: (asked) =>
      findToken(env, { asked: asked ?? url(), isOurs: asked === undefined || isSameServer(asked, url()), home, credentialsPath }),
    ca: () => readText(env.DOZEN_CA || join(home, 'certs', 'ca.pem')),
    home,
    credentialsPath,
  }
}

const DEFAULT_URL = 'http://127.0.0.1:5170'

/** A home that was named on purpose goes before the login of another day. */
const savedUrl = (path: string, home: string, env: Env) =>
  env.DOZEN_HOME && localUrl(home) ? undefined : readCredentials(path).current

const nobody = (): never => {
  throw new CliError('No dozen is known here.', {
    hint: 'Start one with `dozen up`, set DOZEN_URL (e.g. http://127.0.0.1:5170), or run `dozen login`.',
  })
}

/** Normalised origin of an API URL; throws CliError when it is not an http(s) URL. */
export function origin(text: string): string {
  const given = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`
  const parsed = URL.canParse(given) ? new URL(given) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new CliError(`${JSON.stringify(text)} is not the URL of a dozen API; it looks like http://127.0.0.1:5170.`)
  }
  return parsed.origin
}

const localUrl = (home: string): string | undefined => parse<{ api?: string }>(readText(join(home, 'endpoints.json')))?.api

type Asked = { asked: string; isOurs: boolean; home: string; credentialsPath: string }

/** DOZEN_TOKEN is for the server that the settings name; a saved login and a home's admin token each for their own. */
function findToken(env: Env, { asked, isOurs, home, credentialsPath }: Asked): { value: string | undefined; from: string } {
  if (env.DOZEN_TOKEN && isOurs) return { value: env.DOZEN_TOKEN.trim(), from: 'DOZEN_TOKEN' }
  const saved = Object.entries(readCredentials(credentialsPath).servers).find(([url]) => isSameServer(url, asked))?.[1].token
  const local = localUrl(home)
  const adminPath = join(home, 'admin-token')
  const admin = local && isSameServer(local, asked) ? readText(adminPath)?.trim() : undefined
  if (admin && (env.DOZEN_HOME || !saved)) return { value: admin, from: adminPath }
  return { value: saved, from: saved ? credentialsPath : 'nowhere' }
}

/** The same scheme, host and port, where "localhost" is 127.0.0.1. */
export const isSameServer = (a: string, b: string): boolean =>
  URL.canParse(a) && URL.canParse(b) && plainOrigin(a) === plainOrigin(b)

const plainOrigin = (url: string) => new URL(url).origin.replace('//localhost', '//127.0.0.1')

export const readCredentials = (path: string): Credentials => ({
  ...parse<Credentials>(readText(path)),
  servers: parse<Credentials>(readText(path))?.servers ?? {},
})

/** Whole file or none: temp file, then rename. */
export function writeCredentials(path: string, credentials: Credentials): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 })
  renameSync(temporary, path)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function parse<T>(text: string | undefined): T | undefined {
  try {
    return text ? (JSON.parse(text) as T) : undefined
  } catch {
    return undefined
  }
}

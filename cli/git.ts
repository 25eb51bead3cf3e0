import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { UsageError } from './errors.ts'
import { shellQuote } from './pairs.ts'
import type { Env } from './settings.ts'

const run = promisify(execFile)

/** git's stdout without its line end, or undefined when git says no (or is not there). */
export const git = (cwd: string, ...args: string[]): Promise<string | undefined> =>
  run('git', args, { cwd, maxBuffer: 256 * 1024 * 1024 }).then(
    ({ stdout }) => stdout.trimEnd(),
    () => undefined,
  )

/** "http://127.0.0.1:5170/shop.git" → "shop"; undefined for what is no remote of ours. */
export const appOfRemote = (url: string): string | undefined => /\/([a-z][a-z0-9-]{1,28}[a-z0-9])(?:\.git)?\/?$/.exec(url)?.[1]

/** `-a`, else DOZEN_APP, else the git remote `dozen` of `cwd`. Throws UsageError when none of them names an app. */
export async function findApp(name: string | undefined, env: Env, cwd: string): Promise<string> {
  const given = name ?? env.DOZEN_APP
  if (given) return given
  const remote = await git(cwd, 'remote', 'get-url', 'dozen')
  const app = remote && appOfRemote(remote)
  if (app) return app
  throw new UsageError('Which app? This folder has no git remote named dozen.', {
    hint: 'Say it with -a NAME or DOZEN_APP, or make an app here with `dozen create`. `dozen apps` lists yours.',
  })
}

/** The first, empty entry stops git from asking (and telling) the helpers of the user's other settings. */
export function helperSettings({ url, program }: { url: string; program: string }): [key: string, value: string][] {
  const key = `credential.${new URL(url).origin}.helper`
  return [
    [key, ''],
    [key, `!${shellQuote(program)} git:credentials`],
  ]
}

export type Connected = 'added' | 'other' | 'no repository'

/**
 * Adds the remote `dozen`, unless there is one that leads elsewhere ("other"), and a credential helper for the API's origin only,
 * both in the repository's own settings.
 */
export async function connectRepository(cwd: string, { url, program }: { url: string; program: string }): Promise<Connected> {
  if ((await git(cwd, 'rev-parse', '--git-dir')) === undefined) return 'no repository'
  const settings = helperSettings({ url, program })
  await git(cwd, 'config', '--local', '--unset-all', settings[0]![0])
  for (const [key, value] of settings) await git(cwd, 'config', '--local', '--add', key, value)
  const present = await git(cwd, 'remote', 'get-url', 'dozen')
  if (present !== undefined && present !== url) return 'other'
  if (present === undefined) await git(cwd, 'remote', 'add', 'dozen', url)
  return 'added'
}

/** Removes the remote `dozen` where it leads to `url`. */
export async function forgetRemote(cwd: string, url: string): Promise<void> {
  if ((await git(cwd, 'remote', 'get-url', 'dozen')) === url) await git(cwd, 'remote', 'remove', 'dozen')
}

/** Lets the remote `dozen` lead to `to` where it led to `from`; says whether it did. */
export async function moveRemote(cwd: string, from: string, to: string): Promise<boolean> {
  if ((await git(cwd, 'remote', 'get-url', 'dozen')) !== from) return false
  return (await git(cwd, 'remote', 'set-url', 'dozen', to)) !== undefined
}

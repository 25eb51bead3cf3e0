import type { Commits, ConfigVars, Release } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { type Change, changes, masked } from '../../difference.ts'
import { UsageError } from '../../errors.ts'
import { heading, json } from '../../output.ts'
import { parseVersion } from '../../pairs.ts'
import { newestRelease } from '../../releases.ts'
import { safe, styled } from '../../terminal.ts'

type Frozen = { release: Release; vars: ConfigVars }

/** Two releases beside each other: code, process types, config. Values of config vars stay hidden unless asked for. */
export const diff: Make = (context) =>
  appCommand('releases:diff', 'show what changed between two releases')
    .argument('[from]', 'e.g. v6; the one before the other when not given')
    .argument('[to]', 'e.g. v7; the newest when not given')
    .option('--values', 'show the values of config vars too')
    .option('--json', 'print it as JSON')
    .action(async (from: string | undefined, to: string | undefined, options: AppOption & JsonOption & { values?: true }) => {
      const app = await context.app(options.app)
      const last = to ? parseVersion(to) : ((await newestRelease(context, app))?.version ?? 1)
      const first = from ? parseVersion(from) : last - 1
      if (first < 1) throw new UsageError('There is no release before v1.')
      const [before, after] = await Promise.all([first, last].map((version) => freeze(context, app, version)))
      const code = changes(
        { commit: before!.release.commit, image: before!.release.image },
        { commit: after!.release.commit, image: after!.release.image },
      )
      const commits = await context.api.get<Commits>(`${appPath(app, 'releases', last)}/commits?since=${first}`)
      const types = changes(before!.release.process_types, after!.release.process_types)
      const all = changes(before!.vars, after!.vars)
      const config = options.values ? all : all.map(masked)
      if (options.json) return json(context, { from: first, to: last, code, commits, process_types: types, config })
      heading(context, `${app} v${first} → v${last}`)
      printChanges(context, 'Code', code)
      printCommits(context, commits)
      printChanges(context, 'Process types', types)
      printChanges(context, 'Config vars', config)
      if (code.length + types.length + config.length === 0) context.err('Nothing differs.')
    })

async function freeze({ api }: Context, app: string, version: number): Promise<Frozen> {
  const path = appPath(app, 'releases', version)
  const [release, vars] = await Promise.all([api.get<Release>(path), api.get<ConfigVars>(`${path}/config-vars`)])
  return { release, vars }
}

/** Those that came, and those that went with a rollback; a log of everything is git's to show. */
function printCommits({ out, terminal }: Context, { added, removed }: Commits): void {
  if (added.length + removed.length > 0) out(`\n${styled(terminal, 'bold', 'Commits')}`)
  const lines = (list: Commits['added'], sign: string) => list.map(({ id, title }) => `${sign} ${id.slice(0, 8)} ${safe(title)}`)
  for (const line of lines(removed, '-')) out(styled(terminal, 'red', line))
  for (const line of lines(added, '+')) out(styled(terminal, 'green', line))
}

/** A heading and the changes below it, or nothing. */
export function printChanges({ out, terminal }: Context, title: string, list: readonly Change[]): void {
  if (list.length) out(`\n${styled(terminal, 'bold', title)}`)
  for (const { key, before, after } of list) {
    if (before !== null) out(styled(terminal, 'red', `- ${safe(key)}: ${safe(before)}`))
    if (after !== null) out(styled(terminal, 'green', `+ ${safe(key)}: ${safe(after)}`))
  }
}

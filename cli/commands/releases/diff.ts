import type { ConfigVars, Release } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { UsageError } from '../../errors.ts'
import { git } from '../../git.ts'
import { heading, json } from '../../output.ts'
import { parseVersion } from '../../pairs.ts'
import { newestRelease } from '../../releases.ts'
import { safe, styled } from '../../terminal.ts'

type Frozen = { release: Release; vars: ConfigVars }
export type Change = { key: string; before: string | null; after: string | null }

/** Two releases beside each other: code, process types, config. */
export const diff: Make = (context) =>
  appCommand('releases:diff', 'show what changed between two releases')
    .argument('[from]', 'e.g. v6; the one before the other when not given')
    .argument('[to]', 'e.g. v7; the newest when not given')
    .option('--json', 'print it as JSON')
    .action(async (from: string | undefined, to: string | undefined, options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const last = to ? parseVersion(to) : ((await newestRelease(context, app))?.version ?? 1)
      const first = from ? parseVersion(from) : last - 1
      if (first < 1) throw new UsageError('There is no release before v1.')
      const [before, after] = await Promise.all([first, last].map((version) => freeze(context, app, version)))
      const code = changes(
        { commit: before!.release.commit, image: before!.release.image },
        { commit: after!.release.commit, image: after!.release.image },
      )
      const types = changes(before!.release.process_types, after!.release.process_types)
      const config = changes(before!.vars, after!.vars)
      if (options.json) return json(context, { from: first, to: last, code, process_types: types, config })
      heading(context, `${app} v${first} → v${last}`)
      print(context, 'Code', code)
      await printCommits(context, code)
      print(context, 'Process types', types)
      print(context, 'Config vars', config)
      if (code.length + types.length + config.length === 0) context.err('Nothing differs.')
    })

async function freeze({ api }: Context, app: string, version: number): Promise<Frozen> {
  const path = appPath(app, 'releases', version)
  const [release, vars] = await Promise.all([api.get<Release>(path), api.get<ConfigVars>(`${path}/config-vars`)])
  return { release, vars }
}

type Values = Readonly<Record<string, string | null | undefined>>

/** Keys whose values differ, in alphabetical order; null stands for absent. */
export function changes(before: Values = {}, after: Values = {}): Change[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const pairs = keys.map((key) => ({ key, before: before[key] ?? null, after: after[key] ?? null }))
  return pairs.filter((pair) => pair.before !== pair.after)
}

function print({ out, terminal }: Context, title: string, list: readonly Change[]): void {
  if (list.length) out(`\n${styled(terminal, 'bold', title)}`)
  for (const { key, before, after } of list) {
    if (before !== null) out(styled(terminal, 'red', `- ${safe(key)}: ${safe(before)}`))
    if (after !== null) out(styled(terminal, 'green', `+ ${safe(key)}: ${safe(after)}`))
  }
}

/** The commits between, where this folder has them. */
async function printCommits({ cwd, out }: Context, code: readonly Change[]): Promise<void> {
  const commit = code.find(({ key }) => key === 'commit')
  if (!/^[0-9a-f]{7,64}$/.test(commit?.before ?? '') || !/^[0-9a-f]{7,64}$/.test(commit?.after ?? '')) return
  const log = await git(cwd, 'log', '--oneline', '--no-decorate', '-n', '20', `${commit!.before}..${commit!.after}`)
  for (const line of log?.split('\n').filter(Boolean) ?? []) out(`  ${safe(line)}`)
}

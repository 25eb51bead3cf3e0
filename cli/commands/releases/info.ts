import type { ConfigVars, Release } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { heading, json } from '../../output.ts'
import { parseVersion } from '../../pairs.ts'
import { newestRelease, printFailure, switchCost } from '../../releases.ts'
import { table, when } from '../../table.ts'
import { print } from '../config/list.ts'

/** GET /apps/:app/releases/:version, with its config vars. */
export const info: Make = (context) =>
  appCommand('releases:info', 'show a release with its config vars')
    .argument('[version]', 'e.g. v7; the newest when not given')
    .option('--json', 'print it as JSON')
    .action(async (version: string | undefined, options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const release = await find(context, app, version)
      if (options.json) return json(context, release)
      const vars = await context.api.get<ConfigVars>(appPath(app, 'releases', release.version, 'config-vars'))
      heading(context, `Release v${release.version}`)
      table(rows(context, release)).forEach(context.out)
      printFailure(context.out, release.failure ?? null)
      context.out('')
      heading(context, `v${release.version} Config Vars`)
      if (Object.keys(vars).length) print(context, vars)
    })

async function find(context: Context, app: string, version: string | undefined): Promise<Release> {
  if (version) return context.api.get<Release>(appPath(app, 'releases', parseVersion(version)))
  const newest = await newestRelease(context, app)
  if (!newest) throw new CliError(`${app} has no releases yet.`)
  return find(context, app, `v${newest.version}`)
}

const rows = ({ now }: Context, release: Release): string[][] => [
  ['Status:', release.status + (release.current ? ' (current)' : '')],
  ...(release.reason ? [['Reason:', release.reason]] : []),
  ['Change:', release.description],
  ['By:', release.user.email],
  ['When:', when(release.created_at, now())],
  ['Eligible for Rollback?:', release.eligible_for_rollback ? 'Yes' : 'No'],
  ...(release.commit ? [['Commit:', release.commit]] : []),
  ...(release.image ? [['Image:', release.image]] : []),
  ...(release.switch ? [['Switch:', switchCost(release)]] : []),
  ...Object.entries(release.process_types ?? {}).map(([type, text]) => [`${type}:`, text]),
]

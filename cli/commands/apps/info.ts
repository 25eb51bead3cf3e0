import type { App, Domain, Dyno } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { heading, json } from '../../output.ts'
import { size, table, when } from '../../table.ts'

/** GET /apps/:app, with its domains and dynos. */
export const info: Make = (context) =>
  appCommand('info', 'show an app')
    .argument('[name]', 'its name, in place of -a')
    .option('--json', 'print it as JSON')
    .action(async (name: string | undefined, options: AppOption & JsonOption) => {
      const found = await context.app(name ?? options.app)
      const app = await context.api.get<App>(appPath(found))
      if (options.json) return json(context, app)
      const [domains, dynos] = await Promise.all([
        context.api.list<Domain>(appPath(found, 'domains')),
        context.api.list<Dyno>(appPath(found, 'dynos')),
      ])
      heading(context, app.name)
      table(rows(context, app, { domains, dynos })).forEach(context.out)
    })

function rows({ now }: Context, app: App, { domains, dynos }: { domains: Domain[]; dynos: Dyno[] }): string[][] {
  const custom = domains.filter(({ kind }) => kind === 'custom').map(({ hostname }) => hostname)
  return [
    ['Web URL:', app.web_url],
    ['Git URL:', app.git_url],
    ['Owner:', app.owner.email],
    ['Stack:', app.stack.name],
    ['Dynos:', countByType(dynos)],
    ...(custom.length ? [['Domains:', custom.join(', ')]] : []),
    ...(app.maintenance ? [['Maintenance:', 'on']] : []),
    ...(app.slug_size ? [['Slug Size:', size(app.slug_size)]] : []),
    ...(app.repo_size ? [['Repo Size:', size(app.repo_size)]] : []),
    ['Created:', when(app.created_at, now())],
    ['Released:', app.released_at ? when(app.released_at, now()) : 'never'],
  ]
}

/** web.1, web.2, worker.1 → "web: 2, worker: 1" */
export function countByType(dynos: readonly Pick<Dyno, 'type'>[]): string {
  const counts = new Map<string, number>()
  for (const { type } of dynos) counts.set(type, (counts.get(type) ?? 0) + 1)
  return [...counts].map(([type, count]) => `${type}: ${count}`).join(', ') || 'none'
}

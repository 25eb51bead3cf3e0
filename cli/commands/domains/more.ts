import type { Domain } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { json, progress } from '../../output.ts'
import { count, table } from '../../table.ts'

/** GET /apps/:app/domains/:hostname */
export const info: Make = (context) =>
  appCommand('domains:info', 'show a host name')
    .argument('<hostname>', 'the host name')
    .option('--json', 'print it as JSON')
    .action(async (hostname: string, options: AppOption & JsonOption) => {
      const domain = await context.api.get<Domain>(appPath(await context.app(options.app), 'domains', hostname))
      if (options.json) return json(context, domain)
      const { kind, cname, status, acm_status: acm, acm_status_reason: reason } = domain
      table([
        ['Hostname:', domain.hostname],
        ['Kind:', kind === 'custom' ? 'custom' : 'dozen'],
        ['DNS Target:', cname ?? ''],
        ['Status:', status],
        ...(acm ? [['Certificate:', reason ? `${acm}: ${reason}` : acm]] : []),
      ]).forEach(context.out)
    })

/** DELETE of each custom domain */
export const clear: Make = (context) =>
  appCommand('domains:clear', 'stop answering for all host names of your own').action(async (options: AppOption) => {
    const app = await context.app(options.app)
    const domains = await context.api.list<Domain>(appPath(app, 'domains'))
    const custom = domains.filter(({ kind }) => kind === 'custom')
    const gone = Promise.all(custom.map(({ hostname }) => context.api.delete(appPath(app, 'domains', hostname))))
    await progress(context, `Removing ${count(custom.length, 'domain')} from ${app}`, gone)
  })

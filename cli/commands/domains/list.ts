import type { Domain } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { heading, json } from '../../output.ts'
import { table } from '../../table.ts'
import { safe } from '../../terminal.ts'

/** GET /apps/:app/domains */
export const list: Make = (context) =>
  appCommand('domains', "list an app's host names")
    .option('--json', 'print them as JSON')
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const domains = await context.api.list<Domain>(appPath(app, 'domains'))
      if (options.json) return json(context, domains)
      const custom = domains.filter(({ kind }) => kind === 'custom')
      heading(context, `${app} dozen Domain`)
      for (const { kind, hostname, enabled } of domains) if (kind !== 'custom') context.out(safe(enabled ? hostname : `${hostname} (off)`)) // prettier-ignore
      if (custom.length === 0) return
      context.out('')
      heading(context, `${app} Custom Domains`)
      const cells = ({ hostname, cname, status, acm_status: acm }: Domain) => [
        hostname,
        cname ?? '',
        acm ?? (status === 'none' ? '' : status),
      ]
      table([['Domain Name', 'DNS Target', 'Status'], ...custom.map(cells)]).forEach(context.out)
    })

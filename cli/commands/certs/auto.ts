import type { App, Domain } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { progress } from '../../output.ts'
import { until } from '../../table.ts'

/** GET /apps/:app, GET /apps/:app/domains */
export const show: Make = (context) =>
  appCommand('certs:auto', 'show whether certificates are ordered by themselves, and how they fare')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const { acm } = await context.api.get<App>(appPath(app))
      const items = await context.api.list<Domain>(appPath(app, 'domains'))
      const row = ({ hostname, acm_status, acm_status_reason: reason, acm_next_at: next }: Domain) => [
        hostname,
        acm_status ?? 'none',
        next ? until(next, context.now()) : '',
        reason ?? '',
      ]
      const head = ['Host name', 'Status', 'Next', 'Why']
      printList(context, options, { items, title: `${app} Automatic Certificates (${acm ? 'on' : 'off'})`, empty: '', head, row })
    })

const turn = (verb: 'enable' | 'disable', summary: string, label: string): Make => {
  return (context) =>
    appCommand(`certs:auto:${verb}`, summary).action(async (options: AppOption) => {
      const app = await context.app(options.app)
      const path = appPath(app, 'acm')
      const changed = verb === 'enable' ? context.api.post<App>(path, {}) : context.api.delete(path)
      await progress(context, `${label} automatic certificates of ${app}`, changed)
    })
}

/** POST /apps/:app/acm */
export const enable = turn('enable', 'order and renew certificates for the host names of an app', 'Enabling')
/** DELETE /apps/:app/acm */
export const disable = turn('disable', 'order no more certificates, and drop those that were ordered', 'Disabling')

/** PATCH /apps/:app/acm `{acm_refresh: true}` */
export const refresh: Make = (context) =>
  appCommand('certs:auto:refresh', 'try again now what failed').action(async (options: AppOption) => {
    const app = await context.app(options.app)
    const asked = context.api.patch<App>(appPath(app, 'acm'), { acm_refresh: true })
    await progress(context, `Trying certificates of ${app} again`, asked)
  })

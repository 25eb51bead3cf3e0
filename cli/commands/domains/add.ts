import type { Domain } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { progress } from '../../output.ts'

/** POST /apps/:app/domains */
export const add: Make = (context) =>
  appCommand('domains:add', 'answer for a host name of your own')
    .argument('<hostname>', 'e.g. shop.example.com or *.example.com')
    .action(async (hostname: string, options: AppOption) => {
      const app = await context.app(options.app)
      const made = context.api.post<Domain>(appPath(app, 'domains'), { hostname, sni_endpoint: null })
      const { cname } = await progress(context, `Adding ${hostname} to ${app}`, made)
      if (cname) context.err(`Point the DNS of ${hostname} to ${cname}.`)
    })

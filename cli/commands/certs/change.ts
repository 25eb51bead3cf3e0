import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { certificateFiles } from '../../pem.ts'
import { progress } from '../../output.ts'
import type { Certificate } from '../../shapes.ts'

const PATH = 'sni-endpoints'

/** POST /apps/:app/sni-endpoints */
export const add: Make = (context) =>
  appCommand('certs:add', 'add a certificate of your own')
    .argument('<chain>', 'PEM file: the certificate, then the intermediate ones')
    .argument('<key>', 'PEM file: its private key')
    .action(async (chain: string, key: string, options: AppOption) => {
      const app = await context.app(options.app)
      const made = context.api.post<Certificate>(appPath(app, PATH), certificateFiles(context.cwd, chain, key))
      await progress(context, `Adding certificate to ${app}`, made, ({ name }) => name)
    })

/** PATCH /apps/:app/sni-endpoints/:name */
export const update: Make = (context) =>
  appCommand('certs:update', 'replace a certificate')
    .argument('<name>', 'its name')
    .argument('<chain>', 'PEM file: the certificate, then the intermediate ones')
    .argument('<key>', 'PEM file: its private key')
    .action(async (name: string, chain: string, key: string, options: AppOption) => {
      const app = await context.app(options.app)
      const changed = context.api.patch<Certificate>(appPath(app, PATH, name), certificateFiles(context.cwd, chain, key))
      await progress(context, `Updating certificate ${name} of ${app}`, changed)
    })

/** DELETE /apps/:app/sni-endpoints/:name */
export const remove: Make = (context) =>
  appCommand('certs:remove', 'remove a certificate')
    .argument('<name>', 'its name')
    .action(async (name: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing certificate ${name} from ${app}`, context.api.delete(appPath(app, PATH, name)))
    })
